using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>The trials' values against one parameter.</summary>
public static class SlicePlot
{
    /// <summary>Draws a parameter.</summary>
    /// <param name="trials">The trials, at least one of them completed.</param>
    /// <param name="parameter">The parameter's name.</param>
    /// <param name="metric">What is optimised, for the axis.</param>
    /// <param name="direction">Which values are good.</param>
    /// <exception cref="ArgumentException">No trial is completed, or there is no such parameter.</exception>
    public static Picture Draw(
        IReadOnlyList<StoredTrial> trials,
        string parameter,
        string metric,
        OptimizationDirection direction
    )
    {
        StoredTrial[] completed = CompletedTrials.Of(trials);
        int index = completed[0].Point.Space.IndexOf(parameter);
        if (index < 0)
            throw new ArgumentException($"The trials have no parameter {parameter}.", nameof(parameter));
        var axis = new ParameterAxis(completed[0].Point.Space.Parameters[index]);
        Plot plot = PlotStyle.NewPlot("", axis.Name, metric);
        plot.Axes.Title.IsVisible = false;
        foreach (StoredTrial trial in completed)
        {
            // Later trials are darker.
            double age = (trial.Number + 1.0) / (completed[^1].Number + 1.0);
            Marker dot = plot.Add.Marker(
                axis.PlaceOf(trial.Point.Values[index]),
                trial.Value!.Value,
                MarkerShape.FilledCircle,
                6,
                Colors.White.MixedWith(PlotStyle.Palette[0], 0.25 + 0.75 * age)
            );
            dot.MarkerLineColor = PlotStyle.Palette[0];
        }
        StoredTrial best = CompletedTrials.Best(trials, direction);
        plot.Add.Marker(
            axis.PlaceOf(best.Point.Values[index]),
            best.Value!.Value,
            MarkerShape.FilledDiamond,
            12,
            PlotStyle.Palette[1]
        );
        axis.SetTicks(plot.Axes.Bottom);
        double[] values = [.. completed.Select(t => t.Value!.Value)];
        double span = Math.Max(values.Max() - values.Min(), 1e-6);
        double margin = 0.03 * (axis.High - axis.Low);
        plot.Axes.SetLimits(
            axis.Low - margin,
            axis.High + margin,
            values.Min() - 0.06 * span,
            values.Max() + 0.08 * span
        );
        return PlotStyle.ToPicture(plot, 440, 320);
    }
}
