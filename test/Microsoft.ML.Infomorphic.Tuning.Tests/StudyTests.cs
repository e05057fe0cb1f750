using Microsoft.ML.Infomorphic.Tuning.Worker;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public sealed class StudyTests
{
    private static readonly SearchSpace s_space = new(new RealParameter("x", -1, 1), new RealParameter("y", -1, 1));

    private static readonly TimeSpan s_never = TimeSpan.FromDays(1);

    public static IEnumerable<object[]> Kinds => TrialStores.Kinds;

    private static StudyDefinition Define(string name, ulong seed = 1, string objective = "sum") =>
        new(
            name,
            new TpeTuner(s_space, OptimizationDirection.Minimize, seed, new TpeOptions { StartupTrials = 3 }),
            objective
        );

    private static double Value(ParameterPoint point) => point.Values.Sum();

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Trials_survive_the_process_to_the_last_bit(string kind)
    {
        string location = TrialStores.Location(kind);
        string name = TrialStores.NewName();
        ParameterPoint start = s_space.CreatePoint(0.1 + 0.2, -0.0);
        ClaimedTrial asked;
        using (var store = TrialStore.Open(location))
        {
            Study study = Study.Join(store, Define(name), start);
            ClaimedTrial first = study.TryClaim("w", 10, s_never)!;
            Assert.IsTrue(study.Report(first, 1, 1.0 / 3));
            Assert.IsTrue(study.Report(first, 2, double.NaN));
            Assert.IsTrue(study.Complete(first, Math.PI));
            asked = study.TryClaim("w", 10, s_never)!;
            Assert.IsTrue(study.Fail(asked, "It broke."));
            ClaimedTrial pruned = study.TryClaim("w", 10, s_never)!;
            Assert.IsTrue(study.Prune(pruned, 7));
        }

        using var again = TrialStore.Open(location);
        CollectionAssert.Contains(again.GetStudyNames().ToArray(), name);
        IReadOnlyList<StoredTrial> trials = Study.Join(again, Define(name), start).GetTrials();
        Assert.HasCount(3, trials);
        CollectionAssert.AreEqual(
            start.Values.Select(BitConverter.DoubleToInt64Bits).ToArray(),
            trials[0].Point.Values.Select(BitConverter.DoubleToInt64Bits).ToArray()
        );
        Assert.IsTrue(trials[0].Enqueued);
        Assert.AreEqual(StoredTrialState.Completed, trials[0].State);
        Assert.AreEqual(Math.PI, trials[0].Value);
        CollectionAssert.AreEqual(new[] { 1.0 / 3, double.NaN }, trials[0].EpochValues.ToArray());
        Assert.IsTrue(trials[0].Finished >= trials[0].Started);
        Assert.AreEqual(asked.Point, trials[1].Point);
        Assert.AreEqual((StoredTrialState.Failed, "It broke."), (trials[1].State, trials[1].Error));
        Assert.AreEqual((StoredTrialState.Pruned, 7.0), (trials[2].State, trials[2].Value));
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Workers_share_what_the_tuner_knows_and_no_trial(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        string name = TrialStores.NewName();
        Study[] workers = [Study.Join(store, Define(name)), Study.Join(store, Define(name))];
        Tuner alone = Define(name).CreateTuner();
        for (int i = 0; i < 12; i++)
        {
            Study worker = workers[i * 7 % 3 % 2];
            ClaimedTrial trial = worker.TryClaim("w", 100, s_never)!;
            Assert.AreEqual(i, trial.Number);
            Assert.AreEqual(alone.Ask().Point, trial.Point);
            Assert.IsTrue(worker.Complete(trial, Value(trial.Point)));
            alone.Tell(i, Value(trial.Point));
        }
        CrashTest.RequireSameProposals(workers[0], workers[0].GetEvents());
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Threads_that_claim_at_once_run_every_trial_once(string kind)
    {
        string location = TrialStores.Location(kind);
        string name = TrialStores.NewName();
        using var store = TrialStore.Open(location);
        Study.Join(store, Define(name));
        int ran = 0;
        Parallel.For(
            0,
            4,
            i =>
            {
                Study study = Study.Join(store, Define(name));
                while (study.TryClaim($"w{i}", 40, s_never) is ClaimedTrial trial)
                {
                    Interlocked.Increment(ref ran);
                    Assert.IsTrue(study.Complete(trial, Value(trial.Point)));
                }
            }
        );
        Study after = Study.Join(store, Define(name));
        Assert.AreEqual(40, ran);
        IReadOnlyList<StoredTrial> trials = after.GetTrials();
        Assert.HasCount(40, trials);
        Assert.IsTrue(trials.All(t => t.State == StoredTrialState.Completed && t.Value == Value(t.Point)));
        CrashTest.RequireSameProposals(after, after.GetEvents());
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_dead_workers_trial_is_run_again_and_its_late_value_does_not_count(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        string name = TrialStores.NewName();
        Study dead = Study.Join(store, Define(name));
        Study alive = Study.Join(store, Define(name));
        ClaimedTrial lost = dead.TryClaim("dead", 1, s_never)!;
        Assert.IsTrue(dead.Report(lost, 1, 5));
        Assert.IsNull(alive.TryClaim("alive", 1, s_never));
        Assert.IsTrue(dead.Beat(lost));

        Thread.Sleep(50);
        ClaimedTrial again = alive.TryClaim("alive", 1, TimeSpan.FromMilliseconds(20))!;
        Assert.AreEqual((lost.Number, lost.Point), (again.Number, again.Point));
        Assert.IsFalse(dead.Beat(lost));
        Assert.IsFalse(dead.Report(lost, 2, 5));
        Assert.IsFalse(dead.Complete(lost, 5));
        Assert.IsTrue(alive.Complete(again, 6));
        Assert.IsFalse(dead.Complete(lost, 5));

        StoredTrial stored = alive.GetTrials().Single();
        Assert.AreEqual((6.0, 2, "alive"), (stored.Value, stored.Attempts, stored.Worker));
        Assert.IsEmpty(stored.EpochValues);
        Assert.HasCount(2, alive.GetEvents());
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_value_that_is_told_twice_counts_once(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        Study study = Study.Join(store, Define(TrialStores.NewName()));
        ClaimedTrial trial = study.TryClaim("w", 1, s_never)!;
        Assert.IsTrue(study.Complete(trial, 1));
        Assert.IsTrue(study.Complete(trial, 1)); // as after a commit whose answer was lost
        Assert.HasCount(2, study.GetEvents());
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_study_that_is_about_something_else_is_refused_in_one_sentence(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        string name = TrialStores.NewName();
        Study.Join(store, Define(name));
        var other = new SearchSpace(new RealParameter("x", -1, 1), new RealParameter("z", -1, 1));
        (StudyDefinition Definition, string Difference)[] cases =
        [
            (new(name, new TpeTuner(other, OptimizationDirection.Minimize, 1), "sum"), "another search space"),
            (Define(name, objective: "product"), "another objective (sum, not product)"),
            (Define(name, seed: 2), "another tuner, direction, seed or other tuner options"),
        ];
        foreach ((StudyDefinition definition, string difference) in cases)
        {
            string message = Assert.ThrowsExactly<ArgumentException>(() => Study.Join(store, definition)).Message;
            StringAssert.StartsWith(message, $"The study {name} was begun with {difference}: resume it with");
        }
    }

    [TestMethod]
    public void Starting_points_are_enqueued_once()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        ParameterPoint[] start = [s_space.CreatePoint(0, 0), s_space.CreatePoint(1, 1)];
        Study.Join(store, Define("s"), start);
        Study study = Study.Join(store, Define("s"), start);
        Assert.HasCount(2, study.GetTrials());
        Assert.IsTrue(study.GetTrials().All(t => t.State == StoredTrialState.Queued && t.Enqueued));
    }
}
