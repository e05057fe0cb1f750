// Products of weights with numbers that lie lane by lane, as in tiles of rows, in either direction: sums of what is heard,
// and, transposed, what of a number of the sums goes back to what was heard.
//
//   symbol   variable   shape
//   W        weights    outputs × inputs, those that are there
//   x        inputs     inputs × lanes
//   W x      outputs    outputs × lanes

using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>A matrix of weights, most of which may be missing, that is multiplied with lanes of numbers.</summary>
internal sealed class LaneWeights
{
    /// <summary>Numbers of lanes are multiples of this.</summary>
    public const int Lanes = 16;

    // Of output o: the connections from _starts[o] to before _starts[o + 1].
    private readonly int[] _starts;
    private readonly int[] _inputs;
    private readonly float[] _weights;
    private readonly bool _isWhole;

    private LaneWeights(int[] starts, int[] inputs, float[] weights, int inputCount)
    {
        (_starts, _inputs, _weights, InputCount) = (starts, inputs, weights, inputCount);

        // All inputs in their order: rows of the matrix lie side by side.
        _isWhole = weights.Length == (long)OutputCount * inputCount;
        for (int i = 0; _isWhole && i < inputs.Length; i++)
            _isWhole = inputs[i] == i % inputCount;
    }

    /// <summary>Number of outputs.</summary>
    public int OutputCount => _starts.Length - 1;

    /// <summary>Number of inputs.</summary>
    public int InputCount { get; }

    /// <summary>A multiple of lanes that holds so many.</summary>
    public static int Padded(int count) => (count + Lanes - 1) / Lanes * Lanes;

    /// <summary>Weights by output.</summary>
    /// <param name="outputs">Number of outputs.</param>
    /// <param name="inputs">Number of inputs.</param>
    /// <param name="inputsOf">The inputs of an output, and their weights.</param>
    public static LaneWeights Create(int outputs, int inputs, Func<int, (int[] Inputs, float[] Weights)> inputsOf)
    {
        int[] starts = new int[outputs + 1];
        var places = new List<int>();
        var weights = new List<float>();
        for (int output = 0; output < outputs; output++)
        {
            (int[] of, float[] with) = inputsOf(output);
            places.AddRange(of);
            weights.AddRange(with);
            starts[output + 1] = places.Count;
        }

        return new LaneWeights(starts, [.. places], [.. weights], inputs);
    }

    /// <summary>The same weights with inputs and outputs exchanged.</summary>
    public LaneWeights Transpose()
    {
        int[] starts = new int[InputCount + 1];
        foreach (int input in _inputs)
            starts[input + 1]++;
        for (int input = 0; input < InputCount; input++)
            starts[input + 1] += starts[input];
        int[] next = starts[..^1];
        int[] outputs = new int[_inputs.Length];
        float[] weights = new float[_inputs.Length];
        for (int output = 0; output < OutputCount; output++)
        for (int i = _starts[output]; i < _starts[output + 1]; i++)
        {
            int at = next[_inputs[i]]++;
            outputs[at] = output;
            weights[at] = _weights[i];
        }

        return new LaneWeights(starts, outputs, weights, OutputCount);
    }

    /// <summary>Adds W x to the outputs.</summary>
    /// <param name="inputs">x, inputs × lanes.</param>
    /// <param name="outputs">Outputs × lanes.</param>
    /// <param name="lanes">Number of lanes: 1, or a multiple of <see cref="Lanes"/>.</param>
    public void MultiplyAdd(ReadOnlySpan<float> inputs, Span<float> outputs, int lanes)
    {
        if (lanes == 1)
            MultiplyAdd(inputs[..InputCount], outputs[..OutputCount]);
        else
            MultiplyAdd(inputs, lanes, outputs, lanes, lanes);
    }

    /// <summary>Adds W x to the outputs, where some of the lanes that lie side by side take part.</summary>
    /// <param name="inputs">x, from the first lane of the first input on.</param>
    /// <param name="inputStride">Lanes of an input that lie side by side.</param>
    /// <param name="outputs">From the first lane of the first output on.</param>
    /// <param name="outputStride">Lanes of an output that lie side by side.</param>
    /// <param name="lanes">Number of lanes, a multiple of <see cref="Lanes"/>.</param>
    public void MultiplyAdd(
        ReadOnlySpan<float> inputs,
        int inputStride,
        Span<float> outputs,
        int outputStride,
        int lanes
    )
    {
        if (
            lanes % Lanes != 0
            || inputs.Length < (InputCount - 1) * inputStride + lanes
            || outputs.Length < (OutputCount - 1) * outputStride + lanes
        )
            throw new ArgumentException($"{InputCount} inputs and {OutputCount} outputs of {lanes} lanes do not fit.");
        ref float x = ref MemoryMarshal.GetReference(inputs);
        ref float y = ref MemoryMarshal.GetReference(outputs);
        int lane = 0;
        for (; lane + 4 * Lanes <= lanes; lane += 4 * Lanes)
        {
            ref float from = ref Unsafe.Add(ref x, lane);
            ref float to = ref Unsafe.Add(ref y, lane);
            int output = 0;
            for (; _isWhole && output + 4 <= OutputCount; output += 4)
                MultiplyAddWhole(ref from, inputStride, ref to, outputStride, output);
            MultiplyAdd4(ref from, inputStride, ref to, outputStride, output);
        }

        for (; lane < lanes; lane += Lanes)
        {
            ref float from = ref Unsafe.Add(ref x, lane);
            ref float to = ref Unsafe.Add(ref y, lane);
            int output = 0;
            for (; _isWhole && output + 8 <= OutputCount; output += 8)
                MultiplyAddWhole1(ref from, inputStride, ref to, outputStride, output);
            MultiplyAdd1(ref from, inputStride, ref to, outputStride, output);
        }
    }

    /// <summary>One number of W x, in double precision.</summary>
    public double Dot(int output, ReadOnlySpan<float> inputs)
    {
        double sum = 0;
        for (int i = _starts[output]; i < _starts[output + 1]; i++)
            sum += (double)_weights[i] * inputs[_inputs[i]];
        return sum;
    }

    // One vector x of numbers that lie side by side.
    private void MultiplyAdd(ReadOnlySpan<float> inputs, Span<float> outputs)
    {
        for (int output = 0; output < outputs.Length; output++)
        {
            ReadOnlySpan<float> weights = _weights.AsSpan(_starts[output].._starts[output + 1]);
            if (_isWhole)
            {
                outputs[output] += TensorPrimitives.Dot(weights, inputs);
                continue;
            }

            ReadOnlySpan<int> places = _inputs.AsSpan(_starts[output].._starts[output + 1]);
            float sum = 0;
            for (int i = 0; i < places.Length; i++)
                sum += weights[i] * inputs[places[i]];
            outputs[output] += sum;
        }
    }

    /// <summary>Adds Wᵀ x, of one vector x of numbers that lie side by side.</summary>
    /// <param name="values">x, one number an output.</param>
    /// <param name="sums">Receives one number an input.</param>
    public void TransposedMultiplyAdd(ReadOnlySpan<float> values, Span<float> sums)
    {
        for (int output = 0; output < values.Length; output++)
        {
            ReadOnlySpan<float> weights = _weights.AsSpan(_starts[output].._starts[output + 1]);
            if (_isWhole)
            {
                TensorPrimitives.MultiplyAdd(weights, values[output], sums, sums);
                continue;
            }

            ReadOnlySpan<int> places = _inputs.AsSpan(_starts[output].._starts[output + 1]);
            for (int i = 0; i < places.Length; i++)
                sums[places[i]] += weights[i] * values[output];
        }
    }

    /// <summary>Adds to a vector of outputs what one input alone gives to each: of the transposed matrix, Wᵀ's row times x.</summary>
    /// <param name="output">The row.</param>
    /// <param name="values">x, one number a lane.</param>
    /// <param name="sums">Receives the products: inputs × lanes.</param>
    /// <param name="lanes">Number of lanes.</param>
    public void Scatter(int output, ReadOnlySpan<float> values, Span<float> sums, int lanes)
    {
        for (int i = _starts[output]; i < _starts[output + 1]; i++)
        {
            Span<float> sum = sums.Slice(_inputs[i] * lanes, lanes);
            TensorPrimitives.MultiplyAdd(values, _weights[i], sum, sum);
        }
    }

    // Four outputs that have all inputs and four vectors of lanes: what is loaded is used four times.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyAddWhole(ref float x, int inputStride, ref float y, int outputStride, int output)
    {
        ref float w0 = ref _weights[(nint)output * InputCount];
        ref float w1 = ref Unsafe.Add(ref w0, InputCount);
        ref float w2 = ref Unsafe.Add(ref w1, InputCount);
        ref float w3 = ref Unsafe.Add(ref w2, InputCount);
        ref float y0 = ref Unsafe.Add(ref y, (nint)output * outputStride);
        ref float y1 = ref Unsafe.Add(ref y0, outputStride);
        ref float y2 = ref Unsafe.Add(ref y1, outputStride);
        ref float y3 = ref Unsafe.Add(ref y2, outputStride);
        var a0 = Vector512.LoadUnsafe(ref y0);
        var b0 = Vector512.LoadUnsafe(ref y0, Lanes);
        var c0 = Vector512.LoadUnsafe(ref y0, 2 * Lanes);
        var d0 = Vector512.LoadUnsafe(ref y0, 3 * Lanes);
        var a1 = Vector512.LoadUnsafe(ref y1);
        var b1 = Vector512.LoadUnsafe(ref y1, Lanes);
        var c1 = Vector512.LoadUnsafe(ref y1, 2 * Lanes);
        var d1 = Vector512.LoadUnsafe(ref y1, 3 * Lanes);
        var a2 = Vector512.LoadUnsafe(ref y2);
        var b2 = Vector512.LoadUnsafe(ref y2, Lanes);
        var c2 = Vector512.LoadUnsafe(ref y2, 2 * Lanes);
        var d2 = Vector512.LoadUnsafe(ref y2, 3 * Lanes);
        var a3 = Vector512.LoadUnsafe(ref y3);
        var b3 = Vector512.LoadUnsafe(ref y3, Lanes);
        var c3 = Vector512.LoadUnsafe(ref y3, 2 * Lanes);
        var d3 = Vector512.LoadUnsafe(ref y3, 3 * Lanes);
        for (int input = 0; input < InputCount; input++)
        {
            var a = Vector512.LoadUnsafe(ref x);
            var b = Vector512.LoadUnsafe(ref x, Lanes);
            var c = Vector512.LoadUnsafe(ref x, 2 * Lanes);
            var d = Vector512.LoadUnsafe(ref x, 3 * Lanes);
            var w = Vector512.Create(Unsafe.Add(ref w0, input));
            a0 = Vector512.FusedMultiplyAdd(w, a, a0);
            b0 = Vector512.FusedMultiplyAdd(w, b, b0);
            c0 = Vector512.FusedMultiplyAdd(w, c, c0);
            d0 = Vector512.FusedMultiplyAdd(w, d, d0);
            w = Vector512.Create(Unsafe.Add(ref w1, input));
            a1 = Vector512.FusedMultiplyAdd(w, a, a1);
            b1 = Vector512.FusedMultiplyAdd(w, b, b1);
            c1 = Vector512.FusedMultiplyAdd(w, c, c1);
            d1 = Vector512.FusedMultiplyAdd(w, d, d1);
            w = Vector512.Create(Unsafe.Add(ref w2, input));
            a2 = Vector512.FusedMultiplyAdd(w, a, a2);
            b2 = Vector512.FusedMultiplyAdd(w, b, b2);
            c2 = Vector512.FusedMultiplyAdd(w, c, c2);
            d2 = Vector512.FusedMultiplyAdd(w, d, d2);
            w = Vector512.Create(Unsafe.Add(ref w3, input));
            a3 = Vector512.FusedMultiplyAdd(w, a, a3);
            b3 = Vector512.FusedMultiplyAdd(w, b, b3);
            c3 = Vector512.FusedMultiplyAdd(w, c, c3);
            d3 = Vector512.FusedMultiplyAdd(w, d, d3);
            x = ref Unsafe.Add(ref x, inputStride);
        }

        a0.StoreUnsafe(ref y0);
        b0.StoreUnsafe(ref y0, Lanes);
        c0.StoreUnsafe(ref y0, 2 * Lanes);
        d0.StoreUnsafe(ref y0, 3 * Lanes);
        a1.StoreUnsafe(ref y1);
        b1.StoreUnsafe(ref y1, Lanes);
        c1.StoreUnsafe(ref y1, 2 * Lanes);
        d1.StoreUnsafe(ref y1, 3 * Lanes);
        a2.StoreUnsafe(ref y2);
        b2.StoreUnsafe(ref y2, Lanes);
        c2.StoreUnsafe(ref y2, 2 * Lanes);
        d2.StoreUnsafe(ref y2, 3 * Lanes);
        a3.StoreUnsafe(ref y3);
        b3.StoreUnsafe(ref y3, Lanes);
        c3.StoreUnsafe(ref y3, 2 * Lanes);
        d3.StoreUnsafe(ref y3, 3 * Lanes);
    }

    // Eight outputs that have all inputs and one vector of lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyAddWhole1(ref float x, int inputStride, ref float y, int outputStride, int output)
    {
        ref float w0 = ref _weights[(nint)output * InputCount];
        ref float w1 = ref Unsafe.Add(ref w0, InputCount);
        ref float w2 = ref Unsafe.Add(ref w1, InputCount);
        ref float w3 = ref Unsafe.Add(ref w2, InputCount);
        ref float w4 = ref Unsafe.Add(ref w3, InputCount);
        ref float w5 = ref Unsafe.Add(ref w4, InputCount);
        ref float w6 = ref Unsafe.Add(ref w5, InputCount);
        ref float w7 = ref Unsafe.Add(ref w6, InputCount);
        ref float y0 = ref Unsafe.Add(ref y, (nint)output * outputStride);
        var a0 = Vector512.LoadUnsafe(ref y0);
        var a1 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, outputStride));
        var a2 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 2 * outputStride));
        var a3 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 3 * outputStride));
        var a4 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 4 * outputStride));
        var a5 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 5 * outputStride));
        var a6 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 6 * outputStride));
        var a7 = Vector512.LoadUnsafe(ref Unsafe.Add(ref y0, 7 * outputStride));
        for (int input = 0; input < InputCount; input++)
        {
            var a = Vector512.LoadUnsafe(ref x);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w0, input)), a, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w1, input)), a, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w2, input)), a, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w3, input)), a, a3);
            a4 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w4, input)), a, a4);
            a5 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w5, input)), a, a5);
            a6 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w6, input)), a, a6);
            a7 = Vector512.FusedMultiplyAdd(Vector512.Create(Unsafe.Add(ref w7, input)), a, a7);
            x = ref Unsafe.Add(ref x, inputStride);
        }

        a0.StoreUnsafe(ref y0);
        a1.StoreUnsafe(ref Unsafe.Add(ref y0, outputStride));
        a2.StoreUnsafe(ref Unsafe.Add(ref y0, 2 * outputStride));
        a3.StoreUnsafe(ref Unsafe.Add(ref y0, 3 * outputStride));
        a4.StoreUnsafe(ref Unsafe.Add(ref y0, 4 * outputStride));
        a5.StoreUnsafe(ref Unsafe.Add(ref y0, 5 * outputStride));
        a6.StoreUnsafe(ref Unsafe.Add(ref y0, 6 * outputStride));
        a7.StoreUnsafe(ref Unsafe.Add(ref y0, 7 * outputStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyAdd4(ref float x, int inputStride, ref float y, int outputStride, int output)
    {
        for (; output < OutputCount; output++)
        {
            ref float to = ref Unsafe.Add(ref y, (nint)output * outputStride);
            var a = Vector512.LoadUnsafe(ref to);
            var b = Vector512.LoadUnsafe(ref to, Lanes);
            var c = Vector512.LoadUnsafe(ref to, 2 * Lanes);
            var d = Vector512.LoadUnsafe(ref to, 3 * Lanes);
            for (int i = _starts[output]; i < _starts[output + 1]; i++)
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * inputStride);
                var weight = Vector512.Create(_weights[i]);
                a = Vector512.FusedMultiplyAdd(weight, Vector512.LoadUnsafe(ref from), a);
                b = Vector512.FusedMultiplyAdd(weight, Vector512.LoadUnsafe(ref from, Lanes), b);
                c = Vector512.FusedMultiplyAdd(weight, Vector512.LoadUnsafe(ref from, 2 * Lanes), c);
                d = Vector512.FusedMultiplyAdd(weight, Vector512.LoadUnsafe(ref from, 3 * Lanes), d);
            }

            a.StoreUnsafe(ref to);
            b.StoreUnsafe(ref to, Lanes);
            c.StoreUnsafe(ref to, 2 * Lanes);
            d.StoreUnsafe(ref to, 3 * Lanes);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyAdd1(ref float x, int inputStride, ref float y, int outputStride, int output)
    {
        for (; output < OutputCount; output++)
        {
            ref float to = ref Unsafe.Add(ref y, (nint)output * outputStride);
            var a = Vector512.LoadUnsafe(ref to);
            var b = Vector512<float>.Zero;
            int i = _starts[output];
            for (; i + 1 < _starts[output + 1]; i += 2)
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * inputStride);
                ref float next = ref Unsafe.Add(ref x, (nint)_inputs[i + 1] * inputStride);
                a = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i]), Vector512.LoadUnsafe(ref from), a);
                b = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i + 1]), Vector512.LoadUnsafe(ref next), b);
            }

            if (i < _starts[output + 1])
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * inputStride);
                a = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i]), Vector512.LoadUnsafe(ref from), a);
            }

            (a + b).StoreUnsafe(ref to);
        }
    }
}
