using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>
/// The metric over two parameters, in steps: at each place the mean of the trials near it, weighted by a Gaussian of
/// their distance. White where no trial is near.
/// </summary>
public static class ContourPlot
{
    /// <summary>The Gaussian's standard deviation, as a share of a parameter's range.</summary>
    public const double Smoothing = 0.08;

    private const int Columns = 90;
    private const int Rows = 68;
    private const int Steps = 12;

    /// <summary>Draws two parameters.</summary>
    /// <param name="trials">The trials, at least one of them completed.</param>
    /// <param name="horizontal">One parameter's name.</param>
    /// <param name="vertical">The other one's name.</param>
    /// <param name="metric">What is optimised, for the scale.</param>
    /// <param name="direction">Which values are good.</param>
    /// <exception cref="ArgumentException">No trial is completed, or there is no such parameter.</exception>
    public static Picture Draw(
        IReadOnlyList<StoredTrial> trials,
        string horizontal,
        string vertical,
        string metric,
        OptimizationDirection direction
    )
    {
        StoredTrial[] completed = CompletedTrials.Of(trials);
        SearchSpace space = completed[0].Point.Space;
        int first = space.IndexOf(horizontal);
        int second = space.IndexOf(vertical);
        if (first < 0 || second < 0 || first == second)
            throw new ArgumentException($"The trials have no two parameters {horizontal} and {vertical}.");
        var x = new ParameterAxis(space.Parameters[first]);
        var y = new ParameterAxis(space.Parameters[second]);
        Plot plot = PlotStyle.NewPlot($"{horizontal} and {vertical}", x.Name, y.Name);

        double[,] means = Smooth(completed, t => (x.ShareOf(t.Point.Values[first]), y.ShareOf(t.Point.Values[second])));
        Heatmap map = plot.Add.Heatmap(means);
        map.Extent = new CoordinateRect(x.Low, x.High, y.Low, y.High);
        map.Colormap = new ScottPlot.Colormaps.Viridis();
        map.NaNCellColor = Colors.White;
        map.FlipVertically = true;
        ScottPlot.Panels.ColorBar bar = plot.Add.ColorBar(map);
        bar.Label = metric;
        bar.LabelStyle.FontName = PlotStyle.FontName;
        bar.LabelStyle.FontSize = 16;
        bar.LabelStyle.Bold = false;
        bar.Axis.TickLabelStyle.FontName = PlotStyle.FontName;

        foreach (StoredTrial trial in completed)
        {
            Marker dot = plot.Add.Marker(
                x.PlaceOf(trial.Point.Values[first]),
                y.PlaceOf(trial.Point.Values[second]),
                MarkerShape.FilledCircle,
                6,
                Colors.White
            );
            dot.MarkerLineColor = PlotStyle.Ink; // seen on every colour
            dot.MarkerLineWidth = 1;
        }
        StoredTrial best = CompletedTrials.Best(trials, direction);
        plot.Add.Marker(
            x.PlaceOf(best.Point.Values[first]),
            y.PlaceOf(best.Point.Values[second]),
            MarkerShape.FilledDiamond,
            14,
            PlotStyle.Palette[1]
        );
        x.SetTicks(plot.Axes.Bottom);
        y.SetTicks(plot.Axes.Left);
        plot.HideGrid();
        plot.Axes.SetLimits(x.Low, x.High, y.Low, y.High);
        return PlotStyle.ToPicture(plot, 1000, 720);
    }

    // Rounded to one of the steps between the least and the largest mean. Row 0 is the lowest.
    private static double[,] Smooth(StoredTrial[] completed, Func<StoredTrial, (double X, double Y)> placeOf)
    {
        (double X, double Y, double Value)[] dots =
        [
            .. completed.Select(t => (placeOf(t).X, placeOf(t).Y, t.Value!.Value)),
        ];
        double[,] means = new double[Rows, Columns];
        double least = double.PositiveInfinity;
        double most = double.NegativeInfinity;
        for (int row = 0; row < Rows; row++)
        for (int column = 0; column < Columns; column++)
        {
            double weights = 0;
            double sum = 0;
            foreach ((double dotX, double dotY, double value) in dots)
            {
                double dx = ((column + 0.5) / Columns - dotX) / Smoothing;
                double dy = ((row + 0.5) / Rows - dotY) / Smoothing;
                double weight = Math.Exp(-0.5 * (dx * dx + dy * dy));
                weights += weight;
                sum += weight * value;
            }
            // Nearer than two standard deviations to a trial, or to several that are little farther.
            means[row, column] = weights > 0.135 ? sum / weights : double.NaN;
            if (weights > 0.135)
                (least, most) = (Math.Min(least, means[row, column]), Math.Max(most, means[row, column]));
        }
        // Means of equal values differ by rounding, which is no colour's worth.
        double step = (most - least) / Steps;
        bool isFlat = step <= 1e-12 * Math.Max(Math.Abs(least), Math.Abs(most));
        for (int row = 0; row < Rows; row++)
        for (int column = 0; column < Columns; column++)
            if (!double.IsNaN(means[row, column]))
                means[row, column] = isFlat
                    ? least
                    : least + step * (0.5 + Math.Min(Math.Floor((means[row, column] - least) / step), Steps - 1));
        return means;
    }
}
