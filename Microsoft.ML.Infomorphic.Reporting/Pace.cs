using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>When something is to be done again that takes time from what it reports on: in a tenth of the time at most.</summary>
/// <param name="interval">The time from one beginning to the next, at least.</param>
internal sealed class Pace(TimeSpan interval)
{
    private const double Share = 0.1;

    private long _begun;
    private TimeSpan _pause;

    /// <summary>The pace of a report: every 10 seconds, or as a user says.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The interval is shorter than a second or longer than a day.</exception>
    public static Pace Of(TimeSpan? interval) =>
        interval is null ? new Pace(TimeSpan.FromSeconds(10))
        : interval >= TimeSpan.FromSeconds(1) && interval <= TimeSpan.FromDays(1) ? new Pace(interval.Value)
        : throw new ArgumentOutOfRangeException(
            nameof(interval),
            interval,
            "The time between two reports must be from a second to a day."
        );

    /// <summary>The interval in whole seconds.</summary>
    public int Seconds => (int)Math.Ceiling(interval.TotalSeconds);

    /// <summary>Does the work if it is time to.</summary>
    public void Do(Action work)
    {
        if (_begun != 0 && Stopwatch.GetElapsedTime(_begun) < _pause)
            return;
        _begun = Stopwatch.GetTimestamp();
        work();
        TimeSpan share = Stopwatch.GetElapsedTime(_begun) / Share;
        _pause = share > interval ? share : interval;
    }
}
