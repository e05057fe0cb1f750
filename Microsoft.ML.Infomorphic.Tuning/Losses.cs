namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Values as something to minimise; what is not a finite number is +∞.</summary>
internal static class Losses
{
    public static double Of(double value, OptimizationDirection direction) =>
        !double.IsFinite(value) ? double.PositiveInfinity
        : direction == OptimizationDirection.Maximize ? -value
        : value;

    public static double[] Of(LearningCurve trial, OptimizationDirection direction)
    {
        ArgumentNullException.ThrowIfNull(trial);
        if (trial.Values.Count == 0)
            throw new ArgumentException($"Trial {trial.Trial} has no epoch yet.", nameof(trial));
        return [.. trial.Values.Select(value => Of(value, direction))];
    }
}
