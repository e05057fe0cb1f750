using MathNet.Numerics.Statistics;

namespace Microsoft.ML.Infomorphic.Tuning;

// Golovin et al., "Google Vizier: a service for black-box optimization" (KDD 2017), section 3.2.2, with the median of the
// others' values at the epoch, not of their running averages.

/// <summary>
/// Ends a trial whose best value so far is worse than the median of what completed trials had at the same epoch.
/// </summary>
/// <remarks>Source: Golovin et al., KDD 2017, section 3.2.2; values at the epoch in place of running averages, as in Optuna.</remarks>
public sealed class MedianPruner : IPruner
{
    /// <summary>Creates a pruner.</summary>
    /// <param name="startupTrials">No trial ends before so many others are completed, at least 1.</param>
    /// <param name="warmupEpochs">No trial ends in its first epochs, so many of them; not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public MedianPruner(int startupTrials = 5, int warmupEpochs = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(startupTrials, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupEpochs);
        StartupTrials = startupTrials;
        WarmupEpochs = warmupEpochs;
    }

    /// <summary>No trial ends before so many others are completed.</summary>
    public int StartupTrials { get; }

    /// <summary>No trial ends in its first epochs, so many of them.</summary>
    public int WarmupEpochs { get; }

    /// <inheritdoc/>
    public bool ShouldPrune(
        LearningCurve trial,
        IReadOnlyCollection<LearningCurve> others,
        OptimizationDirection direction
    )
    {
        ArgumentNullException.ThrowIfNull(others);
        double[] losses = Losses.Of(trial, direction);
        int epoch = losses.Length;
        LearningCurve[] completed = [.. others.Where(o => o.Completed)];
        if (epoch <= WarmupEpochs || completed.Length < StartupTrials)
            return false;
        double[] atEpoch =
        [
            .. completed.Where(o => o.Values.Count >= epoch).Select(o => Losses.Of(o.Values[epoch - 1], direction)),
        ];
        // +∞ is greater than no median, but a trial with nothing but NaN is still not worth going on with.
        return double.IsPositiveInfinity(losses.Min()) || atEpoch.Length > 0 && losses.Min() > atEpoch.Median();
    }
}
