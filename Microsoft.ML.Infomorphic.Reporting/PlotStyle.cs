using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>How all pictures look.</summary>
internal static class PlotStyle
{
    public const string FontName = EmbeddedFonts.Regular;
    public const string BoldFontName = EmbeddedFonts.Bold;
    public static readonly Color Ink = Color.FromHex("#1f2933");
    public static readonly Color Grid = Color.FromHex("#e6eaee");
    public static readonly Color Muted = Color.FromHex("#b8c0c8");

    /// <summary>Eight colours that stay apart for colour-blind readers, too (after Okabe and Ito).</summary>
    public static readonly Color[] Palette =
    [
        Color.FromHex("#0072b2"),
        Color.FromHex("#d55e00"),
        Color.FromHex("#009e73"),
        Color.FromHex("#cc79a7"),
        Color.FromHex("#e69f00"),
        Color.FromHex("#56b4e9"),
        Color.FromHex("#7b5ea7"),
        Color.FromHex("#000000"),
    ];

    static PlotStyle() => EmbeddedFonts.Register();

    /// <summary>A curve; one without a name stays in the background.</summary>
    public sealed record Curve(string? Name, double[] Values, Color Color, float Width);

    public static Plot NewPlot(string title, string horizontal, string vertical)
    {
        var plot = new Plot();
        plot.FigureBackground.Color = Colors.White;
        plot.DataBackground.Color = Colors.White;
        plot.Axes.Color(Ink);
        plot.Grid.MajorLineColor = Grid;
        plot.Title(title, 22);
        plot.Axes.Title.Label.Alignment = Alignment.LowerCenter;
        plot.XLabel(horizontal, 17);
        plot.YLabel(vertical, 17);
        plot.Axes.Bottom.Label.Bold = false;
        plot.Axes.Left.Label.Bold = false;
        plot.Axes.Bottom.TickLabelStyle.FontSize = 15;
        plot.Axes.Left.TickLabelStyle.FontSize = 15;
        plot.Axes.Top.FrameLineStyle.IsVisible = false;
        plot.Axes.Right.FrameLineStyle.IsVisible = false;
        plot.Font.Set(FontName);
        plot.Axes.Title.Label.FontName = BoldFontName;
        return plot;
    }

    /// <summary>Draws curves, each named at its right end in its own colour; names give way to each other.</summary>
    public static void AddCurves(
        Plot plot,
        double[] horizontal,
        IReadOnlyList<Curve> curves,
        (double Bottom, double Top) limits
    )
    {
        (double bottom, double top) = limits;
        foreach (Curve curve in curves)
        {
            Scatter line = plot.Add.ScatterLine(horizontal, curve.Values, curve.Color);
            line.LineWidth = curve.Width;
            // A single epoch makes a point, not a line.
            if (horizontal.Length == 1)
                line.MarkerSize = 8;
        }

        double span = Math.Max(horizontal[^1] - horizontal[0], 1);
        Curve[] named = [.. curves.Where(curve => curve.Name is not null).OrderBy(curve => curve.Values[^1])];
        double[] places = Spread([.. named.Select(curve => curve.Values[^1])], 0.042 * (top - bottom));
        for (int i = 0; i < named.Length; i++)
        {
            Text label = plot.Add.Text(named[i].Name!, horizontal[^1] + 0.015 * span, places[i]);
            label.LabelFontColor = named[i].Color;
            label.LabelFontSize = 16;
            label.LabelFontName = BoldFontName;
            label.LabelAlignment = Alignment.MiddleLeft;
        }
        plot.Axes.SetLimits(horizontal[0] - 0.01 * span, horizontal[^1] + 0.17 * span, bottom, top);

        // No ticks under the names, where no epoch is.
        double step = new[] { 1.0, 2, 5, 10, 20, 50, 100, 200, 500 }.FirstOrDefault(step => span / step <= 10, 1000);
        double[] ticks = [.. horizontal.Where(epoch => epoch % step == 0 || epoch == horizontal[0])];
        plot.Axes.Bottom.SetTicks(ticks, [.. ticks.Select(tick => tick.ToString(CultureInfo.InvariantCulture))]);
        plot.Axes.Left.MinorTickStyle.Length = 0;
    }

    public static Picture ToPicture(Plot plot, int width, int height)
    {
        FindLayout(plot, width, height);
        return new(width, height, canvas => plot.Render(canvas, width, height));
    }

    /// <summary>Plots one below the other, all of one height.</summary>
    public static Picture ToPicture(IReadOnlyList<Plot> plots, int width, int height)
    {
        int each = height / plots.Count;
        foreach (Plot plot in plots)
            FindLayout(plot, width, each);
        return new(
            width,
            height,
            canvas =>
            {
                for (int i = 0; i < plots.Count; i++)
                {
                    // A plot clears all of its canvas, and of this one a part is its.
                    canvas.Save();
                    canvas.ClipRect(SkiaSharp.SKRect.Create(0, i * each, width, each));
                    canvas.Translate(0, i * each);
                    plots[i].Render(canvas, width, each);
                    canvas.Restore();
                }
            }
        );
    }

    // What is drawn for the first time is drawn twice, to find out where axes are: an SVG would have it all twice.
    private static void FindLayout(Plot plot, int width, int height) => plot.RenderInMemory(width, height);

    // Moves ascending places apart until neighbours keep their distance, each as little as possible.
    private static double[] Spread(double[] places, double distance)
    {
        double[] result = [.. places];
        for (int round = 0; round < 200; round++)
        for (int i = 1; i < result.Length; i++)
        {
            double missing = distance - (result[i] - result[i - 1]);
            if (missing <= 0)
                continue;
            result[i - 1] -= missing / 2;
            result[i] += missing / 2;
        }
        return result;
    }
}
