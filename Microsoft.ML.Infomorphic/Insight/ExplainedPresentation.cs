using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Presents a batch that is explained: with its labels, or as in scoring. Neurons work in parallel.</summary>
/// <param name="layers">The layers, which have taken the batch.</param>
/// <param name="batch">The batch.</param>
/// <param name="schedule">The order of visits.</param>
/// <param name="withLabel">
/// Whether the labels are there and neurons are decomposed; else they are withheld and neurons' responses are noted. That
/// comes first.
/// </param>
/// <param name="settings">How to look.</param>
/// <param name="parallel">How many threads there are.</param>
internal sealed class ExplainedPresentation(
    ExplainedLayer[] layers,
    ExplainedBatch batch,
    Schedule schedule,
    bool withLabel,
    InsightSettings settings,
    ParallelOptions parallel
) : IPresenter
{
    /// <inheritdoc/>
    public void Aggregate(Visit visit)
    {
        for (int source = 0; source < visit.Turns.Length; source++)
        {
            if (visit.Turns[source] == SourceTurn.Kept)
                continue;
            Source of = layers[visit.Layer].Layer.Sources[source];

            // Features are the same with the label and without: their sums are still there.
            if (withLabel && of.Projections.All(projection => projection.Signal == Signal.Features))
                continue;
            Outputs sums = layers[visit.Layer].Sums[source];
            bool isSilent = visit.Turns[source] == SourceTurn.Silent;
            Parallel.For(0, of.NeuronCount, parallel, neuron => Aggregate(visit, of, isSilent, neuron, sums[neuron]));
        }
    }

    /// <inheritdoc/>
    public void Fire(Visit visit)
    {
        ExplainedLayer layer = layers[visit.Layer];
        Parallel.For(
            0,
            layer.Layer.NeuronCount,
            parallel,
            () => new ExplainerWorkspace(layer),
            (neuron, _, workspace) =>
            {
                Fire(visit, layer, neuron, workspace);
                return workspace;
            },
            _ => { }
        );
    }

    /// <summary>Nothing is learned: what a last visit says of a neuron is noted when it fires, as long as its θ is there.</summary>
    public void Learn(Visit visit) { }

    // The bias and what is heard, at all positions: first what is the same at all of them.
    private void Aggregate(Visit visit, Source source, bool isSilent, int neuron, Span<float> sums)
    {
        int rows = batch.Labels.Length;
        Span<float> once = sums[..rows];
        once.Fill(source.IsOwnLabel ? 0 : source.Biases[neuron]);
        if (!isSilent)
            foreach (Projection projection in source.Projections)
                if (!DiffersByPosition(visit, projection))
                    Add(visit, projection, neuron, position: 0, once);
        for (int start = rows; start < sums.Length; start += rows)
            once.CopyTo(sums.Slice(start, rows));
        if (isSilent)
            return;
        foreach (Projection projection in source.Projections)
            if (DiffersByPosition(visit, projection))
                for (int position = 0; position * rows < sums.Length; position++)
                    Add(visit, projection, neuron, position, sums.Slice(position * rows, rows));
    }

    private static bool DiffersByPosition(Visit visit, Projection projection) =>
        projection.Connectivity is SharedFields || projection.Signal == Signal.Layer(visit.Layer);

    // Adds weights times inputs to the sums at a position.
    private void Add(Visit visit, Projection projection, int neuron, int position, Span<float> sums)
    {
        Signal signal = projection.Signal;
        if (!visit.Hears(signal) || signal.IsLabel && !withLabel)
            return;
        if (signal.IsLabel)
        {
            float[]? byClass = signal.Kind == SignalKind.Label ? projection.Spread(neuron) : null;
            for (int row = 0; row < sums.Length; row++)
            {
                int label = batch.Labels[row];
                sums[row] += byClass?[label] ?? (label == neuron ? 1 : 0);
            }

            return;
        }

        Outputs heard = Heard(visit, signal);
        int first = signal == Signal.Layer(visit.Layer) ? position * projection.Connectivity.NeuronCount : 0;
        int[] inputs = projection.Connectivity.InputsOf(neuron, position);
        ReadOnlySpan<float> weights = projection.WeightsOf(neuron);
        for (int i = 0; i < inputs.Length; i++)
            if (weights[i] != 0)
                TensorPrimitives.MultiplyAdd(heard[first + inputs[i]], weights[i], sums, sums);
    }

    // What is heard of the features or a layer. A layer hears of itself what its neurons passed on at the same position.
    private Outputs Heard(Visit visit, Signal signal)
    {
        if (signal.Kind == SignalKind.Features)
            return batch.Features;
        ExplainedLayer heard = layers[signal.Index];
        return (
            signal.Index == visit.Layer ? heard.EarlierByPosition
            : schedule.HearsEarlier(visit, signal) ? heard.Earlier
            : heard.Final
        )!;
    }

    private void Fire(Visit visit, ExplainedLayer layer, int neuron, ExplainerWorkspace workspace)
    {
        Activation activation = layer.Layer.Activation;
        ReadOnlySpan<float> f = layer.Sums[0][neuron];
        Span<float> theta = workspace.Theta;
        Span<float> complement = workspace.Complement;
        if (activation is StepActivation)
            for (int sample = 0; sample < f.Length; sample++)
                (theta[sample], complement[sample]) = f[sample] > 0 ? (1, 0) : (0, 1);
        else
            VectorizedActivation.Fire(
                activation,
                f,
                layer.Sums.Length > 1 ? layer.Sums[1][neuron] : default,
                layer.Sums.Length > 2 ? layer.Sums[2][neuron] : default,
                theta,
                complement
            );
        if (visit.IsLast && withLabel)
            layer.Insight.Decompose(neuron, layer, workspace);
        else if (visit.IsLast)
            layer.Insight.Respond(neuron, batch, workspace);
        if (!layer.PassesOn(visit, withLabel))
            return;

        Span<float> outputs = workspace.Outputs;
        if (activation is StepActivation)
            theta.CopyTo(outputs);
        else if (!withLabel || settings.MeanField)
            TensorPrimitives.Subtract<float>(theta, complement, outputs);
        else
        {
            int counters = RandomStreams.CountersOf(schedule.Presentations);
            ulong counter = (ulong)counters * (ulong)batch.Number + (ulong)visit.Presentation;
            Philox.Sample(theta, outputs, layer.FirstStream + (uint)neuron, counter, settings.Seed);
        }

        layer.PassOn(neuron, outputs, visit.IsLast);
    }
}

/// <summary>One thread's scratch memory for one neuron and the samples of a batch.</summary>
internal sealed class ExplainerWorkspace(ExplainedLayer layer)
{
    public float[] Theta { get; } = new float[layer.Mass.Length];

    public float[] Complement { get; } = new float[layer.Mass.Length];

    public float[] Outputs { get; } = new float[layer.Mass.Length];

    public int[] Cells { get; } = new int[layer.Mass.Length];

    public BinnedDecomposition Decomposition =>
        field ??= new(RedundancyLattice.ForSources(layer.Layer.Sources.Count), layer.Layer.Binning.Count);
}
