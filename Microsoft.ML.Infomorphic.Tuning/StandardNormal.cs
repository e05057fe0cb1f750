using MathNet.Numerics;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>The standard normal distribution.</summary>
internal static class StandardNormal
{
    private static readonly double s_root2 = Math.Sqrt(2);

    /// <summary>Φ(z).</summary>
    public static double Cumulative(double z) => 0.5 * SpecialFunctions.Erfc(-z / s_root2);

    /// <summary>Φ(b) − Φ(a) for a ≤ b, without cancellation in the tails.</summary>
    public static double Between(double a, double b) =>
        a > 0 ? Cumulative(-a) - Cumulative(-b) : Cumulative(b) - Cumulative(a);

    /// <summary>Φ⁻¹(p) for p in [0, 1]; infinite at the ends.</summary>
    public static double Quantile(double p) => -s_root2 * SpecialFunctions.ErfcInv(2 * p);
}
