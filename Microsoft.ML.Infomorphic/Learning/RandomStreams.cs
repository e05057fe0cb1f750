namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>The independent sequences of random numbers that a training draws from its seed.</summary>
internal static class RandomStreams
{
    public const uint Initialization = 0;
    public const uint LateralConnections = 1;
    public const uint Shuffling = 2;
    public const uint TrainingAccuracyRows = 3;
    public const uint Insight = 4;
}
