using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>The rows of a batch: all trials of a group learn from the same.</summary>
internal sealed class BatchRows : IDisposable
{
    public BatchRows(int rows, int features)
    {
        RowCount = rows;
        Rows = new int[rows];
        Labels = new int[rows];
        Mass = new float[rows];
        Features = new TensorMatrix(rows, features);
        FeaturesTransposed = Features.Tensor.t();
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

    public torch.Tensor FeaturesTransposed { get; }

    public void Dispose()
    {
        FeaturesTransposed.Dispose();
        Features.Dispose();
    }
}
