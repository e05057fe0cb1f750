namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Where a sweep is.</summary>
/// <param name="Trials">Trials in the study so far, whatever has become of them.</param>
/// <param name="Completed">Trials with a value.</param>
/// <param name="Failed">Trials without one.</param>
/// <param name="Pruned">Trials that were ended early.</param>
/// <param name="Best">The completed trial with the best value, without its epochs; null where there is none.</param>
/// <param name="TrialsPerHour">Trials that ended since this process began, of all workers, an hour; 0 before the first.</param>
/// <param name="TimeLeft">An estimate; null before the first trial has ended.</param>
/// <param name="Elapsed">Since this process began.</param>
/// <param name="Trial">The number of the trial that the call is about.</param>
/// <param name="Epoch">The epoch that has just ended, from 1; null where the trial begins or ends.</param>
/// <param name="Value">The objective after the epoch; null where the trial begins or ends.</param>
public sealed record SweepProgress(
    int Trials,
    int Completed,
    int Failed,
    int Pruned,
    StoredTrial? Best,
    double TrialsPerHour,
    TimeSpan? TimeLeft,
    TimeSpan Elapsed,
    int Trial,
    int? Epoch,
    double? Value
);

/// <summary>Why a sweep ended.</summary>
public enum SweepOutcome
{
    /// <summary>The trials or the time that it may cost are used up.</summary>
    Finished = 0,

    /// <summary>It was cancelled. What is finished is kept, and running trials wait for whoever resumes.</summary>
    Cancelled = 1,
}

/// <summary>What a sweep has found.</summary>
/// <param name="Outcome">Why it ended.</param>
/// <param name="Best">The completed trial with the best value, the earliest of equals; null where a cancelled sweep has none.</param>
/// <param name="Trials">All trials of the study, by their numbers.</param>
public sealed record SweepResult(SweepOutcome Outcome, StoredTrial? Best, IReadOnlyList<StoredTrial> Trials);
