namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What has become of a trial.</summary>
public enum TrialState
{
    /// <summary>It has been asked for, and nothing has been told of it.</summary>
    Running = 0,

    /// <summary>Its value has been told.</summary>
    Completed = 1,

    /// <summary>It has no value: it failed, or its value was not a finite number.</summary>
    Failed = 2,

    /// <summary>It was ended early. Tuners learn from its value, where it has one, but it is never the best.</summary>
    Pruned = 3,
}

/// <summary>A point that a tuner has proposed, or that has been enqueued, and what came of it.</summary>
/// <param name="Number">Its number: 0, 1, 2, … in the order of asking.</param>
/// <param name="Point">Where to evaluate the objective.</param>
/// <param name="State">What has become of it.</param>
/// <param name="Value">The objective as measured, finite, where the trial is completed; that of its last epoch, or null, where it was pruned; else null.</param>
/// <param name="Enqueued">Whether the point was given to the tuner, not proposed by it.</param>
public sealed record Trial(int Number, ParameterPoint Point, TrialState State, double? Value, bool Enqueued);
