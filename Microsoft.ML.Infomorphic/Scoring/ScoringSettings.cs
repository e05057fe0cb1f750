using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>What a hidden neuron passes on when a row is scored.</summary>
public enum ScoringMode
{
    /// <summary>Its mean output, y = 2θ − 1. Deterministic, and the most accurate.</summary>
    MeanField = 0,

    /// <summary>The more probable output: y = 1 where θ ≥ ½, else −1.</summary>
    Thresholded = 1,

    /// <summary>A random output, 1 with probability θ, else −1; probabilities are averaged over samples. One sample is the paper's way.</summary>
    Sampled = 2,
}

/// <summary>How rows are scored. A row's scores depend on nothing but the network, these settings and the row.</summary>
/// <param name="Mode">What a hidden neuron passes on.</param>
/// <param name="Samples">
/// Samples to average over, 1 to <see cref="MaximumSamples"/>; used by <see cref="ScoringMode.Sampled"/> alone.
/// </param>
/// <param name="Seed">
/// The samples follow from this number and the row's features; of several networks, each one's from a number of its own that
/// follows from this one.
/// </param>
/// <param name="Calibrate">
/// Whether probabilities are calibrated (<see cref="ScoreCalibration"/>). Without it they are the softmax of what the
/// output neurons aggregate, and the predicted class is that of the neuron most likely to fire, as in the paper.
/// </param>
public sealed record ScoringSettings(
    ScoringMode Mode = ScoringMode.MeanField,
    int Samples = 16,
    ulong Seed = 0,
    bool Calibrate = true
)
{
    /// <summary>
    /// The largest number of samples. They leave a standard error of at most 0.005 in a probability, and a row that takes
    /// hours is no use to anyone; to someone who makes model files for others' servers it would be.
    /// </summary>
    public const int MaximumSamples = 10_000;

    internal void Validate()
    {
        if (!Enum.IsDefined(Mode))
            throw new ArgumentOutOfRangeException(nameof(Mode), Mode, $"There is no scoring mode {(int)Mode}.");
        if (Samples is < 1 or > MaximumSamples)
            throw new ArgumentOutOfRangeException(
                nameof(Samples),
                Samples,
                $"The number of samples must be between 1 and {MaximumSamples}."
            );
    }
}
