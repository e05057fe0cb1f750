using Microsoft.ML.Infomorphic.Tuning.Worker;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>The quick form; the worker program's "crash 20" is the full one.</summary>
[TestClass]
public sealed class CrashTests
{
    public static IEnumerable<object[]> Kinds => TrialStores.Kinds;

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Killed_workers_lose_no_finished_trial(string kind)
    {
        string location = TrialStores.Location(kind);
        StringAssert.Contains(CrashTest.Run(location, seed: kind.Length, trials: 20), "each finished once");
    }
}
