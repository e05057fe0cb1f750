namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public sealed class SweepTests
{
    private static readonly SearchSpace s_space = new(new RealParameter("x", -1, 1), new RealParameter("y", -1, 1));

    private static StudyDefinition Define(
        OptimizationDirection direction = OptimizationDirection.Minimize,
        string name = "s"
    ) => new(name, new TpeTuner(s_space, direction, seed: 3), "test");

    private static SweepResult Run(
        TrialStore store,
        Func<TrialRun, double> objective,
        SweepOptions options,
        StudyDefinition? definition = null,
        CancellationToken cancellationToken = default
    ) => Sweep.Run(store, definition ?? Define(), [], objective, options, cancellationToken);

    private static double Sphere(ParameterPoint point) => point.Values.Sum(v => v * v);

    [TestMethod]
    public void A_resumed_sweep_is_the_one_that_was_never_interrupted()
    {
        using var whole = TrialStore.Open(TrialStores.NewFile());
        using var parts = TrialStore.Open(TrialStores.NewFile());
        SweepResult once = Run(whole, t => Sphere(t.Point), new SweepOptions { MaximumTrials = 25 });
        Run(parts, t => Sphere(t.Point), new SweepOptions { MaximumTrials = 14 });
        SweepResult twice = Run(parts, t => Sphere(t.Point), new SweepOptions { MaximumTrials = 25 });
        CollectionAssert.AreEqual(
            once.Trials.Select(t => t.Point).ToArray(),
            twice.Trials.Select(t => t.Point).ToArray()
        );
        Assert.AreEqual(once.Best!.Number, twice.Best!.Number);
        Assert.AreEqual(once.Trials.Min(t => t.Value), once.Best.Value);
    }

    [TestMethod]
    [DataRow(OptimizationDirection.Minimize)]
    [DataRow(OptimizationDirection.Maximize)]
    public void The_best_trial_is_best_in_the_direction(OptimizationDirection direction)
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(store, t => t.Point["x"], new SweepOptions { MaximumTrials = 12 }, Define(direction));
        double?[] values = [.. result.Trials.Select(t => t.Value)];
        Assert.AreEqual(direction == OptimizationDirection.Minimize ? values.Min() : values.Max(), result.Best!.Value);
    }

    [TestMethod]
    public void Failed_trials_are_recorded_and_survived()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(
            store,
            t =>
                t.Number % 3 == 0 ? throw new InvalidOperationException("No luck.")
                : t.Number % 3 == 1 ? double.NaN
                : Sphere(t.Point),
            new SweepOptions { MaximumTrials = 9, MaximumFailuresWithoutValue = 3 }
        );
        Assert.AreEqual(3, result.Trials.Count(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual("No luck.", result.Trials[0].Error);
        Assert.AreEqual("The objective is NaN, and must be a finite number.", result.Trials[1].Error);
    }

    [TestMethod]
    public void An_objective_that_is_always_NaN_ends_the_sweep_with_one_sentence()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        string message = Assert
            .ThrowsExactly<InvalidOperationException>(() =>
                Run(store, _ => double.NaN, new SweepOptions { MaximumTrials = 100 })
            )
            .Message;
        Assert.AreEqual(
            "No trial has a value; 10 of 10 failed because of this: The objective is NaN, and must be a finite number.",
            message
        );
        Assert.HasCount(10, Study.Join(store, Define()).GetTrials());
    }

    [TestMethod]
    public void Cancellation_keeps_everything_and_the_running_trial_is_run_again()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        using var cancel = new CancellationTokenSource();
        SweepResult result = Run(
            store,
            t =>
            {
                if (t.Number == 3)
                    cancel.Cancel();
                t.CancellationToken.ThrowIfCancellationRequested();
                return Sphere(t.Point);
            },
            new SweepOptions { MaximumTrials = 10 },
            cancellationToken: cancel.Token
        );
        Assert.AreEqual(SweepOutcome.Cancelled, result.Outcome);
        Assert.AreEqual(3, result.Trials.Count(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(StoredTrialState.Queued, result.Trials[3].State);

        SweepResult resumed = Run(store, t => Sphere(t.Point), new SweepOptions { MaximumTrials = 10 });
        Assert.AreEqual(result.Trials[3].Point, resumed.Trials[3].Point);
        Assert.AreEqual(2, resumed.Trials[3].Attempts);
        Assert.IsTrue(resumed.Trials.All(t => t.State == StoredTrialState.Completed));
    }

    [TestMethod]
    public void Hopeless_trials_are_pruned_and_the_tuner_learns_their_last_value()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(
            store,
            t =>
            {
                double value = t.Number < 3 ? t.Number : 10;
                for (int epoch = 1; epoch <= 4; epoch++)
                    t.Report(epoch, value - epoch);
                return value;
            },
            new SweepOptions { MaximumTrials = 5, Pruner = new MedianPruner(startupTrials: 3, warmupEpochs: 1) }
        );
        CollectionAssert.AreEqual(new[] { 4, 4, 4, 2, 2 }, result.Trials.Select(t => t.EpochValues.Count).ToArray());
        Assert.AreEqual((StoredTrialState.Pruned, 8.0), (result.Trials[4].State, result.Trials[4].Value));
        TunerEvent told = Study.Join(store, Define()).GetEvents()[^1];
        Assert.AreEqual((TunerEventKind.Pruned, 8.0), (told.Kind, told.Value));
        Assert.AreEqual(0, result.Best!.Number);
    }

    [TestMethod]
    public void A_pruned_trial_is_never_the_best_for_the_sweep_or_its_tuner()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(
            store,
            t =>
            {
                // Trials get worse as they go on, so what the last ones had when they ended is better than every value.
                t.Report(1, t.Number < 3 ? 0 : 0.5);
                t.Report(2, t.Number < 3 ? 0 : 0.5);
                return 1 + t.Number;
            },
            new SweepOptions { MaximumTrials = 6, Pruner = new MedianPruner(startupTrials: 3) }
        );
        Assert.AreEqual(3, result.Trials.Count(t => t.State == StoredTrialState.Pruned && t.Value == 0.5));
        Assert.AreEqual((0, 1.0), (result.Best!.Number, result.Best.Value!.Value));
        Tuner tuner = Define().CreateTuner();
        tuner.Replay(Study.Join(store, Define()).GetEvents());
        Assert.AreEqual((0, 1.0), (tuner.Best!.Number, tuner.Best.Value!.Value));
    }

    [TestMethod]
    public void A_stalled_workers_trial_is_taken_over_and_ends_there()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        Study dead = Study.Join(store, Define());
        ClaimedTrial lost = dead.TryClaim("dead", 3, TimeSpan.FromDays(1))!;
        SweepResult result = Run(
            store,
            t => Sphere(t.Point),
            new SweepOptions { MaximumTrials = 3, DeadAfter = TimeSpan.FromSeconds(1) }
        );
        Assert.IsFalse(dead.Beat(lost));
        Assert.IsTrue(result.Trials.All(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(2, result.Trials[0].Attempts);
    }

    [TestMethod]
    public void Progress_counts_trials_and_estimates_the_time_left()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        var seen = new List<SweepProgress>();
        Run(
            store,
            t =>
            {
                t.Report(1, 0.5);
                return Sphere(t.Point);
            },
            new SweepOptions
            {
                MaximumTrials = 4,
                Workers = 2,
                Progress = seen.Add,
            }
        );
        Assert.HasCount(12, seen);
        Assert.AreEqual(4, seen.Count(p => p.Epoch == 1 && p.Value == 0.5));
        SweepProgress last = seen.OrderBy(p => p.Completed).Last();
        Assert.AreEqual((4, TimeSpan.Zero), (last.Completed, last.TimeLeft));
        Assert.IsGreaterThan(0, last.TrialsPerHour);
        Assert.IsNotNull(last.Best);
    }

    [TestMethod]
    public void No_trial_begins_after_the_time_is_over()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(
            store,
            t =>
            {
                Thread.Sleep(60);
                return Sphere(t.Point);
            },
            new SweepOptions { MaximumTime = TimeSpan.FromMilliseconds(50) }
        );
        Assert.HasCount(1, result.Trials);
        Assert.AreEqual(StoredTrialState.Completed, result.Trials[0].State);
    }

    [TestMethod]
    public void A_sweep_without_a_limit_is_refused()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        string message = Assert.ThrowsExactly<ArgumentException>(() => Run(store, _ => 0, new SweepOptions())).Message;
        Assert.AreEqual("A sweep needs a limit: set MaximumTrials or MaximumTime.", message);
    }

    // Trials take different times in every run, and reach their epochs in another order.
    private static double Slowly(TrialRun trial)
    {
        double value = Sphere(trial.Point);
        for (int epoch = 1; epoch <= 4; epoch++)
        {
            Thread.Sleep((int)((Environment.TickCount64 + 7 * trial.Number) % 4));
            trial.Report(epoch, value + 1.0 / epoch);
        }
        return value;
    }

    public static IEnumerable<object[]> Tuners =>
        [
            [
                (Func<Tuner>)(
                    () => new TpeTuner(s_space, OptimizationDirection.Minimize, 3, new TpeOptions { StartupTrials = 5 })
                ),
                true,
            ],
            [(Func<Tuner>)(() => new CmaEsTuner(s_space, OptimizationDirection.Minimize, 3)), false],
        ];

    [TestMethod]
    [DynamicData(nameof(Tuners))]
    public void In_batches_a_sweep_comes_to_the_same_for_any_number_of_workers(Func<Tuner> tuner, bool prunes)
    {
        var runs = new List<SweepResult>();
        foreach (
            (int workers, int atOnce, int[] parts) in new[]
            {
                (1, 1, [26]),
                (3, 1, [26]),
                (8, 1, [9, 26]),
                (2, 3, (int[])[26]),
            }
        )
        {
            using var store = TrialStore.Open(TrialStores.NewFile());
            foreach (int trials in parts)
            {
                SweepResult result = Sweep.Run(
                    store,
                    new StudyDefinition("s", tuner(), "test"),
                    [s_space.CreatePoint(0.5, -0.5)],
                    some => [.. some.Select(trial => (Func<double>)(() => Slowly(trial)))],
                    atOnce,
                    new SweepOptions
                    {
                        MaximumTrials = trials,
                        Workers = workers,
                        ProposalBatchSize = 6,
                        Pruner = prunes ? new MedianPruner(startupTrials: 3) : null,
                    },
                    CancellationToken.None
                );
                if (trials == 26)
                    runs.Add(result);
            }
        }
        foreach (SweepResult run in runs)
        {
            CollectionAssert.AreEqual(Outcomes(runs[0]), Outcomes(run));
            Assert.AreEqual(runs[0].Best!.Number, run.Best!.Number);
        }
        Assert.HasCount(26, runs[0].Trials);
        Assert.AreEqual(prunes, runs[0].Trials.Any(trial => trial.State == StoredTrialState.Pruned));

        static (ParameterPoint, StoredTrialState, double?, int)[] Outcomes(SweepResult run) =>
            [.. run.Trials.Select(trial => (trial.Point, trial.State, trial.Value, trial.EpochValues.Count))];
    }

    // What a batch knows is what came of the batches before, told in the order of trials, as one who runs them all alone does.
    [TestMethod]
    public void A_batch_is_proposed_by_what_is_known_of_the_batches_before()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        SweepResult result = Run(
            store,
            trial => Sphere(trial.Point),
            new SweepOptions
            {
                MaximumTrials = 20,
                Workers = 3,
                ProposalBatchSize = 4,
            }
        );
        Tuner alone = Define().CreateTuner();
        for (int first = 0; first < 20; first += 4)
        {
            for (int i = first; i < first + 4; i++)
                Assert.AreEqual(alone.Ask().Point, result.Trials[i].Point);
            for (int i = first; i < first + 4; i++)
                alone.Tell(i, Sphere(result.Trials[i].Point));
        }
    }

    [TestMethod]
    public void A_study_in_batches_of_another_size_is_refused()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        Run(store, trial => Sphere(trial.Point), new SweepOptions { MaximumTrials = 2, ProposalBatchSize = 4 });
        string message = Assert
            .ThrowsExactly<ArgumentException>(() =>
                Run(store, trial => Sphere(trial.Point), new SweepOptions { MaximumTrials = 4 })
            )
            .Message;
        StringAssert.StartsWith(
            message,
            "The study s was begun with another size of batches of proposals (4, not none): resume it"
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            Run(store, _ => 0, new SweepOptions { MaximumTrials = 4, ProposalBatchSize = 0 })
        );
    }

    private static readonly SearchSpace s_small = new(
        new ChoiceParameter("a", "x", "y", "z"),
        new IntegerParameter("b", 1, 2)
    );

    private static SweepResult RunSmall(Func<TrialRun, double> objective, SweepOptions options, int atOnce = 1)
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        return Sweep.Run(
            store,
            new StudyDefinition("s", new TpeTuner(s_small, OptimizationDirection.Minimize, 1), "test"),
            [],
            trials => [.. trials.Select(trial => (Func<double>)(() => objective(trial)))],
            atOnce,
            options,
            CancellationToken.None
        );
    }

    [TestMethod]
    [DataRow(1, 1, null)]
    [DataRow(1, 8, null)]
    [DataRow(1, 1, 8)]
    [DataRow(1, 8, 8)]
    [DataRow(4, 1, 8)]
    public void A_point_that_comes_again_takes_over_its_value_until_all_are_known(int workers, int atOnce, int? batch)
    {
        var evaluated = new System.Collections.Concurrent.ConcurrentBag<ParameterPoint>();
        SweepResult result = RunSmall(
            trial =>
            {
                evaluated.Add(trial.Point);
                return Sphere(trial.Point);
            },
            new SweepOptions
            {
                MaximumTrials = 10_000,
                Workers = workers,
                ProposalBatchSize = batch,
            },
            atOnce
        );
        if (workers == 1)
            Assert.HasCount(6, evaluated); // two workers may have the same point at the same time
        Assert.HasCount(6, evaluated.Distinct());
        Assert.IsLessThan(1000, result.Trials.Count);
        Assert.AreEqual(1, result.Best!.Value); // "x" is 0
        StoredTrial[] repeats = [.. result.Trials.Where(trial => trial.RepeatOf is not null)];
        Assert.AreEqual(result.Trials.Count - evaluated.Count, repeats.Length);
        Assert.IsNotEmpty(repeats);
        foreach (StoredTrial repeat in repeats)
        {
            StoredTrial known = result.Trials[repeat.RepeatOf!.Value];
            Assert.AreEqual((known.Point, known.State, known.Value), (repeat.Point, repeat.State, repeat.Value));
            Assert.IsNull(known.RepeatOf);
        }
    }

    [TestMethod]
    public void A_noisy_objective_can_be_evaluated_again_at_the_same_point()
    {
        int evaluated = 0;
        SweepResult result = RunSmall(
            _ => ++evaluated,
            new SweepOptions { MaximumTrials = 30, EvaluateRepeats = true }
        );
        Assert.AreEqual(30, evaluated);
        Assert.HasCount(30, result.Trials.Select(trial => trial.Value).Distinct());
        Assert.IsTrue(result.Trials.All(trial => trial.RepeatOf is null));
    }

    [TestMethod]
    public void What_has_failed_is_tried_again_and_what_was_pruned_is_not()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        ParameterPoint fails = s_small.CreatePoint(0, 1);
        ParameterPoint pruned = s_small.CreatePoint(2, 1);
        var evaluated = new List<ParameterPoint>();
        SweepResult result = Sweep.Run(
            store,
            new StudyDefinition("s", new TpeTuner(s_small, OptimizationDirection.Minimize, 1), "test"),
            [fails, fails, fails, pruned, pruned],
            trial =>
            {
                evaluated.Add(trial.Point);
                if (evaluated.Count == 1)
                    throw new InvalidOperationException("No luck.");
                trial.Report(1, trial.Point.Equals(pruned) ? 9 : 1);
                return Sphere(trial.Point);
            },
            new SweepOptions { MaximumTrials = 5, Pruner = new PruneNines() }
        );
        CollectionAssert.AreEqual((ParameterPoint[])[fails, fails, pruned], evaluated);
        CollectionAssert.AreEqual(
            new (StoredTrialState, double?, int?)[]
            {
                (StoredTrialState.Failed, null, null),
                (StoredTrialState.Completed, 1, null),
                (StoredTrialState.Completed, 1, 1),
                (StoredTrialState.Pruned, 9, null),
                (StoredTrialState.Pruned, 9, 3),
            },
            result.Trials.Select(trial => (trial.State, trial.Value, trial.RepeatOf)).ToArray()
        );
        Assert.IsEmpty(result.Trials[4].EpochValues);
    }

    private sealed class PruneNines : IPruner
    {
        public bool ShouldPrune(
            LearningCurve trial,
            IReadOnlyCollection<LearningCurve> others,
            OptimizationDirection direction
        ) => trial.Values[^1] == 9;
    }
}
