// A trained network, looked into: what each neuron's sources say about its output (arXiv 2412.02482, section 2), for
// which classes and rows it fires.
//
//   symbol      variable          shape               unit
//   F, C, L     Sums              neurons × samples   –            aggregated inputs
//   θ, 1 − θ    Theta, Complement samples             probability
//   y           Earlier, Final    outputs × rows      ±1, or −1 … 1 outputs that are passed on
//
// Each batch is presented twice. First with the label withheld and mean outputs, as in scoring: that is how neurons respond
// to classes and rows. Then with the label, as in training: what the neurons of a layer aggregate in its last visit is
// decomposed. Layers that passed on means in training do so again: those above hear what was found out in scoring.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Explains a trained network on labelled rows: managed code alone, nothing is trained.</summary>
internal sealed class NetworkExplainer
{
    private readonly InfomorphicNetwork _network;
    private readonly LabeledRows _rows;
    private readonly InsightSettings _settings;
    private readonly ParallelOptions _parallel;
    private readonly Schedule _scoring;
    private readonly Schedule _training;
    private readonly ExplainedLayer[] _layers;

    private NetworkExplainer(
        InfomorphicNetwork network,
        LabeledRows rows,
        InsightSettings settings,
        IReadOnlyList<int> passMeans
    )
    {
        _network = network;
        _rows = rows;
        _settings = settings;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = settings.Threads ?? Environment.ProcessorCount };
        _scoring = Schedule.Of(network, withLabel: false);
        _training = Schedule.Of(network, withLabel: true, constantAbove: passMeans);
        _layers =
        [
            .. network.Layers.Select(
                (_, i) =>
                    new ExplainedLayer(
                        network,
                        i,
                        settings.TypicalRows,
                        passMeans.Contains(i),
                        IsHeard(i, earlier: false),
                        IsHeard(i, earlier: true)
                    )
            ),
        ];
    }

    /// <summary>Explains a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Labelled rows, at least one, with the model's number of features and the network's of classes.</param>
    /// <param name="settings">How to look at them; null for the defaults.</param>
    /// <param name="classNames">The classes' names; null for their numbers from 0.</param>
    /// <param name="places">The place in the data of each row; null where they are the data.</param>
    /// <param name="passMeans">
    /// The hidden layers, from 0 for the lowest, that passed on their mean outputs with the label withheld to the layers above
    /// them in training; null for none.
    /// </param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <param name="featureNames">The names of the features; null where they have none.</param>
    /// <param name="cancellationToken">Cancels between two batches.</param>
    /// <returns>The explanation, which depends on neither the number of threads nor the machine's speed.</returns>
    /// <exception cref="ArgumentException">There is no row, the rows do not fit the network, or there is no such layer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static NetworkInsight Explain(
        InfomorphicNetwork network,
        LabeledRows rows,
        InsightSettings? settings = null,
        IReadOnlyList<string>? classNames = null,
        IReadOnlyList<long>? places = null,
        IReadOnlyList<int>? passMeans = null,
        FeatureEncoding? encoding = null,
        IReadOnlyList<string>? featureNames = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(rows);
        settings ??= new InsightSettings();
        settings.Validate();
        passMeans ??= [];
        if (rows.RowCount == 0)
            throw new ArgumentException("There is no row to explain the network on.", nameof(rows));
        int features = encoding?.FeatureCount ?? network.FeatureCount;
        if (rows.Features.FeatureCount != features)
            throw new ArgumentException(
                $"The model was trained on {features} features and the rows have {rows.Features.FeatureCount}.",
                nameof(rows)
            );
        if (rows.ClassCount != network.ClassCount)
            throw new ArgumentException(
                $"The model has {network.ClassCount} classes and the rows have {rows.ClassCount}.",
                nameof(rows)
            );
        foreach (int layer in passMeans)
            if ((uint)layer >= (uint)network.HiddenLayers.Count)
                throw new ArgumentException(
                    $"The model has {network.HiddenLayers.Count} hidden layers, and none at {layer} that could pass on means.",
                    nameof(passMeans)
                );

        if (encoding is not null)
            rows = EncodedRows.Of(rows, encoding);
        var explainer = new NetworkExplainer(network, rows, settings, passMeans);
        explainer.Run(cancellationToken);
        LayerInsight[] layers =
        [
            .. explainer._layers.Select(layer => layer.ToInsight(network, places, encoding, featureNames)),
        ];
        return new NetworkInsight(
            layers[..^1],
            layers[^1],
            classNames ?? [.. Enumerable.Range(0, network.ClassCount).Select(index => $"{index}")],
            rows.RowCount,
            settings
        );
    }

    private void Run(CancellationToken cancellationToken)
    {
        // Data are often sorted by class, and a batch of one class knows nothing of the others.
        int[] order = [.. Enumerable.Range(0, _rows.RowCount)];
        new RandomStream(_settings.Seed, RandomStreams.Insight).Shuffle(order);
        int size = _settings.WholeSet ? order.Length : Math.Min(_settings.BatchSize, order.Length);
        for (int start = 0, batch = 0; start < order.Length; start += size, batch++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] chosen = order.AsSpan(start, Math.Min(size, order.Length - start)).ToArray();
            var rows = new ExplainedBatch(batch, _rows, chosen);
            foreach (ExplainedLayer layer in _layers)
                layer.Take(rows);
            Present(rows, _scoring, withLabel: false);
            Present(rows, _training, withLabel: true);
        }
    }

    private void Present(ExplainedBatch rows, Schedule schedule, bool withLabel)
    {
        var presenter = new ExplainedPresentation(_layers, rows, schedule, withLabel, _settings, _parallel);
        schedule.Present(ref presenter);
    }

    // Whether some layer hears what a layer passes on in its last visit, or before.
    private bool IsHeard(int layer, bool earlier) =>
        new[] { _scoring, _training }.Any(schedule =>
            schedule.Visits.Any(visit =>
                visit.Hears(Signal.Layer(layer))
                && schedule.HearsEarlier(visit, Signal.Layer(layer)) == earlier
                && _network.Layers[visit.Layer].Sources.Any(source => source.Hears(Signal.Layer(layer)))
            )
        );
}
