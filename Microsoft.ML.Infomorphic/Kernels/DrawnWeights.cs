// Weighted sums of drawn inputs: S_nr = Σ_i w_ni x_{p(n,i) r} + b_n, in the order of the draw, each a chain of fused
// multiply-adds as in InterleavedWeights.
//
//   symbol   variable   shape                                 unit
//   w        weights    neurons × connections                 –
//   p        peers      neurons × connections                 input
//   x        values     tiles × inputs × 32 rows, or inputs   –
//   S        sums       tiles × neurons × 32 rows, or neurons –

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The weights of neurons that are connected to inputs of their own.</summary>
/// <param name="weights">Neurons × connections.</param>
/// <param name="peers">The input of each connection.</param>
/// <param name="biases">One a neuron.</param>
/// <param name="inputs">Number of inputs; no peer is outside.</param>
internal sealed unsafe class DrawnWeights(float[] weights, int[] peers, float[] biases, int inputs) : IScoringWeights
{
    private readonly int _connections = peers.Length / biases.Length;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Aggregate(ReadOnlySpan<float> values, Span<float> sums)
    {
        if (values.Length != inputs)
            throw new ArgumentException($"There are {inputs} inputs, not {values.Length}.");
        if (sums.Length != biases.Length)
            throw new ArgumentException($"There are {biases.Length} neurons, and room for {sums.Length} sums.");
        fixed (float* x = values)
        fixed (float* w = weights)
        fixed (int* p = peers)
        {
            int neuron = 0;
            for (; neuron + 4 <= sums.Length; neuron += 4)
            {
                nint start = (nint)neuron * _connections;
                float* w0 = w + start;
                int* p0 = p + start;
                float s0 = 0;
                float s1 = 0;
                float s2 = 0;
                float s3 = 0;
                for (int i = 0; i < _connections; i++)
                {
                    s0 = float.FusedMultiplyAdd(w0[i], x[p0[i]], s0);
                    s1 = float.FusedMultiplyAdd(w0[i + _connections], x[p0[i + _connections]], s1);
                    s2 = float.FusedMultiplyAdd(w0[i + 2 * _connections], x[p0[i + 2 * _connections]], s2);
                    s3 = float.FusedMultiplyAdd(w0[i + 3 * _connections], x[p0[i + 3 * _connections]], s3);
                }

                sums[neuron] = s0 + biases[neuron];
                sums[neuron + 1] = s1 + biases[neuron + 1];
                sums[neuron + 2] = s2 + biases[neuron + 2];
                sums[neuron + 3] = s3 + biases[neuron + 3];
            }

            for (; neuron < sums.Length; neuron++)
            {
                float sum = 0;
                for (nint i = (nint)neuron * _connections; i < (nint)(neuron + 1) * _connections; i++)
                    sum = float.FusedMultiplyAdd(w[i], x[p[i]], sum);
                sums[neuron] = sum + biases[neuron];
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Aggregate(float* values, nint inputStride, float* sums, nint sumStride, int tiles)
    {
        fixed (float* w = weights)
        fixed (int* p = peers)
            for (int tile = 0; tile < tiles; tile++)
            {
                float* x = values + tile * inputStride;
                float* s = sums + tile * sumStride;
                int neuron = 0;
                for (; neuron + 2 <= biases.Length; neuron += 2)
                    AggregateTwo(w, p, x, s, neuron);
                if (neuron < biases.Length)
                    AggregateOne(w, p, x, s, neuron);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AggregateTwo(float* w, int* p, float* x, float* sums, int neuron)
    {
        Vector512<float> a0 = default;
        Vector512<float> b0 = default;
        Vector512<float> a1 = default;
        Vector512<float> b1 = default;
        nint start = (nint)neuron * _connections;
        for (nint i = start; i < start + _connections; i++)
        {
            float* y = x + (nint)p[i] * RowTile.Rows;
            Vector512<float> weight = Vector512.Create(w[i]);
            a0 = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y), a0);
            b0 = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y + 16), b0);
            y = x + (nint)p[i + _connections] * RowTile.Rows;
            weight = Vector512.Create(w[i + _connections]);
            a1 = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y), a1);
            b1 = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y + 16), b1);
        }

        Store(neuron, a0, b0, sums);
        Store(neuron + 1, a1, b1, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AggregateOne(float* w, int* p, float* x, float* sums, int neuron)
    {
        Vector512<float> a = default;
        Vector512<float> b = default;
        nint start = (nint)neuron * _connections;
        for (nint i = start; i < start + _connections; i++)
        {
            float* y = x + (nint)p[i] * RowTile.Rows;
            Vector512<float> weight = Vector512.Create(w[i]);
            a = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y), a);
            b = Vector512.FusedMultiplyAdd(weight, Vector512.LoadAligned(y + 16), b);
        }

        Store(neuron, a, b, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store(int neuron, Vector512<float> low, Vector512<float> high, float* sums)
    {
        Vector512<float> bias = Vector512.Create(biases[neuron]);
        (low + bias).StoreAligned(sums + (nint)neuron * RowTile.Rows);
        (high + bias).StoreAligned(sums + (nint)neuron * RowTile.Rows + 16);
    }
}
