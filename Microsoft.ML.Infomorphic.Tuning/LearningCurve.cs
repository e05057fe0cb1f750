namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What a trial's metric was after each of its epochs.</summary>
/// <param name="Trial">The trial's number.</param>
/// <param name="Values">The metric as measured after epoch 1, 2, …; values that are not finite numbers are allowed, and count as worse than all others.</param>
/// <param name="Completed">Whether the trial has run to its end.</param>
public sealed record LearningCurve(int Trial, IReadOnlyList<double> Values, bool Completed);
