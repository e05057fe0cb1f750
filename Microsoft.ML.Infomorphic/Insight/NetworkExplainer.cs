// A trained network, looked into: what each neuron's sources say about its output (arXiv 2412.02482, section 2), for
// which classes and rows it fires.
//
//   symbol      variable          shape            unit
//   F, C, L     sources           rows             –             aggregated inputs of one neuron
//   θ, 1 − θ    Theta, Complement rows             probability
//   y           seen, scored      neurons × rows   ±1, or −1 … 1 outputs of the last presentation
//
// Each batch goes through all presentations twice. With the label as context, as in training: the last one is what is decomposed. And with
// the label withheld and mean outputs, as in scoring: that is what classes and rows are judged by.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Explains a trained network on labelled rows: managed code alone, nothing is trained.</summary>
internal sealed class NetworkExplainer
{
    private readonly InfomorphicNetwork _network;
    private readonly LabeledRows _rows;
    private readonly InsightSettings _settings;
    private readonly ParallelOptions _parallel;
    private readonly LayerAccumulator? _hidden;
    private readonly LayerAccumulator _output;

    private NetworkExplainer(InfomorphicNetwork network, LabeledRows rows, InsightSettings settings)
    {
        _network = network;
        _rows = rows;
        _settings = settings;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = settings.Threads ?? Environment.ProcessorCount };
        if (network.HiddenLayers.Count > 0)
            _hidden = new LayerAccumulator(network.HiddenLayers[0], network.ClassCount, settings.TypicalRows);
        _output = new LayerAccumulator(network.OutputLayer, network.ClassCount, settings.TypicalRows);
    }

    /// <summary>Explains a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="rows">Labelled rows, at least one, with the network's numbers of features and classes.</param>
    /// <param name="settings">How to look at them; null for the defaults.</param>
    /// <param name="classNames">The classes' names; null for their numbers from 0.</param>
    /// <param name="places">The place in the data of each row; null where they are the data.</param>
    /// <param name="cancellationToken">Cancels between two batches.</param>
    /// <returns>The explanation, which depends on neither the number of threads nor the machine's speed.</returns>
    /// <exception cref="ArgumentException">There is no row, or the rows do not fit the network.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static NetworkInsight Explain(
        InfomorphicNetwork network,
        LabeledRows rows,
        InsightSettings? settings = null,
        IReadOnlyList<string>? classNames = null,
        IReadOnlyList<long>? places = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(rows);
        settings ??= new InsightSettings();
        settings.Validate();
        if (rows.RowCount == 0)
            throw new ArgumentException("There is no row to explain the network on.", nameof(rows));
        if (rows.Features.FeatureCount != network.FeatureCount)
            throw new ArgumentException(
                $"The model was trained on {network.FeatureCount} features and the rows have {rows.Features.FeatureCount}.",
                nameof(rows)
            );
        if (rows.ClassCount != network.ClassCount)
            throw new ArgumentException(
                $"The model has {network.ClassCount} classes and the rows have {rows.ClassCount}.",
                nameof(rows)
            );

        var explainer = new NetworkExplainer(network, rows, settings);
        explainer.Run(cancellationToken);
        return new NetworkInsight(
            explainer._hidden is null ? [] : [explainer._hidden.ToInsight("hidden", places)],
            explainer._output.ToInsight("output", places),
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
            Present(order.AsSpan(start, Math.Min(size, order.Length - start)).ToArray(), batch);
        }
    }

    private void Present(int[] chosen, int batch)
    {
        var rows = new ExplainedBatch(_rows, chosen);
        (Outputs seen, Outputs scored) = _hidden is null
            ? (rows.Features, rows.Features)
            : PresentHidden(_hidden, rows, batch);
        InfomorphicLayer output = _network.OutputLayer;
        var drive = new Outputs(output.NeuronCount, chosen.Length);
        ForEachNeuron(
            _output,
            chosen.Length,
            (neuron, workspace) =>
            {
                Aggregate(output.Sources[0], neuron, rows, withLabel: true, seen, drive[neuron]);
                Fire(output, neuron, rows, withLabel: true, drive, default, workspace);
                _output.Decompose(neuron, workspace, rows);
                Aggregate(output.Sources[0], neuron, rows, withLabel: false, scored, drive[neuron]);
                Fire(output, neuron, rows, withLabel: false, drive, default, workspace);
                _output.Respond(neuron, workspace, rows);
            }
        );
    }

    // What the hidden layer passes on in the last presentation: with the label as in training, and as in scoring.
    private (Outputs Seen, Outputs Scored) PresentHidden(LayerAccumulator tally, ExplainedBatch rows, int batch)
    {
        InfomorphicLayer hidden = tally.Layer;
        int count = rows.Chosen.Length;
        var drive = new Outputs(hidden.NeuronCount, count);
        ForEachNeuron(
            tally,
            count,
            (neuron, _) => Aggregate(hidden.Sources[0], neuron, rows, withLabel: true, rows.Features, drive[neuron])
        );
        int counters = RandomStreams.CountersOf(_network.Presentations);
        int presentation = counters - _network.Presentations;
        Heard heard = default;
        Heard heardScored = default;
        while (true)
        {
            ulong counter = (ulong)counters * (ulong)batch + (ulong)presentation;
            bool isLast = ++presentation == counters;
            (Heard before, Heard beforeScored) = (heard, heardScored);
            var seen = new Outputs(hidden.NeuronCount, count);
            var scored = new Outputs(hidden.NeuronCount, count);
            ForEachNeuron(
                tally,
                count,
                (neuron, workspace) =>
                {
                    Fire(hidden, neuron, rows, withLabel: true, drive, before, workspace);
                    Emit(hidden, workspace, seen[neuron], neuron, counter);
                    if (isLast)
                        tally.Decompose(neuron, workspace, rows);
                    Fire(hidden, neuron, rows, withLabel: false, drive, beforeScored, workspace);
                    EmitMean(hidden, workspace, scored[neuron]);
                    if (isLast)
                        tally.Respond(neuron, workspace, rows);
                }
            );
            if (isLast)
                return (seen, scored);
            heard = new Heard(seen, FeedBack(hidden, seen, rows, counter, sampled: true));
            heardScored = new Heard(scored, FeedBack(hidden, scored, rows, counter, sampled: false));
        }
    }

    // What the output layer makes of a presentation, where the hidden layer hears of it.
    private Outputs? FeedBack(
        InfomorphicLayer hidden,
        Outputs outputs,
        ExplainedBatch rows,
        ulong counter,
        bool sampled
    )
    {
        if (hidden.Sources.All(source => source.Kind != SourceKind.Feedback))
            return null;
        InfomorphicLayer output = _network.OutputLayer;
        var drive = new Outputs(output.NeuronCount, rows.Chosen.Length);
        var fed = new Outputs(output.NeuronCount, rows.Chosen.Length);
        ForEachNeuron(
            _output,
            rows.Chosen.Length,
            (neuron, workspace) =>
            {
                Aggregate(output.Sources[0], neuron, rows, withLabel: false, outputs, drive[neuron]);
                Fire(output, neuron, rows, withLabel: false, drive, default, workspace);
                if (sampled)
                    Emit(output, workspace, fed[neuron], hidden.NeuronCount + neuron, counter);
                else
                    EmitMean(output, workspace, fed[neuron]);
            }
        );
        return fed;
    }

    private void ForEachNeuron(LayerAccumulator tally, int rows, Action<int, ExplainerWorkspace> work) =>
        Parallel.For(
            0,
            tally.Layer.NeuronCount,
            _parallel,
            () => new ExplainerWorkspace(tally.Layer, rows),
            (neuron, _, workspace) =>
            {
                work(neuron, workspace);
                return workspace;
            },
            _ => { }
        );

    // The neuron's sources, all but the first from what feeds them, and θ.
    private static void Fire(
        InfomorphicLayer layer,
        int neuron,
        ExplainedBatch rows,
        bool withLabel,
        Outputs drive,
        Heard heard,
        ExplainerWorkspace workspace
    )
    {
        drive[neuron].CopyTo(workspace.Sources[0]);
        for (int i = 1; i < layer.Sources.Count; i++)
        {
            Source source = layer.Sources[i];
            Outputs? inputs = source.Kind == SourceKind.Feedback ? heard.Fed : heard.Peers;
            Aggregate(source, neuron, rows, withLabel, inputs, workspace.Sources[i]);
        }

        if (layer.Activation is not StepActivation)
        {
            ReadOnlySpan<float> second = layer.Sources.Count > 1 ? workspace.Sources[1] : default;
            ReadOnlySpan<float> third = layer.Sources.Count > 2 ? workspace.Sources[2] : default;
            VectorizedActivation.Fire(
                layer.Activation,
                workspace.Sources[0],
                second,
                third,
                workspace.Theta,
                workspace.Complement
            );
            return;
        }

        for (int row = 0; row < workspace.Theta.Length; row++)
        {
            workspace.Theta[row] = workspace.Sources[0][row] > 0 ? 1 : 0;
            workspace.Complement[row] = 1 - workspace.Theta[row];
        }
    }

    // Weights times inputs plus bias; the bias alone where there are no inputs.
    private static void Aggregate(
        Source source,
        int neuron,
        ExplainedBatch rows,
        bool withLabel,
        Outputs? inputs,
        Span<float> aggregated
    )
    {
        if (source.Kind == SourceKind.OwnLabel)
        {
            for (int row = 0; row < aggregated.Length; row++)
                aggregated[row] = withLabel && rows.Labels[row] == neuron ? 1 : 0;
            return;
        }

        int count = source.ConnectionsPerNeuron;
        ReadOnlySpan<float> weights = source.Weights.AsSpan(neuron * count, count);
        float bias = source.Biases[neuron];
        if (source.Kind == SourceKind.Label)
        {
            for (int row = 0; row < aggregated.Length; row++)
                aggregated[row] = (withLabel ? weights[rows.Labels[row]] : 0) + bias;
            return;
        }

        aggregated.Fill(bias);
        if (inputs is null)
            return;
        for (int i = 0; i < count; i++)
        {
            int input = source.Connections is null ? i : source.Connections![neuron * count + i];
            if (weights[i] != 0)
                TensorPrimitives.MultiplyAdd(inputs[input], weights[i], aggregated, aggregated);
        }
    }

    private void Emit(
        InfomorphicLayer layer,
        ExplainerWorkspace workspace,
        Span<float> outputs,
        int neuron,
        ulong counter
    )
    {
        if (_settings.MeanField || layer.Activation is StepActivation)
            EmitMean(layer, workspace, outputs);
        else
            Philox.Sample(workspace.Theta, outputs, (uint)neuron, counter, _settings.Seed);
    }

    // A step passes on 0 or 1, other neurons −1 … 1.
    private static void EmitMean(InfomorphicLayer layer, ExplainerWorkspace workspace, Span<float> outputs)
    {
        if (layer.Activation is StepActivation)
            workspace.Theta.CopyTo(outputs);
        else
            TensorPrimitives.Subtract<float>(workspace.Theta, workspace.Complement, outputs);
    }

    /// <summary>What a hidden layer hears of the presentation before; nothing in the first.</summary>
    private readonly record struct Heard(Outputs? Peers, Outputs? Fed);
}

/// <summary>Numbers of neurons, or of features: rows of a batch lie side by side.</summary>
internal sealed class Outputs(int neurons, int rows)
{
    private readonly float[][] _values = [.. Enumerable.Range(0, neurons).Select(_ => new float[rows])];

    public Span<float> this[int neuron] => _values[neuron];
}

/// <summary>The rows that are explained together.</summary>
internal sealed class ExplainedBatch
{
    public ExplainedBatch(LabeledRows rows, int[] chosen)
    {
        Chosen = chosen;
        Labels = Array.ConvertAll(chosen, row => rows.Labels[row]);
        Mass = Array.ConvertAll(chosen, row => rows.Weights?[row] ?? 1);
        Features = new Outputs(rows.Features.FeatureCount, chosen.Length);
        float[] features = new float[rows.Features.FeatureCount];
        for (int i = 0; i < chosen.Length; i++)
        {
            rows.Features.CopyRow(chosen[i], features);
            for (int feature = 0; feature < features.Length; feature++)
                Features[feature][i] = features[feature];
        }
    }

    /// <summary>Which of the rows they are.</summary>
    public int[] Chosen { get; }

    public int[] Labels { get; }

    public float[] Mass { get; }

    /// <summary>Features × rows.</summary>
    public Outputs Features { get; }
}

/// <summary>One thread's scratch memory for one neuron and the rows of a batch.</summary>
internal sealed class ExplainerWorkspace(InfomorphicLayer layer, int rows)
{
    public float[][] Sources { get; } = [.. layer.Sources.Select(_ => new float[rows])];

    public float[] Theta { get; } = new float[rows];

    public float[] Complement { get; } = new float[rows];

    public int[] Cells { get; } = new int[rows];

    public BinnedDecomposition Decomposition { get; } =
        new(RedundancyLattice.ForSources(layer.Sources.Count), layer.Binning.Count);
}
