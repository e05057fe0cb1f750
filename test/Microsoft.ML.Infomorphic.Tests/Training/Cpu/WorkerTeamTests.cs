using Microsoft.ML.Infomorphic.Training.Cpu;

namespace Microsoft.ML.Infomorphic.Tests.Training.Cpu;

[TestClass]
public class WorkerTeamTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void Every_item_is_done_once(int threads)
    {
        using var team = new WorkerTeam(threads);
        for (int count = 0; count <= 40; count++)
        {
            int[] done = new int[count];
            bool known = true;
            team.Run(
                count,
                done,
                (context, item, thread) =>
                {
                    Interlocked.Increment(ref context[item]);
                    if (thread < 0 || thread >= threads)
                        Volatile.Write(ref known, false);
                }
            );
            Assert.IsTrue(done.All(times => times == 1));
            Assert.IsTrue(Volatile.Read(ref known));
        }
    }

    // Threads have scratch memory by their number: no two of them have the same at one time.
    [TestMethod]
    public void Numbers_of_threads_are_their_own()
    {
        using var team = new WorkerTeam(4);
        int[] busy = new int[4];
        int clashes = 0;
        for (int i = 0; i < 100; i++)
            team.Run(
                50,
                busy,
                (context, _, thread) =>
                {
                    if (Interlocked.Increment(ref context[thread]) != 1)
                        Interlocked.Increment(ref clashes);
                    Thread.SpinWait(10);
                    Interlocked.Decrement(ref context[thread]);
                }
            );
        Assert.AreEqual(0, clashes);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void A_failure_is_thrown_where_the_work_was_asked_for_and_leaves_the_team_at_work(int threads)
    {
        using var team = new WorkerTeam(threads);
        for (int failing = 0; failing < 10; failing++)
        {
            InvalidOperationException exception = Assert.ThrowsExactly<InvalidOperationException>(() =>
                team.Run(
                    10,
                    failing,
                    static (context, item, _) =>
                    {
                        if (item == context)
                            throw new InvalidOperationException($"item {item}");
                    }
                )
            );
            Assert.AreEqual($"item {failing}", exception.Message);
            int done = 0;
            team.Run(10, 0, (_, _, _) => Interlocked.Increment(ref done));
            Assert.AreEqual(10, done);
        }
    }

    [TestMethod]
    public void Work_allocates_nothing()
    {
        using var team = new WorkerTeam(2);
        Action<int[], int, int> one = static (_, _, _) => { };
        Action<(int[] Numbers, int Number), int, int> other = static (_, _, _) => { };
        int[] numbers = [1];

        // A lock makes its wait handle when a thread waits for the first time, whenever that is.
        long least = long.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                team.Run(10, numbers, one);
                team.Run(10, (numbers, i), other);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.AreEqual(0, least);
    }
}
