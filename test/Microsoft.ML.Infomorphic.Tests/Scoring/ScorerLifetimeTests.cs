using System.Runtime.CompilerServices;
using Microsoft.ML.Infomorphic.Fuzzing;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

[TestClass]
public sealed class ScorerLifetimeTests
{
    [TestMethod]
    public void A_scorer_that_nobody_needs_is_collected_while_the_threads_that_used_it_live_on()
    {
        WeakReference[] scorers = [.. Enumerable.Range(0, 5).Select(_ => Use())];

        // Once for what finalizers let go.
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.IsFalse(scorers.Any(scorer => scorer.IsAlive));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Use()
    {
        ModelContents contents = DeepModels.Of("local fields");
        var scorer = new NetworkScorer(contents.Network, contents.Scoring);
        ScoringBlock block = scorer.Rent();
        foreach (float[] row in DeepModels.Rows(10))
            block.Add(row);
        scorer.Score(block);
        scorer.Return(block);
        return new WeakReference(scorer);
    }
}
