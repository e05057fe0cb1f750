using System.Globalization;
using System.Text;

namespace PaperReproduction;

/// <summary>Stored results of networks on images, each beside its controls.</summary>
internal static class NetworksReport
{
    private const string Header =
        "| network | hidden layers | images changed by | epochs | rows | seeds | test: min / mean / max | validation | training | readout of each layer | training, s |\n|---|---|---|---:|---:|---:|---|---:|---:|---|---:|\n";

    /// <summary>A page with all results.</summary>
    public static string Markdown(IReadOnlyList<NetworkResult> results)
    {
        var page = new StringBuilder();
        page.Append(
            "# Networks on images\n\nWritten by `dotnet run --project samples/PaperReproduction -c Release -- networks-report` from the runs stored here; do not edit.\n\n"
        );
        page.Append(
            "Accuracies in percent, mean field, calibrated, at the epoch with the least log-loss on the validation rows, which are a fifth of the training rows. Validation and training are means over the seeds; the readout of each layer is a softmax regression on it, on validation rows, where layers are trained one after another. *Hidden layers*: learned, each neuron by its own goal; random, never; backprop, from end to end. Times are of a machine that others used as well, and longer than they need be.\n"
        );
        foreach (
            IGrouping<string, NetworkResult> set in results
                .GroupBy(result => result.Cell.DataSet)
                .OrderBy(set => Array.IndexOf(["mnist", "fashion", "cifar10"], set.Key))
        )
        {
            string title = set.Key switch
            {
                "mnist" => "MNIST",
                "fashion" => "Fashion-MNIST",
                _ => "CIFAR-10",
            };
            page.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n").Append(Table([.. set]));
        }

        foreach (Hardware hardware in results.Select(result => result.Hardware).Distinct())
            page.Append(
                CultureInfo.InvariantCulture,
                $"\n{hardware.Processor}, {hardware.Cores} processors, {hardware.ThreadsPerCell} threads; {hardware.OperatingSystem}.\n"
            );
        return page.ToString();
    }

    /// <summary>A table of results, seeds together.</summary>
    public static string Table(IReadOnlyList<NetworkResult> results)
    {
        var table = new StringBuilder(Header);
        foreach (
            IGrouping<NetworkCell, NetworkResult> group in results
                .GroupBy(result => result.Cell with { Seed = 0 })
                .OrderBy(group => IndexOf(group.Key.Network))
                .ThenBy(group => group.Key.Augmentation is not null)
                .ThenBy(group => group.Key.Rows)
                .ThenBy(group => group.Key.Epochs)
                .ThenBy(group => group.Key.Control)
        )
        {
            NetworkOutcome[] outcomes = [.. group.Select(result => result.Outcome)];
            NetworkCell cell = group.Key;
            table.Append(
                CultureInfo.InvariantCulture,
                $"| {ImageNetwork.Find(cell.Network).Title} | {cell.Control.ToString().ToLowerInvariant()} | {NetworkCell.Describe(cell.Augmentation)} | {cell.Epochs} | {cell.Rows - cell.Rows / 5:N0} | {string.Join(", ", group.Select(result => result.Cell.Seed).Order())} | {Percent(outcomes.Min(of => of.Test))} / {Percent(outcomes.Average(of => of.Test))} / {Percent(outcomes.Max(of => of.Test))} | {Percent(outcomes.Average(of => of.Validation))} | {Percent(outcomes.Average(of => of.Training))} | {Readouts(outcomes)} | {outcomes.Average(of => of.TrainingSeconds):F0} |\n"
            );
        }

        return table.ToString();
    }

    private static string Readouts(NetworkOutcome[] outcomes) =>
        outcomes[0].Readouts.Count == 0
            ? "–"
            : string.Join(
                ", ",
                Enumerable
                    .Range(0, outcomes[0].Readouts.Count)
                    .Select(layer => Percent(outcomes.Average(outcome => outcome.Readouts[layer])))
            );

    private static int IndexOf(string network) =>
        ImageNetwork.All.Select(known => known.Name).ToList().IndexOf(network);

    private static string Percent(double share) => (100 * share).ToString("F2", CultureInfo.InvariantCulture);
}
