using System.Globalization;
using System.Text;
using Microsoft.ML.Infomorphic.Information;

namespace PaperReproduction;

/// <summary>The stored trainings of a published goal with one weight set to zero, beside those of the goal itself.</summary>
internal static class AblationTable
{
    /// <summary>Appends a section for every size that has such trainings; none where nothing is stored.</summary>
    public static void Append(StringBuilder page, IReadOnlyList<CellResult> results)
    {
        var system = PaperSystem.Find("setup1");
        // Accuracies do not depend on hardware, so that of any one training will do.
        foreach (
            IGrouping<Cell, CellResult> size in results
                .Where(result => result.Cell.System == system.Name && result.Cell.Goal.Length > 0)
                .DistinctBy(result => result.Cell)
                .GroupBy(result => result.Cell with { Goal = "", Seed = 0 })
                .OrderBy(size => size.Key.HiddenNeurons)
                .ThenBy(size => size.Key.Epochs)
        )
        {
            string name = system.GoalOn(size.Key.DataSet)!;
            GoalFunction goal = GoalFunction.Parse(name);
            string unchanged = goal.ToString();
            string[] terms = Ablation.Terms(goal);
            // The published ablation is that of the published cell.
            bool isPublished =
                size.Key.DataSet == "mnist"
                && Published.Find(size.Key with { Goal = unchanged }) is { HiddenNeurons: 100 };
            Dictionary<(string Goal, int Seed), double> accuracies = size.ToDictionary(
                result => (result.Cell.Goal, result.Cell.Seed),
                result => result.Outcome.SampledValidation
            );
            var rows = new List<(string Term, double Weight, Spread Accuracy, Spread Drop)>();
            for (int term = 0; term < terms.Length; term++)
            {
                string changed = Ablation.With(goal, (term, 0)).ToString();
                int[] seeds =
                [
                    .. accuracies
                        .Keys.Where(key => key.Goal == changed && accuracies.ContainsKey((unchanged, key.Seed)))
                        .Select(key => key.Seed),
                ];
                if (seeds.Length > 0 && changed != unchanged)
                    rows.Add(
                        (
                            terms[term],
                            goal.Gamma[term],
                            Spread.Of(seeds.Select(seed => accuracies[(changed, seed)])),
                            Spread.Of(seeds.Select(seed => accuracies[(unchanged, seed)] - accuracies[(changed, seed)]))
                        )
                    );
            }
            if (rows.Count == 0)
                continue;

            page.AppendLine();
            page.AppendLine(
                CultureInfo.InvariantCulture,
                $"## Ablation: {size.Key.DataSet}, N = {size.Key.HiddenNeurons}, {size.Key.Epochs} epochs, {size.Key.Rows:N0} training rows"
            );
            page.AppendLine();
            page.AppendLine(
                $"One weight of {name} set to zero; accuracy on the withheld rows in percent, sampled. Drops are taken seed by seed; the interval is that of their mean, at 95 % (Student's t). Published: one number a term, read off the paper's ablation figure where the text or the figure gives it."
            );
            page.AppendLine();
            page.AppendLine(
                "| term | its weight | seeds | accuracy without it | drop, points | interval | published |"
            );
            page.AppendLine("|---|---:|---:|---:|---:|---:|---:|");
            foreach (
                (string term, double weight, Spread accuracy, Spread drop) in rows.OrderByDescending(row =>
                    row.Drop.Mean
                )
            )
                page.AppendLine(
                    CultureInfo.InvariantCulture,
                    $"| {term} | {weight:F3} | {drop.Count} | {100 * accuracy.Mean:F2} | {100 * drop.Mean:F2} | {drop.Interval} | {(isPublished ? Published.Without(term) : "–")} |"
                );
        }
    }
}
