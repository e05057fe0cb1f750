namespace Microsoft.ML.Infomorphic.Tests;

/// <summary>What code allocates on the managed heap whenever it runs.</summary>
internal static class Allocations
{
    private const int Repetitions = 3;

    /// <summary>
    /// The bytes that an action allocates on this thread: the least of three times, as the runtime now and then makes something
    /// once, a pool that a collection has emptied above all.
    /// </summary>
    /// <param name="action">The action, warmed up.</param>
    public static long Of(Action action)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Repetitions; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
