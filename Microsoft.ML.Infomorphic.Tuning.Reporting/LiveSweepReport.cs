using System.Globalization;
using Microsoft.ML.Infomorphic.Reporting;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>
/// The HTML report of a sweep that goes on: the file is written again and again, whole each time, and a browser that shows it
/// reads it again by itself. When the sweep has ended, <see cref="SweepReport.Write"/> to the same path leaves its report.
/// </summary>
/// <example>
/// <code>
/// Sweep = new SweepOptions { Progress = new LiveSweepReport("sweep.html", store, "wine", "accuracy").Write },
/// </code>
/// </example>
public sealed class LiveSweepReport
{
    private readonly string _path;
    private readonly TrialStore _store;
    private readonly string _study;
    private readonly string _metric;
    private readonly SweepReportOptions _options;
    private readonly Pace _pace;

    /// <summary>A report on a sweep that is to begin, or to go on.</summary>
    /// <param name="path">The HTML file; one that exists is replaced.</param>
    /// <param name="store">The store of the trials.</param>
    /// <param name="studyName">The name of the study; it may be made later.</param>
    /// <param name="metric">What is optimised, as the report calls it.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <param name="interval">
    /// The time from one report to the next, at least, from a second on; null for 10 seconds. Where a report takes long, it
    /// is written less often: in a tenth of the time at most.
    /// </param>
    /// <exception cref="ArgumentNullException">There is no path, store, name or metric.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The interval is shorter than a second or longer than a day.</exception>
    public LiveSweepReport(
        string path,
        TrialStore store,
        string studyName,
        string metric,
        SweepReportOptions? options = null,
        TimeSpan? interval = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentException.ThrowIfNullOrEmpty(studyName);
        ArgumentException.ThrowIfNullOrEmpty(metric);
        _path = path;
        _store = store;
        _study = studyName;
        _metric = metric;
        _options = options ?? new SweepReportOptions();
        _pace = Pace.Of(interval);
    }

    /// <summary>
    /// Writes the report, unless it was written a short time ago; for <see cref="SweepOptions.Progress"/>.
    /// </summary>
    /// <param name="progress">Where the sweep is.</param>
    /// <exception cref="ArgumentNullException">There is no progress.</exception>
    /// <exception cref="InvalidOperationException">The store has no such study.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(SweepProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        _pace.Do(() =>
        {
            StudyDefinition definition =
                _store.FindStudy(_study)
                ?? throw new InvalidOperationException($"The store {_store.Location} has no study \"{_study}\".");
            var study = Study.Join(_store, definition);
            SweepReport.WriteStudy(
                _path,
                study.GetTrials(),
                _metric,
                study.Direction,
                _options with
                {
                    Title = string.Create(
                        CultureInfo.InvariantCulture,
                        $"{_options.Title}: {progress.Completed} trials completed"
                    ),
                    RefreshSeconds = _pace.Seconds,
                }
            );
        });
    }
}
