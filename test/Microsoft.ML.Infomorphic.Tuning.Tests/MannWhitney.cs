using MathNet.Numerics.Distributions;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Mann and Whitney's U test (Annals of Mathematical Statistics 18, 1947), by its normal approximation.</summary>
internal static class MannWhitney
{
    /// <summary>
    /// The one-sided p value: how likely the first sample's values would be at least so much larger than the second's if
    /// both came from one distribution. Corrected for ties and for continuity.
    /// </summary>
    public static double FirstIsLarger(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        double u = first.Sum(x =>
            second.Sum(y =>
                x > y ? 1.0
                : x == y ? 0.5
                : 0.0
            )
        );
        double n = first.Count + second.Count;
        double product = (double)first.Count * second.Count;
        double ties = first.Concat(second).GroupBy(x => x).Sum(g => Math.Pow(g.Count(), 3) - g.Count());
        double variance = product / 12 * (n + 1 - ties / (n * (n - 1)));
        return variance == 0 ? 1 : 1 - Normal.CDF(0, 1, (u - product / 2 - 0.5) / Math.Sqrt(variance));
    }
}
