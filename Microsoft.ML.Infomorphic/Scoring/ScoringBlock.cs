using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>
/// Rows to be scored together, and their scores. It is filled again and again, so that scoring leaves nothing to the
/// garbage collector. Rows without many zeros are kept in full; the others as they came, until they have to be scored
/// next to rows in full.
/// </summary>
internal sealed unsafe class ScoringBlock
{
    // A row with this many times as many features as non-zero ones is scored faster without its zeros.
    private const int SparseFactor = 4;

    private readonly float[] _probabilities;
    private readonly RowKind[] _kinds;
    private readonly int[] _starts;
    private readonly int _featureCount;
    private readonly int _classCount;

    // Rows come as they are, and are kept as the network reads them.
    private readonly FeatureEncoding? _encoding;
    private float[]? _raw;

    // Pinned, each by itself: a reader may fill a whole array, and no part of one.
    private readonly float[]?[] _full;
    private readonly nint[] _addresses;
    private AlignedArray<float>? _zeros;
    private int[] _indices = [];
    private float[] _values = [];

    /// <summary>Makes room.</summary>
    /// <param name="featureCount">Features of a row, as the network reads it.</param>
    /// <param name="classCount">Scores of a row.</param>
    /// <param name="capacity">The largest number of rows.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    public ScoringBlock(int featureCount, int classCount, int capacity, FeatureEncoding? encoding = null)
    {
        _encoding = encoding;
        _featureCount = featureCount;
        _classCount = classCount;
        Capacity = capacity;
        _probabilities = new float[checked(capacity * classCount)];
        _kinds = new RowKind[capacity];
        _starts = new int[capacity + 1];
        _full = new float[]?[capacity];
        _addresses = new nint[capacity];
    }

    private enum RowKind : byte
    {
        Full,
        Sparse,
        Missing,
    }

    /// <summary>The largest number of rows.</summary>
    public int Capacity { get; }

    /// <summary>Number of rows added.</summary>
    public int RowCount { get; private set; }

    /// <summary>Where the next row may be written before it is added in full.</summary>
    public float[] NextRow =>
        _encoding is null
            ? Row(RowCount)
            : _raw ??= GC.AllocateUninitializedArray<float>(_encoding.FeatureCount, pinned: true);

    /// <summary>Removes all rows.</summary>
    public void Clear() => RowCount = 0;

    /// <summary>Gives away the memory of the next row: someone else may write to it.</summary>
    public void GiveNextRowAway()
    {
        if (_encoding is null)
            _full[RowCount] = null;
        else
            _raw = null;
    }

    /// <summary>Adds a row in full.</summary>
    /// <param name="features">The features; nothing is copied where they are those of <see cref="NextRow"/>.</param>
    public void Add(ReadOnlySpan<float> features)
    {
        float[] row = Row(RowCount);
        if (_encoding is not null)
            _encoding.Encode(features, row);
        else if (!Unsafe.AreSame(ref MemoryMarshal.GetReference(features), ref row[0]))
            features.CopyTo(row);
        Append(RowKind.Full);
    }

    /// <summary>Adds a row by its non-zero features.</summary>
    public void Add(ReadOnlySpan<int> indices, ReadOnlySpan<float> values)
    {
        if (_encoding is not null)
        {
            Expand(indices, values, NextRow);
            Add(NextRow);
            return;
        }

        if ((long)indices.Length * SparseFactor > _featureCount)
        {
            Expand(indices, values, Row(RowCount));
            Append(RowKind.Full);
            return;
        }

        int start = RowCount == 0 ? 0 : _starts[RowCount];
        int end = start + indices.Length;
        if (end > _indices.Length)
        {
            int length = Math.Max(end, 2 * _indices.Length);
            Array.Resize(ref _indices, length);
            Array.Resize(ref _values, length);
        }

        indices.CopyTo(_indices.AsSpan(start));
        values.CopyTo(_values.AsSpan(start));
        Append(RowKind.Sparse, indices.Length);
    }

    /// <summary>The scores of a row.</summary>
    public Span<float> Probabilities(int row) => _probabilities.AsSpan(row * _classCount, _classCount);

    /// <summary>The scores of all rows, one row after another.</summary>
    public Span<float> AllProbabilities => _probabilities.AsSpan(0, RowCount * _classCount);

    /// <summary>Numbers that follow from the scores, as many a row, one row after another; none where nobody calculates any.</summary>
    public float[] Explained { get; set; } = [];

    /// <summary>Whether a row has no scores, because a feature is not finite or became so in a sum.</summary>
    public bool IsMissing(int row) => _kinds[row] == RowKind.Missing;

    /// <summary>Says that a row has no scores.</summary>
    public void SetMissing(int row) => _kinds[row] = RowKind.Missing;

    /// <summary>Whether a tile has no row in full.</summary>
    public bool IsSparse(int tile) =>
        !_kinds
            .AsSpan(tile * RowTile.Rows, Math.Min(RowTile.Rows, RowCount - tile * RowTile.Rows))
            .Contains(RowKind.Full);

    /// <summary>The features of a sparse row; none for a missing one.</summary>
    public (ReadOnlyMemory<int> Indices, ReadOnlyMemory<float> Values) Sparse(int row)
    {
        int count = _starts[row + 1] - _starts[row];
        return (_indices.AsMemory(_starts[row], count), _values.AsMemory(_starts[row], count));
    }

    /// <summary>Writes the features of a row in full, zeros for a missing one.</summary>
    public ReadOnlySpan<float> Expand(int row)
    {
        Span<float> features = Row(row);
        if (_kinds[row] != RowKind.Full)
        {
            (ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values) = Sparse(row);
            Expand(indices.Span, values.Span, features);
        }

        return features;
    }

    /// <summary>Turns the rows of a tile into the tile.</summary>
    /// <param name="tile">Which tile.</param>
    /// <param name="destination">Receives it.</param>
    /// <param name="places">
    /// Receives which features are left when those are left out that are zero in all rows; null to keep all.
    /// </param>
    /// <returns>How many are left.</returns>
    public int Pack(int tile, float* destination, int* places)
    {
        _zeros ??= new AlignedArray<float>(_featureCount);
        float** rows = stackalloc float*[RowTile.Rows];
        for (int lane = 0; lane < RowTile.Rows; lane++)
        {
            int row = tile * RowTile.Rows + lane;
            if (row < RowCount && _kinds[row] != RowKind.Full)
                Expand(row);
            rows[lane] = row < RowCount ? (float*)_addresses[row] : _zeros.Pointer;
        }

        int left = RowTile.Pack(rows, _featureCount, destination, places);
        GC.KeepAlive(this);
        return left;
    }

    private void Append(RowKind kind, int values = 0)
    {
        _starts[0] = 0;
        _starts[RowCount + 1] = _starts[RowCount] + values;
        _kinds[RowCount++] = kind;
    }

    private float[] Row(int row)
    {
        if (_full[row] is float[] found)
            return found;
        float[] made = GC.AllocateUninitializedArray<float>(_featureCount, pinned: true);
        _addresses[row] = (nint)Unsafe.AsPointer(ref made[0]);
        return _full[row] = made;
    }

    private static void Expand(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> features)
    {
        features.Clear();
        for (int i = 0; i < indices.Length; i++)
            features[indices[i]] = values[i];
    }
}
