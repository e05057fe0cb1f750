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
    /// <see cref="InfomorphicSweepOptions.TrialsAtOnce"/> says. With one, and no other process, a sweep is deterministic.
    /// </summary>
    public int Workers { get; init; } = 1;

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
        ArgumentOutOfRangeException.ThrowIfLessThan(DeadAfter, TimeSpan.FromSeconds(1), nameof(DeadAfter));
        ArgumentOutOfRangeException.ThrowIfLessThan(
            MaximumFailuresWithoutValue,
            1,
            nameof(MaximumFailuresWithoutValue)
        );
    }
}
