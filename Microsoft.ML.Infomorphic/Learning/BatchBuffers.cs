using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// The matrices of batches of one size. Those of neurons hold a neuron a row and a row of the batch a column, so that
/// a neuron's share of the work is contiguous.
/// </summary>
internal sealed unsafe class BatchBuffers : IDisposable
{
    // First once more for drawn connections, tile after tile and within a tile neuron after neuron: rows of First lie pages
    // apart, more of them than the processor keeps addresses of.
    private readonly AlignedArray<float>? _tiles;

    public BatchBuffers(NetworkState state, int rows)
    {
        RowCount = rows;
        Rows = new int[rows];
        Labels = new int[rows];
        Mass = new float[rows];
        Features = new TensorMatrix(rows, state.Scaling.FeatureCount);
        F = new TensorMatrix(state.HiddenCount, rows);
        C = new TensorMatrix(state.HiddenCount, rows);
        L = new TensorMatrix(state.HiddenCount, rows);
        First = new TensorMatrix(state.HiddenCount, rows);
        Second = new TensorMatrix(state.HiddenCount, rows);
        OutputF = new TensorMatrix(state.ClassCount, rows);
        if (state.LateralConnections is not null)
            _tiles = new AlignedArray<float>(
                checked(state.HiddenCount * SparseProducts.TileCount(rows) * SparseProducts.TileRows)
            );
        FeaturesTransposed = Features.Tensor.t();
        FirstTransposed = First.Tensor.t();
        SecondTransposed = Second.Tensor.t();
    }

    /// <summary>Rows of the batch.</summary>
    public int RowCount { get; }

    /// <summary>Which rows of the data they are.</summary>
    public int[] Rows { get; }

    /// <summary>The class of each row.</summary>
    public int[] Labels { get; }

    /// <summary>The probability mass of each row; sums to 1.</summary>
    public float[] Mass { get; }

    /// <summary>Standardised features, rows × features.</summary>
    public TensorMatrix Features { get; }

    /// <summary>F of the hidden neurons; in training, overwritten by ∂G/∂F.</summary>
    public TensorMatrix F { get; }

    /// <summary>C of the hidden neurons; in training, overwritten by ∂G/∂C.</summary>
    public TensorMatrix C { get; }

    /// <summary>L of the hidden neurons; in training, overwritten by ∂G/∂L.</summary>
    public TensorMatrix L { get; }

    /// <summary>Outputs of the hidden neurons in the first presentation.</summary>
    public TensorMatrix First { get; }

    /// <summary>Outputs of the hidden neurons in the second presentation.</summary>
    public TensorMatrix Second { get; }

    /// <summary>F of the output neurons; in training, overwritten by ∂G/∂F.</summary>
    public TensorMatrix OutputF { get; }

    public torch.Tensor FeaturesTransposed { get; }

    public torch.Tensor FirstTransposed { get; }

    public torch.Tensor SecondTransposed { get; }

    /// <summary>Copies a neuron's row of <see cref="First"/> into the tiles, where there are any.</summary>
    public void CopyToTiles(int neuron)
    {
        if (_tiles is null)
            return;
        ReadOnlySpan<float> outputs = First[neuron];
        for (int tile = 0, start = 0; start < outputs.Length; tile++, start += SparseProducts.TileRows)
            outputs
                .Slice(start, Math.Min(SparseProducts.TileRows, outputs.Length - start))
                .CopyTo(_tiles.Span[((tile * First.Rows + neuron) * SparseProducts.TileRows)..]);
    }

    /// <summary>
    /// Where the rows of <see cref="First"/> would begin if those of the tile lay <see cref="SparseProducts.TileRows"/>
    /// apart; only the tile's part of them may be read.
    /// </summary>
    public float* TileOf(int tile) =>
        _tiles!.Pointer + (nint)tile * First.Rows * SparseProducts.TileRows - (nint)tile * SparseProducts.TileRows;

    public void Dispose()
    {
        FeaturesTransposed.Dispose();
        FirstTransposed.Dispose();
        SecondTransposed.Dispose();
        Features.Dispose();
        F.Dispose();
        C.Dispose();
        L.Dispose();
        First.Dispose();
        Second.Dispose();
        OutputF.Dispose();
    }
}
