using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Collects rows of which neither the number nor the share of zeros is known beforehand. Rows are kept without their
/// zeros for as long as that takes at most half of the memory that full rows would take, and in full from then on.
/// </summary>
/// <param name="featureCount">Number of features of a row.</param>
internal sealed class FeatureStore(int featureCount)
{
    /// <summary>Values in a chunk of full rows: 16 MB.</summary>
    private const int ValuesPerChunk = 4 << 20;

    /// <summary>Rows are first judged when there are so many, and again whenever their number has doubled.</summary>
    private const int FirstJudgement = 256;

    /// <summary>What a sparse row costs beside its values: two arrays' headers and the references to them.</summary>
    private const long BytesPerSparseRow = 64;

    private readonly int _rowsPerChunk = Math.Max(1, ValuesPerChunk / featureCount);
    private readonly List<float[]> _chunks = [];
    private readonly List<int[]> _indices = [];
    private readonly List<float[]> _values = [];
    private long _nonZeros;
    private int _nextJudgement = FirstJudgement;
    private bool _full;

    /// <summary>Number of rows added.</summary>
    public int RowCount { get; private set; }

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row's features, finite.</param>
    public void Add(in VBuffer<float> row)
    {
        if (!_full && RowCount == _nextJudgement)
        {
            _nextJudgement = checked(_nextJudgement * 2L) > int.MaxValue ? int.MaxValue : _nextJudgement * 2;
            if (!IsSparsePaying)
                Fill();
        }

        if (_full)
            row.CopyTo(NextFullRow());
        else
            AddSparse(in row);
        RowCount++;
    }

    /// <summary>The rows added, as a matrix; the store is not used after.</summary>
    public FeatureMatrix ToMatrix()
    {
        if (!_full && IsSparsePaying)
            return new SparseFeatureMatrix(featureCount, [.. _indices], [.. _values]);

        Fill();
        return new DenseFeatureMatrix(RowCount, featureCount, [.. _chunks], _rowsPerChunk);
    }

    private bool IsSparsePaying =>
        2 * (RowCount * BytesPerSparseRow + _nonZeros * (sizeof(int) + sizeof(float)))
        <= (long)RowCount * featureCount * sizeof(float);

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
