namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Objectives to minimise. Their optimum is off the middle of the ranges, which some tuners favour. See also Reference/generate-optuna.py.</summary>
internal static class ObjectiveFunctions
{
    /// <summary>Where a coordinate has its best value, as a share of the half-width.</summary>
    public static double Optimum(int i) => 0.6 * Math.Cos(1.7 * (i + 1));

    /// <summary>On (−1, 1)ᵈ.</summary>
    public static double Sphere(IReadOnlyList<double> x) => x.Index().Sum(p => Square(p.Item - Optimum(p.Index)));

    /// <summary>On (−1, 1)ᵈ, with condition 10⁶.</summary>
    public static double Ellipsoid(IReadOnlyList<double> x) =>
        x.Index().Sum(p => Math.Pow(10, 6.0 * p.Index / Math.Max(1, x.Count - 1)) * Square(p.Item - Optimum(p.Index)));

    /// <summary>On (−2, 2)ᵈ; the optimum is at (1, …, 1).</summary>
    public static double Rosenbrock(IReadOnlyList<double> x) =>
        Enumerable.Range(0, x.Count - 1).Sum(i => 100 * Square(x[i + 1] - Square(x[i])) + Square(1 - x[i]));

    /// <summary>On (−5.12, 5.12)ᵈ: about ten local optima in every dimension.</summary>
    public static double Rastrigin(IReadOnlyList<double> x) =>
        x.Index().Select(p => p.Item - 5.12 * Optimum(p.Index)).Sum(z => z * z - 10 * Math.Cos(2 * Math.PI * z) + 10);

    private static double Square(double x) => x * x;
}
