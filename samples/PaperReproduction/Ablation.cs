using System.Globalization;
using System.Text;
using Microsoft.ML.Infomorphic.Information;
using SampleSupport;
using Spectre.Console;

namespace PaperReproduction;

/// <summary>A goal with some of its weights changed.</summary>
/// <param name="Part">Which of <see cref="Ablation.Parts"/> it belongs to; "goal" for the unchanged one.</param>
/// <param name="Term">The term that was changed (last), such as {F}{C}.</param>
/// <param name="Change">What was done to its weight: "0", "×0.9", "×1.1", "+0.1", "−0.1".</param>
/// <param name="Goal">The goal in full notation.</param>
internal sealed record GoalVariant(string Part, string Term, string Change, string Goal);

/// <summary>A variant's accuracy on the withheld rows, sampled, and what it loses against the unchanged goal, by seed.</summary>
internal sealed record VariantResult(GoalVariant Variant, Spread Accuracy, Spread Drop);

/// <summary>
/// Which weights of a goal matter (arXiv 2412.02482, figure 5): each set to zero alone; then one after another, from the
/// one that matters least to the one that matters most; and each moved by 10 % and by 0.1.
/// </summary>
/// <param name="goal">The goal in full notation.</param>
/// <param name="seeds">The seeds of every variant.</param>
/// <param name="createCell">The cell of a goal and a seed.</param>
/// <param name="sweep">Runs cells and returns their results in the same order.</param>
internal sealed class Ablation(
    string goal,
    IReadOnlyList<int> seeds,
    Func<string, int, Cell> createCell,
    Func<IReadOnlyList<Cell>, IReadOnlyList<CellResult>> sweep
)
{
    private const string Single = "single";
    private const string Cumulative = "cumulative";
    private const string Sensitivity = "sensitivity";
    private readonly GoalFunction _goal = GoalFunction.Parse(goal);

    /// <summary>What can be asked for.</summary>
    public static IReadOnlyList<string> Parts { get; } = [Single, Cumulative, Sensitivity];

    /// <summary>Runs parts, prints the table, and writes it and its picture.</summary>
    public void Run(IReadOnlyCollection<string> parts, string folder, IAnsiConsole console)
    {
        var output = new OutputFolder(folder);
        output.Create();
        string[] terms = Terms(_goal);
        int[] used = [.. Enumerable.Range(0, terms.Length).Where(i => _goal.Gamma[i] != 0)];
        var unchanged = new GoalVariant("goal", "–", "–", goal);
        double[] reference = Judge([unchanged])[0];
        var results = new List<VariantResult> { Result(unchanged, reference) };

        // The order of the cumulative part follows from the single one.
        VariantResult[] singles = [];
        if (parts.Contains(Single) || parts.Contains(Cumulative))
        {
            singles = JudgeAll([.. used.Select(i => new GoalVariant(Single, terms[i], "0", With((i, 0))))]);
            results.AddRange(singles);
        }
        if (parts.Contains(Cumulative))
        {
            int[] order = [.. used.Zip(singles).OrderBy(pair => pair.Second.Drop.Mean).Select(pair => pair.First)];
            // A goal without any term is none, so the last one stays.
            results.AddRange(
                JudgeAll([
                    .. Enumerable
                        .Range(1, order.Length - 1)
                        .Select(count => new GoalVariant(
                            Cumulative,
                            terms[order[count - 1]],
                            "0",
                            With([.. order[..count].Select(i => (i, 0.0))])
                        )),
                ])
            );
        }
        if (parts.Contains(Sensitivity))
            results.AddRange(
                JudgeAll([
                    .. used.SelectMany(i =>
                        new (string Change, double Weight)[]
                        {
                            ("×0.9", 0.9 * _goal.Gamma[i]),
                            ("×1.1", 1.1 * _goal.Gamma[i]),
                            ("−0.1", _goal.Gamma[i] - 0.1),
                            ("+0.1", _goal.Gamma[i] + 0.1),
                        }.Select(changed => new GoalVariant(
                            Sensitivity,
                            terms[i],
                            changed.Change,
                            With((i, changed.Weight))
                        ))
                    ),
                ])
            );

        Print(results, console);
        output.Write("ablation.csv", stream => stream.Write(Encoding.UTF8.GetBytes(Csv(results))));
        if (singles.Length > 0)
            output.Write("ablation.png", stream => stream.Write(AblationPlot.Draw(results[0], singles)));
        foreach (string path in output.Written)
            console.Profile.Out.Writer.WriteLine(path);

        VariantResult[] JudgeAll(GoalVariant[] variants) =>
            [.. variants.Zip(Judge(variants)).Select(pair => Result(pair.First, pair.Second))];

        // The same seed withholds the same rows and draws the same weights: differences are taken seed by seed.
        VariantResult Result(GoalVariant variant, double[] accuracies) =>
            new(
                variant,
                Spread.Of(accuracies),
                Spread.Of(reference.Zip(accuracies).Select(pair => pair.First - pair.Second))
            );
    }

    /// <summary>A goal's terms in the order of its weights: its atoms, and H_res.</summary>
    public static string[] Terms(GoalFunction goal) =>
        [.. goal.Lattice.Antichains.Select(antichain => antichain.ToString(goal.Sources)), "H_res"];

    private double[][] Judge(IReadOnlyList<GoalVariant> variants)
    {
        // Seed after seed, so that all variants have a result as early as can be.
        Cell[] cells = [.. seeds.SelectMany(seed => variants.Select(variant => createCell(variant.Goal, seed)))];
        IReadOnlyList<CellResult> results = sweep(cells);
        return
        [
            .. Enumerable
                .Range(0, variants.Count)
                .Select(i =>
                    seeds.Select((_, s) => results[s * variants.Count + i].Outcome.SampledValidation).ToArray()
                ),
        ];
    }

    /// <summary>A goal with other weights at some of its <see cref="Terms"/>.</summary>
    public static GoalFunction With(GoalFunction goal, params (int Term, double Weight)[] changes)
    {
        double[] gamma = [.. goal.Gamma];
        foreach ((int term, double weight) in changes)
            gamma[term] = weight;
        return GoalFunction.FromGamma(goal.Sources, gamma);
    }

    private string With(params (int Term, double Weight)[] changes) => With(_goal, changes).ToString();

    private static void Print(IEnumerable<VariantResult> results, IAnsiConsole console)
    {
        var table = new Table();
        table.AddColumns(
            "Part",
            "Term",
            "Weight",
            "Validation, sampled: min / mean / median / max",
            "Mean drop, points",
            "95 % interval"
        );
        foreach (VariantResult result in results)
            table.AddRow(
                new Text(result.Variant.Part),
                new Text(result.Variant.Term),
                new Text(result.Variant.Change),
                new Text(result.Accuracy.Percent),
                new Text((100 * result.Drop.Mean).ToString("F2", CultureInfo.InvariantCulture)),
                new Text(result.Drop.Interval)
            );
        console.Write(table);
    }

    private static string Csv(IEnumerable<VariantResult> results)
    {
        var text = new StringBuilder(
            "part,term,weight,seeds,minimum,mean,median,maximum,mean drop,half of the drop's 95 % interval\n"
        );
        foreach (VariantResult result in results)
            text.Append(
                CultureInfo.InvariantCulture,
                $"{result.Variant.Part},{result.Variant.Term},{result.Variant.Change},{result.Accuracy.Count},{result.Accuracy.Minimum:F4},{result.Accuracy.Mean:F4},{result.Accuracy.Median:F4},{result.Accuracy.Maximum:F4},{result.Drop.Mean:F4},{result.Drop.HalfInterval:F4}\n"
            );
        return text.ToString();
    }
}
