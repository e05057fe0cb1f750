using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Tuning.Worker;

/// <summary>Two workers, killed (SIGKILL) at random moments and started again; then what must hold of the store.</summary>
internal static class CrashTest
{
    private const int Kills = 4;

    /// <summary>Runs one sweep.</summary>
    /// <returns>What happened, in one line.</returns>
    /// <exception cref="InvalidOperationException">Something does not hold.</exception>
    public static string Run(string location, int seed, int trials)
    {
        string name = $"crash {seed}";
        var random = new Random(seed);
        Process[] workers = [Start(), Start()];
        for (int kill = 0; kill < Kills; kill++)
        {
            int victim = random.Next(2);
            if (kill > 0)
                AwaitFirstTrial(workers[victim]);
            Thread.Sleep(random.Next(0, 300));
            workers[victim].Kill();
            workers[victim].WaitForExit();
            workers[victim].Dispose();
            workers[victim] = Start();
        }
        foreach (Process worker in workers)
        {
            WorkerProcess.Finish(worker);
            worker.Dispose();
        }

        using var store = TrialStore.Open(location);
        Study study = Study.Join(store, CheapStudy.Define(name), CheapStudy.Start);
        IReadOnlyList<StoredTrial> stored = study.GetTrials();
        IReadOnlyList<TunerEvent> events = study.GetEvents();
        Require(stored.Count == trials, $"{stored.Count} trials, not {trials}");
        for (int i = 0; i < stored.Count; i++)
        {
            Require(stored[i].Number == i, $"trial {i} has the number {stored[i].Number}");
            Require(stored[i].State == StoredTrialState.Completed, $"trial {i} is {stored[i].State}");
            Require(stored[i].Value == CheapStudy.Value(stored[i].Point), $"trial {i} has the value {stored[i].Value}");
            Require(stored[i].EpochValues.Count == 4, $"trial {i} has {stored[i].EpochValues.Count} epochs");
            Require(
                events.Count(e => e.Trial == i && (e.Kind is TunerEventKind.Asked or TunerEventKind.Enqueued)) == 1,
                $"trial {i} was not asked for once"
            );
            Require(
                events.Count(e => e.Trial == i && e.Kind == TunerEventKind.Told) == 1,
                $"trial {i} was not told once"
            );
        }
        Require(events.Count == 2 * trials, $"{events.Count} events, not {2 * trials}");
        RequireSameProposals(study, events);
        int rerun = stored.Count(t => t.Attempts > 1);
        return $"sweep {seed}: {trials} trials, each finished once; {Kills} kills, {rerun} trials run again; replay gives the same proposals";

        // Else slow machines would kill what has not begun.
        void AwaitFirstTrial(Process worker)
        {
            using var store = TrialStore.Open(location);
            Study study = Study.Join(store, CheapStudy.Define(name), CheapStudy.Start);
            while (
                !worker.HasExited
                && !study
                    .GetTrials(withEpochs: false)
                    .Any(t => t.Worker is string who && who.Contains($"/{worker.Id}/", StringComparison.Ordinal))
            )
                Thread.Sleep(20);
        }

        Process Start() => WorkerProcess.Start(location, name, trials, milliseconds: 60);
    }

    /// <summary>A fresh tuner that is asked and told in the store's order proposes every recorded point, and the next one.</summary>
    public static void RequireSameProposals(Study study, IReadOnlyList<TunerEvent> events)
    {
        Tuner fresh = study.Definition.CreateTuner();
        foreach (TunerEvent recorded in events)
            if (recorded.Kind == TunerEventKind.Asked)
            {
                Trial asked = fresh.Ask();
                Require(
                    asked.Number == recorded.Trial && asked.Point.Values.SequenceEqual(recorded.Values!),
                    $"trial {recorded.Trial} is not what a fresh tuner proposes"
                );
            }
            else
                fresh.Replay(recorded);
        ClaimedTrial next = study.TryClaim("test", int.MaxValue, TimeSpan.FromDays(1))!;
        Require(next.Point.Equals(fresh.Ask().Point), "the next proposal is not a fresh tuner's");
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException($"After the crashes, {otherwise}.");
    }
}
