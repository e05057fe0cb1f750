// Lateral sums over drawn connections: L_ib = Σ_k w_ik y_{n(i,k) b} and its derivative by the weights.
//
//   symbol   variable      shape                  unit
//   w        weights       connections            –
//   n(i, ·)  peers         connections            neuron
//   y        outputs       neurons × rows         ±1
//   L        sums          rows                   –
//   ∂G/∂L    gradients     rows                   bit
//
// The batch is cut into tiles of 128 rows: a tile of all outputs stays in the second-level cache while every neuron
// reads its peers in it, and a neuron's sums over a tile stay in registers.

using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>Products with a matrix of few connections a row.</summary>
internal static unsafe class SparseProducts
{
    /// <summary>Rows of a tile.</summary>
    public const int TileRows = 128;

    private const int Lanes = 16;

    /// <summary>The weighted sums of a neuron's peers over one tile.</summary>
    /// <param name="weights">The neuron's weights.</param>
    /// <param name="peers">The neurons it listens to.</param>
    /// <param name="outputs">The outputs of all neurons, neurons × rows.</param>
    /// <param name="stride">Numbers from one neuron's outputs to the next one's.</param>
    /// <param name="tile">The tile, from 0.</param>
    /// <param name="sums">The neuron's sums, over all rows of the batch; those of the tile are overwritten.</param>
    public static void Aggregate(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<int> peers,
        float* outputs,
        int stride,
        int tile,
        Span<float> sums
    )
    {
        int start = tile * TileRows;
        int length = Math.Min(TileRows, sums.Length - start);
        if (length < TileRows)
        {
            Span<float> rest = sums.Slice(start, length);
            rest.Clear();
            for (int k = 0; k < peers.Length; k++)
                TensorPrimitives.MultiplyAdd(OutputsOf(peers[k], start, length), weights[k], rest, rest);
            return;
        }

        Vector512<float> s0 = default;
        Vector512<float> s1 = default;
        Vector512<float> s2 = default;
        Vector512<float> s3 = default;
        Vector512<float> s4 = default;
        Vector512<float> s5 = default;
        Vector512<float> s6 = default;
        Vector512<float> s7 = default;
        for (int k = 0; k < peers.Length; k++)
        {
            float* y = outputs + (nint)peers[k] * stride + start;
            var weight = Vector512.Create(weights[k]);
            s0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y), s0);
            s1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + Lanes), s1);
            s2 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 2 * Lanes), s2);
            s3 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 3 * Lanes), s3);
            s4 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 4 * Lanes), s4);
            s5 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 5 * Lanes), s5);
            s6 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 6 * Lanes), s6);
            s7 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(y + 7 * Lanes), s7);
        }

        fixed (float* sum = sums.Slice(start, TileRows))
        {
            s0.Store(sum);
            s1.Store(sum + Lanes);
            s2.Store(sum + 2 * Lanes);
            s3.Store(sum + 3 * Lanes);
            s4.Store(sum + 4 * Lanes);
            s5.Store(sum + 5 * Lanes);
            s6.Store(sum + 6 * Lanes);
            s7.Store(sum + 7 * Lanes);
        }

        ReadOnlySpan<float> OutputsOf(int neuron, int from, int count) =>
            new(outputs + (nint)neuron * stride + from, count);
    }

    /// <summary>Adds one tile's part of the derivative by a neuron's weights.</summary>
    /// <param name="gradients">∂G/∂L of the neuron, over all rows of the batch.</param>
    /// <param name="peers">The neurons it listens to.</param>
    /// <param name="outputs">The outputs of all neurons, neurons × rows.</param>
    /// <param name="stride">Numbers from one neuron's outputs to the next one's.</param>
    /// <param name="tile">The tile, from 0; the first overwrites, later ones add.</param>
    /// <param name="weightGradients">The derivative by the neuron's weights.</param>
    public static void Differentiate(
        ReadOnlySpan<float> gradients,
        ReadOnlySpan<int> peers,
        float* outputs,
        int stride,
        int tile,
        Span<float> weightGradients
    )
    {
        int start = tile * TileRows;
        int length = Math.Min(TileRows, gradients.Length - start);
        if (tile == 0)
            weightGradients.Clear();
        if (length < TileRows)
        {
            ReadOnlySpan<float> rest = gradients.Slice(start, length);
            for (int k = 0; k < peers.Length; k++)
                weightGradients[k] += TensorPrimitives.Dot(
                    rest,
                    new ReadOnlySpan<float>(outputs + (nint)peers[k] * stride + start, length)
                );
            return;
        }

        fixed (float* gradient = gradients.Slice(start, TileRows))
        {
            Vector512<float> g0 = Vector512.Load(gradient);
            Vector512<float> g1 = Vector512.Load(gradient + Lanes);
            Vector512<float> g2 = Vector512.Load(gradient + 2 * Lanes);
            Vector512<float> g3 = Vector512.Load(gradient + 3 * Lanes);
            Vector512<float> g4 = Vector512.Load(gradient + 4 * Lanes);
            Vector512<float> g5 = Vector512.Load(gradient + 5 * Lanes);
            Vector512<float> g6 = Vector512.Load(gradient + 6 * Lanes);
            Vector512<float> g7 = Vector512.Load(gradient + 7 * Lanes);
            for (int k = 0; k < peers.Length; k++)
            {
                float* y = outputs + (nint)peers[k] * stride + start;
                Vector512<float> even = g0 * Vector512.Load(y);
                Vector512<float> odd = g1 * Vector512.Load(y + Lanes);
                even = Vector512.FusedMultiplyAdd(g2, Vector512.Load(y + 2 * Lanes), even);
                odd = Vector512.FusedMultiplyAdd(g3, Vector512.Load(y + 3 * Lanes), odd);
                even = Vector512.FusedMultiplyAdd(g4, Vector512.Load(y + 4 * Lanes), even);
                odd = Vector512.FusedMultiplyAdd(g5, Vector512.Load(y + 5 * Lanes), odd);
                even = Vector512.FusedMultiplyAdd(g6, Vector512.Load(y + 6 * Lanes), even);
                odd = Vector512.FusedMultiplyAdd(g7, Vector512.Load(y + 7 * Lanes), odd);
                weightGradients[k] += Vector512.Sum(even + odd);
            }
        }
    }

    /// <summary>Number of tiles of a batch.</summary>
    public static int TileCount(int rows) => (rows + TileRows - 1) / TileRows;
}
