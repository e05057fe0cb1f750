namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

internal static class CompletedTrials
{
    public static StoredTrial[] Of(IReadOnlyList<StoredTrial> trials)
    {
        ArgumentNullException.ThrowIfNull(trials);
        StoredTrial[] completed = [.. trials.Where(t => t.State == StoredTrialState.Completed).OrderBy(t => t.Number)];
        return completed.Length > 0
            ? completed
            : throw new ArgumentException("There is no completed trial to draw.", nameof(trials));
    }

    public static StoredTrial Best(IReadOnlyList<StoredTrial> trials, OptimizationDirection direction)
    {
        StoredTrial[] completed = Of(trials);
        return direction == OptimizationDirection.Maximize
            ? completed.MaxBy(t => t.Value)!
            : completed.MinBy(t => t.Value)!;
    }
}
