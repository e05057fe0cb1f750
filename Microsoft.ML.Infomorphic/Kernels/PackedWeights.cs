// Aggregated inputs of a layer for rows that are scored: f_i = b_i + Σ_k w_ik x_k.
//
//   symbol   variable      shape                    unit
//   w        _panels       panels × inputs × 32     –      32 neurons side by side, padded with zeros
//   b        _biases       panels × 32              –
//   x        values        entries, or × 8 rows     –      inputs that are not zero, and which they are
//   f        sums          panels × 32              –
//
// The definition, for every path and machine: the sum starts at 0 and takes the inputs in their order, each by one fused
// multiply-add in single precision; the bias comes last. A zero input then changes nothing, so that leaving it out gives
// the same bits (weights are finite), and a row's sums depend neither on its neighbours nor on the width of the vectors.

using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>Weights and biases of one source of a layer, laid out for scoring. Immutable.</summary>
internal sealed unsafe class PackedWeights
{
    /// <summary>Rows that are multiplied together.</summary>
    public const int GroupRows = 8;

    /// <summary>Neurons of a panel.</summary>
    public const int PanelWidth = 2 * Lanes;

    private const int Lanes = 16;

    private readonly AlignedArray<float> _panels;
    private readonly AlignedArray<float> _biases;
    private readonly int _panelCount;

    /// <summary>Lays weights out.</summary>
    /// <param name="weights">Neurons × inputs, row by row.</param>
    /// <param name="biases">One a neuron.</param>
    public PackedWeights(ReadOnlySpan<float> weights, ReadOnlySpan<float> biases)
    {
        NeuronCount = biases.Length;
        InputCount = weights.Length / biases.Length;
        _panelCount = (NeuronCount + PanelWidth - 1) / PanelWidth;
        _panels = new AlignedArray<float>(checked(_panelCount * InputCount * PanelWidth));
        _biases = new AlignedArray<float>(_panelCount * PanelWidth);
        biases.CopyTo(_biases.Span);
        for (int neuron = 0; neuron < NeuronCount; neuron++)
        {
            float* lane = _panels.Pointer + neuron / PanelWidth * InputCount * PanelWidth + neuron % PanelWidth;
            for (int input = 0; input < InputCount; input++)
                lane[input * PanelWidth] = weights[neuron * InputCount + input];
        }
    }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount { get; }

    /// <summary>Number of inputs of a neuron.</summary>
    public int InputCount { get; }

    /// <summary>Room for the sums of a row: N, rounded up to whole panels.</summary>
    public int Stride => _panelCount * PanelWidth;

    /// <summary>Sums of one row.</summary>
    /// <param name="indices">The inputs that count, ascending; those left out are zero.</param>
    /// <param name="values">Their values.</param>
    /// <param name="sums">Receives the sums, <see cref="Stride"/> numbers; those past the neurons are zero.</param>
    public void Multiply(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> sums)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, indices.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, Stride);
        fixed (int* index = indices)
        fixed (float* value = values)
        fixed (float* sum = sums)
        {
            int panel = 0;
            for (; panel + 4 <= _panelCount; panel += 4)
                MultiplyFourPanels(index, value, indices.Length, panel, sum + panel * PanelWidth);
            for (; panel < _panelCount; panel++)
                MultiplyPanel(index, value, indices.Length, panel, sum + panel * PanelWidth);
        }

        GC.KeepAlive(this);
    }

    /// <summary>Sums of <see cref="GroupRows"/> rows.</summary>
    /// <param name="indices">The inputs that count in any of the rows, ascending; those left out are zero in all.</param>
    /// <param name="values">Their values, entries × <see cref="GroupRows"/>.</param>
    /// <param name="sums">Receives the sums, <see cref="GroupRows"/> × <see cref="Stride"/>.</param>
    public void MultiplyGroup(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> sums)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, indices.Length * GroupRows);
        ArgumentOutOfRangeException.ThrowIfLessThan(sums.Length, GroupRows * Stride);
        fixed (int* index = indices)
        fixed (float* value = values)
        fixed (float* sum = sums)
        {
            for (int panel = 0; panel < _panelCount; panel++)
            {
                float* target = sum + panel * PanelWidth;
                if (Vector512.IsHardwareAccelerated)
                {
                    MultiplyEightRows(index, value, indices.Length, panel, target);
                    continue;
                }

                // Fewer registers: a quarter of the sums at a time.
                for (int lane = 0; lane < PanelWidth; lane += Lanes)
                {
                    MultiplyFourRows(index, value, indices.Length, panel, lane, target + lane);
                    MultiplyFourRows(index, value + 4, indices.Length, panel, lane, target + 4 * Stride + lane);
                }
            }
        }

        GC.KeepAlive(this);
    }

    /// <summary>Finds the inputs of a row that are not zero.</summary>
    /// <param name="row">The row.</param>
    /// <param name="indices">Receives their indices.</param>
    /// <param name="values">Receives their values.</param>
    /// <returns>How many they are.</returns>
    public static int Compress(ReadOnlySpan<float> row, Span<int> indices, Span<float> values)
    {
        int count = 0;
        for (int input = 0; input < row.Length; input++)
        {
            indices[count] = input;
            values[count] = row[input];
            count += row[input] != 0 ? 1 : 0;
        }

        return count;
    }

    /// <summary>Finds the inputs that are not zero in any row of a group, and puts the rows' values side by side.</summary>
    /// <param name="rows">Up to <see cref="GroupRows"/> rows, one after the other.</param>
    /// <param name="rowCount">Number of rows; the rest of the group is filled with zeros.</param>
    /// <param name="inputCount">Number of inputs of a row.</param>
    /// <param name="indices">Receives the inputs.</param>
    /// <param name="values">Receives the values, entries × <see cref="GroupRows"/>.</param>
    /// <returns>How many inputs they are.</returns>
    public static int CompressGroup(
        ReadOnlySpan<float> rows,
        int rowCount,
        int inputCount,
        Span<int> indices,
        Span<float> values
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows.Length, rowCount * inputCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, inputCount * GroupRows);
        int count = 0;
        for (int input = 0; input < inputCount; input++)
        {
            Span<float> entry = values.Slice(count * GroupRows, GroupRows);
            bool any = false;
            for (int row = 0; row < rowCount; row++)
            {
                entry[row] = rows[row * inputCount + input];
                any |= entry[row] != 0;
            }

            entry[rowCount..].Clear();
            indices[count] = input;
            count += any ? 1 : 0;
        }

        return count;
    }

    private float* Panel(int panel) => _panels.Pointer + (nint)panel * InputCount * PanelWidth;

    private void MultiplyFourPanels(int* indices, float* values, int count, int panel, float* sums)
    {
        float* p0 = Panel(panel);
        float* p1 = Panel(panel + 1);
        float* p2 = Panel(panel + 2);
        float* p3 = Panel(panel + 3);
        Vector512<float> s0 = default;
        Vector512<float> s1 = default;
        Vector512<float> s2 = default;
        Vector512<float> s3 = default;
        Vector512<float> s4 = default;
        Vector512<float> s5 = default;
        Vector512<float> s6 = default;
        Vector512<float> s7 = default;
        for (int j = 0; j < count; j++)
        {
            Vector512<float> x = Vector512.Create(values[j]);
            nint start = (nint)indices[j] * PanelWidth;
            s0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p0 + start), s0);
            s1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p0 + start + Lanes), s1);
            s2 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p1 + start), s2);
            s3 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p1 + start + Lanes), s3);
            s4 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p2 + start), s4);
            s5 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p2 + start + Lanes), s5);
            s6 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p3 + start), s6);
            s7 = Vector512.FusedMultiplyAdd(x, Vector512.Load(p3 + start + Lanes), s7);
        }

        float* biases = _biases.Pointer + panel * PanelWidth;
        (s0 + Vector512.Load(biases)).Store(sums);
        (s1 + Vector512.Load(biases + Lanes)).Store(sums + Lanes);
        (s2 + Vector512.Load(biases + 2 * Lanes)).Store(sums + 2 * Lanes);
        (s3 + Vector512.Load(biases + 3 * Lanes)).Store(sums + 3 * Lanes);
        (s4 + Vector512.Load(biases + 4 * Lanes)).Store(sums + 4 * Lanes);
        (s5 + Vector512.Load(biases + 5 * Lanes)).Store(sums + 5 * Lanes);
        (s6 + Vector512.Load(biases + 6 * Lanes)).Store(sums + 6 * Lanes);
        (s7 + Vector512.Load(biases + 7 * Lanes)).Store(sums + 7 * Lanes);
    }

    private void MultiplyPanel(int* indices, float* values, int count, int panel, float* sums)
    {
        float* weights = Panel(panel);
        Vector512<float> s0 = default;
        Vector512<float> s1 = default;
        for (int j = 0; j < count; j++)
        {
            Vector512<float> x = Vector512.Create(values[j]);
            nint start = (nint)indices[j] * PanelWidth;
            s0 = Vector512.FusedMultiplyAdd(x, Vector512.Load(weights + start), s0);
            s1 = Vector512.FusedMultiplyAdd(x, Vector512.Load(weights + start + Lanes), s1);
        }

        float* biases = _biases.Pointer + panel * PanelWidth;
        (s0 + Vector512.Load(biases)).Store(sums);
        (s1 + Vector512.Load(biases + Lanes)).Store(sums + Lanes);
    }

    private void MultiplyEightRows(int* indices, float* values, int count, int panel, float* sums)
    {
        float* weights = Panel(panel);
        Vector512<float> a0 = default;
        Vector512<float> b0 = default;
        Vector512<float> a1 = default;
        Vector512<float> b1 = default;
        Vector512<float> a2 = default;
        Vector512<float> b2 = default;
        Vector512<float> a3 = default;
        Vector512<float> b3 = default;
        Vector512<float> a4 = default;
        Vector512<float> b4 = default;
        Vector512<float> a5 = default;
        Vector512<float> b5 = default;
        Vector512<float> a6 = default;
        Vector512<float> b6 = default;
        Vector512<float> a7 = default;
        Vector512<float> b7 = default;
        for (int j = 0; j < count; j++)
        {
            nint start = (nint)indices[j] * PanelWidth;
            Vector512<float> a = Vector512.Load(weights + start);
            Vector512<float> b = Vector512.Load(weights + start + Lanes);
            Vector512<float> x = Vector512.Create(values[0]);
            a0 = Vector512.FusedMultiplyAdd(x, a, a0);
            b0 = Vector512.FusedMultiplyAdd(x, b, b0);
            x = Vector512.Create(values[1]);
            a1 = Vector512.FusedMultiplyAdd(x, a, a1);
            b1 = Vector512.FusedMultiplyAdd(x, b, b1);
            x = Vector512.Create(values[2]);
            a2 = Vector512.FusedMultiplyAdd(x, a, a2);
            b2 = Vector512.FusedMultiplyAdd(x, b, b2);
            x = Vector512.Create(values[3]);
            a3 = Vector512.FusedMultiplyAdd(x, a, a3);
            b3 = Vector512.FusedMultiplyAdd(x, b, b3);
            x = Vector512.Create(values[4]);
            a4 = Vector512.FusedMultiplyAdd(x, a, a4);
            b4 = Vector512.FusedMultiplyAdd(x, b, b4);
            x = Vector512.Create(values[5]);
            a5 = Vector512.FusedMultiplyAdd(x, a, a5);
            b5 = Vector512.FusedMultiplyAdd(x, b, b5);
            x = Vector512.Create(values[6]);
            a6 = Vector512.FusedMultiplyAdd(x, a, a6);
            b6 = Vector512.FusedMultiplyAdd(x, b, b6);
            x = Vector512.Create(values[7]);
            a7 = Vector512.FusedMultiplyAdd(x, a, a7);
            b7 = Vector512.FusedMultiplyAdd(x, b, b7);
            values += GroupRows;
        }

        Vector512<float> biasA = Vector512.Load(_biases.Pointer + panel * PanelWidth);
        Vector512<float> biasB = Vector512.Load(_biases.Pointer + panel * PanelWidth + Lanes);
        nint stride = Stride;
        Store(sums, a0, b0);
        Store(sums + stride, a1, b1);
        Store(sums + 2 * stride, a2, b2);
        Store(sums + 3 * stride, a3, b3);
        Store(sums + 4 * stride, a4, b4);
        Store(sums + 5 * stride, a5, b5);
        Store(sums + 6 * stride, a6, b6);
        Store(sums + 7 * stride, a7, b7);

        void Store(float* target, Vector512<float> a, Vector512<float> b)
        {
            (a + biasA).Store(target);
            (b + biasB).Store(target + Lanes);
        }
    }

    private void MultiplyFourRows(int* indices, float* values, int count, int panel, int lane, float* sums)
    {
        float* weights = Panel(panel) + lane;
        Vector512<float> s0 = default;
        Vector512<float> s1 = default;
        Vector512<float> s2 = default;
        Vector512<float> s3 = default;
        for (int j = 0; j < count; j++)
        {
            Vector512<float> w = Vector512.Load(weights + (nint)indices[j] * PanelWidth);
            s0 = Vector512.FusedMultiplyAdd(Vector512.Create(values[0]), w, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Create(values[1]), w, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Create(values[2]), w, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Create(values[3]), w, s3);
            values += GroupRows;
        }

        Vector512<float> bias = Vector512.Load(_biases.Pointer + panel * PanelWidth + lane);
        (s0 + bias).Store(sums);
        (s1 + bias).Store(sums + Stride);
        (s2 + bias).Store(sums + 2 * Stride);
        (s3 + bias).Store(sums + 3 * Stride);
    }
}
