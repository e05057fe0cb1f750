namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Of which classes contributions are given.</summary>
public enum ContributionClasses
{
    /// <summary>Of the predicted class of each row.</summary>
    Predicted = 0,

    /// <summary>Of every class; it takes about as much longer as there are classes.</summary>
    All = 1,

    /// <summary>Of true, where the label is true or false: the base and the contributions add up to the model's score.</summary>
    True = 2,
}

/// <summary>
/// Why a row has its scores: what each feature contributes to the log-odds of each class. The base and the contributions of a
/// class add up to ln(p / (1 − p)), where p is its score.
/// </summary>
/// <param name="Scores">p: the scores of the classes.</param>
/// <param name="Base">
/// Log-odds of each class at the base, in nats: the point at which all that the network reads is at its mean over the training
/// rows, or at 0 where it was trained without its mean.
/// </param>
/// <param name="Contributions">For each class, what each feature contributes, in nats: more than 0 where it speaks for the class.</param>
public sealed record RowExplanation(
    IReadOnlyList<float> Scores,
    IReadOnlyList<double> Base,
    IReadOnlyList<IReadOnlyList<float>> Contributions
);
