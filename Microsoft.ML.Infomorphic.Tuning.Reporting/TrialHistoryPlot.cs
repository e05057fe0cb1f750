using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>The trials' values in the order of asking, and the best so far.</summary>
public static class TrialHistoryPlot
{
    /// <summary>Draws a study.</summary>
    /// <param name="trials">The trials, at least one of them completed.</param>
    /// <param name="metric">What is optimised, for the axis.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">No trial is completed.</exception>
    public static Picture Draw(
        IReadOnlyList<StoredTrial> trials,
        string metric,
        OptimizationDirection direction,
        string title
    )
    {
        StoredTrial[] completed = CompletedTrials.Of(trials);
        Plot plot = PlotStyle.NewPlot(title, "trial", metric);
        StoredTrial[] pruned = [.. trials.Where(t => t.State == StoredTrialState.Pruned && Last(t) is not null)];
        Points(
            pruned,
            t => Last(t)!.Value,
            PlotStyle.Muted,
            MarkerShape.OpenTriangleDown,
            "ended early, where it ended"
        );
        Points(
            completed.Where(t => !t.Enqueued),
            t => t.Value!.Value,
            PlotStyle.Palette[0],
            MarkerShape.FilledCircle,
            "completed"
        );
        Points(
            completed.Where(t => t.Enqueued),
            t => t.Value!.Value,
            PlotStyle.Palette[4],
            MarkerShape.FilledDiamond,
            "starting point"
        );

        double[] best = new double[completed.Length];
        for (int i = 0; i < best.Length; i++)
            best[i] =
                i == 0 ? completed[i].Value!.Value
                : direction == OptimizationDirection.Maximize ? Math.Max(best[i - 1], completed[i].Value!.Value)
                : Math.Min(best[i - 1], completed[i].Value!.Value);
        double[] asked = [.. completed.Select(t => (double)t.Number)];
        Scatter line = plot.Add.ScatterLine(asked, best, PlotStyle.Palette[2]);
        line.ConnectStyle = ConnectStyle.StepHorizontal;
        line.LineWidth = 2.5f;
        line.LegendText = "best so far";

        double[] failed = [.. trials.Where(t => t.State == StoredTrialState.Failed).Select(t => (double)t.Number)];
        double[] values = [.. completed.Select(t => t.Value!.Value), .. pruned.Select(t => Last(t)!.Value)];
        double span = Math.Max(values.Max() - values.Min(), 1e-6);
        if (failed.Length > 0)
        {
            double[] below = [.. failed.Select(_ => values.Min() - 0.06 * span)];
            Scatter crosses = plot.Add.ScatterPoints(failed, below, PlotStyle.Palette[1]);
            crosses.MarkerShape = MarkerShape.Eks;
            crosses.LegendText = "failed";
        }
        double last = Math.Max(trials.Max(t => t.Number), 1);
        plot.Axes.SetLimits(-0.02 * last, 1.02 * last, values.Min() - 0.1 * span, values.Max() + 0.06 * span);
        Legends.Below(plot);
        return PlotStyle.ToPicture(plot, 1100, 660);

        void Points(
            IEnumerable<StoredTrial> which,
            Func<StoredTrial, double> value,
            Color color,
            MarkerShape shape,
            string name
        )
        {
            StoredTrial[] shown = [.. which];
            if (shown.Length == 0)
                return;
            double[] numbers = [.. shown.Select(t => (double)t.Number)];
            double[] heights = [.. shown.Select(value)];
            Scatter points = plot.Add.ScatterPoints(numbers, heights, color);
            points.MarkerShape = shape;
            points.MarkerSize = 7;
            points.LegendText = name;
        }

        static double? Last(StoredTrial trial) =>
            trial.EpochValues.Count > 0 && double.IsFinite(trial.EpochValues[^1]) ? trial.EpochValues[^1] : null;
    }
}
