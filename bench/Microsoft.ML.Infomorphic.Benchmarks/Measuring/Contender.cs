using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>One of the things that are measured against each other.</summary>
/// <param name="name">What it is.</param>
/// <param name="step">What is measured; it returns when the work is done, on the device too.</param>
/// <param name="prepare">What has to happen before each step and is not measured, or null.</param>
internal sealed class Contender(string name, Action step, Action? prepare = null)
{
    public string Name => Total.Name;

    /// <summary>Whole steps.</summary>
    public Series Total { get; } = new(name);

    /// <summary>
    /// Parts of a step that it measures itself: for each, its times, and a function that gives its milliseconds in the
    /// step that has just ended.
    /// </summary>
    public IReadOnlyList<(Series Series, Func<double> Milliseconds)> Parts { get; init; } = [];

    /// <summary>Garbage collections that fell into measured steps.</summary>
    public int Collections { get; private set; }

    /// <summary>Steps without measuring: until the code is compiled for good, and caches and threads are warm.</summary>
    /// <returns>Milliseconds of a step, roughly.</returns>
    public double WarmUp(double seconds, int minimumSteps)
    {
        var clock = Stopwatch.StartNew();
        double last;
        int steps = 0;
        do
        {
            last = Time();
            steps++;
        } while (steps < minimumSteps || clock.Elapsed.TotalSeconds < seconds);
        return last;
    }

    /// <summary>
    /// One turn in a round. Its first step, which finds the caches and the threads as another contender left them, does
    /// not count: in a training, steps follow steps of their own kind.
    /// </summary>
    public void Turn(int steps)
    {
        GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        Time();
        int collections = GC.CollectionCount(0);
        double[] times = new double[steps];
        double[][] parts = [.. Parts.Select(_ => new double[steps])];
        for (int i = 0; i < steps; i++)
        {
            times[i] = Time();
            for (int part = 0; part < parts.Length; part++)
                parts[part][i] = Parts[part].Milliseconds();
        }

        Collections += GC.CollectionCount(0) - collections;
        Total.AddRound(times);
        for (int part = 0; part < parts.Length; part++)
            Parts[part].Series.AddRound(parts[part]);
    }

    /// <summary>Bytes that a step allocates on the managed heap.</summary>
    public double AllocatedBytes(int steps)
    {
        long allocated = 0;
        for (int i = 0; i < steps; i++)
        {
            prepare?.Invoke();
            long before = GC.GetTotalAllocatedBytes(precise: true);
            step();
            allocated += GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        return (double)allocated / steps;
    }

    private double Time()
    {
        prepare?.Invoke();
        long start = Stopwatch.GetTimestamp();
        step();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
