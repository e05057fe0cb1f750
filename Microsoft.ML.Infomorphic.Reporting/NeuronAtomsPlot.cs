using Microsoft.ML.Infomorphic.Insight;
using ScottPlot;
using ScottPlot.Plottables;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Every neuron's atoms: one line an atom, one dot a neuron, a bar at the mean.</summary>
public static class NeuronAtomsPlot
{
    /// <summary>Draws a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="title">The picture's title.</param>
    public static Picture Draw(LayerInsight layer, string title)
    {
        ArgumentNullException.ThrowIfNull(layer);
        Plot plot = PlotStyle.NewPlot(title, "bits", "");
        string[] names = [.. layer.AtomNames, "H_res"];
        double[][] values =
        [
            .. layer.AtomNames.Select(
                (_, atom) => layer.Neurons.Select(neuron => neuron.Information.Atoms[atom]).ToArray()
            ),
            [.. layer.Neurons.Select(neuron => neuron.Information.ResidualEntropy)],
        ];
        for (int atom = 0; atom < names.Length; atom++)
        {
            double place = names.Length - 1 - atom;

            // Neurons of one value lie side by side: the same neuron at the same height on every line.
            double[] heights = [.. values[atom].Select((_, neuron) => place + 0.6 * ((neuron * 0.618034) % 1 - 0.5))];
            plot.Add.ScatterPoints(values[atom], heights, PlotStyle.Palette[0].WithAlpha(0.45));
            LinePlot mean = plot.Add.Line(values[atom].Average(), place - 0.38, values[atom].Average(), place + 0.38);
            mean.LineColor = PlotStyle.Palette[1];
            mean.LineWidth = 3;
        }

        plot.Add.VerticalLine(0, 1, PlotStyle.Muted);
        plot.Axes.Left.SetTicks([.. names.Select((_, atom) => (double)(names.Length - 1 - atom))], names);
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Bottom.MinorTickStyle.Length = 0;
        double least = Math.Min(values.Min(atom => atom.Min()), 0);
        double most = Math.Max(values.Max(atom => atom.Max()), 0);
        double margin = Math.Max(0.04 * (most - least), 0.001);
        plot.Axes.SetLimits(least - margin, most + margin, -0.7, names.Length - 0.3);
        return PlotStyle.ToPicture(plot, 1000, 140 + 40 * names.Length);
    }
}
