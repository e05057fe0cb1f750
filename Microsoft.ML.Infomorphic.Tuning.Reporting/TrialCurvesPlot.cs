using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>What each trial's metric was after its epochs.</summary>
public static class TrialCurvesPlot
{
    /// <summary>Draws a study.</summary>
    /// <param name="trials">The trials, at least one of them completed.</param>
    /// <param name="metric">What is optimised, for the axis.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">No trial is completed, or none has epochs.</exception>
    public static Picture Draw(
        IReadOnlyList<StoredTrial> trials,
        string metric,
        OptimizationDirection direction,
        string title
    )
    {
        StoredTrial best = CompletedTrials.Best(trials, direction);
        if (trials.All(t => t.EpochValues.Count == 0))
            throw new ArgumentException("There is no epoch to draw.", nameof(trials));
        Plot plot = PlotStyle.NewPlot(title, "epoch", metric);
        Curves(StoredTrialState.Completed, PlotStyle.Palette[0].WithAlpha(0.25), 1, "completed");
        Curves(StoredTrialState.Pruned, PlotStyle.Palette[1].WithAlpha(0.45), 1, "ended early");
        Curve(best, PlotStyle.Palette[2], 3, "best trial");
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.AutoScale();
        Legends.Below(plot);
        return PlotStyle.ToPicture(plot, 1100, 660);

        void Curves(StoredTrialState state, Color color, float width, string name)
        {
            foreach (StoredTrial trial in trials.Where(t => t.State == state && t.EpochValues.Count > 0))
            {
                Curve(trial, color, width, name);
                name = ""; // one entry of the legend for all
            }
        }

        void Curve(StoredTrial trial, Color color, float width, string name)
        {
            (double Epoch, double Value)[] finite =
            [
                .. trial.EpochValues.Select((value, i) => (i + 1.0, value)).Where(e => double.IsFinite(e.value)),
            ];
            if (finite.Length == 0)
                return;
            double[] epochs = [.. finite.Select(e => e.Epoch)];
            double[] values = [.. finite.Select(e => e.Value)];
            Scatter line = plot.Add.ScatterLine(epochs, values, color);
            line.LineWidth = width;
            line.MarkerSize = finite.Length == 1 ? 5 : 0; // A single epoch makes a point, not a line.
            if (name.Length > 0)
                line.LegendText = name;
        }
    }
}
