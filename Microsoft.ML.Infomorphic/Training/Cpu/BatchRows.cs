using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>The rows of a batch: all networks that are trained together learn from the same.</summary>
internal sealed class BatchRows : IDisposable
{
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="features">Numbers of a row.</param>
    /// <param name="withColumns">Whether features are needed one after another, too.</param>
    /// <param name="isSparse">Whether most numbers are zero, so that the others alone are kept.</param>
    public BatchRows(int rows, int features, bool withColumns, bool isSparse)
    {
        RowCount = rows;
        Rows = new int[rows];
        Labels = new int[rows];
        Mass = new float[rows];
        Sparse = isSparse ? new SparseRows(rows) : null;
        Features = isSparse ? null : new TensorMatrix(rows, features);
        FeatureColumns = withColumns ? new TensorMatrix(features, rows) : null;
    }

    /// <summary>Rows of the batch.</summary>
    public int RowCount { get; }

    /// <summary>Which rows of the data they are.</summary>
    public int[] Rows { get; }

    /// <summary>The class of each row.</summary>
    public int[] Labels { get; }

    /// <summary>The probability mass of each row; sums to 1.</summary>
    public float[] Mass { get; }

    /// <summary>Standardised features, rows × features; null where they are sparse.</summary>
    public TensorMatrix? Features { get; }

    /// <summary>Standardised features where most are zero; else null.</summary>
    public SparseRows? Sparse { get; }

    /// <summary>Standardised features, features × rows, where fields of them are needed; else null.</summary>
    public TensorMatrix? FeatureColumns { get; }

    public void Dispose()
    {
        Features?.Dispose();
        FeatureColumns?.Dispose();
    }
}
