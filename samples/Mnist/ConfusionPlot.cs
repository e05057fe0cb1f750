using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;

namespace Mnist;

/// <summary>The confusion matrix: how often each digit was taken for each.</summary>
internal static class ConfusionPlot
{
    public static byte[] Draw(IReadOnlyList<IReadOnlyList<double>> counts, string title)
    {
        int n = counts.Count;
        Plot plot = PlotStyle.NewPlot(title, "predicted digit", "true digit");
        plot.HideGrid();

        // Mistakes are rare: on one colour scale with the hits they would all look like none.
        double mostHits = Math.Max(counts.Select((row, digit) => row[digit]).Max(), 1);
        double mostMistakes = Math.Max(
            counts.SelectMany((row, digit) => row.Where((_, other) => other != digit)).Max(),
            1
        );
        for (int row = 0; row < n; row++)
        for (int column = 0; column < n; column++)
        {
            bool hit = row == column;
            double depth = counts[row][column] / (hit ? mostHits : mostMistakes);
            double y = n - 1 - row;
            Rectangle cell = plot.Add.Rectangle(column - 0.5, column + 0.5, y - 0.5, y + 0.5);
            cell.FillColor = Colors.White.MixedWith(PlotStyle.Palette[hit ? 0 : 1], 0.9 * depth);
            cell.LineColor = PlotStyle.Grid;
            cell.LineWidth = 1;

            string count = counts[row][column].ToString("N0", CultureInfo.InvariantCulture);
            Text text = plot.Add.Text(count, column, y);
            text.LabelAlignment = Alignment.MiddleCenter;
            text.LabelFontName = hit ? PlotStyle.BoldFontName : PlotStyle.FontName;
            text.LabelFontSize = 17;
            text.LabelFontColor =
                depth > 0.55 ? Colors.White
                : counts[row][column] == 0 ? PlotStyle.Muted
                : PlotStyle.Ink;
        }

        double[] places = [.. Enumerable.Range(0, n).Select(i => (double)i)];
        string[] digits = [.. places.Select(i => i.ToString(CultureInfo.InvariantCulture))];
        plot.Axes.Bottom.SetTicks(places, digits);
        plot.Axes.Left.SetTicks([.. places.Reverse()], digits);
        plot.Axes.Bottom.MajorTickStyle.Length = 0;
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        return PlotStyle.Render(plot, 900, 900);
    }
}
