namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial that a worker has begun. Nobody else runs it while the worker's heart beats.</summary>
/// <param name="Number">The trial's number.</param>
/// <param name="Point">Where to evaluate the objective.</param>
/// <param name="Claim">Proves that the trial is the worker's; drawn anew each time that a trial is begun.</param>
public sealed record ClaimedTrial(int Number, ParameterPoint Point, string Claim);

/// <summary>What came of asking for the next trial.</summary>
internal enum ClaimOutcome
{
    /// <summary>A trial begins.</summary>
    Claimed = 0,

    /// <summary>A trial at a point whose outcome is known has taken it over: there may be another one.</summary>
    TakenOver = 1,

    /// <summary>The next trial is proposed when those of the batch before that run have ended.</summary>
    Waits = 2,

    /// <summary>The study has enough trials, or all points of its space have been evaluated.</summary>
    Enough = 3,
}
