using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>The confusion matrix: how often each class was taken for each.</summary>
public static class ConfusionPlot
{
    /// <summary>Draws a confusion matrix.</summary>
    /// <param name="counts">Counts by true class, then by predicted class.</param>
    /// <param name="what">What a class is called, such as "digit".</param>
    /// <param name="title">The picture's title.</param>
    public static Picture Draw(IReadOnlyList<IReadOnlyList<double>> counts, string what, string title)
    {
        ArgumentNullException.ThrowIfNull(counts);
        int n = counts.Count;
        Plot plot = PlotStyle.NewPlot(title, $"predicted {what}", $"true {what}");
        plot.HideGrid();

        // Mistakes are rare: on one colour scale with the hits they would all look like none.
        double mostHits = Math.Max(counts.Select((row, index) => row[index]).Max(), 1);
        double mostMistakes = Math.Max(
            counts.SelectMany((row, index) => row.Where((_, other) => other != index)).Max(),
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
        string[] names = [.. places.Select(i => i.ToString(CultureInfo.InvariantCulture))];
        plot.Axes.Bottom.SetTicks(places, names);
        plot.Axes.Left.SetTicks([.. places.Reverse()], names);
        plot.Axes.Bottom.MajorTickStyle.Length = 0;
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.SetLimits(-0.5, n - 0.5, -0.5, n - 0.5);
        return PlotStyle.ToPicture(plot, 900, 900);
    }
}
