using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// The matrices of a network for batches of one size. Those of neurons hold a neuron a row and a row of the batch a
/// column, so that a neuron's share of the work is contiguous.
/// </summary>
internal sealed unsafe class BatchBuffers : IDisposable
{
    // Heard once more for drawn connections, tile after tile and within a tile neuron after neuron: rows of Heard lie pages
    // apart, more of them than the processor keeps addresses of.
    private readonly AlignedArray<float>? _tiles;

    public BatchBuffers(NetworkState state, BatchRows batch)
    {
        Batch = batch;
        int rows = batch.RowCount;
        OutputF = new TensorMatrix(state.ClassCount, rows);
        if (state.Hidden is not LayerState hidden)
            return;
        int neurons = hidden.NeuronCount;
        Sources = [.. hidden.Sources.Select(_ => new TensorMatrix(neurons, rows))];
        Outputs = new TensorMatrix(neurons, rows);
        OutputsTransposed = Outputs.Tensor.t();
        if (hidden.IsRecurrent)
        {
            Heard = new TensorMatrix(neurons, rows);
            HeardTransposed = Heard.Tensor.t();
        }

        if (hidden.Find(SourceKind.Feedback) is not null)
        {
            Feedback = new TensorMatrix(state.ClassCount, rows);
            FeedbackTransposed = Feedback.Tensor.t();
        }

        if (hidden.Find(SourceKind.Lateral)?.Connections is not null)
            _tiles = new AlignedArray<float>(
                checked(neurons * SparseProducts.TileCount(rows) * SparseProducts.TileRows)
            );
    }

    /// <summary>The batch.</summary>
    public BatchRows Batch { get; }

    /// <summary>Aggregated inputs of the hidden neurons, by source; in training, overwritten by ∂G by them.</summary>
    public TensorMatrix[] Sources { get; } = [];

    /// <summary>Outputs of the hidden neurons in the last presentation; null where there are none.</summary>
    public TensorMatrix? Outputs { get; }

    /// <summary>Outputs of the hidden neurons in the presentation before; null where there is one alone.</summary>
    public TensorMatrix? Heard { get; }

    /// <summary>Outputs of the output neurons in the presentation before; null where nothing hears them.</summary>
    public TensorMatrix? Feedback { get; }

    /// <summary>F of the output neurons; in training, overwritten by ∂G/∂F.</summary>
    public TensorMatrix OutputF { get; }

    public torch.Tensor? OutputsTransposed { get; }

    public torch.Tensor? HeardTransposed { get; }

    public torch.Tensor? FeedbackTransposed { get; }

    /// <summary>Copies a neuron's row of <see cref="Heard"/> into the tiles, where there are any.</summary>
    public void CopyToTiles(int neuron)
    {
        if (_tiles is null)
            return;
        ReadOnlySpan<float> outputs = Heard![neuron];
        for (int tile = 0, start = 0; start < outputs.Length; tile++, start += SparseProducts.TileRows)
            outputs
                .Slice(start, Math.Min(SparseProducts.TileRows, outputs.Length - start))
                .CopyTo(_tiles.Span[((tile * Heard!.Rows + neuron) * SparseProducts.TileRows)..]);
    }

    /// <summary>
    /// Where the rows of <see cref="Heard"/> would begin if those of the tile lay <see cref="SparseProducts.TileRows"/>
    /// apart; only the tile's part of them may be read.
    /// </summary>
    public float* TileOf(int tile) =>
        _tiles!.Pointer + (nint)tile * Heard!.Rows * SparseProducts.TileRows - (nint)tile * SparseProducts.TileRows;

    public void Dispose()
    {
        OutputsTransposed?.Dispose();
        HeardTransposed?.Dispose();
        FeedbackTransposed?.Dispose();
        foreach (TensorMatrix source in Sources)
            source.Dispose();
        Outputs?.Dispose();
        Heard?.Dispose();
        Feedback?.Dispose();
        OutputF.Dispose();
    }
}
