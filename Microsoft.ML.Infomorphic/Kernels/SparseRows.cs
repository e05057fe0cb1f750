// Rows of which most numbers are zero, and the sums over them: S_r = Σ_j w_j x_rj and its derivative by the weights.
//
//   symbol   variable      shape                  unit
//   w        weights       inputs                 –
//   x        this          rows × inputs          –
//   S        sums          rows                   –
//   ∂G/∂S    bySums        rows                   bit
//   ∂G/∂w    gradient      inputs                 bit
//
// A neuron's weights stay in the second-level cache while all rows are read, each of which takes some tens of them.

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The rows of a batch without their zeros. They lie in parts of <see cref="RowsPerPart"/> rows, which different threads may
/// fill; memory grows to the largest part that comes.
/// </summary>
internal sealed class SparseRows
{
    /// <summary>Rows of a part.</summary>
    public const int RowsPerPart = 32;

    private readonly int _rows;
    private readonly Part[] _parts;

    /// <param name="rows">Number of rows.</param>
    public SparseRows(int rows)
    {
        _rows = rows;
        _parts = new Part[(rows + RowsPerPart - 1) / RowsPerPart];
        for (int part = 0; part < _parts.Length; part++)
            _parts[part] = new Part();
    }

    /// <summary>Begins to fill a part anew.</summary>
    /// <param name="part">The part, from 0.</param>
    /// <returns>What its rows are added to, in order.</returns>
    public Part Begin(int part)
    {
        _parts[part].Clear();
        return _parts[part];
    }

    /// <summary>The weighted sums of all rows.</summary>
    /// <param name="weights">A weight for each input.</param>
    /// <param name="sums">The sums of the rows.</param>
    /// <param name="add">Whether they are added to what is there.</param>
    public void Aggregate(ReadOnlySpan<float> weights, Span<float> sums, bool add)
    {
        if (!add)
            sums.Clear();
        for (int row = 0; row < _rows; row++)
        {
            SparseRow of = _parts[row / RowsPerPart][row % RowsPerPart];
            ReadOnlySpan<int> inputs = of.Inputs;
            ReadOnlySpan<float> values = of.Values[..inputs.Length];

            // Four sums side by side: each addition waits for the one before.
            float s0 = 0;
            float s1 = 0;
            float s2 = 0;
            float s3 = 0;
            int i = 0;
            for (; i + 4 <= inputs.Length; i += 4)
            {
                s0 += weights[inputs[i]] * values[i];
                s1 += weights[inputs[i + 1]] * values[i + 1];
                s2 += weights[inputs[i + 2]] * values[i + 2];
                s3 += weights[inputs[i + 3]] * values[i + 3];
            }

            for (; i < inputs.Length; i++)
                s0 += weights[inputs[i]] * values[i];
            sums[row] += s0 + s1 + (s2 + s3);
        }
    }

    /// <summary>The derivative by the weights.</summary>
    /// <param name="bySums">That by the sums of all rows.</param>
    /// <param name="gradient">Receives it, for each input.</param>
    public void Differentiate(ReadOnlySpan<float> bySums, Span<float> gradient)
    {
        gradient.Clear();
        for (int row = 0; row < _rows; row++)
        {
            SparseRow of = _parts[row / RowsPerPart][row % RowsPerPart];
            ReadOnlySpan<int> inputs = of.Inputs;
            ReadOnlySpan<float> values = of.Values[..inputs.Length];
            float slope = bySums[row];
            for (int i = 0; i < inputs.Length; i++)
                gradient[inputs[i]] += slope * values[i];
        }
    }

    /// <summary>Some rows, one after another.</summary>
    internal sealed class Part
    {
        private readonly int[] _ends = new int[RowsPerPart];
        private int[] _inputs = [];
        private float[] _values = [];
        private int _count;

        private int End => _count == 0 ? 0 : _ends[_count - 1];

        /// <summary>Adds a row.</summary>
        /// <param name="row">The row.</param>
        /// <returns>Its values where they are kept, and may be changed.</returns>
        public Span<float> Add(SparseRow row)
        {
            int start = End;
            int end = checked(start + row.Inputs.Length);
            if (end > _inputs.Length)
            {
                int length = Math.Max(end, 2 * _inputs.Length);
                Array.Resize(ref _inputs, length);
                Array.Resize(ref _values, length);
            }

            row.Inputs.CopyTo(_inputs.AsSpan(start));
            row.Values.CopyTo(_values.AsSpan(start));
            _ends[_count++] = end;
            return _values.AsSpan(start, row.Values.Length);
        }

        /// <summary>Forgets all rows.</summary>
        public void Clear() => _count = 0;

        /// <summary>A row.</summary>
        /// <param name="row">The row, from 0.</param>
        public SparseRow this[int row]
        {
            get
            {
                int start = row == 0 ? 0 : _ends[row - 1];
                int count = _ends[row] - start;
                return new SparseRow(_inputs.AsSpan(start, count), _values.AsSpan(start, count));
            }
        }
    }
}

/// <summary>The numbers of a row that are not zero.</summary>
/// <param name="inputs">Their places, all different.</param>
/// <param name="values">Their values.</param>
internal readonly ref struct SparseRow(ReadOnlySpan<int> inputs, ReadOnlySpan<float> values)
{
    /// <summary>Their places, all different.</summary>
    public ReadOnlySpan<int> Inputs { get; } = inputs;

    /// <summary>Their values.</summary>
    public ReadOnlySpan<float> Values { get; } = values;
}

/// <summary>One thread's memory for a row in full, in which those of its numbers are found that are not zero.</summary>
/// <param name="length">Numbers of a row.</param>
internal sealed class SparseRowScratch(int length)
{
    private readonly float[] _row = new float[length];
    private readonly int[] _inputs = new int[length];
    private readonly float[] _values = new float[length];

    /// <summary>The row in full.</summary>
    public Span<float> Row => _row;

    /// <summary>What is not zero of <see cref="Row"/>, until the next row.</summary>
    public SparseRow Find()
    {
        int count = NonZeros.Find(_row, _inputs, _values);
        return new SparseRow(_inputs.AsSpan(0, count), _values.AsSpan(0, count));
    }
}
