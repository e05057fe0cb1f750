using Microsoft.ML.Infomorphic.Learning;
using ScottPlot;

namespace Mnist;

/// <summary>
/// The hidden neurons' mean of each information atom, and of the residual entropy, over the epochs: above all of them,
/// below the smaller ones enlarged.
/// </summary>
internal static class InformationPlot
{
    private const int Large = 3;

    public static byte[] Draw(TrainingHistory history, IReadOnlyList<string> atoms, string title)
    {
        double[] epochs = [.. history.Epochs.Select(epoch => (double)epoch.Epoch)];
        // Ranked by what they come to at the end.
        Atom[] ranked =
        [
            .. atoms
                .Select((name, index) => new Atom(name, [.. history.Epochs.Select(epoch => epoch.HiddenAtoms[index])]))
                .OrderByDescending(atom => Math.Abs(atom.Values[^1])),
        ];
        Atom[] large = ranked[..Large];
        Atom[] named = ranked[Large..(Large + PlotStyle.Palette.Length)];
        Atom[] rest = ranked[(Large + PlotStyle.Palette.Length)..];

        Plot all = PlotStyle.NewPlot(title, "", "mean over the neurons, bits");
        PlotStyle.AddCurves(all, epochs, [.. Grey(named), .. Grey(rest), .. Coloured(large)], Limits(ranked, skip: 0));

        Plot small = PlotStyle.NewPlot(
            $"The smaller ones, enlarged (grey: the {rest.Length} smallest)",
            "epoch",
            "mean over the neurons, bits"
        );
        // The first epochs are far from the rest and would flatten it.
        int skip = Math.Min(epochs.Length / 10, 3);
        PlotStyle.AddCurves(small, epochs, [.. Grey(rest), .. Coloured(named)], Limits([.. named, .. rest], skip));

        return PlotStyle.Render([all, small], 1200, 1200);
    }

    private static IEnumerable<PlotStyle.Curve> Grey(IEnumerable<Atom> atoms) =>
        atoms.Select(atom => new PlotStyle.Curve(null, atom.Values, PlotStyle.Muted, 1.2f));

    private static IEnumerable<PlotStyle.Curve> Coloured(IEnumerable<Atom> atoms) =>
        atoms.Select((atom, rank) => new PlotStyle.Curve(atom.Name, atom.Values, PlotStyle.Palette[rank], 2.5f));

    private static (double Bottom, double Top) Limits(IReadOnlyList<Atom> atoms, int skip)
    {
        double bottom = atoms.Min(atom => atom.Values.Skip(skip).Min());
        double top = atoms.Max(atom => atom.Values.Skip(skip).Max());
        double margin = Math.Max(0.08 * (top - bottom), 0.001);
        return (bottom - margin, top + margin);
    }

    private sealed record Atom(string Name, double[] Values);
}
