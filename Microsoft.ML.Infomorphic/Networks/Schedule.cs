// How a row is presented to a network: arXiv 2412.02482, algorithms 1 and 2, for any number of layers.
//
//   for each presentation, for each layer from the bottom up:
//       its neurons aggregate their sources, fire, and pass their outputs on;
//       in the last presentation of a training step they learn, each by itself.
//
// The one timing rule: a layer hears what is below it in the same presentation, and itself and what is above it as they were
// in the presentation before; in the first it hears nothing of these, and a source without anything to hear is its bias.
//
// What follows from the rule is found out once: a layer that hears nothing of an earlier presentation, neither directly nor
// through the layers below, is the same in all, and is visited once; sources whose signals have not changed keep their sums;
// and where nobody hears an earlier presentation's outputs, as a rule those of the output layer, the visit is left out.

namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>What becomes of a source's sums when its layer is visited.</summary>
internal enum SourceTurn
{
    /// <summary>There is nothing to hear: the sums are the biases.</summary>
    Silent,

    /// <summary>What is heard is new: the sums are to be aggregated.</summary>
    Aggregated,

    /// <summary>What is heard has not changed since the visit before: the sums stay.</summary>
    Kept,
}

/// <summary>One visit of a layer: its sources are aggregated, its neurons fire and pass their outputs on.</summary>
/// <param name="Layer">The layer's place.</param>
/// <param name="Presentation">
/// The presentation, from 0. Draws are numbered by it: what is drawn in a layer that is visited once has the last one's number.
/// </param>
/// <param name="IsFirst">Whether the layer has not been visited before.</param>
/// <param name="HasBefore">Whether there was a presentation before.</param>
/// <param name="IsLast">Whether the layer is not visited again: what it passes on is final, and in a training step it learns.</param>
/// <param name="Turns">What becomes of each source.</param>
internal sealed record Visit(int Layer, int Presentation, bool IsFirst, bool HasBefore, bool IsLast, SourceTurn[] Turns)
{
    /// <summary>Whether something of a signal has come yet.</summary>
    public bool Hears(Signal signal) => HasBefore || !signal.IsLateFor(Layer);

    /// <summary>The source's turn where it is there; a source that is not is silent.</summary>
    public SourceTurn TurnOf(int source) => (uint)source < (uint)Turns.Length ? Turns[source] : SourceTurn.Silent;
}

/// <summary>What carries out a schedule, for one row or many.</summary>
internal interface IPresenter
{
    /// <summary>Aggregates the sources of a layer whose turn it is.</summary>
    void Aggregate(Visit visit);

    /// <summary>The neurons of a layer fire, and pass their outputs on.</summary>
    void Fire(Visit visit);

    /// <summary>The neurons of a layer learn. Called where the visit is the layer's last.</summary>
    void Learn(Visit visit);
}

/// <summary>The order in which a row is presented to the layers of a network.</summary>
internal sealed class Schedule
{
    private readonly bool[] _changes;
    private readonly bool[] _isConstantAbove;
    private readonly Visit[] _visits;

    /// <param name="signals">For each layer and each of its sources, what it hears.</param>
    /// <param name="presentations">Number of presentations.</param>
    /// <param name="withLabel">Whether the label is there; it is in training, and withheld in scoring.</param>
    /// <param name="targets">
    /// The layers whose final outputs are asked for; what they do not hear is left out. Null for all layers.
    /// </param>
    /// <param name="constantAbove">
    /// The layers that pass the same on to those above in all presentations, as layers do that pass on what was found out
    /// before. Null for none.
    /// </param>
    public Schedule(
        IReadOnlyList<IReadOnlyList<IReadOnlyList<Signal>>> signals,
        int presentations,
        bool withLabel,
        IReadOnlyList<int>? targets = null,
        IReadOnlyList<int>? constantAbove = null
    )
    {
        int layers = signals.Count;
        _changes = new bool[layers];
        _isConstantAbove = [.. Enumerable.Range(0, layers).Select(layer => constantAbove?.Contains(layer) ?? false)];
        bool[] isHeardLate = new bool[layers];
        for (int layer = 0; layer < layers; layer++)
            foreach (Signal signal in signals[layer].SelectMany(source => source))
                if (signal.IsLateFor(layer))
                    isHeardLate[signal.Index] = true;

        // A layer that passes one thing on to those above and another one to those below is visited for the latter.
        for (int layer = 0; layer < layers; layer++)
            _changes[layer] =
                _isConstantAbove[layer] && isHeardLate[layer]
                || signals[layer].Any(source => source.Any(signal => ChangesFor(layer, signal)));
        Presentations = _changes.Any(changes => changes) ? presentations : 1;
        bool[,] needed = FindNeeded(signals, targets ?? [.. Enumerable.Range(0, layers)]);
        IsRecurrent = Presentations > 1;
        var visits = new List<Visit>();
        for (int presentation = 0; presentation < Presentations; presentation++)
        for (int layer = 0; layer < layers; layer++)
        {
            if (!needed[presentation, layer])
                continue;
            bool isFirst = !visits.Any(visit => visit.Layer == layer);
            bool isLast = !_changes[layer] || presentation == Presentations - 1;
            if (!isFirst && !_changes[layer])
                continue;
            bool hasBefore = presentation > 0;
            SourceTurn[] turns =
            [
                .. signals[layer].Select(source => TurnOf(source, layer, isFirst, hasBefore, withLabel)),
            ];
            visits.Add(new Visit(layer, isLast ? LastNumber : presentation, isFirst, hasBefore, isLast, turns));
        }

        _visits = [.. visits];
    }

    /// <summary>Number of presentations: 1 where no layer hears an earlier one.</summary>
    public int Presentations { get; }

    /// <summary>Whether some layer hears an earlier presentation.</summary>
    public bool IsRecurrent { get; }

    /// <summary>The visits, in their order.</summary>
    public IReadOnlyList<Visit> Visits => _visits;

    // Draws of a presentation that is the only one are numbered as those of the second of two.
    private int LastNumber => Kernels.RandomStreams.CountersOf(Presentations) - 1;

    /// <summary>The schedule of a network.</summary>
    public static Schedule Of(
        InfomorphicNetwork network,
        bool withLabel,
        IReadOnlyList<int>? targets = null,
        IReadOnlyList<int>? constantAbove = null
    ) =>
        new(
            [
                .. network.Layers.Select(layer =>
                    (IReadOnlyList<IReadOnlyList<Signal>>)
                        [
                            .. layer.Sources.Select(source =>
                                (IReadOnlyList<Signal>)[.. source.Projections.Select(projection => projection.Signal)]
                            ),
                        ]
                ),
            ],
            network.Presentations,
            withLabel,
            targets,
            constantAbove
        );

    /// <summary>Whether a layer's outputs differ between presentations.</summary>
    public bool Changes(int layer) => _changes[layer];

    /// <summary>
    /// Whether a layer that is visited hears the outputs that another one passed on before its last visit, rather than its
    /// final ones.
    /// </summary>
    public bool HearsEarlier(Visit visit, Signal signal) =>
        signal.Kind == SignalKind.Layer
        && _changes[signal.Index]
        && (signal.IsLateFor(visit.Layer) || !visit.IsLast && !_isConstantAbove[signal.Index]);

    /// <summary>Presents a row, or many.</summary>
    /// <typeparam name="T">What carries it out.</typeparam>
    /// <param name="presenter">What carries it out.</param>
    public void Present<T>(ref T presenter)
        where T : IPresenter, allows ref struct
    {
        foreach (Visit visit in _visits)
        {
            presenter.Aggregate(visit);
            presenter.Fire(visit);
            if (visit.IsLast)
                presenter.Learn(visit);
        }
    }

    // Whether what a layer hears of a signal may differ between presentations.
    private bool ChangesFor(int layer, Signal signal) =>
        signal.IsLateFor(layer)
        || signal.Kind == SignalKind.Layer && _changes[signal.Index] && !_isConstantAbove[signal.Index];

    private SourceTurn TurnOf(IReadOnlyList<Signal> source, int layer, bool isFirst, bool hasBefore, bool withLabel)
    {
        if (!source.Any(signal => (withLabel || !signal.IsLabel) && (hasBefore || !signal.IsLateFor(layer))))
            return isFirst ? SourceTurn.Silent : SourceTurn.Kept;
        return isFirst || source.Any(signal => ChangesFor(layer, signal)) ? SourceTurn.Aggregated : SourceTurn.Kept;
    }

    // Which layers must have fired in which presentation, from the last one back.
    private bool[,] FindNeeded(IReadOnlyList<IReadOnlyList<IReadOnlyList<Signal>>> signals, IReadOnlyList<int> targets)
    {
        int layers = signals.Count;
        bool[,] needed = new bool[Presentations, layers];
        foreach (int target in targets)
            needed[Presentations - 1, target] = true;
        for (int presentation = Presentations - 1; presentation >= 0; presentation--)
        for (int layer = layers - 1; layer >= 0; layer--)
        {
            if (!needed[presentation, layer])
                continue;
            foreach (Signal signal in signals[layer].SelectMany(source => source))
            {
                if (signal.Kind != SignalKind.Layer)
                    continue;
                if (!signal.IsLateFor(layer))
                    needed[presentation, signal.Index] |= !_isConstantAbove[signal.Index];
                else if (presentation > 0)
                    needed[presentation - 1, signal.Index] = true;
            }
        }

        // Layers that are the same in all presentations are visited in the first.
        for (int layer = 0; layer < layers; layer++)
            if (!_changes[layer])
                needed[0, layer] = Enumerable.Range(0, Presentations).Any(presentation => needed[presentation, layer]);
        return needed;
    }
}
