using System.Globalization;
using System.Text;
using Spectre.Console;

namespace PaperReproduction;

/// <summary>Stored results beside the published ones.</summary>
internal static class ResultsReport
{
    private static readonly int[] s_sizes = [0, 10, 20, 50, 100, 200, 500, 1000, 2000];

    /// <summary>Results that differ in their seed alone and were made on the same hardware.</summary>
    private sealed record Group(Cell Cell, Hardware Hardware, string Library, IReadOnlyList<CellResult> Results)
    {
        public Spread Sampled { get; } = Spread.Of(Results.Select(result => result.Outcome.SampledTest));
        public Spread? MeanField { get; } =
            Results.All(result => result.Outcome.MeanFieldTest is not null)
                ? Spread.Of(Results.Select(result => result.Outcome.MeanFieldTest!.Value))
                : null;
        public Spread Seconds { get; } = Spread.Of(Results.Select(result => result.Outcome.TrainingSeconds));
        public PublishedValue? Published { get; } = PaperReproduction.Published.Find(Cell);

        public string Difference =>
            Published is null
                ? "–"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{100 * Sampled.Median - Published.Percent:+0.00;−0.00;0.00}"
                );
        public string PublishedPercent =>
            Published is null ? "–" : Published.Percent.ToString("F1", CultureInfo.InvariantCulture);
    }

    /// <summary>The table that a run ends with.</summary>
    public static Table ConsoleTable(IReadOnlyList<CellResult> results)
    {
        var table = new Table();
        table.AddColumns(
            "System",
            "N",
            "Seeds",
            "Published, %",
            "Sampled: min / mean / median / max",
            "Median − published",
            "Mean field: min / mean / median / max",
            "Training, s"
        );
        foreach (Group group in GroupBySeeds(results))
            table.AddRow(Row(group));
        return table;
    }

    /// <summary>A page with all results.</summary>
    public static string Markdown(IReadOnlyList<CellResult> results)
    {
        var page = new StringBuilder();
        page.AppendLine("# Results");
        page.AppendLine();
        page.AppendLine(
            "Written by `dotnet run --project samples/PaperReproduction -c Release -- report` from the stored runs in `docs/results`; do not edit."
        );
        page.AppendLine(
            "Test accuracy in percent at the last epoch, the label withheld. *Sampled*: one sample a neuron, no calibration, as the paper scores. *Mean field*: as the trainer scores by default, calibrated on the withheld rows. A fifth of the training rows is withheld. Published: arXiv 2412.02482. Training time includes the evaluation after each epoch, for backprop the steps alone; times of runs that shared the machine with others are longer than they need be."
        );
        foreach (
            IGrouping<
                (string DataSet, int Epochs, int Rows, Hardware Hardware, string Library, int Protocol),
                Group
            > table in GroupBySeeds(results.Where(IsPublishedGoal))
                .GroupBy(group =>
                    (
                        group.Cell.DataSet,
                        group.Cell.Epochs,
                        group.Cell.Rows,
                        group.Hardware,
                        group.Library,
                        group.Cell.Protocol
                    )
                )
        )
        {
            page.AppendLine();
            page.AppendLine(
                CultureInfo.InvariantCulture,
                $"## {(table.Key.DataSet == "mnist" ? "MNIST" : "CIFAR-10")}, {table.Key.Epochs} epochs, {table.Key.Rows:N0} training rows"
            );
            page.AppendLine();
            page.AppendLine(
                $"{table.Key.Hardware.Processor}, {table.Key.Hardware.Cores} processors, {table.Key.Hardware.ThreadsPerCell} threads a cell, {table.Key.Hardware.CellsAtOnce} at once; {table.Key.Hardware.OperatingSystem}; library {table.Key.Library}."
            );
            page.AppendLine();
            page.AppendLine(
                "| system | N | seeds | published | sampled: min / mean / median / max | median − published | mean field: min / mean / median / max | training, s |"
            );
            page.AppendLine("|---|---:|---:|---:|---|---:|---|---:|");
            foreach (Group group in table)
                page.AppendLine($"| {string.Join(" | ", Row(group))} |");
        }

        AblationTable.Append(page, results);
        AppendCoverage(page, results);
        return page.ToString().ReplaceLineEndings("\n");
    }

    private static void AppendCoverage(StringBuilder page, IReadOnlyList<CellResult> results)
    {
        page.AppendLine();
        page.AppendLine("## What was run");
        page.AppendLine();
        page.AppendLine("Seeds with stored results on MNIST, 100 epochs, all training rows; · was not run.");
        page.AppendLine();
        page.AppendLine($"| system | {string.Join(" | ", s_sizes)} |");
        page.AppendLine($"|---|{string.Concat(Enumerable.Repeat("---:|", s_sizes.Length))}");
        foreach (string system in PaperSystem.All.Select(system => system.Name))
        {
            IEnumerable<string> counts = s_sizes.Select(size =>
            {
                int count = results
                    .Where(IsPublishedGoal)
                    .Where(result =>
                        result.Cell is { DataSet: "mnist", Epochs: 100, Rows: 60_000 }
                        && result.Cell.System == system
                        && result.Cell.HiddenNeurons == size
                    )
                    .DistinctBy(result => result.Cell.Seed)
                    .Count();
                return count == 0 ? "·" : count.ToString(CultureInfo.InvariantCulture);
            });
            page.AppendLine($"| {system} | {string.Join(" | ", counts)} |");
        }
    }

    // Goals with a changed weight belong to the ablation.
    private static bool IsPublishedGoal(CellResult result) =>
        result.Cell.Goal.Length == 0 || GoalName(result.Cell) is not null;

    private static string? GoalName(Cell cell) => PaperSystem.Find(cell.System).NameOf(cell.Goal);

    private static IEnumerable<Group> GroupBySeeds(IEnumerable<CellResult> results) =>
        results
            .GroupBy(result => (Cell: result.Cell with { Seed = 0 }, result.Hardware, result.Library))
            .Select(group => new Group(group.Key.Cell, group.Key.Hardware, group.Key.Library, [.. group]))
            .OrderBy(group => group.Cell.DataSet == "mnist" ? 0 : 1)
            .ThenBy(group => group.Cell.Epochs)
            .ThenBy(group => group.Cell.HiddenNeurons)
            .ThenBy(group => group.Cell.System, StringComparer.Ordinal);

    private static string[] Row(Group group) =>
        [
            group.Cell.Goal.Length == 0
                ? group.Cell.System
                : $"{group.Cell.System}, {GoalName(group.Cell) ?? "own goal"}",
            group.Cell.HiddenNeurons.ToString(CultureInfo.InvariantCulture),
            group.Results.Count.ToString(CultureInfo.InvariantCulture),
            group.PublishedPercent,
            group.Sampled.Percent,
            group.Difference,
            group.MeanField?.Percent ?? "–",
            group.Seconds.Median.ToString("F0", CultureInfo.InvariantCulture),
        ];
}
