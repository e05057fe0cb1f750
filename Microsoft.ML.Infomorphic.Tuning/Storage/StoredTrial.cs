namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What has become of a stored trial.</summary>
public enum StoredTrialState
{
    /// <summary>It waits for a worker: it was enqueued, or its worker died or gave it back.</summary>
    Queued = 0,

    /// <summary>A worker runs it.</summary>
    Running = 1,

    /// <summary>It has run to its end and has a value.</summary>
    Completed = 2,

    /// <summary>It has no value; <see cref="StoredTrial.Error"/> says why.</summary>
    Failed = 3,

    /// <summary>It was ended early, because others were better after as many epochs.</summary>
    Pruned = 4,
}

/// <summary>A trial as it is stored.</summary>
/// <param name="Number">Its number: 0, 1, 2, … in the order of asking.</param>
/// <param name="Point">Where the objective is evaluated.</param>
/// <param name="Enqueued">Whether the point was given to the tuner, not proposed by it.</param>
/// <param name="State">What has become of it.</param>
/// <param name="Value">
/// The objective, finite, where the trial is completed; where it was pruned, the value of its last epoch if the tuner was
/// told one; else null.
/// </param>
/// <param name="EpochValues">The objective after epoch 1, 2, …; NaN where it was not a finite number.</param>
/// <param name="Error">Why it failed, in one sentence; null where it has not.</param>
/// <param name="Worker">Who runs it or ran it last; null where nobody has.</param>
/// <param name="Attempts">How often it was begun.</param>
/// <param name="Started">When it was begun last, by the store's clock; null where it has not been.</param>
/// <param name="Finished">When it was completed, failed or pruned, by the store's clock; null where it has not been.</param>
public sealed record StoredTrial(
    int Number,
    ParameterPoint Point,
    bool Enqueued,
    StoredTrialState State,
    double? Value,
    IReadOnlyList<double> EpochValues,
    string? Error,
    string? Worker,
    int Attempts,
    DateTimeOffset? Started,
    DateTimeOffset? Finished
)
{
    /// <summary>
    /// The number of the trial at the same point whose outcome this one has taken over, without being evaluated; null where it was
    /// evaluated, or is still to be.
    /// </summary>
    public int? RepeatOf { get; init; }
}
