namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial that a worker has begun. Nobody else runs it while the worker's heart beats.</summary>
/// <param name="Number">The trial's number.</param>
/// <param name="Point">Where to evaluate the objective.</param>
/// <param name="Claim">Proves that the trial is the worker's; drawn anew each time that a trial is begun.</param>
public sealed record ClaimedTrial(int Number, ParameterPoint Point, string Claim);
