namespace Tabular;

/// <summary>One fit: trained on the other folds, tested on this one.</summary>
internal sealed record Run(int Seed, int Fold, Metrics Metrics, double Seconds);

/// <summary>What a contestant came to on a table.</summary>
/// <param name="Table">The table.</param>
/// <param name="Trainer">The contestant.</param>
/// <param name="Metrics">Means over the runs.</param>
/// <param name="Seconds">For one fit, the mean over the runs.</param>
/// <param name="Rank">By accuracy on this table, 1 is best; equals share the mean of their ranks.</param>
/// <param name="AccuracyToLightGbm">The difference of accuracy to LightGBM; null where it does not take part.</param>
/// <param name="Runs">The runs.</param>
internal sealed record Line(
    string Table,
    string Trainer,
    Metrics Metrics,
    double Seconds,
    double Rank,
    double? AccuracyToLightGbm,
    IReadOnlyList<Run> Runs
)
{
    /// <summary>The lines of a table.</summary>
    public static Line[] Of(string table, IReadOnlyDictionary<string, List<Run>> runs)
    {
        Dictionary<string, Metrics> means = runs.ToDictionary(pair => pair.Key, pair => Mean(pair.Value));
        double? lightGbm = means.TryGetValue(Contestant.LightGbm, out Metrics of) ? of.Accuracy : null;
        return
        [
            .. runs.Select(pair => new Line(
                table,
                pair.Key,
                means[pair.Key],
                pair.Value.Average(run => run.Seconds),
                0.5
                    + means.Values.Count(other => other.Accuracy > means[pair.Key].Accuracy)
                    + means.Values.Count(other => other.Accuracy == means[pair.Key].Accuracy) / 2.0,
                means[pair.Key].Accuracy - lightGbm,
                pair.Value
            )),
        ];
    }

    private static Metrics Mean(List<Run> runs) =>
        new(
            runs.Average(run => run.Metrics.Accuracy),
            runs.Average(run => run.Metrics.MacroAccuracy),
            runs.Average(run => run.Metrics.LogLoss),
            runs.Average(run => run.Metrics.CalibrationError)
        );
}

/// <summary>What a contestant came to on all tables, each of which counts as much as any other.</summary>
/// <param name="Trainer">The contestant.</param>
/// <param name="Metrics">Means over the tables.</param>
/// <param name="Seconds">For one fit, the mean over the tables.</param>
/// <param name="Rank">The mean rank.</param>
/// <param name="AccuracyToLightGbm">The mean difference of accuracy to LightGBM; null where it does not take part.</param>
/// <param name="WorstToLightGbm">The least of these differences.</param>
/// <param name="TimeToLightGbm">The median of the ratios of the times.</param>
/// <param name="AheadOfLinear">On how many tables it is more accurate than the linear trainer.</param>
internal sealed record Summary(
    string Trainer,
    Metrics Metrics,
    double Seconds,
    double Rank,
    double? AccuracyToLightGbm,
    double? WorstToLightGbm,
    double? TimeToLightGbm,
    int? AheadOfLinear
)
{
    public static Summary[] Of(IReadOnlyList<Line> lines)
    {
        return [.. lines.GroupBy(line => line.Trainer).Select(Summarise)];

        Summary Summarise(IGrouping<string, Line> own)
        {
            double[] ratios =
            [
                .. Pairs(Contestant.LightGbm).Select(pair => pair.Own.Seconds / pair.Other.Seconds).Order(),
            ];
            (Line Own, Line Other)[] linear = [.. Pairs(Contestant.Linear)];
            return new Summary(
                own.Key,
                new Metrics(
                    own.Average(line => line.Metrics.Accuracy),
                    own.Average(line => line.Metrics.MacroAccuracy),
                    own.Average(line => line.Metrics.LogLoss),
                    own.Average(line => line.Metrics.CalibrationError)
                ),
                own.Average(line => line.Seconds),
                own.Average(line => line.Rank),
                own.Average(line => line.AccuracyToLightGbm),
                own.Min(line => line.AccuracyToLightGbm),
                ratios.Length == 0 ? null : (ratios[(ratios.Length - 1) / 2] + ratios[ratios.Length / 2]) / 2,
                linear.Length == 0
                    ? null
                    : linear.Count(pair => pair.Own.Metrics.Accuracy > pair.Other.Metrics.Accuracy)
            );

            IEnumerable<(Line Own, Line Other)> Pairs(string trainer) =>
                own.Join(
                    lines.Where(line => line.Trainer == trainer),
                    line => line.Table,
                    line => line.Table,
                    (line, other) => (line, other)
                );
        }
    }
}
