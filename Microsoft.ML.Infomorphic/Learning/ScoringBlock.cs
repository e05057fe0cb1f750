using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

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
    private readonly int _stride;
    private AlignedArray<float>? _full;
    private int[] _indices = [];
    private float[] _values = [];

    /// <summary>Makes room.</summary>
    /// <param name="featureCount">Features of a row.</param>
    /// <param name="classCount">Scores of a row.</param>
    /// <param name="capacity">The largest number of rows.</param>
    public ScoringBlock(int featureCount, int classCount, int capacity)
    {
        _featureCount = featureCount;
        _classCount = classCount;
        Capacity = capacity;
        _probabilities = new float[checked(capacity * classCount)];
        _kinds = new RowKind[capacity];
        _starts = new int[capacity + 1];

        // An odd number of cache lines: the same feature of 32 rows then lies in 32 different places of the cache.
        _stride = (featureCount + 15) / 16 * 16;
        if (_stride / 16 % 2 == 0)
            _stride += 16;
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

    /// <summary>Numbers from one full row to the next.</summary>
    public int Stride => _stride;

    /// <summary>
    /// A good number of rows: enough to read the weights rarely, and few enough to stay in the second-level cache.
    /// </summary>
    public static int RowsFor(int featureCount) =>
        Math.Clamp((1 << 18) / featureCount / Panel.Rows * Panel.Rows, Panel.Rows, 4 * Panel.Rows);

    /// <summary>Removes all rows.</summary>
    public void Clear() => RowCount = 0;

    /// <summary>Adds a row in full.</summary>
    public void Add(ReadOnlySpan<float> features)
    {
        if (!TensorPrimitives.IsFiniteAll(features))
        {
            AddMissing();
            return;
        }

        features.CopyTo(Row(RowCount));
        Append(RowKind.Full);
    }

    /// <summary>Adds a row by its non-zero features.</summary>
    public void Add(ReadOnlySpan<int> indices, ReadOnlySpan<float> values)
    {
        // Of no values, TensorPrimitives says that not all are finite.
        if (!values.IsEmpty && !TensorPrimitives.IsFiniteAll(values))
        {
            AddMissing();
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

    /// <summary>Whether a row has no scores, because a feature is not finite or became so in a sum.</summary>
    public bool IsMissing(int row) => _kinds[row] == RowKind.Missing;

    /// <summary>Says that a row has no scores.</summary>
    public void SetMissing(int row) => _kinds[row] = RowKind.Missing;

    /// <summary>Whether a panel has no row in full.</summary>
    public bool IsSparse(int panel) =>
        !_kinds.AsSpan(panel * Panel.Rows, Math.Min(Panel.Rows, RowCount - panel * Panel.Rows)).Contains(RowKind.Full);

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

    /// <summary>Turns the rows of a panel into the panel.</summary>
    public void Pack(int panel, float* destination)
    {
        int first = panel * Panel.Rows;
        for (int row = first; row < Math.Min(first + Panel.Rows, RowCount); row++)
            if (_kinds[row] != RowKind.Full)
                Expand(row);
        for (int row = RowCount; row < first + Panel.Rows; row++)
            Row(row).Clear();
        Panel.Pack(_full!.Pointer + (nint)first * _stride, _stride, _featureCount, destination);
    }

    private void AddMissing() => Append(RowKind.Missing);

    private void Append(RowKind kind, int values = 0)
    {
        _starts[0] = 0;
        _starts[RowCount + 1] = _starts[RowCount] + values;
        _kinds[RowCount++] = kind;
    }

    private Span<float> Row(int row)
    {
        _full ??= new AlignedArray<float>(checked(Panel.Count(Capacity) * Panel.Rows * _stride));
        return _full.Span.Slice(row * _stride, _featureCount);
    }

    private static void Expand(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> features)
    {
        features.Clear();
        for (int i = 0; i < indices.Length; i++)
            features[indices[i]] = values[i];
    }
}
