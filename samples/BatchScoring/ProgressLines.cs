using System.Diagnostics;
using System.Globalization;

namespace BatchScoring;

/// <summary>A line every other second: rows, rows a second, and the time that is left.</summary>
/// <param name="writer">Where they go.</param>
/// <param name="before">Rows that an earlier run has done.</param>
/// <param name="progressBefore">How much of the input they are, from 0 to 1.</param>
internal sealed class ProgressLines(TextWriter writer, long before, double progressBefore)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _said;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>Says how far it is, if it is time to.</summary>
    /// <param name="rows">Rows done, earlier ones included.</param>
    /// <param name="progress">How much of the input they are, from 0 to 1.</param>
    public void Report(long rows, double progress)
    {
        TimeSpan elapsed = Elapsed;
        if (elapsed - _said < s_interval)
            return;
        _said = elapsed;
        double share = (progress - progressBefore) / (1 - progressBefore);
        string left = share is > 0 and <= 1
            ? Format(
                $", {progress:P0}, {TimeSpan.FromSeconds(Math.Ceiling(elapsed.TotalSeconds * (1 / share - 1))):c} left"
            )
            : "";
        writer.WriteLine(Format($"{rows:N0} rows, {Rate(rows):N0} rows/s{left}"));
    }

    /// <summary>Rows a second of this run.</summary>
    public double Rate(long rows) => (rows - before) / Math.Max(Elapsed.TotalSeconds, 1e-3);

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
