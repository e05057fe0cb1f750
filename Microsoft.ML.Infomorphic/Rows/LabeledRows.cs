namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows of features, however they are stored.</summary>
public abstract class FeatureMatrix
{
    private protected FeatureMatrix(int rowCount, int featureCount)
    {
        RowCount = rowCount;
        FeatureCount = featureCount;
    }

    /// <summary>Number of rows.</summary>
    public int RowCount { get; }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount { get; }

    /// <summary>Writes a row's features, the zeros too.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="destination"><see cref="FeatureCount"/> numbers.</param>
    public abstract void CopyRow(int row, Span<float> destination);
}

/// <summary>Rows stored in full, in chunks so that their number of values is not bound by an array's length.</summary>
public sealed class DenseFeatureMatrix : FeatureMatrix
{
    private readonly float[][] _chunks;
    private readonly int _rowsPerChunk;

    /// <summary>Wraps chunks of rows.</summary>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="chunks">Rows, one after another; all chunks but the last hold <paramref name="rowsPerChunk"/> rows.</param>
    /// <param name="rowsPerChunk">Rows in each chunk.</param>
    public DenseFeatureMatrix(int rowCount, int featureCount, float[][] chunks, int rowsPerChunk)
        : base(rowCount, featureCount)
    {
        _chunks = chunks;
        _rowsPerChunk = rowsPerChunk;
    }

    /// <summary>Wraps one array of rows, one after another.</summary>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="values">rowCount × featureCount values.</param>
    public DenseFeatureMatrix(int rowCount, int featureCount, float[] values)
        : this(rowCount, featureCount, [values], Math.Max(rowCount, 1)) { }

    /// <inheritdoc/>
    public override void CopyRow(int row, Span<float> destination) =>
        _chunks[row / _rowsPerChunk].AsSpan(row % _rowsPerChunk * FeatureCount, FeatureCount).CopyTo(destination);
}

/// <summary>Rows stored without their zeros (compressed sparse rows).</summary>
public sealed class SparseFeatureMatrix : FeatureMatrix
{
    private readonly int[][] _indices;
    private readonly float[][] _values;

    /// <summary>Wraps sparse rows.</summary>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="indices">For each row, the features that are not zero.</param>
    /// <param name="values">For each row, their values.</param>
    public SparseFeatureMatrix(int featureCount, int[][] indices, float[][] values)
        : base(indices.Length, featureCount)
    {
        _indices = indices;
        _values = values;
    }

    /// <inheritdoc/>
    public override void CopyRow(int row, Span<float> destination)
    {
        destination[..FeatureCount].Clear();
        int[] indices = _indices[row];
        float[] values = _values[row];
        for (int i = 0; i < indices.Length; i++)
            destination[indices[i]] = values[i];
    }
}

/// <summary>Rows with their classes and, where they have them, their weights. All numbers are finite.</summary>
/// <param name="Features">The features.</param>
/// <param name="Labels">The class of each row, from 0.</param>
/// <param name="Weights">The positive weight of each row, or null where all weigh the same.</param>
/// <param name="ClassCount">Number of classes; a class may have no row.</param>
public sealed record LabeledRows(FeatureMatrix Features, int[] Labels, float[]? Weights, int ClassCount)
{
    /// <summary>Number of rows.</summary>
    public int RowCount => Features.RowCount;
}
