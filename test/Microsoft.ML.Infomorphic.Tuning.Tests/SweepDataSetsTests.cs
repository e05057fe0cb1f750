using Microsoft.ML.Data;
using static Microsoft.ML.DataOperationsCatalog;
using static Microsoft.ML.Infomorphic.Tuning.Tests.SweepFixture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Sweeps across several data sets.</summary>
[TestClass]
public sealed class SweepDataSetsTests
{
    // Sets of other numbers of features, classes and folds: each counts alike.
    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void The_value_across_data_sets_is_the_mean_of_each_sets_own(int trialsAtOnce)
    {
        using var store = NewStore();
        IReadOnlyList<TrainTestData> folds = Context.Data.CrossValidationSplit(TrainRows, numberOfFolds: 3, seed: 4);
        IDataView pairs = Pairs(seed: 3, count: 120);
        var split = Context.Data.TrainTestSplit(pairs, 0.3, seed: 1);
        InfomorphicSweep sweep = Create(
            Options(store, 5) with
            {
                Metric = SweepMetric.LogLossReduction,
                TrialsAtOnce = trialsAtOnce,
            }
        );
        SweepResult result = sweep.ExecuteAcross([new("clouds", folds), new("pairs", split.TrainSet, split.TestSet)]);

        foreach (StoredTrial trial in result.Trials)
        {
            double clouds = folds.Average(f =>
                ValueOf(sweep, trial.Point, SweepMetric.LogLossReduction, f.TrainSet, f.TestSet)
            );
            double other = ValueOf(sweep, trial.Point, SweepMetric.LogLossReduction, split.TrainSet, split.TestSet);
            Assert.AreEqual((clouds + other) / 2, trial.Value!.Value, 1e-12);
            Assert.HasCount(4 * Epochs, trial.EpochValues);
            Assert.AreNotEqual(clouds, other);
        }
        StringAssert.StartsWith(
            Objective(store),
            "LogLossReduction of 3 folds of clouds, validation rows of pairs: BatchSize = 32"
        );
        string message = Assert
            .ThrowsExactly<ArgumentException>(() => sweep.ExecuteAcross([new("clouds", folds), new("twos", split)]))
            .Message;
        StringAssert.Contains(message, "another objective");
    }

    [TestMethod]
    public void A_trial_that_was_pruned_on_one_of_several_data_sets_tells_no_value()
    {
        using var store = NewStore();
        InfomorphicSweepOptions options = Options(store, 4);
        SweepResult result = Create(options with { Sweep = options.Sweep with { Pruner = new PruneOnSecondSet() } })
            .ExecuteAcross([new("a", TrainRows, ValidationRows), new("b", ValidationRows, TrainRows)]);
        CollectionAssert.AreEqual(
            new[] { 2 * Epochs, Epochs + 1, 2 * Epochs, Epochs + 1 },
            result.Trials.Select(trial => trial.EpochValues.Count).ToArray()
        );
        CollectionAssert.AreEqual(
            new[] { true, false, true, false },
            result.Trials.Select(trial => trial.Value is not null).ToArray()
        );
        Assert.IsNull(Study.Join(store, store.FindStudy("s")!).GetEvents()[^1].Value);
    }

    private sealed class PruneOnSecondSet : IPruner
    {
        public bool ShouldPrune(
            LearningCurve trial,
            IReadOnlyCollection<LearningCurve> others,
            OptimizationDirection direction
        ) => trial.Trial % 2 == 1 && trial.Values.Count > Epochs;
    }

    [TestMethod]
    public void Data_sets_that_are_none_are_refused_in_one_sentence()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 1));
        SweepDataSet set = new("a", TrainRows, ValidationRows);
        foreach (
            (Action act, string sentence) in new (Action, string)[]
            {
                (() => sweep.ExecuteAcross([]), "A sweep needs at least one data set."),
                (() => sweep.ExecuteAcross([set, set]), "Two data sets have the name a: rename one of them."),
                (
                    () => _ = new SweepDataSet("a"),
                    "The data set a has no fold: give it what to train and what to measure on."
                ),
            }
        )
            StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(act).Message, sentence);
        Assert.ThrowsExactly<ArgumentNullException>(() => _ = new SweepDataSet("a", TrainRows, null!));
    }

    // Two classes and two features, where the others have three and four.
    private static IDataView Pairs(int seed, int count)
    {
        var random = new Random(seed);
        IDataView raw = Context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new Pair
                {
                    Class = i % 2 == 0 ? "a" : "b",
                    Features = [(float)(random.NextDouble() + 0.3 * (i % 2)), (float)random.NextDouble()],
                })
                .ToArray()
        );
        return Context.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(raw).Transform(raw);
    }

    private sealed class Pair
    {
        public string Class { get; set; } = "";

        [VectorType(2)]
        public float[] Features { get; set; } = [];
    }
}
