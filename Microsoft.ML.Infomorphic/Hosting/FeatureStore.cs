using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Collects rows of which neither the number nor the share of zeros is known beforehand. Rows are kept without their
/// zeros for as long as that takes at most half of the memory that full rows would take, and in full from then on.
/// </summary>
/// <param name="featureCount">Number of features of a row.</param>
/// <param name="limit">Bytes that the rows may take.</param>
internal sealed class FeatureStore(int featureCount, long limit = long.MaxValue)
{
    /// <summary>Values in a chunk of full rows, at most: 16 MB.</summary>
    private const int ValuesPerChunk = 4 << 20;

    /// <summary>A chunk takes at most this part of the limit.</summary>
    private const int ChunksWithinLimit = 32;

    /// <summary>Rows are first judged when there are so many, and again whenever their number has doubled.</summary>
    private const int FirstJudgement = 256;

    /// <summary>What a sparse row costs beside its values: two arrays' headers and the references to them.</summary>
    private const long BytesPerSparseRow = 64;

    private readonly int _rowsPerChunk = (int)
        Math.Max(1, Math.Min(ValuesPerChunk, limit / ChunksWithinLimit / sizeof(float)) / featureCount);
    private readonly List<float[]> _chunks = [];
    private readonly List<int[]> _indices = [];
    private readonly List<float[]> _values = [];
    private long _nonZeros;
    private int _nextJudgement = FirstJudgement;
    private bool _full;

    /// <summary>Number of rows added.</summary>
    public int RowCount { get; private set; }

    /// <summary>Bytes that the rows added take.</summary>
    public long Bytes => _full ? BytesOfFull(RowCount) : BytesOfSparse(RowCount, _nonZeros);

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row's features, finite.</param>
    public void Add(in VBuffer<float> row) => TryAdd(in row);

    /// <summary>Adds a row unless the rows would take more than they may.</summary>
    /// <param name="row">The row's features, finite.</param>
    /// <returns>Whether it was added.</returns>
    public bool TryAdd(in VBuffer<float> row)
    {
        // Judged early where the limit would leave no room for both forms later.
        if (!_full && (RowCount == _nextJudgement || RowCount > 0 && Bytes > limit / 4))
        {
            while (_nextJudgement <= RowCount)
                _nextJudgement = checked(_nextJudgement * 2L) > int.MaxValue ? int.MaxValue : _nextJudgement * 2;
            if (!IsSparsePaying && IsRoomToFill)
                Fill();
        }

        if (_full)
        {
            if (BytesOfFull(RowCount + 1L) > limit)
                return false;
            row.CopyTo(NextFullRow());
        }
        else
        {
            ReadOnlySpan<float> values = row.GetValues();
            if (BytesOfSparse(RowCount + 1L, _nonZeros + values.Length - values.Count(0f)) > limit)
                return false;
            AddSparse(in row);
        }
        RowCount++;
        return true;
    }

    /// <summary>The rows added, as a matrix; the store is not used after.</summary>
    public FeatureMatrix ToMatrix()
    {
        if (!_full && (IsSparsePaying || !IsRoomToFill))
            return new SparseFeatureMatrix(featureCount, [.. _indices], [.. _values]);

        Fill();
        return new DenseFeatureMatrix(RowCount, featureCount, [.. _chunks], _rowsPerChunk);
    }

    private bool IsSparsePaying => 2 * BytesOfSparse(RowCount, _nonZeros) <= BytesOfFull(RowCount);

    private bool IsRoomToFill => BytesOfSparse(RowCount, _nonZeros) + BytesOfFull(RowCount) <= limit;

    /// <summary>Bytes that rows would take here.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="nonZeros">Number of their values that are not zero.</param>
    public long BytesOf(long rows, double nonZeros)
    {
        double sparse = BytesOfSparse(rows, (long)nonZeros);
        long full = BytesOfFull(rows);
        return 2 * sparse <= full ? (long)sparse : full;
    }

    private static long BytesOfSparse(long rows, long nonZeros) =>
        rows * BytesPerSparseRow + nonZeros * (sizeof(int) + sizeof(float));

    private long BytesOfFull(long rows) => rows * featureCount * sizeof(float);

    private void AddSparse(in VBuffer<float> row)
    {
        ReadOnlySpan<float> values = row.GetValues();
        int count = values.Length - values.Count(0f);
        var rowIndices = new int[count];
        var rowValues = new float[count];
        ReadOnlySpan<int> indices = row.IsDense ? default : row.GetIndices();
        for (int i = 0, at = 0; i < values.Length; i++)
        {
            if (values[i] == 0)
                continue;
            rowIndices[at] = row.IsDense ? i : indices[i];
            rowValues[at++] = values[i];
        }
        _indices.Add(rowIndices);
        _values.Add(rowValues);
        _nonZeros += count;
    }

    private void Fill()
    {
        if (_full)
            return;
        _full = true;
        int rows = RowCount;
        for (RowCount = 0; RowCount < rows; RowCount++)
        {
            Span<float> full = NextFullRow();
            int[] indices = _indices[RowCount];
            float[] values = _values[RowCount];
            for (int i = 0; i < indices.Length; i++)
                full[indices[i]] = values[i];
            _indices[RowCount] = [];
            _values[RowCount] = [];
        }
        _indices.Clear();
        _values.Clear();
    }

    private Span<float> NextFullRow()
    {
        int inChunk = RowCount % _rowsPerChunk;
        if (inChunk == 0)
            _chunks.Add([]);
        int needed = (inChunk + 1) * featureCount;
        Span<float[]> chunks = CollectionsMarshal.AsSpan(_chunks);
        ref float[] chunk = ref chunks[^1];
        if (chunk.Length < needed)
        {
            // The first chunk grows, so that a few rows do not cost 16 MB; later ones are sure to be needed.
            long rows = _chunks.Count > 1 ? _rowsPerChunk : Math.Min(_rowsPerChunk, Math.Max(16L, 2L * inChunk));
            Array.Resize(ref chunk, checked((int)(rows * featureCount)));
        }
        return chunk.AsSpan(inChunk * featureCount, featureCount);
    }
}
