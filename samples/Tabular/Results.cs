namespace Tabular;

/// <summary>One fit: trained on the other folds, tested on this one.</summary>
internal sealed record Run(int Seed, int Fold, Metrics Metrics, double Seconds);

/// <summary>What a contestant came to on a table.</summary>
/// <param name="Table">The table.</param>
/// <param name="Trainer">The contestant.</param>
/// <param name="Metrics">Means over the runs.</param>
/// <param name="Seconds">For one fit, the median over the runs: the first one loads native libraries.</param>
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
        Dictionary<string, Metrics> means = runs.ToDictionary(
            pair => pair.Key,
            pair => Metrics.Mean(pair.Value.Select(run => run.Metrics))
        );
        double? lightGbm = means.TryGetValue(Contestant.LightGbm, out Metrics of) ? of.Accuracy : null;
        return
        [
            .. runs.Select(pair => new Line(
                table,
                pair.Key,
                means[pair.Key],
                Median(pair.Value.Select(run => run.Seconds)),
                0.5
                    + means.Values.Count(other => other.Accuracy > means[pair.Key].Accuracy)
                    + means.Values.Count(other => other.Accuracy == means[pair.Key].Accuracy) / 2.0,
                means[pair.Key].Accuracy - lightGbm,
                pair.Value
            )),
        ];
    }

    /// <summary>The median of at least one number.</summary>
    public static double Median(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
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
    /// <summary>Sums up the lines of tables on which all contestants were.</summary>
    public static Summary[] Of(IReadOnlyList<Line> lines)
    {
        ILookup<string, Line> byTrainer = lines.ToLookup(line => line.Trainer);
        return
        [
            .. byTrainer.Select(own => new Summary(
                own.Key,
                Metrics.Mean(own.Select(line => line.Metrics)),
                own.Average(line => line.Seconds),
                own.Average(line => line.Rank),
                own.Average(line => line.AccuracyToLightGbm),
                own.Min(line => line.AccuracyToLightGbm),
                byTrainer.Contains(Contestant.LightGbm)
                    ? Line.Median(
                        own.Zip(byTrainer[Contestant.LightGbm], (line, other) => line.Seconds / other.Seconds)
                    )
                    : null,
                byTrainer.Contains(Contestant.Linear)
                    ? own.Zip(byTrainer[Contestant.Linear])
                        .Count(pair => pair.First.Metrics.Accuracy > pair.Second.Metrics.Accuracy)
                    : null
            )),
        ];
    }
}
