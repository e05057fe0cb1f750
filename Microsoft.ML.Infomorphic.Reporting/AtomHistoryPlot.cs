using Microsoft.ML.Infomorphic.Training;
using ScottPlot;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// The mean of each information atom, and of the residual entropy, over the neurons of a layer, epoch by epoch: above all of
/// them, below the smaller ones enlarged.
/// </summary>
public static class AtomHistoryPlot
{
    private const int Large = 3;

    /// <summary>Draws the atoms of a layer, in the epochs in which it learned.</summary>
    /// <param name="history">The history of a training, of at least one epoch.</param>
    /// <param name="atoms">Names of the atoms and, last, of the residual entropy.</param>
    /// <param name="title">The picture's title.</param>
    /// <param name="layer">
    /// The layer's place in the network, from 0; the output layer's is above the hidden ones'. 0 is the first hidden layer or,
    /// where there is none, the output layer.
    /// </param>
    /// <exception cref="ArgumentException">
    /// There is no epoch, there is no such layer, it did not learn, or the number of names differs from that of the numbers.
    /// </exception>
    public static Picture Draw(TrainingHistory history, IReadOnlyList<string> atoms, string title, int layer = 0)
    {
        ArgumentNullException.ThrowIfNull(atoms);
        (EpochRecord Epoch, LayerProgress Layer)[] learned =
        [
            .. LayerHistory.Of(history, layer).Where(epoch => epoch.Layer.Atoms.Count > 0),
        ];
        if (learned.Length == 0)
            throw new ArgumentException("The layer did not learn, and has no atoms to draw.", nameof(layer));
        if (learned[0].Layer.Atoms.Count != atoms.Count)
            throw new ArgumentException(
                $"The history has {learned[0].Layer.Atoms.Count} numbers an epoch, and there are {atoms.Count} names.",
                nameof(atoms)
            );
        double[] epochs = [.. learned.Select(epoch => (double)epoch.Epoch.Epoch)];
        // Ranked by what they come to at the end.
        Atom[] ranked =
        [
            .. atoms
                .Select((name, index) => new Atom(name, [.. learned.Select(epoch => epoch.Layer.Atoms[index])]))
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
