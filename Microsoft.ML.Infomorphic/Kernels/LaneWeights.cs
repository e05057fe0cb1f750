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
        {
            MultiplyAdd(inputs[..InputCount], outputs[..OutputCount]);
            return;
        }

        if (lanes % Lanes != 0 || inputs.Length < InputCount * lanes || outputs.Length < OutputCount * lanes)
            throw new ArgumentException($"{InputCount} inputs and {OutputCount} outputs of {lanes} lanes do not fit.");
        ref float x = ref MemoryMarshal.GetReference(inputs);
        ref float y = ref MemoryMarshal.GetReference(outputs);
        int lane = 0;
        for (; lane + 4 * Lanes <= lanes; lane += 4 * Lanes)
            MultiplyAdd4(ref x, ref y, lane, lanes);
        for (; lane < lanes; lane += Lanes)
            MultiplyAdd1(ref x, ref y, lane, lanes);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MultiplyAdd4(ref float x, ref float y, int lane, int lanes)
    {
        for (int output = 0; output < OutputCount; output++)
        {
            ref float to = ref Unsafe.Add(ref y, (nint)output * lanes + lane);
            var a = Vector512.LoadUnsafe(ref to);
            var b = Vector512.LoadUnsafe(ref to, Lanes);
            var c = Vector512.LoadUnsafe(ref to, 2 * Lanes);
            var d = Vector512.LoadUnsafe(ref to, 3 * Lanes);
            for (int i = _starts[output]; i < _starts[output + 1]; i++)
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * lanes + lane);
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
    private void MultiplyAdd1(ref float x, ref float y, int lane, int lanes)
    {
        for (int output = 0; output < OutputCount; output++)
        {
            ref float to = ref Unsafe.Add(ref y, (nint)output * lanes + lane);
            var a = Vector512.LoadUnsafe(ref to);
            var b = Vector512<float>.Zero;
            int i = _starts[output];
            for (; i + 1 < _starts[output + 1]; i += 2)
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * lanes + lane);
                ref float next = ref Unsafe.Add(ref x, (nint)_inputs[i + 1] * lanes + lane);
                a = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i]), Vector512.LoadUnsafe(ref from), a);
                b = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i + 1]), Vector512.LoadUnsafe(ref next), b);
            }

            if (i < _starts[output + 1])
            {
                ref float from = ref Unsafe.Add(ref x, (nint)_inputs[i] * lanes + lane);
                a = Vector512.FusedMultiplyAdd(Vector512.Create(_weights[i]), Vector512.LoadUnsafe(ref from), a);
            }

            (a + b).StoreUnsafe(ref to);
        }
    }
}
