using Microsoft.ML.Data;
using Microsoft.ML.Trainers.FastTree;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>How much a parameter matters to the objective.</summary>
/// <param name="Name">The parameter's name.</param>
/// <param name="Value">Its share of the decrease in impurity; the shares of all parameters sum to 1.</param>
public sealed record ParameterImportance(string Name, double Value)
{
    /// <summary>The fewest completed trials from which importances are computed.</summary>
    public const int MinimumTrials = 4;

    private const int Trees = 64;

    /// <summary>
    /// Mean decrease in impurity: a random forest is fitted to the completed trials' values; a parameter's importance is
    /// its share of what the splits on it take from the variance, a mean over the trees.
    /// </summary>
    /// <param name="space">The search space.</param>
    /// <param name="trials">The trials; those that are not completed are left out.</param>
    /// <param name="seed">Everything random follows from this number.</param>
    /// <returns>One importance for each parameter, the largest first; all are 0 where the values do not differ.</returns>
    /// <exception cref="ArgumentException">Fewer than <see cref="MinimumTrials"/> trials are completed.</exception>
    /// <remarks>
    /// As in arXiv 2412.02482, appendix A.5 and figure 6. The forest is ML.NET's FastForest; a choice is one feature for each of its
    /// values, and has the sum of their importances.
    /// </remarks>
    public static IReadOnlyList<ParameterImportance> Compute(SearchSpace space, IEnumerable<Trial> trials, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(trials);
        int[] owners = [.. space.Parameters.Index().SelectMany(p => Enumerable.Repeat(p.Index, FeatureCount(p.Item)))];
        Trial[] completed = [.. trials.Where(trial => trial.State == TrialState.Completed)];
        if (completed.Length < MinimumTrials)
            throw new ArgumentException(
                $"Parameter importance needs at least {MinimumTrials} completed trials, and there are {completed.Length}.",
                nameof(trials)
            );
        double least = completed.Min(trial => trial.Value!.Value);
        double range = completed.Max(trial => trial.Value!.Value) - least;
        if (range == 0)
            return [.. space.Parameters.Select(parameter => new ParameterImportance(parameter.Name, 0))];

        // The forest reads single precision. Shares are the same on every scale, and in this one small differences are kept.
        Row[] rows =
        [
            .. completed.Select(trial => new Row
            {
                Label = (float)((trial.Value!.Value - least) / range),
                Features = FeaturesOf(trial.Point),
            }),
        ];

        var context = new MLContext(seed);
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, owners.Length);
        var forest = context.Regression.Trainers.FastForest(
            new FastForestRegressionTrainer.Options
            {
                NumberOfTrees = Trees,
                NumberOfLeaves = Math.Max(2, rows.Length),
                MinimumExampleCountPerLeaf = 2,
                FeatureFraction = 1,
                FeatureFractionPerSplit = 1,
                NumberOfThreads = 1,
                Seed = seed,
            }
        );
        var ensemble = forest.Fit(context.Data.LoadFromEnumerable(rows, schema)).Model.TrainedTreeEnsemble;

        double[] sums = new double[space.Parameters.Count];
        foreach (RegressionTreeBase tree in ensemble.Trees)
        {
            double total = tree.SplitGains.Sum();
            if (total > 0)
                for (int split = 0; split < tree.SplitGains.Count; split++)
                    sums[owners[tree.NumericalSplitFeatureIndexes[split]]] += tree.SplitGains[split] / total;
        }
        double all = sums.Sum();
        return
        [
            .. space
                .Parameters.Zip(
                    sums,
                    (parameter, sum) => new ParameterImportance(parameter.Name, all > 0 ? sum / all : 0)
                )
                .OrderByDescending(importance => importance.Value),
        ];
    }

    private static int FeatureCount(Parameter parameter) =>
        parameter is ChoiceParameter choice ? choice.Choices.Count : 1;

    private static float[] FeaturesOf(ParameterPoint point) =>
        [
            .. point
                .Space.Parameters.Zip(point.Values, (parameter, value) => FeaturesOf(parameter, value))
                .SelectMany(f => f),
        ];

    private static IEnumerable<float> FeaturesOf(Parameter parameter, double value) =>
        parameter is ChoiceParameter choice
            ? Enumerable.Range(0, choice.Choices.Count).Select(i => i == value ? 1f : 0f)
            : [(float)parameter.ToUnit(value)];

    private sealed class Row
    {
        public float Label { get; set; }

        public float[] Features { get; set; } = [];
    }
}
