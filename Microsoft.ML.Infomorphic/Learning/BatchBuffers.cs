using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// The matrices of batches of one size. Those of neurons hold a neuron a row and a row of the batch a column, so that
/// a neuron's share of the work is contiguous.
/// </summary>
internal sealed class BatchBuffers : IDisposable
{
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
