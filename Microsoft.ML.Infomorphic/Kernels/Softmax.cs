// p_k = e^(s_k − m) / Σ_j e^(s_j − m), m = max_j s_j, in single precision: the sum in the order of the classes, for a row
// alone and for tiles of rows, so that both have the same bits.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>Probabilities from scores.</summary>
internal static unsafe class Softmax
{
    /// <summary>Probabilities of a row.</summary>
    /// <param name="scores">One score a class.</param>
    /// <param name="probabilities">Receives one probability a class; may be the scores.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalize(ReadOnlySpan<float> scores, Span<float> probabilities)
    {
        float largest = scores[0];
        for (int k = 1; k < scores.Length; k++)
            largest = scores[k] > largest ? scores[k] : largest;
        for (int k = 0; k < scores.Length; k += Vector512<float>.Count)
            VectorMath.Store(
                VectorMath.SmallExp(VectorMath.Load(scores, k) - Vector512.Create(largest)),
                probabilities,
                k
            );
        float sum = 0;
        foreach (float power in probabilities)
            sum += power;
        for (int k = 0; k < probabilities.Length; k++)
            probabilities[k] /= sum;
    }

    /// <summary>Probabilities of a tile's rows.</summary>
    /// <param name="scores">Scores, classes × 32, aligned to 64 bytes; receives the probabilities.</param>
    /// <param name="classes">Number of classes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void NormalizeTile(float* scores, int classes)
    {
        for (int lane = 0; lane < RowTile.Rows; lane += Vector512<float>.Count)
        {
            float* column = scores + lane;
            Vector512<float> largest = Vector512.LoadAligned(column);
            for (int k = 1; k < classes; k++)
            {
                Vector512<float> score = Vector512.LoadAligned(column + k * RowTile.Rows);
                largest = Vector512.ConditionalSelect(Vector512.GreaterThan(score, largest), score, largest);
            }

            Vector512<float> sum = default;
            for (int k = 0; k < classes; k++)
            {
                Vector512<float> power = VectorMath.SmallExp(
                    Vector512.LoadAligned(column + k * RowTile.Rows) - largest
                );
                power.StoreAligned(column + k * RowTile.Rows);
                sum += power;
            }

            for (int k = 0; k < classes; k++)
                (Vector512.LoadAligned(column + k * RowTile.Rows) / sum).StoreAligned(column + k * RowTile.Rows);
        }
    }
}
