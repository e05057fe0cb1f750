using System.Numerics.Tensors;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// How aggregated inputs become discrete before the information is estimated (appendix A.6): equal bins, bin i of n
/// holding (edge_i, edge_{i+1}]; values outside the range fall into the first or the last bin.
/// </summary>
/// <param name="Count">Number of bins per source, 2 to 64; 20 in the paper.</param>
/// <param name="Range">Half-width R of the range (−R, R) that the bins cover; 20 in the paper's hidden layer.</param>
/// <param name="Adaptive">
/// Whether each neuron's values are first divided by their largest magnitude in the batch, as in the paper's output
/// layer.
/// </param>
public sealed record Binning(int Count = 20, double Range = 20, bool Adaptive = false)
{
    /// <summary>The binning of the paper's output layer: 20 bins on (−1, 1) of values divided by their largest magnitude in the batch.</summary>
    public static Binning PaperOutputLayer { get; } = new(20, 1, Adaptive: true);

    /// <summary>The largest number of bins per source.</summary>
    public const int MaximumCount = 64;

    /// <summary>Bins per unit of the source, n / 2R.</summary>
    internal float BinsPerUnit => (float)(Count / (2 * Range));

    /// <summary>What an adaptive binning divides a neuron's values by: their largest magnitude, or 1 where all are 0.</summary>
    internal static float DivisorOf(ReadOnlySpan<float> values)
    {
        float largest = TensorPrimitives.MaxMagnitude(values);
        return largest == 0 ? 1 : Math.Abs(largest);
    }

    /// <summary>
    /// The bin of a value, ⌈x·n/2R + n/2⌉ − 1, held within 0 … n − 1. It is defined in single precision, so that all
    /// kernels agree on which bin a value falls into; a value that is not a number falls into the first.
    /// </summary>
    internal int IndexOf(float value, float divisor = 1)
    {
        if (Adaptive)
            value /= divisor;
        float bin = MathF.Ceiling(value * BinsPerUnit + Count / 2f) - 1;
        return bin > 0 ? (int)Math.Min(bin, Count - 1) : 0;
    }

    internal void Validate()
    {
        if (Count is < 2 or > MaximumCount)
            throw new ArgumentOutOfRangeException(
                nameof(Count),
                Count,
                $"The number of bins must be between 2 and {MaximumCount}."
            );
        if (!(Range > 0) || !double.IsFinite(Range))
            throw new ArgumentOutOfRangeException(
                nameof(Range),
                Range,
                "The binning range must be a positive, finite number."
            );
    }
}
