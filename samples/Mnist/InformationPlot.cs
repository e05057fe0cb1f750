using Microsoft.ML.Infomorphic.Learning;
using ScottPlot;
using ScottPlot.Plottables;

namespace Mnist;

/// <summary>The hidden neurons' mean of each information atom, and of the residual entropy, over the epochs.</summary>
internal static class InformationPlot
{
    private const int Highlighted = 8;

    public static byte[] Draw(TrainingHistory history, IReadOnlyList<string> atoms, string title)
    {
        Plot plot = PlotStyle.NewPlot(title, "epoch", "mean over the hidden neurons, bits");
        double[] epochs = [.. history.Epochs.Select(epoch => (double)epoch.Epoch)];
        double[][] values =
        [
            .. atoms.Select((_, atom) => history.Epochs.Select(epoch => epoch.HiddenAtoms[atom]).ToArray()),
        ];

        // The atoms that carry most information at the end are named; the rest form the background.
        int[] byMagnitude = [.. Enumerable.Range(0, atoms.Count).OrderByDescending(atom => Math.Abs(values[atom][^1]))];
        IEnumerable<PlotStyle.Curve> background = byMagnitude
            .Skip(Highlighted)
            .Select(atom => new PlotStyle.Curve(null, values[atom], PlotStyle.Muted, 1.2f));
        IEnumerable<PlotStyle.Curve> named = byMagnitude
            .Take(Highlighted)
            .Select((atom, rank) => new PlotStyle.Curve(atoms[atom], values[atom], PlotStyle.Palette[rank], 2.5f));

        double bottom = values.Min(curve => curve.Min());
        double top = values.Max(curve => curve.Max());
        double margin = Math.Max(0.05 * (top - bottom), 0.01);
        PlotStyle.AddCurves(plot, epochs, [.. background, .. named], bottom - margin, top + margin);
        Annotation note = plot.Add.Annotation($"grey: the {atoms.Count - Highlighted} smaller ones", Alignment.LowerRight);
        note.LabelFontName = PlotStyle.FontName;
        note.LabelFontSize = 14;
        note.LabelFontColor = PlotStyle.Ink;
        note.LabelBackgroundColor = Colors.White;
        note.LabelBorderWidth = 0;
        note.LabelShadowColor = Colors.Transparent;
        return PlotStyle.Render(plot, 1200, 800);
    }
}
