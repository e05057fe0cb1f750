using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>A layer as scoring presents rows to it; prepared once, and only read.</summary>
/// <remarks>
/// The numbers of a row, sample p·N + n for neuron n at position p, lie at places of a memory that all layers use: those of a
/// row alone one after the other, those of tiles 32 side by side.
/// </remarks>
internal sealed unsafe class ScoringLayer
{
    private readonly int[]? _cells;
    private readonly float[]? _cellSizes;

    /// <param name="network">The network.</param>
    /// <param name="index">The layer's place.</param>
    /// <param name="below">The layers below.</param>
    /// <param name="isSampled">Whether neurons draw their outputs.</param>
    /// <param name="changes">Whether the layer's outputs differ between presentations.</param>
    /// <param name="length">Numbers of a row so far; grows by those of this layer.</param>
    public ScoringLayer(
        InfomorphicNetwork network,
        int index,
        IReadOnlyList<ScoringLayer> below,
        bool isSampled,
        bool changes,
        ref int length
    )
    {
        InfomorphicLayer layer = network.Layers[index];
        Index = index;
        NeuronCount = layer.NeuronCount;
        SampleCount = checked(layer.NeuronCount * layer.PositionCount);
        OutputCount = layer.OutputCount;
        Activation = layer.Activation;
        if (layer.Activation is ModulatedActivation modulated)
            Means = new MeanFieldActivation(modulated);

        // What the activation does not take, the goal alone weighs.
        Sources = new ScoringSource[layer.Activation is FeedforwardActivation ? 1 : layer.Sources.Count];
        for (int source = 0; source < Sources.Length; source++)
        {
            Sources[source] = new ScoringSource(layer, index, source, below, length);
            if (!Sources[source].IsConstant)
                length = checked(length + SampleCount);
        }

        IsFixed =
            !changes && (!isSampled || layer.Activation is StepActivation) && Sources.All(source => source.IsFixed);
        IsHeard = network
            .Layers.Select((listener, place) => (listener, place))
            .Any(of =>
                (of.place > index || !changes) && of.listener.Sources.Any(source => source.Hears(Signal.Layer(index)))
            );
        DrivenAt = length;
        if (layer.Activation is ModulatedActivation)
            length = checked(length + SampleCount);
        FiredAt = length;
        OutputsAt = length = checked(length + SampleCount);
        if (layer.Pooling is not Pooling pooling)
        {
            OutputsAt = FiredAt;
            return;
        }

        length = checked(length + OutputCount);
        _cells = pooling.CellsOf(layer.Positions!);
        _cellSizes = [.. Enumerable.Range(0, pooling.Count).Select(cell => (float)_cells.Count(of => of == cell))];
    }

    /// <summary>The layer's place.</summary>
    public int Index { get; }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount { get; }

    /// <summary>Number of samples of a row: neurons × positions.</summary>
    public int SampleCount { get; }

    /// <summary>Number of outputs passed on.</summary>
    public int OutputCount { get; }

    /// <summary>The activation function.</summary>
    public Activation Activation { get; }

    /// <summary>Mean outputs of a modulated activation.</summary>
    public MeanFieldActivation Means { get; }

    /// <summary>What the activation takes.</summary>
    public ScoringSource[] Sources { get; }

    /// <summary>Whether its outputs follow from the features alone, without draws, and are the same in all presentations.</summary>
    public bool IsFixed { get; }

    /// <summary>Whether some layer hears what it passes on in its last visit.</summary>
    public bool IsHeard { get; }

    /// <summary>Where that which the presentations have in common begins, in <see cref="Means"/>.</summary>
    public int DrivenAt { get; }

    /// <summary>Where the outputs of its samples begin.</summary>
    public int FiredAt { get; }

    /// <summary>Where the outputs that it passes on begin.</summary>
    public int OutputsAt { get; }

    /// <summary>Whether outputs are pooled before they are passed on.</summary>
    public bool IsPooled => _cells is not null;

    /// <summary>Pools outputs: the mean over a cell's positions.</summary>
    /// <param name="fired">Samples, of one row or 32.</param>
    /// <param name="outputs">Receives outputs, of as many.</param>
    public void Pool(ReadOnlySpan<float> fired, Span<float> outputs)
    {
        int size = outputs.Length / _cellSizes!.Length;
        outputs.Clear();
        for (int position = 0; position < _cells!.Length; position++)
        {
            Span<float> cell = outputs.Slice(_cells[position] * size, size);
            TensorPrimitives.Add(cell, fired.Slice(position * size, size), cell);
        }

        for (int cell = 0; cell < _cellSizes.Length; cell++)
            TensorPrimitives.Divide(
                outputs.Slice(cell * size, size),
                _cellSizes[cell],
                outputs.Slice(cell * size, size)
            );
    }
}

/// <summary>A source of a layer as scoring aggregates it.</summary>
internal sealed unsafe class ScoringSource
{
    private readonly AlignedArray<float> _biases;
    private AlignedArray<float>? _biasTile;

    /// <param name="layer">The layer.</param>
    /// <param name="index">The layer's place.</param>
    /// <param name="source">The source's place.</param>
    /// <param name="below">The layers below.</param>
    /// <param name="sumsAt">Where its sums begin.</param>
    public ScoringSource(InfomorphicLayer layer, int index, int source, IReadOnlyList<ScoringLayer> below, int sumsAt)
    {
        Source of = layer.Sources[source];
        Projection[] projections = [.. of.Projections.Where(projection => !projection.Signal.IsLabel)];
        Projections =
        [
            .. projections.Select(projection => new ScoringProjection(
                layer,
                index,
                projection,
                projections.Length == 1 ? of.Biases : new float[of.NeuronCount]
            )),
        ];
        SumsAt = sumsAt;
        HearsFeatures = projections.Any(projection => projection.Signal == Signal.Features);
        IsFixed = projections.All(projection =>
            projection.Signal == Signal.Features
            || projection.Signal.Index < index && below[projection.Signal.Index].IsFixed
        );
        if (layer.Activation is StepActivation && projections.All(projection => projection.Signal == Signal.Features))
            Signs = new StepSigns(projections, of.Biases);
        _biases = new AlignedArray<float>(checked(of.NeuronCount * layer.PositionCount));
        if (!of.IsOwnLabel)
            for (int position = 0; position < layer.PositionCount; position++)
                of.Biases.CopyTo(_biases.Span[(position * of.NeuronCount)..]);
    }

    /// <summary>What a row that is scored has of the signals.</summary>
    public ScoringProjection[] Projections { get; }

    /// <summary>Where its sums begin, one a sample.</summary>
    public int SumsAt { get; }

    /// <summary>Whether its sums are its biases, because a row that is scored has none of its signals.</summary>
    public bool IsConstant => Projections.Length == 0;

    /// <summary>Whether it hears the features.</summary>
    public bool HearsFeatures { get; }

    /// <summary>Whether its sums follow from the features alone, without draws, and are the same in all presentations.</summary>
    public bool IsFixed { get; }

    /// <summary>Puts the signs of sums right that steps follow from; null where that is not needed.</summary>
    public StepSigns? Signs { get; }

    /// <summary>Its biases, one a sample.</summary>
    public ReadOnlySpan<float> Biases => _biases.Span;

    /// <summary>Its biases, where its sums would be.</summary>
    /// <param name="lanes">Rows side by side: 1 or 32.</param>
    public float* BiasesOf(int lanes)
    {
        if (lanes == 1)
            return _biases.Pointer;
        if (_biasTile is not AlignedArray<float> tile)
        {
            tile = new AlignedArray<float>(checked(_biases.Length * RowTile.Rows));
            for (int sample = 0; sample < _biases.Length; sample++)
                tile.Span.Slice(sample * RowTile.Rows, RowTile.Rows).Fill(_biases.Span[sample]);
            _biasTile = tile;
        }

        return tile.Pointer;
    }
}
