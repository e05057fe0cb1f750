using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.DataOperationsCatalog;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Sweeps from end to end, on data that train in milliseconds.</summary>
[TestClass]
public sealed class InfomorphicSweepTests
{
    private const int Epochs = 3;

    private static readonly MLContext s_context = new(seed: 1);

    private static readonly IDataView s_train = Rows(seed: 1, count: 150);

    private static readonly IDataView s_validation = Rows(seed: 2, count: 90);

    private static readonly TrainerSpace s_space = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);

    private static readonly TrainerSpace s_layers = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 0)
        .WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2).FreeAll(-1, 1), 1)
        .With(TrainerOption.NumberOfHiddenNeurons, 3, 6, layer: 1);

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
        SweepResult result = sweep.Execute(s_train, s_validation);

        double[] values = [.. result.Trials.Select(t => t.Value!.Value)];
        Assert.AreEqual(SweepOutcome.Finished, result.Outcome);
        Assert.HasCount(8, values);
        Assert.AreEqual(metric.Direction == OptimizationDirection.Maximize ? values.Max() : values.Min(), Best(result));
        Assert.AreNotEqual(values.Min(), values.Max());
        Assert.AreEqual(Best(result), ValueOf(sweep, result.Best!.Point, metric, s_train, s_validation));
        Assert.IsTrue(result.Trials.All(t => t.EpochValues.Count == Epochs));
    }

    // The second one is not there: the trials of its worker fail, and say so.
    [TestMethod]
    public void Workers_train_on_devices_of_their_own()
    {
        using var store = NewStore();
        InfomorphicSweepOptions options = Options(store, 8) with { Devices = ["cpu", "cuda:99"] };
        SweepResult result = Create(options with { Sweep = options.Sweep with { Workers = 2 } })
            .Execute(s_train, s_validation);

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
                .Execute(s_train, s_validation);
            foreach (StoredTrial trial in result.Trials)
                Assert.AreEqual(trial.Value!.Value, trial.EpochValues[^1], 1e-6); // summed in another order
        }
    }

    [TestMethod]
    public void Folds_are_trained_one_by_one_and_their_mean_counts()
    {
        using var store = NewStore();
        IReadOnlyList<TrainTestData> folds = s_context.Data.CrossValidationSplit(s_train, numberOfFolds: 3, seed: 4);
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
        var preprocessing = s_context
            .Transforms.Conversion.MapValueToKey("Label", "Class")
            .Append(s_context.Transforms.NormalizeMeanVariance("Features", "Numbers"));
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

        SweepResult result = sweep.Execute(s_train, s_validation);
        StoredTrial[] enqueued = [.. result.Trials.Where(t => t.Enqueued)];
        CollectionAssert.AreEqual(sweep.StartingPoints.ToArray(), enqueued.Select(t => t.Point).ToArray());
        Assert.IsGreaterThan(enqueued.Length, result.Trials.Count);
        double best = enqueued.Max(t => ValueOf(sweep, t.Point, SweepMetric.MicroAccuracy, s_train, s_validation));
        Assert.AreEqual(best, enqueued.Max(t => t.Value));
        Assert.IsGreaterThanOrEqualTo(best, Best(result));
    }

    [TestMethod]
    public void The_trainers_own_options_may_begin_it()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 1) with { EnqueueTrainer = true });
        SweepResult result = sweep.Execute(s_train, s_validation);
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
                    s_space.GetPoint("opt_2_100_cmaes", Trainer()),
                    s_space.GetPoint("heuristic", Trainer()),
                ],
                EnqueueTrainer = true, // which is the second one
            }
        );
        SweepResult result = sweep.Execute(s_train, s_validation);
        CollectionAssert.AreEqual(
            new[] { GoalFunctions.OptimizedCmaEs2, GoalFunctions.Heuristic },
            result.Trials.Where(t => t.Enqueued).Select(t => sweep.GoalAt(t.Point)).ToArray()
        );
        string message = Assert
            .ThrowsExactly<ArgumentException>(() =>
                Create(options with { Space = s_layers, Trainer = Layers(), StartingPoints = sweep.StartingPoints })
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
        SweepResult result = sweep.Execute(s_train, s_validation);
        Assert.AreEqual(12, trainings);
        Assert.HasCount(12, result.Trials.Select(t => t.Point).Distinct());
        Assert.AreEqual(12, result.Trials.Count(t => t.RepeatOf is null));
        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(Best(result), ValueOf(sweep, result.Best!.Point, SweepMetric.LogLoss, s_train, s_validation));
        trainings = 0;
        Assert.AreEqual(Best(result), Best(Create(options).Execute(s_train, s_validation))); // joins it, and has enough
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
                .Execute(s_train, s_validation);
            runs.Add([.. result.Trials.Select(t => (t.Point, t.Value))]);
        }
        CollectionAssert.AreEqual(runs[0], runs[1]);
        CollectionAssert.AreEqual(runs[0], runs[2]);
    }

    // Sets of other numbers of features, classes and folds: each counts alike.
    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    public void The_value_across_data_sets_is_the_mean_of_each_sets_own(int trialsAtOnce)
    {
        using var store = NewStore();
        IReadOnlyList<TrainTestData> folds = s_context.Data.CrossValidationSplit(s_train, numberOfFolds: 3, seed: 4);
        IDataView pairs = Pairs(seed: 3, count: 120);
        var split = s_context.Data.TrainTestSplit(pairs, 0.3, seed: 1);
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
            .ExecuteAcross([new("a", s_train, s_validation), new("b", s_validation, s_train)]);
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
        SweepDataSet set = new("a", s_train, s_validation);
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
        Assert.ThrowsExactly<ArgumentNullException>(() => _ = new SweepDataSet("a", s_train, null!));
    }

    public static IEnumerable<object[]> Pruners =>
        [
            [new MedianPruner(startupTrials: 3)],
            [new SuccessiveHalvingPruner(minimumEpochs: 1, reductionFactor: 2)],
        ];

    [TestMethod]
    [DynamicData(nameof(Pruners))]
    public void Hopeless_trials_end_early_and_are_recorded(IPruner pruner)
    {
        using var store = NewStore();
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = _ => epochs++;
        InfomorphicSweepOptions options = Options(store, 16) with { Trainer = trainer };
        SweepResult result = Create(options with { Sweep = options.Sweep with { Pruner = pruner } })
            .Execute(s_train, s_validation);

        StoredTrial[] pruned = [.. result.Trials.Where(t => t.State == StoredTrialState.Pruned)];
        Assert.IsNotEmpty(pruned);
        Assert.IsTrue(pruned.All(t => t.Value == t.EpochValues[^1])); // what the tuner learns
        Assert.AreEqual(result.Trials.Sum(t => t.EpochValues.Count), epochs);
        Assert.IsLessThan(16 * Epochs, epochs);
        Assert.AreEqual(StoredTrialState.Completed, result.Best!.State);
        Assert.AreEqual(
            result.Trials.Where(t => t.State == StoredTrialState.Completed).Max(t => t.Value),
            Best(result)
        );
    }

    [TestMethod]
    public void Failed_trials_are_recorded_and_survived()
    {
        using var store = NewStore();
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = _ =>
        {
            if (epochs++ == 1)
                throw new InvalidOperationException("No luck.");
        };
        SweepResult result = Create(Options(store, 3) with { Trainer = trainer }).Execute(s_train, s_validation);
        CollectionAssert.AreEqual(
            new[] { StoredTrialState.Failed, StoredTrialState.Completed, StoredTrialState.Completed },
            result.Trials.Select(t => t.State).ToArray()
        );
        Assert.AreEqual("No luck.", result.Trials[0].Error);
        Assert.HasCount(1, result.Trials[0].EpochValues);
    }

    [TestMethod]
    public void A_metric_that_is_always_NaN_ends_the_sweep_with_one_sentence_and_keeps_the_trials()
    {
        using var store = NewStore();
        InfomorphicSweepOptions options = Options(store, 100) with
        {
            Metric = SweepMetric.Create("Nothing", OptimizationDirection.Maximize, _ => double.NaN),
        };
        InfomorphicSweep sweep = Create(
            options with
            {
                Sweep = options.Sweep with { MaximumFailuresWithoutValue = 3 },
            }
        );
        string message = Assert
            .ThrowsExactly<InvalidOperationException>(() => sweep.Execute(s_train, s_validation))
            .Message;
        Assert.AreEqual(
            "No trial has a value; 3 of 3 failed because of this: Nothing of the validation data is NaN, and must be a finite number.",
            message
        );
        Assert.AreEqual(3, Number(store, "SELECT count(*) FROM infomorphic_trials WHERE state = 3"));
        Assert.AreEqual(3 * Epochs, Number(store, "SELECT count(*) FROM infomorphic_epochs"));
    }

    [TestMethod]
    public void Cancellation_keeps_everything_and_a_resumed_sweep_is_the_one_that_was_never_cancelled()
    {
        using var whole = NewStore();
        using var parts = NewStore();
        SweepResult once = Create(Options(whole, 6)).Execute(s_train, s_validation);

        using var cancel = new CancellationTokenSource();
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = _ =>
        {
            if (++epochs == 3 * Epochs + 1) // the first epoch of the fourth trial
                cancel.Cancel();
        };
        SweepResult cancelled = Create(Options(parts, 6) with { Trainer = trainer })
            .Execute(s_train, s_validation, cancel.Token);
        Assert.AreEqual(3 * Epochs + 1, epochs);
        Assert.AreEqual(SweepOutcome.Cancelled, cancelled.Outcome);
        Assert.AreEqual(3, cancelled.Trials.Count(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(StoredTrialState.Queued, cancelled.Trials[3].State);
        Assert.AreEqual(cancelled.Trials.Max(t => t.Value), Best(cancelled));

        SweepResult resumed = Create(Options(parts, 6)).Execute(s_train, s_validation);
        CollectionAssert.AreEqual(
            once.Trials.Select(t => (t.Point, t.Value)).ToArray(),
            resumed.Trials.Select(t => (t.Point, t.Value)).ToArray()
        );
        Assert.AreEqual(2, resumed.Trials[3].Attempts);
    }

    [TestMethod]
    [DoNotParallelize] // it is timed
    [DataRow(1)]
    [DataRow(2)]
    public void A_sweep_ends_soon_after_it_is_cancelled_at_any_moment(int trialsAtOnce)
    {
        const int Moments = 8;
        var random = new Random(trialsAtOnce);
        IDataView train = Rows(seed: 1, count: 3000);
        IDataView validation = Rows(seed: 2, count: 3000);
        Execute(CancellationToken.None);
        Execute(CancellationToken.None);
        Stopwatch clock = Stopwatch.StartNew();
        Assert.AreEqual(SweepOutcome.Finished, Execute(CancellationToken.None));
        TimeSpan whole = clock.Elapsed;

        int cancelled = 0;
        for (int i = 0; i < Moments; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var since = new Stopwatch();
            var thread = new Thread(() =>
            {
                Thread.Sleep(whole * (i + random.NextDouble()) / Moments);
                since.Start();
                cancellation.Cancel();
            });
            thread.Start();
            SweepOutcome outcome = Execute(cancellation.Token);
            TimeSpan took = since.Elapsed;
            thread.Join();
            if (outcome == SweepOutcome.Finished)
                continue;
            cancelled++;
            Assert.IsLessThan(TimeSpan.FromSeconds(1), took);
        }

        Assert.IsGreaterThan(Moments / 3, cancelled);

        SweepOutcome Execute(CancellationToken token)
        {
            using var store = NewStore();
            InfomorphicSweepOptions options = Options(store, 4) with { TrialsAtOnce = trialsAtOnce };
            try
            {
                return Create(options with { Preprocessing = s_context.Transforms.NormalizeMinMax("Features") })
                    .Execute(train, validation, token)
                    .Outcome;
            }
            catch (OperationCanceledException)
            {
                return SweepOutcome.Cancelled;
            }
        }
    }

    // Preparing the data reads the training rows first; the validation rows are read by the training, and then evaluated.
    [TestMethod]
    [DataRow(1, 0)]
    [DataRow(0, 2)]
    public void A_sweep_does_not_wait_for_a_view_that_hangs(int readingOfTrain, int readingOfValidation)
    {
        using var hangs = new ManualResetEventSlim();
        bool hung = false;
        using var store = NewStore();
        using var cancellation = new CancellationTokenSource();
        InfomorphicSweepOptions options = Options(store, 2);
        if (readingOfTrain > 0)
            options = options with { Preprocessing = s_context.Transforms.NormalizeMinMax("Features") };
        IDataView train = HangingIn(readingOfTrain);
        IDataView validation = HangingIn(readingOfValidation);
        try
        {
            Task<SweepResult> run = Task.Factory.StartNew(
                () => Create(options).Execute(train, validation, cancellation.Token),
                TaskCreationOptions.LongRunning
            );
            Assert.IsTrue(SpinWait.SpinUntil(() => Volatile.Read(ref hung), TimeSpan.FromSeconds(20)));
            cancellation.Cancel();

            Assert.IsTrue(run.Wait(TimeSpan.FromSeconds(2)));
            Assert.AreEqual(SweepOutcome.Cancelled, run.Result.Outcome);
        }
        finally
        {
            hangs.Set();
        }

        IDataView HangingIn(int reading)
        {
            IDataView known = Raw(seed: 1, count: 90, scale: 1);
            IDataView view = s_context.Data.LoadFromEnumerable(new Readings(reading, Hang));
            return s_context
                .Transforms.Conversion.MapValueToKey("Label", "Class")
                .Append(s_context.Transforms.CopyColumns("Features", "Numbers"))
                .Fit(known)
                .Transform(view);
        }

        void Hang()
        {
            Volatile.Write(ref hung, true);
            hangs.Wait();
        }
    }

    [TestMethod]
    public void Progress_is_told_when_trials_begin_after_epochs_and_when_they_end()
    {
        using var store = NewStore();
        var seen = new List<SweepProgress>();
        InfomorphicSweepOptions options = Options(store, 3);
        Create(options with { Sweep = options.Sweep with { Progress = seen.Add } }).Execute(s_train, s_validation);

        Assert.HasCount(3 * (Epochs + 2), seen);
        CollectionAssert.AreEqual(
            new int?[] { null, 1, 2, 3, null },
            seen.Where(p => p.Trial == 1).Select(p => p.Epoch).ToArray()
        );
        Assert.IsTrue(seen.Where(p => p.Epoch is not null).All(p => p.Value is >= 0 and <= 1));
        Assert.AreEqual((3, 3, 0, 0), (seen[^1].Trials, seen[^1].Completed, seen[^1].Failed, seen[^1].Pruned));
        Assert.AreEqual(TimeSpan.Zero, seen[^1].TimeLeft);
        Assert.IsGreaterThan(0, seen[^1].TrialsPerHour);
    }

    [TestMethod]
    public void No_trial_begins_after_the_time_is_over_and_the_running_one_is_finished()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = _ => Thread.Sleep(20);
        SweepResult result = Create(
                Options(store, 1) with
                {
                    Trainer = trainer,
                    Sweep = new SweepOptions { MaximumTime = TimeSpan.FromMilliseconds(30) },
                }
            )
            .Execute(s_train, s_validation);
        Assert.AreEqual(StoredTrialState.Completed, result.Trials.Single().State);
    }

    [TestMethod]
    public void A_study_that_was_begun_with_another_space_or_other_options_is_refused()
    {
        using var store = NewStore();
        Create(Options(store, 1)).Execute(s_train, s_validation);
        InfomorphicTrainer.Options longer = Trainer();
        longer.NumberOfEpochs = Epochs + 1;
        InfomorphicTrainer.Options threads = Trainer();
        threads.NumberOfThreads = 2;
        InfomorphicSweepOptions same = Options(store, 1);

        AssertRefused(
            same with
            {
                Space = s_space.With(TrainerOption.LearningRate, 1e-3, 0.1, logarithmic: true),
            },
            "The study s was begun with another search space: resume it with what it was begun with, or begin another under a new name."
        );
        AssertRefused(same with { Trainer = longer }, "The study s was begun with another objective (");
        AssertRefused(same with { Metric = SweepMetric.LogLoss }, "The study s was begun with another objective (");
        AssertRefused(
            same with
            {
                DataDescription = "clouds",
            },
            "The study s was begun with another objective (MicroAccuracy of validation rows: "
        );
        Create(same with { Trainer = threads }).Execute(s_train, s_validation);
        Assert.AreEqual(1, Number(store, "SELECT count(*) FROM infomorphic_trials"));

        void AssertRefused(InfomorphicSweepOptions options, string sentence) =>
            StringAssert.StartsWith(
                Assert.ThrowsExactly<ArgumentException>(() => Create(options).Execute(s_train, s_validation)).Message,
                sentence
            );
    }

    // Studies on disk are resumed by it.
    [TestMethod]
    public void The_objective_of_options_without_layers_is_described_as_it_always_was()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Beta1 = 1.5;
        trainer.Context = ContextSignal.Feedback;
        trainer.RestoreBestEpoch = true;
        trainer.MemoryBudget = 100;
        Create(Options(store, 1) with { Trainer = trainer, DataDescription = "clouds" }).Execute(s_train, s_validation);
        Assert.AreEqual(
            "MicroAccuracy of validation rows of clouds: BatchSize = 32, Beta1 = 1.5, Context = Feedback, NumberOfEpochs = 3, NumberOfHiddenNeurons = 4, RestoreBestEpoch = True, Seed = 0",
            Objective(store)
        );
    }

    [TestMethod]
    public void The_objective_of_layers_is_described_whole_but_for_what_is_searched_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var other = new CultureInfo("");
        (other.NumberFormat.NegativeSign, other.NumberFormat.NumberDecimalSeparator) = ("~", ",");
        CultureInfo.CurrentCulture = other;
        try
        {
            using var store = NewStore();
            InfomorphicTrainer.Options trainer = Layers();
            trainer.HiddenLayers![0].Connections = new LocalFieldSettings(1, 2, 1, 1, true, new Pooling(1, 1));
            trainer.HiddenLayers[0].Alpha1 = -0.25;
            trainer.HiddenLayers[1].Inputs = [Signal.Features, Signal.Layer(0)];
            trainer.OutputLayerInputs = [Signal.Layer(1), Signal.Features];
            trainer.Image = new ImageShape(1, 4);
            trainer.Standardization = Standardization.Global;
            Create(Options(store, 1) with { Trainer = trainer, Space = s_layers }).Execute(s_train, s_validation);
            Assert.AreEqual(
                "MicroAccuracy of validation rows: BatchSize = 32, HiddenLayers = ["
                    + "{ Alpha1 = -0.25, Connections = LocalFieldSettings { Height = 1, HorizontalStride = 1, Pooling = Pooling { Columns = 1, Rows = 1 }, SharesWeights = True, VerticalStride = 1, Width = 2 }, LearningRate = 0.01, NumberOfNeurons = 4 }, "
                    + "{ Inputs = [features, layer 0], LateralInput = False }], "
                    + "Image = ImageShape { Channels = 1, Height = 1, Width = 4 }, NumberOfEpochs = 3, OutputLayerInputs = [layer 1, features], Seed = 0, Standardization = Global",
                Objective(store)
            );
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [TestMethod]
    public void A_study_that_was_begun_with_other_layers_is_refused()
    {
        using var store = NewStore();
        InfomorphicSweepOptions same = Options(store, 1) with { Trainer = Layers(), Space = s_layers };
        Create(same).Execute(s_train, s_validation);
        Action<InfomorphicTrainer.Options>[] changes =
        [
            trainer => trainer.HiddenLayers![0].NumberOfNeurons = 5,
            trainer => trainer.HiddenLayers![0].LearningRate = 0.003,
            trainer => trainer.HiddenLayers![0].PassesOn = PassedOutputs.Mean,
            trainer => trainer.HiddenLayers![0].Connections = new RandomSubsetSettings(2, 2),
            trainer => trainer.HiddenLayers![1].Inputs = [Signal.Features],
            trainer => trainer.HiddenLayers![1].BivariateK = 0.7,
            trainer => trainer.HiddenLayers = [.. trainer.HiddenLayers!, new() { NumberOfNeurons = 4 }],
            trainer => trainer.OutputLayerInputs = [Signal.Layer(0)],
            trainer => trainer.LayerOrder = LayerOrder.BottomUp,
        ];
        foreach (Action<InfomorphicTrainer.Options> change in changes)
        {
            InfomorphicTrainer.Options trainer = Layers();
            change(trainer);
            StringAssert.StartsWith(
                Assert
                    .ThrowsExactly<ArgumentException>(() =>
                        Create(same with { Trainer = trainer }).Execute(s_train, s_validation)
                    )
                    .Message,
                "The study s was begun with another objective ("
            );
        }
        // What is searched may be given otherwise.
        InfomorphicTrainer.Options searched = Layers();
        searched.HiddenLayers![1].NumberOfNeurons = 6;
        searched.HiddenLayers[1].Goal = "context/naive";
        Create(same with { Trainer = searched }).Execute(s_train, s_validation);
        Assert.AreEqual(1, Number(store, "SELECT count(*) FROM infomorphic_trials"));
    }

    [TestMethod]
    public void Layers_are_searched_and_the_best_network_can_be_trained_again()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Layers();
        InfomorphicSweep sweep = Create(
            Options(store, 6) with
            {
                Trainer = trainer,
                Space = s_layers,
                EnqueueTrainer = true,
                EnqueuePresets = true,
            }
        );
        trainer.HiddenLayers![0].NumberOfNeurons = 1; // comes too late
        SweepResult result = sweep.Execute(s_train, s_validation);

        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.IsGreaterThan(1, result.Trials.Count(t => t.Enqueued));
        ParameterPoint best = result.Best!.Point;
        Assert.AreEqual(Best(result), ValueOf(sweep, best, SweepMetric.MicroAccuracy, s_train, s_validation));
        InfomorphicModelParameters model = s_context
            .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(best))
            .Fit(s_train)
            .Model;
        Assert.AreEqual(2, model.Network.HiddenLayers.Count);
        Assert.AreEqual(4, model.Network.HiddenLayers[0].NeuronCount);
        Assert.AreEqual(best["layer 2 NumberOfNeurons"], model.Network.HiddenLayers[1].NeuronCount);
        foreach (int layer in new[] { 0, 1 })
            Assert.AreEqual(model.Network.HiddenLayers[layer].Goal, sweep.GoalAt(best, layer));
        Assert.AreNotSame(sweep.OptionsAt(best).HiddenLayers![0], sweep.OptionsAt(best).HiddenLayers![0]);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.GoalAt(best)).Message,
            "There are 2 hidden layers: say which of them."
        );
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.GoalAt(best, 2)).Message,
            "There is no hidden layer 3: there are 2 hidden layers."
        );

        IReadOnlyList<ParameterImportance> importances = ParameterImportance.Compute(
            sweep.Space,
            result.Trials.Select(t => new Trial(t.Number, t.Point, TrialState.Completed, t.Value, t.Enqueued))
        );
        CollectionAssert.AreEquivalent(
            sweep.Space.Parameters.Select(p => p.Name).ToArray(),
            importances.Select(i => i.Name).ToArray()
        );
    }

    // Each of two hidden layers has as many epochs as the output layer after them, and folds begin after those of all.
    [TestMethod]
    public void Folds_of_layers_that_are_trained_one_after_another_have_epochs_of_their_own()
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Layers();
        trainer.LayerOrder = LayerOrder.BottomUp;
        Assert.IsFalse(SweepMetric.MicroAccuracy.IsMeasuredAfterEpochs(trainer));
        InfomorphicSweep sweep = Create(Options(store, 2) with { Trainer = trainer, Space = s_layers });
        SweepResult result = sweep.CrossValidate(s_context.Data.CrossValidationSplit(s_train, 2, seed: 4));
        foreach (StoredTrial trial in result.Trials)
        {
            Assert.AreEqual(StoredTrialState.Completed, trial.State, trial.Error);
            Assert.HasCount(2 * 3 * Epochs, trial.EpochValues);
            Assert.IsTrue(trial.EpochValues.All(double.IsFinite));
        }
    }

    [TestMethod]
    public void Ablation_of_a_layer_leaves_the_other_layers_as_they_are()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(
            Options(store, 1) with
            {
                Trainer = Layers(),
                Space = s_layers,
                EnqueueTrainer = true,
                Metric = SweepMetric.LogLoss,
            }
        );
        ParameterPoint point = sweep.StartingPoints[0];
        GoalFunction goal = sweep.GoalAt(point, 1)!;
        IReadOnlyList<Ablation> ablations = sweep.Ablate(point, s_train, s_validation, layer: 1);

        Assert.HasCount(goal.Gamma.Count(v => v != 0), ablations);
        Ablation one = ablations[0];
        Assert.AreEqual(1, one.Layer);
        Assert.AreEqual($"layer 2 {one.Atom}", one.Name);
        double[] values = [.. point.Values];
        values[sweep.Space.IndexOf(one.Name)] = 0;
        Assert.AreEqual(
            ValueOf(sweep, sweep.Space.CreatePoint(values), SweepMetric.LogLoss, s_train, s_validation),
            one.Value
        );
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => sweep.Ablate(point, s_train, s_validation)).Message,
            "There are 2 hidden layers: say which of them."
        );
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
        AssertSays("and HiddenLayers is null", Options(store, 1) with { Space = s_layers });
        Assert.AreEqual(0, Number(store, "SELECT count(*) FROM infomorphic_studies"));

        static void AssertSays(string text, InfomorphicSweepOptions options) =>
            StringAssert.Contains(Assert.Throws<ArgumentException>(() => Create(options)).Message, text);
    }

    [TestMethod]
    public void Ablation_trains_the_goal_without_each_of_its_weights()
    {
        using var store = NewStore();
        InfomorphicSweep sweep = Create(Options(store, 1) with { EnqueueTrainer = true, Metric = SweepMetric.LogLoss });
        ParameterPoint point = sweep.StartingPoints.Single();
        IReadOnlyList<Ablation> ablations = sweep.Ablate(point, s_train, s_validation);

        GoalFunction goal = GoalFunctions.Heuristic;
        Assert.HasCount(goal.Gamma.Count(v => v != 0), ablations);
        double whole = ValueOf(sweep, point, SweepMetric.LogLoss, s_train, s_validation);
        Assert.IsTrue(ablations.All(a => a.Before == whole));
        CollectionAssert.AreEqual(
            ablations.Select(a => a.Value).OrderDescending().ToArray(), // a large loss is harmful
            ablations.Select(a => a.Value).ToArray()
        );
        Ablation one = ablations[0];
        int index = sweep.Space.IndexOf(one.Atom);
        Assert.AreEqual(goal.Gamma[index], one.Weight);
        double[] values = [.. point.Values];
        values[index] = 0;
        Assert.AreEqual(
            ValueOf(sweep, sweep.Space.CreatePoint(values), SweepMetric.LogLoss, s_train, s_validation),
            one.Value
        );
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, false, "context/naive")]
    [DataRow(ContextSignal.None, true, "lateral/naive")]
    public void Goals_of_hidden_neurons_with_two_sources_are_searched_and_ablated(
        ContextSignal context,
        bool lateralInput,
        string goal
    )
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Context = context;
        trainer.LateralInput = lateralInput;
        trainer.Goal = goal;
        GoalFunction start = GoalFunction.Parse(goal, context == ContextSignal.None ? "FL" : "FC");
        InfomorphicSweep sweep = Create(
            Options(store, 3) with
            {
                Trainer = trainer,
                Space = TrainerSpace
                    .Empty.WithGoal(GoalSpace.From(start).FreeAll(-1, 1))
                    .With(TrainerOption.BivariateK, 0.5, 1),
                EnqueueTrainer = true,
            }
        );
        Assert.HasCount(start.Gamma.Count + 1, sweep.Space.Parameters);
        SweepResult result = sweep.Execute(s_train, s_validation);

        Assert.AreEqual(start, sweep.GoalAt(result.Trials[0].Point));
        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.AreNotEqual(start, sweep.GoalAt(result.Trials[1].Point));
        Assert.HasCount(start.Gamma.Count(v => v != 0), sweep.Ablate(sweep.StartingPoints[0], s_train, s_validation));
        StringAssert.Contains(
            Assert
                .Throws<ArgumentException>(() =>
                    Create(
                        Options(store, 3) with
                        {
                            Space = TrainerSpace.Empty.WithGoal(GoalSpace.From(start).FreeAll(-1, 1)),
                        }
                    )
                )
                .Message,
            "the hidden neurons have FCL"
        );
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, true)]
    [DataRow(ContextSignal.Feedback, true)]
    [DataRow(ContextSignal.Label, false)]
    [DataRow(ContextSignal.None, true)]
    public void A_goal_that_is_not_searched_is_the_trainers(ContextSignal context, bool lateralInput)
    {
        using var store = NewStore();
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.Context = context;
        trainer.LateralInput = lateralInput;
        trainer.Goal = "auto";
        InfomorphicSweep sweep = Create(
            Options(store, 1) with
            {
                Trainer = trainer,
                Space = TrainerSpace.Empty.With(TrainerOption.LearningRate, 1e-3, 0.1),
                EnqueueTrainer = true,
            }
        );
        ParameterPoint point = sweep.StartingPoints.Single();
        InfomorphicModelParameters model = s_context
            .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(point))
            .Fit(s_train)
            .Model;
        Assert.AreEqual(model.Network.HiddenLayers[0].Goal, sweep.GoalAt(point));
    }

    private static InfomorphicSweep Create(InfomorphicSweepOptions options) =>
        s_context.MulticlassClassification.CreateInfomorphicSweep(options);

    private static InfomorphicSweepOptions Options(TrialStore store, int trials) =>
        new()
        {
            Space = s_space,
            Store = store,
            StudyName = "s",
            EnqueuePresets = false,
            Trainer = Trainer(),
            Tuner = (space, direction) => new TpeTuner(space, direction, seed: 5, new TpeOptions { StartupTrials = 4 }),
            Sweep = new SweepOptions { MaximumTrials = trials },
        };

    private static InfomorphicTrainer.Options Trainer()
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.NumberOfHiddenNeurons = 4;
        options.NumberOfEpochs = Epochs;
        options.BatchSize = 32;
        options.NumberOfThreads = 1;
        options.Goal = "heuristic";
        return options;
    }

    private static InfomorphicTrainer.Options Layers()
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.HiddenLayers =
        [
            new HiddenLayerOptions { NumberOfNeurons = 4, LearningRate = 0.01 },
            new HiddenLayerOptions { NumberOfNeurons = 5, LateralInput = false },
        ];
        options.NumberOfEpochs = Epochs;
        options.BatchSize = 32;
        options.NumberOfThreads = 1;
        return options;
    }

    private static double ValueOf(
        InfomorphicSweep sweep,
        ParameterPoint point,
        SweepMetric metric,
        IDataView train,
        IDataView validation
    ) =>
        metric.Value!(
            s_context.MulticlassClassification.Evaluate(
                s_context
                    .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(point))
                    .Fit(train, validation)
                    .Transform(validation),
                topKPredictionCount: 3
            )
        );

    private static double Best(SweepResult result) => result.Best!.Value!.Value;

    private static TrialStore NewStore() => TrialStore.Open(TrialStores.NewFile());

    private static long Number(TrialStore store, string sql) =>
        store.Transact(t => t.Query(sql, r => r.GetInt64(0))).Single();

    private static string Objective(TrialStore store) =>
        store.Transact(t => t.Query("SELECT objective FROM infomorphic_studies", r => r.GetString(0))).Single();

    private static IDataView Rows(int seed, int count)
    {
        IDataView raw = Raw(seed, count, scale: 1);
        return s_context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                "Class",
                keyOrdinality: Microsoft.ML.Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Append(s_context.Transforms.CopyColumns("Features", "Numbers"))
            .Fit(raw)
            .Transform(raw);
    }

    // Two classes and two features, where the others have three and four.
    private static IDataView Pairs(int seed, int count)
    {
        var random = new Random(seed);
        IDataView raw = s_context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new Pair
                {
                    Class = i % 2 == 0 ? "a" : "b",
                    Features = [(float)(random.NextDouble() + 0.3 * (i % 2)), (float)random.NextDouble()],
                })
                .ToArray()
        );
        return s_context.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(raw).Transform(raw);
    }

    private sealed class Pair
    {
        public string Class { get; set; } = "";

        [VectorType(2)]
        public float[] Features { get; set; } = [];
    }

    // Three overlapping clouds.
    private static IDataView Raw(int seed, int count, float scale)
    {
        var random = new Random(seed);
        return s_context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new Row
                {
                    Class = $"c{i % 3}",
                    Numbers =
                    [
                        .. Enumerable
                            .Range(0, 4)
                            .Select(j => scale * ((j == i % 3 ? 1.2f : 0) + 2 * random.NextSingle() - 1)),
                    ],
                })
                .ToArray()
        );
    }

    /// <summary>Rows that do something in the middle of one of their readings, counted from 1.</summary>
    private sealed class Readings(int reading, Action work) : IEnumerable<Row>
    {
        private int _readings;

        public IEnumerator<Row> GetEnumerator()
        {
            bool isTheOne = Interlocked.Increment(ref _readings) == reading;
            for (int i = 0; i < 90; i++)
            {
                if (isTheOne && i == 45)
                    work();
                yield return new Row { Class = $"c{i % 3}", Numbers = [i, i % 3, -i % 3, 1] };
            }
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    private sealed class Row
    {
        public string Class { get; set; } = "";

        [VectorType(4)]
        public float[] Numbers { get; set; } = [];
    }
}
