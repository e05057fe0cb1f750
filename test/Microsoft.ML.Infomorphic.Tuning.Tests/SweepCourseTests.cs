using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.Infomorphic.Tuning.Tests.SweepFixture;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>How a sweep goes, and how it ends: trials that are pruned or fail, cancellation, progress, time.</summary>
[TestClass]
public sealed class SweepCourseTests
{
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
            .Execute(TrainRows, ValidationRows);

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
        SweepResult result = Create(Options(store, 3) with { Trainer = trainer }).Execute(TrainRows, ValidationRows);
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
            .ThrowsExactly<InvalidOperationException>(() => sweep.Execute(TrainRows, ValidationRows))
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
        SweepResult once = Create(Options(whole, 6)).Execute(TrainRows, ValidationRows);

        using var cancel = new CancellationTokenSource();
        int epochs = 0;
        InfomorphicTrainer.Options trainer = Trainer();
        trainer.EpochEnded = _ =>
        {
            if (++epochs == 3 * Epochs + 1) // the first epoch of the fourth trial
                cancel.Cancel();
        };
        SweepResult cancelled = Create(Options(parts, 6) with { Trainer = trainer })
            .Execute(TrainRows, ValidationRows, cancel.Token);
        Assert.AreEqual(3 * Epochs + 1, epochs);
        Assert.AreEqual(SweepOutcome.Cancelled, cancelled.Outcome);
        Assert.AreEqual(3, cancelled.Trials.Count(t => t.State == StoredTrialState.Completed));
        Assert.AreEqual(StoredTrialState.Queued, cancelled.Trials[3].State);
        Assert.AreEqual(cancelled.Trials.Max(t => t.Value), Best(cancelled));

        SweepResult resumed = Create(Options(parts, 6)).Execute(TrainRows, ValidationRows);
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
        const int Moments = 6;
        var random = new Random(trialsAtOnce);
        IDataView train = Clouds(seed: 1, count: 3000);
        IDataView validation = Clouds(seed: 2, count: 3000);
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
                return Create(options with { Preprocessing = Context.Transforms.NormalizeMinMax("Features") })
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
            options = options with { Preprocessing = Context.Transforms.NormalizeMinMax("Features") };
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
            IDataView view = Context.Data.LoadFromEnumerable(new Readings(reading, Hang));
            return Context
                .Transforms.Conversion.MapValueToKey("Label", "Class")
                .Append(Context.Transforms.CopyColumns("Features", "Numbers"))
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
        Create(options with { Sweep = options.Sweep with { Progress = seen.Add } }).Execute(TrainRows, ValidationRows);

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
            .Execute(TrainRows, ValidationRows);
        Assert.AreEqual(StoredTrialState.Completed, result.Trials.Single().State);
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
}
