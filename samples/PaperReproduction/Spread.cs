using System.Globalization;

namespace PaperReproduction;

/// <summary>A number over seeds.</summary>
internal sealed record Spread(int Count, double Minimum, double Mean, double Median, double Maximum, double Deviation)
{
    // Two-sided 95 % quantiles of Student's t with 1, 2, ... degrees of freedom.
    private static readonly double[] s_quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

    /// <summary>Half the width of the mean's 95 % interval (Student's t); null for one seed or more than ten.</summary>
    public double? HalfInterval =>
        Count is > 1 and <= 10 ? s_quantiles[Count - 2] * Deviation / Math.Sqrt(Count) : null;

    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double mean = sorted.Average();
        double squares = sorted.Sum(value => (value - mean) * (value - mean));
        return new Spread(
            sorted.Length,
            sorted[0],
            mean,
            (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2,
            sorted[^1],
            sorted.Length > 1 ? Math.Sqrt(squares / (sorted.Length - 1)) : 0
        );
    }

    /// <summary>The mean's 95 % interval of shares, in percent; a dash where there is none.</summary>
    public string Interval =>
        HalfInterval is double half
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * (Mean - half):F2} to {100 * (Mean + half):F2}")
            : "–";

    /// <summary>Minimum / mean / median / maximum of shares, in percent.</summary>
    public string Percent =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{100 * Minimum:F2} / {100 * Mean:F2} / {100 * Median:F2} / {100 * Maximum:F2}"
        );
}
