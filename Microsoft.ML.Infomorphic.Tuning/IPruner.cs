namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Says which trials are not worth going on with. A function of recorded values alone: it keeps no state.</summary>
public interface IPruner
{
    /// <summary>Whether a trial should end now, after the last of its epochs so far.</summary>
    /// <param name="trial">The trial, with at least one epoch.</param>
    /// <param name="others">All other trials of the sweep, whatever their state; those that failed are left out.</param>
    /// <param name="direction">Which values are good.</param>
    /// <returns>Whether to end the trial.</returns>
    /// <exception cref="ArgumentException">The trial has no epoch yet.</exception>
    bool ShouldPrune(LearningCurve trial, IReadOnlyCollection<LearningCurve> others, OptimizationDirection direction);
}
