using System.Text;
using Microsoft.ML.Infomorphic.Reporting;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>
/// Writes what a sweep has found into one HTML file, which needs neither a network nor another file: the best goal in the
/// paper's notation, the history, learning curves, what each parameter does, and every trial.
/// </summary>
public static class SweepReport
{
    /// <summary>Writes the report of a sweep over the trainer.</summary>
    /// <param name="path">The HTML file; it is written whole or not at all, and one that exists is replaced.</param>
    /// <param name="sweep">The sweep.</param>
    /// <param name="trials">Its trials, such as <see cref="SweepResult.Trials"/>; there may be none that is completed.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(
        string path,
        InfomorphicSweep sweep,
        IReadOnlyList<StoredTrial> trials,
        SweepReportOptions? options = null
    )
    {
        ArgumentNullException.ThrowIfNull(sweep);
        ArgumentNullException.ThrowIfNull(trials);
        options ??= new SweepReportOptions();
        if (trials.Any(t => t.State == StoredTrialState.Completed))
        {
            ParameterPoint best = CompletedTrials.Best(trials, sweep.Metric.Direction).Point;
            options = sweep.OptionsAt(best).HiddenLayers is { } layers
                ? options with
                {
                    BestLayerGoals = [.. layers.Select((_, layer) => sweep.GoalAt(best, layer))],
                }
                : options with
                {
                    BestGoal = sweep.GoalAt(best),
                };
        }
        WriteStudy(path, trials, sweep.Metric.Name, sweep.Metric.Direction, options);
    }

    /// <summary>Writes the report of any study.</summary>
    /// <param name="path">The HTML file; it is written whole or not at all, and one that exists is replaced.</param>
    /// <param name="trials">The trials, such as those of <see cref="Study.GetTrials"/>; there may be none that is completed.</param>
    /// <param name="metric">What is optimised.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void WriteStudy(
        string path,
        IReadOnlyList<StoredTrial> trials,
        string metric,
        OptimizationDirection direction,
        SweepReportOptions? options = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentException.ThrowIfNullOrEmpty(metric);
        options ??= new SweepReportOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaximumTrials, 1);
        string html = new SweepHtml(trials, metric, direction, options).ToString();
        ReportFile.Write(path, Encoding.UTF8.GetBytes(html));
    }
}
