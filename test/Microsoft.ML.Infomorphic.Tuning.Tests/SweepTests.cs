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
}
