using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>
/// However training and scoring end, and however many there are at a time, they leave no tensor and no thread behind.
/// Memory has a test of its own: <see cref="MemoryTests"/>.
/// </summary>
[TestClass]
[DoNotParallelize]
public sealed class LongRunTests
{
    // The name that training gives its threads, as long as the kernel keeps it.
    private const string ThreadName = "Infomorphic tra";

    private const int Rounds = 3;
    private const int AtATime = 4;

    private sealed class Interruption : Exception;

    [TestMethod]
    public void Fits_that_end_well_are_cancelled_or_fail_leave_nothing_behind()
    {
        LeavesNothing(() =>
        {
            // What is counted is there while it is in use.
            Fit(options => options.EpochEnded = _ => Assert.IsGreaterThan(0, TrainingThreads()));
            using var cancellation = new CancellationTokenSource();
            Assert.ThrowsExactly<OperationCanceledException>(() =>
                Fit(options =>
                {
                    options.CancellationToken = cancellation.Token;
                    options.EpochEnded = _ => cancellation.Cancel();
                })
            );
            Assert.ThrowsExactly<Interruption>(() =>
                Fit(options => options.EpochEnded = _ => throw new Interruption())
            );
            Assert.ThrowsExactly<InvalidOperationException>(() => Fit(_ => { }, MissingFeatures()));
        });
    }

    [TestMethod]
    public void Fits_and_scoring_at_the_same_time_leave_nothing_behind()
    {
        LeavesNothing(() => Parallel.For(0, AtATime, _ => Fit(_ => { })));
    }

    private static void LeavesNothing(Action action)
    {
        // The first time around, what is made once and for all is made.
        action();
        (long tensors, int threads) = Left();
        Assert.AreEqual(0, threads);
        for (int round = 0; round < Rounds; round++)
            action();
        Assert.AreEqual((tensors, threads), Left());
    }

    private static void Fit(Action<InfomorphicTrainer.Options> change, IEnumerable<Samples.Row>? rows = null)
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context, rows);
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfThreads = 2;
        change(options);
        var model = context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
        Assert.HasCount(Samples.Rows().Count, Samples.Scores(model.Transform(data)));
    }

    private static IEnumerable<Samples.Row> MissingFeatures() =>
        Samples.Rows().Select(row => new Samples.Row { Color = row.Color, Features = [float.NaN, 0, 0, 0] });

    // Threads that have been told to end take a moment.
    private static (long Tensors, int Threads) Left()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        for (int attempt = 0; attempt < 100 && TrainingThreads() > 0; attempt++)
            Thread.Sleep(20);
        return (torch.Tensor.TotalCount, TrainingThreads());
    }

    private static int TrainingThreads()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("Only Linux tells the names of a process's threads.");
        int count = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
            try
            {
                if (File.ReadAllText(Path.Combine(task, "comm")).Trim() == ThreadName)
                    count++;
            }
            catch (IOException)
            {
                // It has ended since it was listed.
            }
        return count;
    }
}
