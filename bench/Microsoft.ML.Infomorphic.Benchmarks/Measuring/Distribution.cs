namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>A measured quantity: its median and its spread.</summary>
/// <param name="Median">The median.</param>
/// <param name="P10">The 10th percentile.</param>
/// <param name="P90">The 90th percentile.</param>
/// <param name="Samples">How often it was measured.</param>
internal sealed record Distribution(double Median, double P10, double P90, int Samples)
{
    public static Distribution Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return new Distribution(Quantile(sorted, 0.5), Quantile(sorted, 0.1), Quantile(sorted, 0.9), sorted.Length);
    }

    public static double MedianOf(IEnumerable<double> values) => Quantile([.. values.Order()], 0.5);

    private static double Quantile(double[] sorted, double share)
    {
        if (sorted.Length == 0)
            return double.NaN;
        double position = share * (sorted.Length - 1);
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
