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
    public const uint Augmentation = 6;
    public const uint HeldOutLearning = 7;
    public const uint LinearReadout = 8;

    // Of the networks of an ensemble, from the second on.
    private const uint Networks = 5;

    /// <summary>
    /// The seed of what the networks of an ensemble do not have in common: initial weights, drawn connections, samples. The
    /// first network has the ensemble's own.
    /// </summary>
    /// <param name="seed">The seed of the ensemble.</param>
    /// <param name="network">The network's place, from 0.</param>
    public static ulong SeedOf(ulong seed, int network)
    {
        if (network == 0)
            return seed;
        (uint low, uint high, _, _) = Philox.Generate((uint)network, 0, Networks, uint.MaxValue, seed);
        return (ulong)high << 32 | low;
    }

    /// <summary>
    /// How many counters of <see cref="Philox.Sample"/> a step has: one for each presentation, from 0 on. A
    /// presentation that is the only one has the last of two.
    /// </summary>
    public static int CountersOf(int presentations) => Math.Max(presentations, 2);
}
