using Microsoft.ML.Infomorphic.Reporting;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

internal static class Legends
{
    /// <summary>Names what is drawn, in a row below the plot, where nothing is hidden.</summary>
    public static void Below(Plot plot)
    {
        ScottPlot.Panels.LegendPanel panel = plot.ShowLegend(Edge.Bottom);
        panel.Legend.Orientation = Orientation.Horizontal;
        panel.Legend.FontName = PlotStyle.FontName;
        panel.Legend.FontSize = 15;
        panel.Legend.FontColor = PlotStyle.Ink;
        panel.Legend.OutlineWidth = 0;
        panel.Legend.ShadowColor = Colors.Transparent;
    }
}
