using ScottPlot;
using PlotStyle = Microsoft.ML.Infomorphic.Reporting.PlotStyle;

namespace PaperReproduction;

/// <summary>Accuracy with one weight of the goal set to zero, for each weight; bars reach from the worst to the best seed.</summary>
internal static class AblationPlot
{
    public static byte[] Draw(VariantResult unchanged, IReadOnlyList<VariantResult> singles)
    {
        Plot plot = PlotStyle.NewPlot(
            "One weight of the goal set to zero",
            "accuracy on withheld rows, sampled, % (mean, worst and best seed)",
            ""
        );
        VariantResult[] sorted = [.. singles.OrderByDescending(result => result.Drop.Mean)];
        for (int i = 0; i < sorted.Length; i++)
        {
            Spread accuracy = sorted[i].Accuracy;
            int height = sorted.Length - 1 - i;
            var line = plot.Add.Line(100 * accuracy.Minimum, height, 100 * accuracy.Maximum, height);
            line.LineColor = PlotStyle.Muted;
            line.LineWidth = 3;
            plot.Add.Marker(100 * accuracy.Mean, height, MarkerShape.FilledCircle, 11, PlotStyle.Palette[0]);
        }
        var reference = plot.Add.VerticalLine(100 * unchanged.Accuracy.Mean, 2, PlotStyle.Palette[1]);
        reference.LinePattern = LinePattern.Dashed;
        plot.Axes.Left.SetTicks(
            [.. sorted.Select((_, i) => (double)(sorted.Length - 1 - i))],
            [.. sorted.Select(result => result.Variant.Term)]
        );
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Margins(0.05, 0.04);
        return PlotStyle.ToPicture(plot, 1100, 800).ToPng();
    }
}
