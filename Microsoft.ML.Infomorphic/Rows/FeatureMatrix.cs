using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows of features, however they are stored. Rows are added at the end; their memory stays when they are removed.</summary>
/// <param name="featureCount">Number of features of a row.</param>
internal abstract class FeatureMatrix(int featureCount)
{
    /// <summary>Number of rows.</summary>
    public int RowCount { get; protected set; }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => featureCount;

    /// <summary>Writes a row's features, the zeros too.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="destination"><see cref="FeatureCount"/> numbers.</param>
    public abstract void CopyRow(int row, Span<float> destination);

    /// <summary>Mean number of features of a row that are kept as not zero.</summary>
    public virtual double MeanNonZeros => FeatureCount;

    /// <summary>A row without its zeros.</summary>
    /// <param name="row">The row, from 0.</param>
    /// <param name="scratch">Memory for <see cref="FeatureCount"/> numbers, which the result may lie in.</param>
    public virtual SparseRow NonZerosOf(int row, SparseRowScratch scratch)
    {
        CopyRow(row, scratch.Row);
        return scratch.Find();
    }

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="nonZeros">Number of its features that are not zero.</param>
    public abstract void Add(in RowValues row, int nonZeros);

    /// <summary>A number that follows from the content of the last row, and is hardly the same for another one.</summary>
    public abstract ulong HashOfLastRow();

    /// <summary>Removes all rows.</summary>
    public virtual void Clear() => RowCount = 0;
}

/// <summary>Rows stored in full, in chunks so that their number of values is not bound by an array's length.</summary>
internal sealed class DenseFeatureMatrix : FeatureMatrix
{
    private const int ValuesPerChunk = 4 << 20;

    private readonly List<float[]> _chunks;
    private readonly int _rowsPerChunk;

    /// <summary>Wraps chunks of rows.</summary>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="chunks">Rows, one after another; all chunks but the last hold <paramref name="rowsPerChunk"/> rows.</param>
    /// <param name="rowsPerChunk">Rows in each chunk.</param>
    public DenseFeatureMatrix(int rowCount, int featureCount, float[][] chunks, int rowsPerChunk)
        : base(featureCount)
    {
        RowCount = rowCount;
        _chunks = [.. chunks];
        _rowsPerChunk = rowsPerChunk;
    }

    /// <summary>Wraps one array of rows, one after another.</summary>
    /// <param name="rowCount">Number of rows.</param>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="values">rowCount × featureCount values.</param>
    public DenseFeatureMatrix(int rowCount, int featureCount, float[] values)
        : this(rowCount, featureCount, [values], Math.Max(rowCount, 1)) { }

    /// <summary>Makes room for rows to be added.</summary>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="largestChunk">Bytes that a chunk may take.</param>
    public DenseFeatureMatrix(int featureCount, long largestChunk = long.MaxValue)
        : this(
            0,
            featureCount,
            [],
            (int)Math.Max(1, Math.Min(ValuesPerChunk, largestChunk / sizeof(float)) / featureCount)
        ) { }

    /// <inheritdoc/>
    public override void CopyRow(int row, Span<float> destination) => RowAt(row).CopyTo(destination);

    /// <inheritdoc/>
    public override void Add(in RowValues row, int nonZeros)
    {
        Span<float> destination = NextRow();
        row.CopyTo(destination);
        RowCount++;
    }

    /// <inheritdoc/>
    public override ulong HashOfLastRow() => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(RowAt(RowCount - 1)));

    /// <summary>Adds the rows of another matrix.</summary>
    public void AddAll(FeatureMatrix rows)
    {
        for (int row = 0; row < rows.RowCount; row++, RowCount++)
            rows.CopyRow(row, NextRow());
    }

    /// <summary>Makes room for so many rows at once.</summary>
    public void Reserve(int rows)
    {
        for (int first = 0; first < rows; first += _rowsPerChunk)
            _chunks.Add(new float[Math.Min(_rowsPerChunk, rows - first) * (long)FeatureCount]);
    }

    private ReadOnlySpan<float> RowAt(int row) =>
        _chunks[row / _rowsPerChunk].AsSpan(row % _rowsPerChunk * FeatureCount, FeatureCount);

    private Span<float> NextRow()
    {
        int chunk = RowCount / _rowsPerChunk;
        int inChunk = RowCount % _rowsPerChunk;
        if (chunk == _chunks.Count)
            _chunks.Add([]);
        Span<float[]> chunks = CollectionsMarshal.AsSpan(_chunks);
        if (chunks[chunk].Length < (inChunk + 1) * FeatureCount)
        {
            // The first chunk grows, so that a few rows do not cost 16 MB; later ones are sure to be needed.
            long rows = chunk > 0 ? _rowsPerChunk : Math.Min(_rowsPerChunk, Math.Max(16L, 2L * inChunk));
            Array.Resize(ref chunks[chunk], checked((int)(rows * FeatureCount)));
        }

        return chunks[chunk].AsSpan(inChunk * FeatureCount, FeatureCount);
    }
}

/// <summary>Rows stored without their zeros (compressed sparse rows), in chunks.</summary>
internal sealed class SparseFeatureMatrix : FeatureMatrix
{
    /// <summary>Bytes of a value that is not zero.</summary>
    public const int BytesPerNonZero = sizeof(int) + sizeof(float);

    /// <summary>Bytes of a row beside its values.</summary>
    public const int BytesPerRow = sizeof(long) + sizeof(int);

    private const int ValuesPerChunk = 1 << 20;

    // A row lies in one chunk.
    private readonly int _chunkLength;
    private readonly List<int[]> _indices = [];
    private readonly List<float[]> _values = [];
    private long[] _starts;
    private int[] _lengths;
    private long _end;

    /// <summary>Makes room for rows to be added.</summary>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="largestRow">The largest number of features of a row that are not zero.</param>
    /// <param name="largestChunk">Bytes that a chunk may take where that holds a row.</param>
    /// <param name="capacity">Rows that there is room for at once.</param>
    public SparseFeatureMatrix(int featureCount, int largestRow, long largestChunk = long.MaxValue, int capacity = 16)
        : base(featureCount)
    {
        _chunkLength = (int)Math.Max(largestRow, Math.Clamp(largestChunk / BytesPerNonZero, 1, ValuesPerChunk));
        _starts = new long[capacity];
        _lengths = new int[capacity];
    }

    /// <summary>Stores sparse rows.</summary>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="indices">For each row, the features that are not zero.</param>
    /// <param name="values">For each row, their values.</param>
    public SparseFeatureMatrix(int featureCount, int[][] indices, float[][] values)
        : this(featureCount, featureCount)
    {
        for (int row = 0; row < indices.Length; row++)
            Add(RowValues.OfFeatures(indices[row], values[row]), values[row].Length - values[row].AsSpan().Count(0f));
    }

    /// <summary>Number of values that are not zero.</summary>
    public long NonZeros { get; private set; }

    /// <inheritdoc/>
    public override double MeanNonZeros => (double)NonZeros / RowCount;

    /// <inheritdoc/>
    public override SparseRow NonZerosOf(int row, SparseRowScratch scratch) =>
        _lengths[row] == 0 ? default : new SparseRow(IndicesOf(row), ValuesOf(row));

    /// <inheritdoc/>
    public override void CopyRow(int row, Span<float> destination)
    {
        destination[..FeatureCount].Clear();
        if (_lengths[row] == 0)
            return;
        ReadOnlySpan<int> indices = IndicesOf(row);
        ReadOnlySpan<float> values = ValuesOf(row);
        for (int i = 0; i < indices.Length; i++)
            destination[indices[i]] = values[i];
    }

    /// <inheritdoc/>
    public override void Add(in RowValues row, int nonZeros)
    {
        if (RowCount == _lengths.Length)
        {
            int capacity = (int)Math.Min(2L * RowCount, Array.MaxLength);
            Array.Resize(ref _starts, capacity);
            Array.Resize(ref _lengths, capacity);
        }

        if (_end % _chunkLength + nonZeros > _chunkLength)
            _end += _chunkLength - _end % _chunkLength;
        _starts[RowCount] = _end;
        _lengths[RowCount] = nonZeros;
        if (nonZeros > 0)
        {
            Reserve(nonZeros);
            Span<int> indices = MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(IndicesOf(RowCount)), nonZeros);
            Span<float> values = MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(ValuesOf(RowCount)), nonZeros);
            for (int i = 0, at = 0; i < row.Features.Length; i++)
            {
                if (row.Features[i] == 0)
                    continue;
                indices[at] = row.IsFull ? i : row.Indices[i];
                values[at++] = row.Features[i];
            }
        }

        _end += nonZeros;
        NonZeros += nonZeros;
        RowCount++;
    }

    /// <inheritdoc/>
    public override ulong HashOfLastRow()
    {
        int row = RowCount - 1;
        return _lengths[row] == 0
            ? 0
            : XxHash3.HashToUInt64(MemoryMarshal.AsBytes(ValuesOf(row)))
                ^ RowStore.Scatter(XxHash3.HashToUInt64(MemoryMarshal.AsBytes(IndicesOf(row))));
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        base.Clear();
        _end = 0;
        NonZeros = 0;
    }

    private Span<int> IndicesOf(int row) =>
        _indices[(int)(_starts[row] / _chunkLength)].AsSpan((int)(_starts[row] % _chunkLength), _lengths[row]);

    private Span<float> ValuesOf(int row) =>
        _values[(int)(_starts[row] / _chunkLength)].AsSpan((int)(_starts[row] % _chunkLength), _lengths[row]);

    // The first chunk grows, so that a few rows do not cost 8 MB.
    private void Reserve(int count)
    {
        int chunk = (int)(_end / _chunkLength);
        int needed = (int)(_end % _chunkLength) + count;
        if (chunk == _indices.Count)
        {
            _indices.Add([]);
            _values.Add([]);
        }

        if (_indices[chunk].Length >= needed)
            return;
        int length = chunk > 0 ? _chunkLength : (int)Math.Min(_chunkLength, Math.Max(needed, 2L * needed));
        Array.Resize(ref CollectionsMarshal.AsSpan(_indices)[chunk], length);
        Array.Resize(ref CollectionsMarshal.AsSpan(_values)[chunk], length);
    }
}
