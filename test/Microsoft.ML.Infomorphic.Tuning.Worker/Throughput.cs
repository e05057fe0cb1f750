using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning.Worker;

/// <summary>What a second worker process adds where trials take one thread.</summary>
internal static class Throughput
{
    private const int Trials = 60;
    private const int Milliseconds = 200;

    public static void Measure(string location)
    {
        for (int round = 0; round < 3; round++)
        {
            double one = Rate(location, $"one {round}", 1);
            double two = Rate(location, $"two {round}", 2);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"one worker {one:F2} trials/s, two {two:F2} trials/s: {two / one:F2} times"
                )
            );
        }
    }

    // From the first trial's begin to the last one's end, by the store's clock: without the start of the processes.
    private static double Rate(string location, string study, int workers)
    {
        Process[] processes =
        [
            .. Enumerable.Range(0, workers).Select(_ => WorkerProcess.Start(location, study, Trials, Milliseconds)),
        ];
        foreach (Process process in processes)
        {
            WorkerProcess.Finish(process);
            process.Dispose();
        }
        using var store = TrialStore.Open(location);
        IReadOnlyList<StoredTrial> trials = Study.Join(store, CheapStudy.Define(study)).GetTrials();
        if (trials.Any(t => t.State != StoredTrialState.Completed || t.Attempts != 1) || trials.Count != Trials)
            throw new InvalidOperationException("A trial is lost, or was run twice.");
        // Both workers must be there: the time before the second one's first trial is not theirs together.
        DateTimeOffset begin = trials.GroupBy(t => t.Worker).Select(g => g.Min(t => t.Started!.Value)).Max();
        DateTimeOffset end = trials.GroupBy(t => t.Worker).Select(g => g.Max(t => t.Finished!.Value)).Min();
        return trials.Count(t => t.Started >= begin && t.Finished <= end) / (end - begin).TotalSeconds;
    }
}
