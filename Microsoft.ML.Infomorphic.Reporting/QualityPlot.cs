using Microsoft.ML.Infomorphic.Insight;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Pictures of how good scores are.</summary>
public static class QualityPlot
{
    /// <summary>Draws the ROC curve of each class; of more than eight, those of the classes that are told worst.</summary>
    /// <param name="quality">The quality, of rows of at least two classes.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">No class has a curve.</exception>
    public static Picture DrawRoc(ModelQuality quality, string title)
    {
        ArgumentNullException.ThrowIfNull(quality);
        RocCurve[] curves =
        [
            .. quality
                .RocCurves.Where(curve => double.IsFinite(curve.Area))
                .OrderBy(curve => curve.Area)
                .Take(PlotStyle.Palette.Length),
        ];
        if (curves.Length == 0)
            throw new ArgumentException("The rows are of one class, and no curve can be drawn.", nameof(quality));
        Plot plot = Square(title, "share of the others' rows", "share of the class's rows");
        foreach ((int i, RocCurve curve) in curves.Index())
        {
            Scatter line = plot.Add.ScatterLine(
                curve.FalsePositiveRates.ToArray(),
                curve.TruePositiveRates.ToArray(),
                PlotStyle.Palette[i]
            );
            line.LineWidth = 2.5f;
            Text label = plot.Add.Text(
                FormattableString.Invariant($"{quality.ClassNames[curve.Class]}: {curve.Area:0.000}"),
                0.98,
                0.04 + 0.055 * (curves.Length - 1 - i)
            );
            label.LabelFontColor = PlotStyle.Palette[i];
            label.LabelFontSize = 17;
            label.LabelFontName = PlotStyle.BoldFontName;
            label.LabelAlignment = Alignment.MiddleRight;
        }

        return PlotStyle.ToPicture(plot, 800, 800);
    }

    /// <summary>Draws how frequent what is predicted is, by its probability.</summary>
    /// <param name="quality">The quality.</param>
    /// <param name="title">The picture's title.</param>
    public static Picture DrawCalibration(ModelQuality quality, string title)
    {
        ArgumentNullException.ThrowIfNull(quality);
        Plot plot = Square(title, "probability", "frequency");
        CalibrationBin[] bins = [.. quality.CalibrationCurve];
        Scatter line = plot.Add.ScatterLine(
            bins.Select(bin => bin.Probability).ToArray(),
            bins.Select(bin => bin.Frequency).ToArray(),
            PlotStyle.Palette[0]
        );
        line.LineWidth = 2;
        double most = bins.Max(bin => bin.Weight);
        foreach (CalibrationBin bin in bins)
            plot.Add.Marker(
                bin.Probability,
                bin.Frequency,
                MarkerShape.FilledCircle,
                (float)(6 + 16 * Math.Sqrt(bin.Weight / most)),
                PlotStyle.Palette[0]
            );
        return PlotStyle.ToPicture(plot, 800, 800);
    }

    // From 0 to 1 in either direction, with the diagonal.
    private static Plot Square(string title, string horizontal, string vertical)
    {
        Plot plot = PlotStyle.NewPlot(title, horizontal, vertical);
        Scatter diagonal = plot.Add.ScatterLine(new double[] { 0, 1 }, new double[] { 0, 1 }, PlotStyle.Muted);
        diagonal.LineWidth = 1.5f;
        plot.Axes.SetLimits(-0.02, 1.02, -0.02, 1.02);
        return plot;
    }
}
