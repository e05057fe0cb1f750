using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>
/// A layer of a network that is explained, with its numbers for a batch. A sample is a row of the batch at a position: sample
/// p·rows + r is row r at position p.
/// </summary>
internal sealed class ExplainedLayer
{
    private readonly int _index;
    private readonly bool _passesOnMeans;
    private readonly bool _isHeard;
    private readonly bool _isHeardEarlier;
    private readonly int[]? _cells;
    private readonly float[] _cellSizes = [];

    /// <param name="network">The network.</param>
    /// <param name="index">The layer's place.</param>
    /// <param name="typicalRows">How many typical rows of each neuron are found.</param>
    /// <param name="passesOnMeans">Whether the layers above hear its mean outputs with the label withheld.</param>
    /// <param name="isHeard">Whether some layer hears what it passes on in its last visit.</param>
    /// <param name="isHeardEarlier">Whether some layer hears what it passes on before.</param>
    public ExplainedLayer(
        InfomorphicNetwork network,
        int index,
        int typicalRows,
        bool passesOnMeans,
        bool isHeard,
        bool isHeardEarlier
    )
    {
        _index = index;
        _passesOnMeans = passesOnMeans;
        _isHeard = isHeard;
        _isHeardEarlier = isHeardEarlier;
        Layer = network.Layers[index];
        Insight = new LayerAccumulator(Layer, network.ClassCount, typicalRows);
        FirstStream = (uint)network.Layers.Take(index).Sum(layer => layer.NeuronCount);
        if (Layer.Pooling is not Pooling pooling)
            return;
        _cells = pooling.CellsOf(Layer.Positions!);
        _cellSizes = [.. Enumerable.Range(0, pooling.Count).Select(cell => (float)_cells.Count(of => of == cell))];
    }

    /// <summary>The layer.</summary>
    public InfomorphicLayer Layer { get; }

    /// <summary>What is found out about its neurons.</summary>
    public LayerAccumulator Insight { get; }

    /// <summary>The number of the first neuron's random stream.</summary>
    public uint FirstStream { get; }

    /// <summary>The weight of each sample: that of its row, as it does not matter what weights add up to.</summary>
    public float[] Mass { get; private set; } = [];

    /// <summary>Aggregated inputs by source, neurons × samples.</summary>
    public Outputs[] Sums { get; private set; } = [];

    /// <summary>What is passed on in the last visit, outputs × rows; null where nobody hears it.</summary>
    public Outputs? Final { get; private set; }

    /// <summary>What is passed on before the last visit, outputs × rows; null where nobody hears it.</summary>
    public Outputs? Earlier { get; private set; }

    /// <summary>The same before it is pooled: output p·neurons + n is neuron n's at position p.</summary>
    public Outputs? EarlierByPosition { get; private set; }

    /// <summary>Makes room for a batch.</summary>
    public void Take(ExplainedBatch batch)
    {
        int rows = batch.Mass.Length;
        bool fits = Mass.Length == rows * Layer.PositionCount;
        Mass = [.. Enumerable.Repeat(batch.Mass, Layer.PositionCount).SelectMany(mass => mass)];
        if (fits)
            return;
        Sums = [.. Layer.Sources.Select(_ => new Outputs(Layer.NeuronCount, Mass.Length))];
        if (_isHeard)
            Final = new Outputs(Layer.OutputCount, rows);
        if (!_isHeardEarlier)
            return;
        Earlier = new Outputs(Layer.OutputCount, rows);
        EarlierByPosition = Layer.Pooling is null
            ? Earlier
            : new Outputs(Layer.PositionCount * Layer.NeuronCount, rows);
    }

    /// <summary>Whether the neurons pass their outputs on in a visit: a layer that passes on means has done so in scoring.</summary>
    public bool PassesOn(Visit visit, bool withLabel) =>
        visit.IsLast ? _isHeard && !(withLabel && _passesOnMeans) : _isHeardEarlier;

    /// <summary>Passes a neuron's outputs on: at each position, or their mean over the positions of each cell.</summary>
    public void PassOn(int neuron, ReadOnlySpan<float> outputs, bool isLast)
    {
        int neurons = Layer.NeuronCount;
        int rows = outputs.Length / Layer.PositionCount;
        Outputs passed = (isLast ? Final : Earlier)!;
        Outputs? byPosition =
            _cells is null ? passed
            : isLast ? null
            : EarlierByPosition;
        for (int position = 0; byPosition is not null && position < Layer.PositionCount; position++)
            outputs.Slice(position * rows, rows).CopyTo(byPosition[position * neurons + neuron]);
        if (_cells is null)
            return;
        for (int cell = 0; cell < _cellSizes.Length; cell++)
            passed[cell * neurons + neuron].Clear();
        for (int position = 0; position < _cells.Length; position++)
        {
            Span<float> sum = passed[_cells[position] * neurons + neuron];
            TensorPrimitives.Add(sum, outputs.Slice(position * rows, rows), sum);
        }

        for (int cell = 0; cell < _cellSizes.Length; cell++)
        {
            Span<float> mean = passed[cell * neurons + neuron];
            TensorPrimitives.Divide(mean, _cellSizes[cell], mean);
        }
    }

    /// <summary>What is known of the layer in the end.</summary>
    public LayerInsight ToInsight(
        InfomorphicNetwork network,
        IReadOnlyList<long>? places,
        FeatureEncoding? encoding,
        IReadOnlyList<string>? featureNames
    ) => new(network, _index, Insight.ToInsights(places), _passesOnMeans, encoding, featureNames);
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
    public ExplainedBatch(int number, LabeledRows rows, int[] chosen)
    {
        Number = number;
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

    /// <summary>The batch's number, from 0.</summary>
    public int Number { get; }

    /// <summary>Which of the rows they are.</summary>
    public int[] Chosen { get; }

    /// <summary>The class of each row.</summary>
    public int[] Labels { get; }

    /// <summary>The weight of each row.</summary>
    public float[] Mass { get; }

    /// <summary>Features × rows.</summary>
    public Outputs Features { get; }
}
