// Sums of a group of neurons that are connected to the same few inputs, and their derivative by the weights:
// S_ib = Σ_k w_ik x_{n(k) b}, for i in the group.
//
//   symbol   variable      shape                     unit
//   w        weights       neurons × connections     –
//   n        inputs        connections               input
//   x        heard         inputs × rows             –
//   S        sums          neurons × rows            –
//   ∂G/∂S    sums          neurons × rows            bit
//   ∂G/∂w    gradients     neurons × connections     bit
//
// Inputs are read where they are: a group is too small for its inputs to be worth copying, or a call of a library worth its price.
// Four neurons share what is loaded, and their sums over 64 rows, or their derivatives by 4 weights, stay in registers. Which
// neurons are in a four follows from the group alone, and so does every bit.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The rows of a matrix in memory. Rows are padded to whole vectors of 16 numbers: padding can be read and written, and is zero in
/// what products are of.
/// </summary>
/// <param name="first">The first number of the first row.</param>
/// <param name="stride">Numbers from the start of a row to the start of the next.</param>
internal readonly unsafe struct PaddedRows(float* first, int stride)
{
    /// <summary>The first number of a row.</summary>
    public float* this[int row] => first + (nint)row * stride;
}

/// <summary>Products of the weights of a group of neurons and the inputs that they share.</summary>
internal static unsafe class GroupProducts
{
    private const int Lanes = 16;
    private const int NeuronsAtOnce = 4;
    private const int WeightsAtOnce = 4;

    /// <summary>The weighted sums of a group's neurons.</summary>
    /// <param name="weights">The weights, a neuron of the group a row.</param>
    /// <param name="heard">The signal, an input a row; its padding is zero.</param>
    /// <param name="inputs">The inputs that the neurons are connected to.</param>
    /// <param name="sums">Receives the sums, a neuron of the group a row; its padding is zero if it was.</param>
    /// <param name="neurons">Neurons of the group.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="add">Whether sums are added to what is there.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Aggregate(
        PaddedRows weights,
        PaddedRows heard,
        ReadOnlySpan<int> inputs,
        PaddedRows sums,
        int neurons,
        int rows,
        bool add
    )
    {
        int neuron = 0;
        for (; neuron <= neurons - NeuronsAtOnce; neuron += NeuronsAtOnce)
        {
            int row = 0;
            for (; row <= rows - 4 * Lanes; row += 4 * Lanes)
                AggregateFour(weights, heard, inputs, sums, neuron, row, add);
            for (; row < rows; row += Lanes)
            {
                float* w0 = weights[neuron];
                float* w1 = weights[neuron + 1];
                float* w2 = weights[neuron + 2];
                float* w3 = weights[neuron + 3];
                Vector512<float> s0 = add ? Vector512.Load(sums[neuron] + row) : default;
                Vector512<float> s1 = add ? Vector512.Load(sums[neuron + 1] + row) : default;
                Vector512<float> s2 = add ? Vector512.Load(sums[neuron + 2] + row) : default;
                Vector512<float> s3 = add ? Vector512.Load(sums[neuron + 3] + row) : default;
                for (int k = 0; k < inputs.Length; k++)
                {
                    Vector512<float> x = Vector512.Load(heard[inputs[k]] + row);
                    s0 = Vector512.FusedMultiplyAdd(Vector512.Create(w0[k]), x, s0);
                    s1 = Vector512.FusedMultiplyAdd(Vector512.Create(w1[k]), x, s1);
                    s2 = Vector512.FusedMultiplyAdd(Vector512.Create(w2[k]), x, s2);
                    s3 = Vector512.FusedMultiplyAdd(Vector512.Create(w3[k]), x, s3);
                }

                s0.Store(sums[neuron] + row);
                s1.Store(sums[neuron + 1] + row);
                s2.Store(sums[neuron + 2] + row);
                s3.Store(sums[neuron + 3] + row);
            }
        }

        for (; neuron < neurons; neuron++)
        {
            float* w = weights[neuron];
            float* sum = sums[neuron];
            int row = 0;
            for (; row <= rows - 4 * Lanes; row += 4 * Lanes)
            {
                Vector512<float> s0 = add ? Vector512.Load(sum + row) : default;
                Vector512<float> s1 = add ? Vector512.Load(sum + row + Lanes) : default;
                Vector512<float> s2 = add ? Vector512.Load(sum + row + 2 * Lanes) : default;
                Vector512<float> s3 = add ? Vector512.Load(sum + row + 3 * Lanes) : default;
                for (int k = 0; k < inputs.Length; k++)
                {
                    float* x = heard[inputs[k]] + row;
                    var weight = Vector512.Create(w[k]);
                    s0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x), s0);
                    s1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x + Lanes), s1);
                    s2 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x + 2 * Lanes), s2);
                    s3 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(x + 3 * Lanes), s3);
                }

                s0.Store(sum + row);
                s1.Store(sum + row + Lanes);
                s2.Store(sum + row + 2 * Lanes);
                s3.Store(sum + row + 3 * Lanes);
            }

            for (; row < rows; row += Lanes)
            {
                Vector512<float> s = add ? Vector512.Load(sum + row) : default;
                for (int k = 0; k < inputs.Length; k++)
                    s = Vector512.FusedMultiplyAdd(Vector512.Create(w[k]), Vector512.Load(heard[inputs[k]] + row), s);
                s.Store(sum + row);
            }
        }
    }

    /// <summary>The derivative by the weights of a group's neurons.</summary>
    /// <param name="sums">∂G/∂S, a neuron of the group a row; its padding is zero.</param>
    /// <param name="heard">The signal, an input a row; its padding is zero.</param>
    /// <param name="inputs">The inputs that the neurons are connected to.</param>
    /// <param name="gradients">Receives the derivatives, a neuron of the group a row.</param>
    /// <param name="neurons">Neurons of the group.</param>
    /// <param name="rows">Rows of the batch.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Differentiate(
        PaddedRows sums,
        PaddedRows heard,
        ReadOnlySpan<int> inputs,
        PaddedRows gradients,
        int neurons,
        int rows
    )
    {
        int neuron = 0;
        for (; neuron <= neurons - NeuronsAtOnce; neuron += NeuronsAtOnce)
        {
            int k = 0;
            for (; k <= inputs.Length - WeightsAtOnce; k += WeightsAtOnce)
                DifferentiateFour(sums, heard, inputs.Slice(k, WeightsAtOnce), gradients, neuron, k, rows);
            for (; k < inputs.Length; k++)
            {
                float* x = heard[inputs[k]];
                Vector512<float> g0 = default;
                Vector512<float> g1 = default;
                Vector512<float> g2 = default;
                Vector512<float> g3 = default;
                for (int row = 0; row < rows; row += Lanes)
                {
                    Vector512<float> of = Vector512.Load(x + row);
                    g0 = Vector512.FusedMultiplyAdd(Vector512.Load(sums[neuron] + row), of, g0);
                    g1 = Vector512.FusedMultiplyAdd(Vector512.Load(sums[neuron + 1] + row), of, g1);
                    g2 = Vector512.FusedMultiplyAdd(Vector512.Load(sums[neuron + 2] + row), of, g2);
                    g3 = Vector512.FusedMultiplyAdd(Vector512.Load(sums[neuron + 3] + row), of, g3);
                }

                gradients[neuron][k] = Vector512.Sum(g0);
                gradients[neuron + 1][k] = Vector512.Sum(g1);
                gradients[neuron + 2][k] = Vector512.Sum(g2);
                gradients[neuron + 3][k] = Vector512.Sum(g3);
            }
        }

        for (; neuron < neurons; neuron++)
        {
            float* s = sums[neuron];
            for (int k = 0; k < inputs.Length; k++)
            {
                float* x = heard[inputs[k]];
                Vector512<float> even = default;
                Vector512<float> odd = default;
                int row = 0;
                for (; row + Lanes < rows; row += 2 * Lanes)
                {
                    even = Vector512.FusedMultiplyAdd(Vector512.Load(s + row), Vector512.Load(x + row), even);
                    odd = Vector512.FusedMultiplyAdd(
                        Vector512.Load(s + row + Lanes),
                        Vector512.Load(x + row + Lanes),
                        odd
                    );
                }

                if (row < rows)
                    even = Vector512.FusedMultiplyAdd(Vector512.Load(s + row), Vector512.Load(x + row), even);
                gradients[neuron][k] = Vector512.Sum(even + odd);
            }
        }
    }

    // Sums of four neurons over 64 rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AggregateFour(
        PaddedRows weights,
        PaddedRows heard,
        ReadOnlySpan<int> inputs,
        PaddedRows sums,
        int neuron,
        int row,
        bool add
    )
    {
        float* w0 = weights[neuron];
        float* w1 = weights[neuron + 1];
        float* w2 = weights[neuron + 2];
        float* w3 = weights[neuron + 3];
        float* s0 = sums[neuron] + row;
        float* s1 = sums[neuron + 1] + row;
        float* s2 = sums[neuron + 2] + row;
        float* s3 = sums[neuron + 3] + row;
        Vector512<float> s00 = add ? Vector512.Load(s0) : default;
        Vector512<float> s01 = add ? Vector512.Load(s0 + Lanes) : default;
        Vector512<float> s02 = add ? Vector512.Load(s0 + 2 * Lanes) : default;
        Vector512<float> s03 = add ? Vector512.Load(s0 + 3 * Lanes) : default;
        Vector512<float> s10 = add ? Vector512.Load(s1) : default;
        Vector512<float> s11 = add ? Vector512.Load(s1 + Lanes) : default;
        Vector512<float> s12 = add ? Vector512.Load(s1 + 2 * Lanes) : default;
        Vector512<float> s13 = add ? Vector512.Load(s1 + 3 * Lanes) : default;
        Vector512<float> s20 = add ? Vector512.Load(s2) : default;
        Vector512<float> s21 = add ? Vector512.Load(s2 + Lanes) : default;
        Vector512<float> s22 = add ? Vector512.Load(s2 + 2 * Lanes) : default;
        Vector512<float> s23 = add ? Vector512.Load(s2 + 3 * Lanes) : default;
        Vector512<float> s30 = add ? Vector512.Load(s3) : default;
        Vector512<float> s31 = add ? Vector512.Load(s3 + Lanes) : default;
        Vector512<float> s32 = add ? Vector512.Load(s3 + 2 * Lanes) : default;
        Vector512<float> s33 = add ? Vector512.Load(s3 + 3 * Lanes) : default;
        for (int k = 0; k < inputs.Length; k++)
        {
            float* x = heard[inputs[k]] + row;
            Vector512<float> x0 = Vector512.Load(x);
            Vector512<float> x1 = Vector512.Load(x + Lanes);
            Vector512<float> x2 = Vector512.Load(x + 2 * Lanes);
            Vector512<float> x3 = Vector512.Load(x + 3 * Lanes);
            var weight = Vector512.Create(w0[k]);
            s00 = Vector512.FusedMultiplyAdd(weight, x0, s00);
            s01 = Vector512.FusedMultiplyAdd(weight, x1, s01);
            s02 = Vector512.FusedMultiplyAdd(weight, x2, s02);
            s03 = Vector512.FusedMultiplyAdd(weight, x3, s03);
            weight = Vector512.Create(w1[k]);
            s10 = Vector512.FusedMultiplyAdd(weight, x0, s10);
            s11 = Vector512.FusedMultiplyAdd(weight, x1, s11);
            s12 = Vector512.FusedMultiplyAdd(weight, x2, s12);
            s13 = Vector512.FusedMultiplyAdd(weight, x3, s13);
            weight = Vector512.Create(w2[k]);
            s20 = Vector512.FusedMultiplyAdd(weight, x0, s20);
            s21 = Vector512.FusedMultiplyAdd(weight, x1, s21);
            s22 = Vector512.FusedMultiplyAdd(weight, x2, s22);
            s23 = Vector512.FusedMultiplyAdd(weight, x3, s23);
            weight = Vector512.Create(w3[k]);
            s30 = Vector512.FusedMultiplyAdd(weight, x0, s30);
            s31 = Vector512.FusedMultiplyAdd(weight, x1, s31);
            s32 = Vector512.FusedMultiplyAdd(weight, x2, s32);
            s33 = Vector512.FusedMultiplyAdd(weight, x3, s33);
        }

        s00.Store(s0);
        s01.Store(s0 + Lanes);
        s02.Store(s0 + 2 * Lanes);
        s03.Store(s0 + 3 * Lanes);
        s10.Store(s1);
        s11.Store(s1 + Lanes);
        s12.Store(s1 + 2 * Lanes);
        s13.Store(s1 + 3 * Lanes);
        s20.Store(s2);
        s21.Store(s2 + Lanes);
        s22.Store(s2 + 2 * Lanes);
        s23.Store(s2 + 3 * Lanes);
        s30.Store(s3);
        s31.Store(s3 + Lanes);
        s32.Store(s3 + 2 * Lanes);
        s33.Store(s3 + 3 * Lanes);
    }

    // Derivatives by four weights of four neurons.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DifferentiateFour(
        PaddedRows sums,
        PaddedRows heard,
        ReadOnlySpan<int> inputs,
        PaddedRows gradients,
        int neuron,
        int k,
        int rows
    )
    {
        float* x0 = heard[inputs[0]];
        float* x1 = heard[inputs[1]];
        float* x2 = heard[inputs[2]];
        float* x3 = heard[inputs[3]];
        float* s0 = sums[neuron];
        float* s1 = sums[neuron + 1];
        float* s2 = sums[neuron + 2];
        float* s3 = sums[neuron + 3];
        Vector512<float> g00 = default;
        Vector512<float> g01 = default;
        Vector512<float> g02 = default;
        Vector512<float> g03 = default;
        Vector512<float> g10 = default;
        Vector512<float> g11 = default;
        Vector512<float> g12 = default;
        Vector512<float> g13 = default;
        Vector512<float> g20 = default;
        Vector512<float> g21 = default;
        Vector512<float> g22 = default;
        Vector512<float> g23 = default;
        Vector512<float> g30 = default;
        Vector512<float> g31 = default;
        Vector512<float> g32 = default;
        Vector512<float> g33 = default;
        for (int row = 0; row < rows; row += Lanes)
        {
            Vector512<float> of0 = Vector512.Load(x0 + row);
            Vector512<float> of1 = Vector512.Load(x1 + row);
            Vector512<float> of2 = Vector512.Load(x2 + row);
            Vector512<float> of3 = Vector512.Load(x3 + row);
            Vector512<float> slope = Vector512.Load(s0 + row);
            g00 = Vector512.FusedMultiplyAdd(slope, of0, g00);
            g01 = Vector512.FusedMultiplyAdd(slope, of1, g01);
            g02 = Vector512.FusedMultiplyAdd(slope, of2, g02);
            g03 = Vector512.FusedMultiplyAdd(slope, of3, g03);
            slope = Vector512.Load(s1 + row);
            g10 = Vector512.FusedMultiplyAdd(slope, of0, g10);
            g11 = Vector512.FusedMultiplyAdd(slope, of1, g11);
            g12 = Vector512.FusedMultiplyAdd(slope, of2, g12);
            g13 = Vector512.FusedMultiplyAdd(slope, of3, g13);
            slope = Vector512.Load(s2 + row);
            g20 = Vector512.FusedMultiplyAdd(slope, of0, g20);
            g21 = Vector512.FusedMultiplyAdd(slope, of1, g21);
            g22 = Vector512.FusedMultiplyAdd(slope, of2, g22);
            g23 = Vector512.FusedMultiplyAdd(slope, of3, g23);
            slope = Vector512.Load(s3 + row);
            g30 = Vector512.FusedMultiplyAdd(slope, of0, g30);
            g31 = Vector512.FusedMultiplyAdd(slope, of1, g31);
            g32 = Vector512.FusedMultiplyAdd(slope, of2, g32);
            g33 = Vector512.FusedMultiplyAdd(slope, of3, g33);
        }

        Write(gradients[neuron] + k, g00, g01, g02, g03);
        Write(gradients[neuron + 1] + k, g10, g11, g12, g13);
        Write(gradients[neuron + 2] + k, g20, g21, g22, g23);
        Write(gradients[neuron + 3] + k, g30, g31, g32, g33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(
        float* gradients,
        Vector512<float> first,
        Vector512<float> second,
        Vector512<float> third,
        Vector512<float> fourth
    ) =>
        Vector128
            .Create(Vector512.Sum(first), Vector512.Sum(second), Vector512.Sum(third), Vector512.Sum(fourth))
            .Store(gradients);
}
