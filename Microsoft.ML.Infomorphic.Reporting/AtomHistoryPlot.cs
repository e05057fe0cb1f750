using Microsoft.ML.Infomorphic.Training;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// The hidden neurons' mean of each information atom, and of the residual entropy, over the epochs: above all of them,
/// below the smaller ones enlarged.
/// </summary>
public static class AtomHistoryPlot
{
    private const int Large = 3;

    /// <summary>Draws the atoms of the hidden layer.</summary>
    /// <param name="history">The history of a training, of at least one epoch.</param>
    /// <param name="atoms">Names of the atoms and, last, of the residual entropy.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">There is no epoch, or the number of names differs from that of the numbers.</exception>
    public static Picture Draw(TrainingHistory history, IReadOnlyList<string> atoms, string title)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(atoms);
        if (history.Epochs.Count == 0)
            throw new ArgumentException("There is no epoch to draw.", nameof(history));
        if (history.Epochs[0].HiddenAtoms.Count != atoms.Count)
            throw new ArgumentException(
                $"The history has {history.Epochs[0].HiddenAtoms.Count} numbers an epoch, and there are {atoms.Count} names.",
                nameof(atoms)
            );
        double[] epochs = [.. history.Epochs.Select(epoch => (double)epoch.Epoch)];
        // Ranked by what they come to at the end.
        Atom[] ranked =
        [
            .. atoms
                .Select((name, index) => new Atom(name, [.. history.Epochs.Select(epoch => epoch.HiddenAtoms[index])]))
                .OrderByDescending(atom => Math.Abs(atom.Values[^1])),
        ];
        Atom[] large = ranked[..Large];
        int count = Math.Min(ranked.Length, Large + PlotStyle.Palette.Length);
        Atom[] named = ranked[Large..count];
        Atom[] rest = ranked[count..];

        Plot all = PlotStyle.NewPlot(title, "", "mean over the neurons, bits");
        PlotStyle.AddCurves(all, epochs, [.. Grey(named), .. Grey(rest), .. Coloured(large)], Limits(ranked, skip: 0));

        Plot small = PlotStyle.NewPlot(
            rest.Length > 0
                ? $"The smaller ones, enlarged (grey: the {rest.Length} smallest)"
                : "The smaller ones, enlarged",
            "epoch",
            "mean over the neurons, bits"
        );
        // The first epochs are far from the rest and would flatten it.
        int skip = Math.Min(epochs.Length / 10, 3);
        PlotStyle.AddCurves(small, epochs, [.. Grey(rest), .. Coloured(named)], Limits([.. named, .. rest], skip));

        return PlotStyle.ToPicture([all, small], 1200, 1200);
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
