// Weighted sums of all inputs: S_nr = Σ_k w_nk x_kr + b_n.
//
//   symbol   variable   shape                                 unit
//   w        _weights   groups of 8 neurons × inputs × 8      –
//   b        _biases    neurons                               –
//   x        inputs     tiles × inputs × 32 rows, or inputs   –
//   S        sums       tiles × neurons × 32 rows, or neurons –
//
// Every sum is one chain of fused multiply-adds over k = 0, 1, 2, … that begins at 0, and the bias comes last. So a
// row's sums are the same to the bit whether it is aggregated alone, without its zeros, or with others, and on every
// instruction set: what is computed side by side are neurons and rows, never the terms of a sum.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The weights of neurons that are connected to all inputs, in the order in which scoring reads them.</summary>
internal sealed unsafe class InterleavedWeights : IScoringWeights
{
    /// <summary>Neurons of a group.</summary>
    public const int GroupNeurons = 8;

    private readonly AlignedArray<float> _weights;
    private readonly AlignedArray<float> _biases;
    private readonly int _neurons;
    private readonly int _inputs;
    private readonly int _groups;
    private readonly AlignedArray<int> _all;

    /// <summary>Copies weights.</summary>
    /// <param name="weights">Neurons × inputs.</param>
    /// <param name="biases">One a neuron.</param>
    /// <param name="inputs">Number of inputs.</param>
    public InterleavedWeights(ReadOnlySpan<float> weights, ReadOnlySpan<float> biases, int inputs)
    {
        _neurons = biases.Length;
        _inputs = inputs;
        _groups = GroupsOf(_neurons);
        _weights = new AlignedArray<float>(checked(_groups * GroupNeurons * inputs));
        _biases = new AlignedArray<float>(_groups * GroupNeurons);
        biases.CopyTo(_biases.Span);
        _all = new AlignedArray<int>(inputs);
        for (int k = 0; k < inputs; k++)
            _all.Span[k] = k;
        Interleave(weights, inputs, _weights.Span);
    }

    /// <summary>Number of groups that hold so many neurons.</summary>
    public static int GroupsOf(int neurons) => (neurons + GroupNeurons - 1) / GroupNeurons;

    /// <summary>Puts weights into the order in which they are read.</summary>
    /// <param name="weights">Neurons × inputs.</param>
    /// <param name="inputs">Number of inputs.</param>
    /// <param name="interleaved">Receives groups × inputs × 8 weights; zeros where there is no neuron.</param>
    public static void Interleave(ReadOnlySpan<float> weights, int inputs, Span<float> interleaved)
    {
        for (int neuron = 0; neuron < weights.Length / inputs; neuron++)
        {
            ReadOnlySpan<float> row = weights.Slice(neuron * inputs, inputs);
            int start = neuron / GroupNeurons * GroupNeurons * inputs + neuron % GroupNeurons;
            for (int k = 0; k < row.Length; k++)
                interleaved[start + k * GroupNeurons] = row[k];
        }
    }

    /// <summary>The sums of one row.</summary>
    /// <param name="inputs">All inputs.</param>
    /// <param name="sums">Receives one number a neuron.</param>
    public void Aggregate(ReadOnlySpan<float> inputs, Span<float> sums)
    {
        if (inputs.Length != _inputs)
            throw new ArgumentException($"There are {_inputs} inputs, not {inputs.Length}.");
        fixed (float* values = inputs)
            AggregateRow(values, null, inputs.Length, sums);
    }

    /// <summary>The sums of one row, from the inputs that are not zero.</summary>
    /// <param name="indices">Which inputs these are, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="sums">Receives one number a neuron.</param>
    public void Aggregate(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> sums)
    {
        if (indices.Length != values.Length)
            throw new ArgumentException($"There are {indices.Length} indices and {values.Length} values.");
        foreach (int index in indices)
            if ((uint)index >= (uint)_inputs)
                throw new ArgumentException($"There are {_inputs} inputs, and none at {index}.");

        // An empty span has no address, and a null one would mean all inputs.
        int none = 0;
        fixed (int* places = indices)
        fixed (float* factors = values)
            AggregateRow(factors, places is null ? &none : places, indices.Length, sums);
    }

    /// <inheritdoc/>
    public void Aggregate(float* inputs, nint inputStride, float* sums, nint sumStride, int tiles) =>
        Aggregate(inputs, inputStride, sums, sumStride, tiles, _all.Pointer, 0, null);

    /// <summary>The sums of tiles that hold some of the inputs: the others are zero in all of their rows.</summary>
    /// <param name="inputs">Tiles × inputs × 32, aligned to 64 bytes.</param>
    /// <param name="inputStride">Numbers from one tile of inputs to the next.</param>
    /// <param name="sums">Receives tiles × neurons × 32, aligned to 64 bytes.</param>
    /// <param name="sumStride">Numbers from one tile of sums to the next.</param>
    /// <param name="tiles">Number of tiles.</param>
    /// <param name="places">Which inputs each tile holds.</param>
    /// <param name="placeStride">Numbers from one tile's places to the next.</param>
    /// <param name="counts">How many inputs each tile holds; null where all tiles hold all.</param>
    public void Aggregate(
        float* inputs,
        nint inputStride,
        float* sums,
        nint sumStride,
        int tiles,
        int* places,
        nint placeStride,
        int* counts
    )
    {
        // A group's weights stay in the nearest cache while all tiles pass.
        for (int group = 0; group < _groups; group++)
        {
            float* weights = _weights.Pointer + (nint)group * GroupNeurons * _inputs;
            float* biases = _biases.Pointer + group * GroupNeurons;
            int start = group * GroupNeurons;
            for (int tile = 0; tile < tiles; tile++)
                AggregateGroup<Packed>(
                    weights,
                    inputs + tile * inputStride,
                    places + tile * placeStride,
                    counts is null ? _inputs : counts[tile],
                    biases,
                    sums + tile * sumStride + start * RowTile.Rows,
                    _neurons - start
                );
        }

        GC.KeepAlive(this);
    }

    /// <summary>The sums of a group, of a tile of rows.</summary>
    /// <typeparam name="T">
    /// <see cref="Packed"/>: term k is the tile's k-th number and weight <paramref name="places"/>[k]; or
    /// <see cref="Indexed"/>: it is the tile's number <paramref name="places"/>[k] and weight k.
    /// </typeparam>
    /// <param name="weights">Inputs × 8.</param>
    /// <param name="x">The tile of inputs.</param>
    /// <param name="places">One place a term.</param>
    /// <param name="count">Number of terms.</param>
    /// <param name="biases">8 biases.</param>
    /// <param name="sums">Receives neurons × 32.</param>
    /// <param name="neurons">Number of neurons: 8 are computed, and no more than these are kept.</param>
    public static void AggregateGroup<T>(
        float* weights,
        float* x,
        int* places,
        int count,
        float* biases,
        float* sums,
        int neurons
    )
        where T : struct
    {
        if (neurons < GroupNeurons)
        {
            AggregateRest<T>(weights, x, places, count, biases, sums, neurons);
            return;
        }

        if (Vector512.IsHardwareAccelerated)
        {
            AggregateEight<T>(weights, x, places, count, biases, sums);
            return;
        }

        for (int part = 0; part < GroupNeurons; part += 4)
        for (int lane = 0; lane < RowTile.Rows; lane += 2 * Vector256<float>.Count)
            AggregateFour<T>(weights + part, x + lane, places, count, biases + part, sums + part * RowTile.Rows + lane);
    }

    private static void AggregateRest<T>(
        float* weights,
        float* x,
        int* places,
        int count,
        float* biases,
        float* sums,
        int neurons
    )
        where T : struct
    {
        const int Alignment = 16;
        const int Numbers = GroupNeurons * RowTile.Rows;
        float* memory = stackalloc float[Numbers + Alignment];
        float* all = (float*)(((nint)memory + Alignment * sizeof(float) - 1) & -(Alignment * sizeof(float)));
        AggregateGroup<T>(weights, x, places, count, biases, all, GroupNeurons);
        new ReadOnlySpan<float>(all, neurons * RowTile.Rows).CopyTo(new Span<float>(sums, Numbers));
    }

    // Eight groups at a time: as many chains as hide how long a multiply-add takes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AggregateRow(float* values, int* indices, int count, Span<float> sums)
    {
        if (sums.Length != _neurons)
            throw new ArgumentException($"There are {_neurons} neurons, and room for {sums.Length} sums.");
        const int Chains = 8;
        Vector256<float>* results = stackalloc Vector256<float>[Chains];
        nint stride = (nint)GroupNeurons * _inputs;
        for (int first = 0; first < _groups; first += Chains)
        {
            // Where there are fewer groups, the last one is computed again, and not looked at.
            float* w0 = _weights.Pointer + first * stride;
            nint o1 = Offset(1);
            nint o2 = Offset(2);
            nint o3 = Offset(3);
            nint o4 = Offset(4);
            nint o5 = Offset(5);
            nint o6 = Offset(6);
            nint o7 = Offset(7);
            Vector256<float> s0 = default;
            Vector256<float> s1 = default;
            Vector256<float> s2 = default;
            Vector256<float> s3 = default;
            Vector256<float> s4 = default;
            Vector256<float> s5 = default;
            Vector256<float> s6 = default;
            Vector256<float> s7 = default;
            for (int i = 0; i < count; i++)
            {
                float* w = w0 + (nint)(indices is null ? i : indices[i]) * GroupNeurons;
                Vector256<float> x = Vector256.Create(values[i]);
                s0 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w), s0);
                s1 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o1), s1);
                s2 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o2), s2);
                s3 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o3), s3);
                s4 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o4), s4);
                s5 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o5), s5);
                s6 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o6), s6);
                s7 = Vector256.FusedMultiplyAdd(x, Vector256.Load(w + o7), s7);
            }

            results[0] = s0;
            results[1] = s1;
            results[2] = s2;
            results[3] = s3;
            results[4] = s4;
            results[5] = s5;
            results[6] = s6;
            results[7] = s7;
            for (int group = first; group < Math.Min(_groups, first + Chains); group++)
            {
                int start = group * GroupNeurons;
                results[group - first] += Vector256.Load(_biases.Pointer + start);
                new ReadOnlySpan<float>(results + (group - first), Math.Min(GroupNeurons, _neurons - start)).CopyTo(
                    sums[start..]
                );
            }

            nint Offset(int chain) => Math.Min(chain, _groups - 1 - first) * stride;
        }

        GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AggregateEight<T>(float* weights, float* x, int* places, int count, float* biases, float* sums)
        where T : struct
    {
        Vector512<float> a0 = default;
        Vector512<float> a1 = default;
        Vector512<float> a2 = default;
        Vector512<float> a3 = default;
        Vector512<float> a4 = default;
        Vector512<float> a5 = default;
        Vector512<float> a6 = default;
        Vector512<float> a7 = default;
        Vector512<float> b0 = default;
        Vector512<float> b1 = default;
        Vector512<float> b2 = default;
        Vector512<float> b3 = default;
        Vector512<float> b4 = default;
        Vector512<float> b5 = default;
        Vector512<float> b6 = default;
        Vector512<float> b7 = default;
        for (int k = 0; k < count; k++)
        {
            float* w = weights + (nint)(typeof(T) == typeof(Packed) ? places[k] : k) * GroupNeurons;
            float* term = x + (nint)(typeof(T) == typeof(Packed) ? k : places[k]) * RowTile.Rows;
            Vector512<float> low = Vector512.LoadAligned(term);
            Vector512<float> high = Vector512.LoadAligned(term + 16);
            Vector512<float> weight = Vector512.Create(w[0]);
            a0 = Vector512.FusedMultiplyAdd(weight, low, a0);
            b0 = Vector512.FusedMultiplyAdd(weight, high, b0);
            weight = Vector512.Create(w[1]);
            a1 = Vector512.FusedMultiplyAdd(weight, low, a1);
            b1 = Vector512.FusedMultiplyAdd(weight, high, b1);
            weight = Vector512.Create(w[2]);
            a2 = Vector512.FusedMultiplyAdd(weight, low, a2);
            b2 = Vector512.FusedMultiplyAdd(weight, high, b2);
            weight = Vector512.Create(w[3]);
            a3 = Vector512.FusedMultiplyAdd(weight, low, a3);
            b3 = Vector512.FusedMultiplyAdd(weight, high, b3);
            weight = Vector512.Create(w[4]);
            a4 = Vector512.FusedMultiplyAdd(weight, low, a4);
            b4 = Vector512.FusedMultiplyAdd(weight, high, b4);
            weight = Vector512.Create(w[5]);
            a5 = Vector512.FusedMultiplyAdd(weight, low, a5);
            b5 = Vector512.FusedMultiplyAdd(weight, high, b5);
            weight = Vector512.Create(w[6]);
            a6 = Vector512.FusedMultiplyAdd(weight, low, a6);
            b6 = Vector512.FusedMultiplyAdd(weight, high, b6);
            weight = Vector512.Create(w[7]);
            a7 = Vector512.FusedMultiplyAdd(weight, low, a7);
            b7 = Vector512.FusedMultiplyAdd(weight, high, b7);
        }

        Store(0, a0, b0);
        Store(1, a1, b1);
        Store(2, a2, b2);
        Store(3, a3, b3);
        Store(4, a4, b4);
        Store(5, a5, b5);
        Store(6, a6, b6);
        Store(7, a7, b7);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Store(int neuron, Vector512<float> low, Vector512<float> high)
        {
            Vector512<float> bias = Vector512.Create(biases[neuron]);
            (low + bias).StoreAligned(sums + neuron * RowTile.Rows);
            (high + bias).StoreAligned(sums + neuron * RowTile.Rows + 16);
        }
    }

    // Sixteen registers hold half as many neurons and rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AggregateFour<T>(float* weights, float* x, int* places, int count, float* biases, float* sums)
        where T : struct
    {
        Vector256<float> a0 = default;
        Vector256<float> a1 = default;
        Vector256<float> a2 = default;
        Vector256<float> a3 = default;
        Vector256<float> b0 = default;
        Vector256<float> b1 = default;
        Vector256<float> b2 = default;
        Vector256<float> b3 = default;
        for (int k = 0; k < count; k++)
        {
            float* w = weights + (nint)(typeof(T) == typeof(Packed) ? places[k] : k) * GroupNeurons;
            float* term = x + (nint)(typeof(T) == typeof(Packed) ? k : places[k]) * RowTile.Rows;
            Vector256<float> low = Vector256.LoadAligned(term);
            Vector256<float> high = Vector256.LoadAligned(term + 8);
            Vector256<float> weight = Vector256.Create(w[0]);
            a0 = Vector256.FusedMultiplyAdd(weight, low, a0);
            b0 = Vector256.FusedMultiplyAdd(weight, high, b0);
            weight = Vector256.Create(w[1]);
            a1 = Vector256.FusedMultiplyAdd(weight, low, a1);
            b1 = Vector256.FusedMultiplyAdd(weight, high, b1);
            weight = Vector256.Create(w[2]);
            a2 = Vector256.FusedMultiplyAdd(weight, low, a2);
            b2 = Vector256.FusedMultiplyAdd(weight, high, b2);
            weight = Vector256.Create(w[3]);
            a3 = Vector256.FusedMultiplyAdd(weight, low, a3);
            b3 = Vector256.FusedMultiplyAdd(weight, high, b3);
        }

        Store(0, a0, b0);
        Store(1, a1, b1);
        Store(2, a2, b2);
        Store(3, a3, b3);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Store(int neuron, Vector256<float> low, Vector256<float> high)
        {
            Vector256<float> bias = Vector256.Create(biases[neuron]);
            (low + bias).StoreAligned(sums + neuron * RowTile.Rows);
            (high + bias).StoreAligned(sums + neuron * RowTile.Rows + 8);
        }
    }

    /// <summary>Tiles hold the inputs that some of the weights belong to, one after the other.</summary>
    public readonly struct Packed;

    /// <summary>Some of the inputs that tiles hold belong to the weights, one after the other.</summary>
    public readonly struct Indexed;
}
