namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>How much a sweep may cost, and how its workers behave.</summary>
public sealed record SweepOptions
{
    /// <summary>Trials in the study, those of earlier runs and of other workers included; at least 1; null for no limit.</summary>
    public int? MaximumTrials { get; init; }

    /// <summary>No trial begins after so long, and running ones are finished; positive; null for no limit.</summary>
    public TimeSpan? MaximumTime { get; init; }

    /// <summary>
    /// Workers of this process, 1 to 1,024, each of which runs a trial at a time, or as many as
    /// <see cref="InfomorphicSweepOptions.TrialsAtOnce"/> says. With one, and no other process, a sweep is deterministic; with more,
    /// where <see cref="ProposalBatchSize"/> is set.
    /// </summary>
    public int Workers { get; init; } = 1;

    /// <summary>
    /// Where it is set, at least 1: trials are proposed in batches of so many, each batch when all trials of the one before have ended,
    /// and pruned by comparison with those of batches before. So the study comes to the same trials and values for any number of
    /// workers, processes and trials at once, if the objective does; workers wait for each other at the end of a batch, which costs least
    /// where it is several times their number. A limit of time is no such thing. Null, the default: each trial is proposed by
    /// all that is known at the moment.
    /// </summary>
    public int? ProposalBatchSize { get; init; }

    /// <summary>
    /// Whether a trial at a point whose value is known is evaluated all the same, as where the objective is noisy. Not by default:
    /// training with the same options gives the same model, so that the trial takes over the value, or that it was pruned, and counts
    /// as one of the study's (<see cref="StoredTrial.RepeatOf"/>). Points come again where little can be chosen, without a weight or
    /// an option that is a real number; the sweep ends when all of them have been evaluated.
    /// </summary>
    public bool EvaluateRepeats { get; init; }

    /// <summary>Ends trials that are not worth going on with; null for none.</summary>
    public IPruner? Pruner { get; init; }

    /// <summary>A trial whose worker has not been heard of for so long is run again; at least a second.</summary>
    public TimeSpan DeadAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The sweep gives up where so many trials have failed and none has a value, at least 1.</summary>
    public int MaximumFailuresWithoutValue { get; init; } = 10;

    /// <summary>Called when a trial begins, after each of its epochs and when it ends; one call at a time. Null for nothing.</summary>
    public Action<SweepProgress>? Progress { get; init; }

    private const int MaximumWorkers = 1024;

    internal void Validate()
    {
        if (MaximumTrials is null && MaximumTime is null)
            throw new ArgumentException("A sweep needs a limit: set MaximumTrials or MaximumTime.");
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumTrials ?? 1, 1, nameof(MaximumTrials));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(
            MaximumTime ?? TimeSpan.MaxValue,
            TimeSpan.Zero,
            nameof(MaximumTime)
        );
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers, 1, nameof(Workers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Workers, MaximumWorkers, nameof(Workers));
        ArgumentOutOfRangeException.ThrowIfLessThan(ProposalBatchSize ?? 1, 1, nameof(ProposalBatchSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(DeadAfter, TimeSpan.FromSeconds(1), nameof(DeadAfter));
        ArgumentOutOfRangeException.ThrowIfLessThan(
            MaximumFailuresWithoutValue,
            1,
            nameof(MaximumFailuresWithoutValue)
        );
    }
}
