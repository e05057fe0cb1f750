using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.DataOperationsCatalog;
using static Microsoft.ML.Infomorphic.Tuning.Tests.SweepFixture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Sweeps from end to end: what is searched, trained, measured, and found best.</summary>
[TestClass]
public sealed class InfomorphicSweepTests
{
    public static IEnumerable<object[]> Metrics =>
        [
            [SweepMetric.MicroAccuracy],
            [SweepMetric.MacroAccuracy],
            [SweepMetric.LogLoss],
            [SweepMetric.LogLossReduction],
            [SweepMetric.Create("TopKAccuracy", OptimizationDirection.Maximize, m => m.TopKAccuracyForAllK[1])],
        ];

    [TestMethod]
    [DynamicData(nameof(Metrics))]
    public void The_best_trial_is_best_in_the_metrics_direction_and_can_be_trained_again(SweepMetric metric)
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 8) with { Metric = metric });
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);

        double[] values = [.. result.Trials.Select(t => t.Value!.Value)];
        Assert.AreEqual(SweepOutcome.Finished, result.Outcome);
        Assert.HasCount(8, values);
        Assert.AreEqual(metric.Direction == OptimizationDirection.Maximize ? values.Max() : values.Min(), Best(result));
        Assert.AreNotEqual(values.Min(), values.Max());
        Assert.AreEqual(Best(result), ValueOf(sweep, result.Best!.Point, metric, TrainRows, ValidationRows));
        Assert.IsTrue(result.Trials.All(t => t.EpochValues.Count == Epochs));
    }

    // The second one is not there: the trials of its worker fail, and say so.
    [TestMethod]
    public void Workers_train_on_devices_of_their_own()
    {
        using var store = NewStore();
        InfomorphicSweepOptions options = Options(store, 8) with { Devices = ["cpu", "cuda:99"] };
        SweepResult result = Create(options with { Sweep = options.Sweep with { Workers = 2 } })
            .Execute(TrainRows, ValidationRows);

        StoredTrial[] failed = [.. result.Trials.Where(trial => trial.State == StoredTrialState.Failed)];
        Assert.IsNotEmpty(failed);
        foreach (StoredTrial trial in failed)
            Assert.Contains("Device is 'cuda:99', and there is no CUDA device", trial.Error!);
        Assert.IsTrue(result.Trials.Any(trial => trial.State == StoredTrialState.Completed));
    }

    [TestMethod]
    public void A_device_of_no_known_name_is_refused()
    {
        using var store = NewStore();

        ArgumentException failure = Assert.Throws<ArgumentException>(() =>
            Create(Options(store, 8) with { Devices = ["cpu", "gpu"] })
        );

        Assert.Contains("gpu", failure.Message);
    }

    [TestMethod]
    public void Epochs_are_measured_as_trials_are_where_the_metric_says_so()
    {
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.RestoreBestEpoch = false;
        trainer.CalibrateScores = false;
        Assert.IsFalse(SweepMetric.LogLoss.IsMeasuredAfterEpochs(trainer)); // epochs are evaluated by calibrated scores
        Assert.IsFalse(SweepMetric.MicroAccuracy.IsMeasuredAfterEpochs(trainer));
        trainer.CalibrateScores = true;
        Assert.IsFalse(SweepMetric.MacroAccuracy.IsMeasuredAfterEpochs(trainer));
        foreach (SweepMetric metric in new[] { SweepMetric.MicroAccuracy, SweepMetric.LogLoss })
        {
            Assert.IsTrue(metric.IsMeasuredAfterEpochs(trainer));
            using var store = NewStore();
            SweepResult result = Create(Options(store, 3) with { Metric = metric, Trainer = trainer })
                .Execute(TrainRows, ValidationRows);
            foreach (StoredTrial trial in result.Trials)
                Assert.AreEqual(trial.Value!.Value, trial.EpochValues[^1], 1e-6); // summed in another order
        }
    }

    [TestMethod]
    public void Folds_are_trained_one_by_one_and_their_mean_counts()
    {
        using var store = NewStore();
        IReadOnlyList<TrainTestData> folds = Context.Data.CrossValidationSplit(TrainRows, numberOfFolds: 3, seed: 4);
        InfomorphicSweep sweep = Create(Options(store, 3) with { Metric = SweepMetric.LogLoss });
        SweepResult result = sweep.CrossValidate(folds);

        Assert.IsTrue(result.Trials.All(t => t.EpochValues.Count == 3 * Epochs));
        double mean = folds.Average(f =>
            ValueOf(sweep, result.Best!.Point, SweepMetric.LogLoss, f.TrainSet, f.TestSet)
        );
        Assert.AreEqual(mean, Best(result));
        Assert.AreEqual(result.Trials.Min(t => t.Value), Best(result));
        Assert.Throws<ArgumentException>(() => sweep.CrossValidate([]));
    }

    [TestMethod]
    public void Preprocessing_is_fitted_to_training_data_alone()
    {
        using var store = NewStore();
        IDataView train = Raw(seed: 1, count: 150, scale: 1);
        IDataView validation = Raw(seed: 2, count: 90, scale: 10);
        var preprocessing = Context
            .Transforms.Conversion.MapValueToKey("Label", "Class")
            .Append(Context.Transforms.NormalizeMeanVariance("Features", "Numbers"));
        InfomorphicSweep sweep = Create(Options(store, 2) with { Preprocessing = preprocessing });
        SweepResult result = sweep.Execute(train, validation);

        var fitted = preprocessing.Fit(train);
        Assert.AreEqual(
            Best(result),
            ValueOf(
                sweep,
                result.Best!.Point,
                SweepMetric.MicroAccuracy,
                fitted.Transform(train),
                fitted.Transform(validation)
            )
        );
    }

    [TestMethod]
    public void The_published_goals_begin_the_search_and_the_result_is_never_worse()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 12) with { EnqueuePresets = true });
        GoalFunction[] presets = [.. GoalFunctions.All.Where(p => p.Goal.Sources == "FCL").Select(p => p.Goal)];
        CollectionAssert.IsSubsetOf(
            presets.Distinct().Where(g => g.Gamma.All(v => Math.Abs(v) <= 1)).ToArray(),
            sweep.StartingPoints.Select(p => GoalFunction.Parse(sweep.OptionsAt(p).Goal)).ToArray()
        );

        SweepResult result = sweep.Execute(TrainRows, ValidationRows);
        StoredTrial[] enqueued = [.. result.Trials.Where(t => t.Enqueued)];
        CollectionAssert.AreEqual(sweep.StartingPoints.ToArray(), enqueued.Select(t => t.Point).ToArray());
        Assert.IsGreaterThan(enqueued.Length, result.Trials.Count);
        double best = enqueued.Max(t => ValueOf(sweep, t.Point, SweepMetric.MicroAccuracy, TrainRows, ValidationRows));
        Assert.AreEqual(best, enqueued.Max(t => t.Value));
        Assert.IsGreaterThanOrEqualTo(best, Best(result));
    }

    [TestMethod]
    public void The_trainers_own_options_may_begin_it()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 1) with { EnqueueTrainer = true });
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);
        Assert.AreEqual(
            GoalFunctions.Heuristic,
            GoalFunction.Parse(sweep.OptionsAt(result.Trials.Single().Point).Goal)
        );

        InfomorphicTrainer.Options outside = Trainer();
        outside.LearningRate = 1;
        string message = Assert
            .ThrowsExactly<ArgumentException>(() =>
                Create(Options(store, 1) with { EnqueueTrainer = true, Trainer = outside })
            )
            .Message;
        Assert.AreEqual(
            "The trainer's options are no starting point: LearningRate is 1, outside its range in the search space.",
            message
        );
    }

    [TestMethod]
    public void The_points_that_it_is_given_come_first()
    {
        using var store = NewStore();
        InfomorphicSweepOptions options = Options(store, 3);
        InfomorphicSweep sweep = Create(
            options with
            {
                StartingPoints =
                [
                    OneLayer.GetPoint("opt_2_100_cmaes", Trainer()),
                    OneLayer.GetPoint("heuristic", Trainer()),
                ],
                EnqueueTrainer = true, // which is the second one
            }
        );
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);
        CollectionAssert.AreEqual(
            new[] { GoalFunctions.OptimizedCmaEs2, GoalFunctions.Heuristic },
            result.Trials.Where(t => t.Enqueued).Select(t => sweep.GoalAt(t.Point)).ToArray()
        );
        string message = Assert
            .ThrowsExactly<ArgumentException>(() =>
                Create(options with { Space = TwoLayers, Trainer = Layers(), StartingPoints = sweep.StartingPoints })
            )
            .Message;
        StringAssert.EndsWith(
            message,
            "is of another search space than the sweep's: make it with TrainerSpace.GetPoint of the space that is searched."
        );
    }

    [TestMethod]
    public void Choices_are_each_trained_once_and_the_best_can_be_trained_again()
    {
        using var store = NewStore();
        int trainings = 0;
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = epoch => trainings += epoch.Epoch == 1 ? 1 : 0;
        InfomorphicSweepOptions options = Options(store, 500) with
        {
            Trainer = trainer,
            Metric = SweepMetric.LogLoss,
            Space = TrainerSpace
                .Empty.WithChoice(o => o.Goal, "heuristic", "opt_1_100_tpe", "{F}{C}{L}")
                .WithChoice(o => o.NumberOfEpochs, 2, 4)
                .WithChoice(o => o.Encoding, FeatureEncodingKind.None, FeatureEncodingKind.PiecewiseLinear),
            Tuner = (space, direction) => new RandomTuner(space, direction, 1),
        };
        InfomorphicSweep sweep = Create(options with { TrialsAtOnce = 4 });
        SweepResult result = sweep.Execute(TrainRows, ValidationRows);
        Assert.AreEqual(12, trainings);
        Assert.HasCount(12, result.Trials.Select(t => t.Point).Distinct());
        Assert.AreEqual(12, result.Trials.Count(t => t.RepeatOf is null));
        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(
            Best(result),
            ValueOf(sweep, result.Best!.Point, SweepMetric.LogLoss, TrainRows, ValidationRows)
        );
        trainings = 0;
        Assert.AreEqual(Best(result), Best(Create(options).Execute(TrainRows, ValidationRows))); // joins it, and has enough
        Assert.AreEqual(0, trainings);

        string message = Assert
            .Throws<ArgumentException>(() =>
                Create(
                    options with
                    {
                        Space = TrainerSpace.Empty.WithChoice(o => o.Goal, "heuristic", "opt_9_100_tpe"),
                    }
                )
            )
            .Message;
        StringAssert.StartsWith(
            message,
            "The choice Goal = opt_9_100_tpe cannot be trained with Goal = opt_9_100_tpe: Goal: "
        );
    }

    [TestMethod]
    public void In_batches_the_same_comes_out_for_any_number_of_workers()
    {
        var runs = new List<(ParameterPoint, double?)[]>();
        foreach ((int workers, int atOnce) in new[] { (1, 1), (3, 1), (2, 3) })
        {
            using var store = NewStore();
            InfomorphicSweepOptions options = Options(store, 14);
            SweepResult result = Create(
                    options with
                    {
                        TrialsAtOnce = atOnce,
                        Sweep = options.Sweep with
                        {
                            Workers = workers,
                            ProposalBatchSize = 5,
                            Pruner = new SuccessiveHalvingPruner(1, 2),
                        },
                    }
                )
                .Execute(TrainRows, ValidationRows);
            runs.Add([.. result.Trials.Select(t => (t.Point, t.Value))]);
        }
        CollectionAssert.AreEqual(runs[0], runs[1]);
        CollectionAssert.AreEqual(runs[0], runs[2]);
    }

    [TestMethod]
    public void What_cannot_be_searched_is_refused_before_anything_is_trained()
    {
        using var store = NewStore();
        AssertSays("The search space is empty: free a weight", Options(store, 1) with { Space = TrainerSpace.Empty });
        InfomorphicTrainer.Options wrong = Trainer();
        wrong.NumberOfEpochs = 0;
        AssertSays("NumberOfEpochs", Options(store, 1) with { Trainer = wrong });
        AssertSays(
            "HiddenLayers has the layers: search it layer by layer",
            Options(store, 1) with
            {
                Trainer = Layers(),
            }
        );
        AssertSays("and HiddenLayers is null", Options(store, 1) with { Space = TwoLayers });
        Assert.AreEqual(0, Number(store, "SELECT count(*) FROM infomorphic_studies"));

        static void AssertSays(string text, InfomorphicSweepOptions options) =>
            StringAssert.Contains(Assert.Throws<ArgumentException>(() => Create(options)).Message, text);
    }
}
