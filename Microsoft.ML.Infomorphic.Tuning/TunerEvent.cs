namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What can happen to a tuner.</summary>
public enum TunerEventKind
{
    /// <summary>It was asked, and proposed a point.</summary>
    Asked = 0,

    /// <summary>It was given a point that it did not propose.</summary>
    Enqueued = 1,

    /// <summary>It was told a trial's value.</summary>
    Told = 2,

    /// <summary>It was told that a trial has no value.</summary>
    Failed = 3,

    /// <summary>It was told that a trial was ended early.</summary>
    Pruned = 4,
}

/// <summary>
/// One thing that happened to a tuner. A tuner's state follows from its options, its seed and its events in their order:
/// see <see cref="ITuner.Replay"/>.
/// </summary>
/// <param name="Kind">What happened.</param>
/// <param name="Trial">The number of the trial that it happened to.</param>
/// <param name="Values">The trial's point, for <see cref="TunerEventKind.Asked"/> and <see cref="TunerEventKind.Enqueued"/>; else null.</param>
/// <param name="Value">The trial's value, finite, for <see cref="TunerEventKind.Told"/>; for <see cref="TunerEventKind.Pruned"/> what the tuner learns, or null; else null.</param>
public sealed record TunerEvent(
    TunerEventKind Kind,
    int Trial,
    IReadOnlyList<double>? Values = null,
    double? Value = null
);
