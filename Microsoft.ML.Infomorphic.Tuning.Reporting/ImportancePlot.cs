using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>How much parameters matter, as bars.</summary>
public static class ImportancePlot
{
    /// <summary>Draws importances: mean decrease in impurity.</summary>
    /// <param name="importances">The importances, at least one, the largest first.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">There is no importance.</exception>
    public static Picture Draw(IReadOnlyList<ParameterImportance> importances, string title)
    {
        ArgumentNullException.ThrowIfNull(importances);
        if (importances.Count == 0)
            throw new ArgumentException("There is no importance to draw.", nameof(importances));
        return Bars(
            [.. importances.Select(i => (i.Name, 100 * i.Value))],
            title,
            "share of the decrease in impurity, %",
            0
        );
    }

    /// <summary>Draws ablations: what the metric comes to without one weight.</summary>
    /// <param name="ablations">The ablations, at least one.</param>
    /// <param name="metric">What is optimised, for the axis.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">There is no ablation.</exception>
    public static Picture Draw(IReadOnlyList<Ablation> ablations, string metric, string title)
    {
        ArgumentNullException.ThrowIfNull(ablations);
        if (ablations.Count == 0)
            throw new ArgumentException("There is no ablation to draw.", nameof(ablations));
        return Bars(
            [.. ablations.Select(a => (a.Name, a.Value))],
            title,
            $"{metric} with the weight set to zero; the line: with all weights",
            ablations[0].Before
        );
    }

    // Bars begin at a value that is marked by a line.
    private static Picture Bars((string Name, double Value)[] bars, string title, string axis, double origin)
    {
        Plot plot = PlotStyle.NewPlot(title, axis, "");
        for (int i = 0; i < bars.Length; i++)
        {
            double place = bars.Length - 1 - i;
            var bar = plot.Add.Rectangle(
                Math.Min(origin, bars[i].Value),
                Math.Max(origin, bars[i].Value),
                place - 0.32,
                place + 0.32
            );
            bar.FillColor = PlotStyle.Palette[0];
            bar.LineWidth = 0;
        }
        plot.Add.VerticalLine(origin, 2, PlotStyle.Palette[1]);
        plot.Axes.Left.SetTicks(
            [.. bars.Select((_, i) => (double)(bars.Length - 1 - i))],
            [.. bars.Select(b => b.Name)]
        );
        plot.Axes.Left.MajorTickStyle.Length = 0;
        double least = Math.Min(origin, bars.Min(b => b.Value));
        double most = Math.Max(origin, bars.Max(b => b.Value));
        double margin = Math.Max(0.04 * (most - least), 1e-6);
        plot.Axes.SetLimits(least - (least < origin ? margin : 0), most + margin, -0.7, bars.Length - 0.3);
        return PlotStyle.ToPicture(plot, 1000, 150 + 30 * bars.Length);
    }
}
