using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>
/// A layer's matrices for batches of one size. They hold a neuron a row and a sample a column, so that a neuron's part of the
/// work is contiguous. A sample is a row of the batch at a position: sample p·rows + r is row r at position p.
/// </summary>
internal sealed unsafe class LayerBuffers : IDisposable
{
    private readonly int _rows;
    private readonly int[]? _cells;
    private readonly float[]? _cellSizes;
    private readonly AlignedArray<float>? _tiles;
    private readonly List<IDisposable> _views = [];

    /// <param name="layer">The layer.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="isHeard">Whether some layer hears what is passed on last.</param>
    /// <param name="isHeardEarlier">Whether some layer hears what is passed on before.</param>
    public LayerBuffers(LayerState layer, BatchRows batch, bool isHeard, bool isHeardEarlier)
    {
        _rows = batch.RowCount;
        int positions = layer.PositionCount;
        int samples = checked(_rows * positions);
        int neurons = layer.NeuronCount;
        SampleCount = samples;
        Labels = batch.Labels;
        Sums = [.. layer.Sources.Select(_ => new TensorMatrix(neurons, samples))];
        SumBlocks =
        [
            .. Sums.Select(sums =>
                SignalView
                    .Blocks(samples, SignalView.RowsPerBlock)
                    .Select(block => MatrixView.OfColumns(sums, block.First, block.Count))
                    .ToArray()
            ),
        ];
        AllSums = [.. Sums.Select(sums => MatrixView.OfRows(sums, 0, neurons))];
        _views.AddRange(SumBlocks.SelectMany(blocks => blocks));
        _views.AddRange(AllSums);
        Mass = positions == 1 ? batch.Mass : new float[samples];
        if (layer.Pooling is Pooling pooling)
        {
            _cells = pooling.CellsOf(layer.Positions!);
            _cellSizes = [.. Enumerable.Range(0, pooling.Count).Select(cell => (float)_cells.Count(of => of == cell))];
        }

        if (isHeard)
            (Fired, Outputs, Final) = NewOutputs(layer);
        if (isHeardEarlier)
        {
            (FiredEarlier, OutputsEarlier, Earlier) = NewOutputs(layer);
            OwnEarlier = positions == 1 ? Earlier : AddView(FiredEarlier!);
        }

        bool hasTiles = layer
            .Sources.SelectMany(source => source.Projections)
            .Any(projection =>
                projection.Connectivity is DrawnConnected && projection.Signal == Signal.Layer(layer.Index)
            );
        if (hasTiles)
            _tiles = new AlignedArray<float>(
                checked(neurons * SparseProducts.TileCount(samples) * SparseProducts.TileRows)
            );
        Projections = [.. layer.Sources.Select(source => source.Projections.Select(NewProjection).ToArray())];

        ProjectionBuffers? NewProjection(ProjectionState projection) =>
            projection.Connectivity switch
            {
                SharedFields shared => Keep(new ProjectionBuffers(shared, _rows)),
                _ when positions > 1 && projection.Signal != Signal.Layer(layer.Index) => Keep(
                    new ProjectionBuffers(neurons, _rows)
                ),
                _ => null,
            };
    }

    /// <summary>Number of samples: rows × positions.</summary>
    public int SampleCount { get; }

    /// <summary>The class of each row.</summary>
    public int[] Labels { get; }

    /// <summary>The probability mass of each sample; sums to 1.</summary>
    public float[] Mass { get; }

    /// <summary>Aggregated inputs by source; in training, overwritten by ∂G by them.</summary>
    public TensorMatrix[] Sums { get; }

    /// <summary>Blocks of samples of <see cref="Sums"/>.</summary>
    public MatrixView[][] SumBlocks { get; }

    /// <summary><see cref="Sums"/> as products see them.</summary>
    public MatrixView[] AllSums { get; }

    /// <summary>Outputs of the last visit, neurons × samples; null where nobody hears them.</summary>
    public TensorMatrix? Fired { get; }

    /// <summary>What is passed on of them: <see cref="Fired"/> itself, or its pooled rows, outputs × rows.</summary>
    public TensorMatrix? Outputs { get; }

    /// <summary>Outputs of the visit before; null where nobody hears them.</summary>
    public TensorMatrix? FiredEarlier { get; }

    /// <summary>What is passed on of them.</summary>
    public TensorMatrix? OutputsEarlier { get; }

    /// <summary><see cref="Outputs"/> as other layers hear it.</summary>
    public SignalView? Final { get; }

    /// <summary><see cref="OutputsEarlier"/> as other layers hear it.</summary>
    public SignalView? Earlier { get; }

    /// <summary><see cref="FiredEarlier"/> as the layer itself hears it.</summary>
    public SignalView? OwnEarlier { get; }

    /// <summary>What the projections of each source need beside; null where that is nothing.</summary>
    public ProjectionBuffers?[][] Projections { get; }

    /// <summary>Number of parts of the work of passing outputs on; 0 where they are passed on as they are.</summary>
    public int PassItems => Fired == Outputs && FiredEarlier == OutputsEarlier ? 0 : (Outputs ?? OutputsEarlier)!.Rows;

    /// <summary>Writes the probability mass of samples from that of rows.</summary>
    public void SetMass(ReadOnlySpan<float> ofRows)
    {
        int positions = SampleCount / _rows;
        if (positions == 1)
            return;
        for (int sample = 0; sample < Mass.Length; sample++)
            Mass[sample] = ofRows[sample % _rows] / positions;
    }

    /// <summary>Passes one output on: of a neuron in a cell, the mean over the cell's positions.</summary>
    /// <param name="output">The output, cell · neurons + neuron.</param>
    /// <param name="isLast">Whether the outputs are those of the last visit.</param>
    public void Pass(int output, bool isLast)
    {
        TensorMatrix fired = (isLast ? Fired : FiredEarlier)!;
        Span<float> passed = (isLast ? Outputs : OutputsEarlier)![output];
        int cell = output / fired.Rows;
        ReadOnlySpan<float> samples = fired[output % fired.Rows];
        if (_cells is null)
        {
            samples.Slice(cell * _rows, _rows).CopyTo(passed);
            return;
        }

        passed.Clear();
        for (int position = 0; position < _cells.Length; position++)
            if (_cells[position] == cell)
                System.Numerics.Tensors.TensorPrimitives.Add(passed, samples.Slice(position * _rows, _rows), passed);
        System.Numerics.Tensors.TensorPrimitives.Divide(passed, _cellSizes![cell], passed);
    }

    /// <summary>
    /// Copies a neuron's row of <see cref="FiredEarlier"/> into tiles, where drawn connections read it: tile after tile, and
    /// within a tile neuron after neuron. Rows of the matrix lie pages apart, more of them than the processor keeps addresses
    /// of.
    /// </summary>
    public void CopyToTiles(int neuron)
    {
        if (_tiles is null)
            return;
        ReadOnlySpan<float> outputs = FiredEarlier![neuron];
        for (int tile = 0, start = 0; start < outputs.Length; tile++, start += SparseProducts.TileRows)
            outputs
                .Slice(start, Math.Min(SparseProducts.TileRows, outputs.Length - start))
                .CopyTo(_tiles.Span[((tile * FiredEarlier!.Rows + neuron) * SparseProducts.TileRows)..]);
    }

    /// <summary>
    /// Where the rows of <see cref="FiredEarlier"/> would begin if those of the tile lay
    /// <see cref="SparseProducts.TileRows"/> apart; only the tile's part of them may be read.
    /// </summary>
    public float* TileOf(int tile) =>
        _tiles!.Pointer
        + (nint)tile * FiredEarlier!.Rows * SparseProducts.TileRows
        - (nint)tile * SparseProducts.TileRows;

    public void Dispose()
    {
        foreach (IDisposable view in _views)
            view.Dispose();
        foreach (TensorMatrix sums in Sums)
            sums.Dispose();
        Fired?.Dispose();
        if (Outputs != Fired)
            Outputs?.Dispose();
        FiredEarlier?.Dispose();
        if (OutputsEarlier != FiredEarlier)
            OutputsEarlier?.Dispose();
    }

    private (TensorMatrix Fired, TensorMatrix Outputs, SignalView View) NewOutputs(LayerState layer)
    {
        var fired = new TensorMatrix(layer.NeuronCount, SampleCount);
        TensorMatrix outputs = layer.PositionCount == 1 ? fired : new TensorMatrix(layer.OutputCount, _rows);
        return (fired, outputs, AddView(outputs));
    }

    private SignalView AddView(TensorMatrix outputs) => Keep(SignalView.OfColumns(outputs));

    private T Keep<T>(T view)
        where T : IDisposable
    {
        _views.Add(view);
        return view;
    }
}

/// <summary>What a projection needs for batches of one size, beside the layer's sums and the signal.</summary>
internal sealed class ProjectionBuffers : IDisposable
{
    /// <summary>For shared fields: the numbers of all fields, connections × samples.</summary>
    public ProjectionBuffers(SharedFields shared, int rows)
    {
        Matrix = new TensorMatrix(shared.ConnectionsPerNeuron, checked(rows * shared.PositionCount));
        View = SignalView.OfColumns(Matrix);
    }

    /// <summary>For what all positions hear alike: the sums, neurons × rows, before they are repeated.</summary>
    public ProjectionBuffers(int neurons, int rows)
    {
        Matrix = new TensorMatrix(neurons, rows);
        View = SignalView.OfColumns(Matrix);
        Whole = MatrixView.OfRows(Matrix, 0, neurons);
    }

    public TensorMatrix Matrix { get; }

    public SignalView View { get; }

    public MatrixView? Whole { get; }

    public void Dispose()
    {
        Whole?.Dispose();
        View.Dispose();
        Matrix.Dispose();
    }
}
