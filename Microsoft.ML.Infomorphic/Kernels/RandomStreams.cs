namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The independent sequences of random numbers that a training draws from its seed.</summary>
internal static class RandomStreams
{
    public const uint Initialization = 0;
    public const uint LateralConnections = 1;
    public const uint Shuffling = 2;
    public const uint TrainingAccuracyRows = 3;
    public const uint Insight = 4;
    public const uint ValidationRows = 5;

    /// <summary>
    /// How many counters of <see cref="Philox.Sample"/> a step has: one for each presentation, from 0 on. A
    /// presentation that is the only one has the last of two.
    /// </summary>
    public static int CountersOf(int presentations) => Math.Max(presentations, 2);
}
