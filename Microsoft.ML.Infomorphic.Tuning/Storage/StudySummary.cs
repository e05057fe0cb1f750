namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What a trial store says of a study in a list.</summary>
/// <param name="Name">The study's name.</param>
/// <param name="Objective">What is evaluated: <see cref="StudyDefinition.Objective"/>.</param>
/// <param name="Created">When it was begun, by the store's clock.</param>
/// <param name="Trials">Its trials, those that wait and run included.</param>
/// <param name="Completed">Trials that have run to their end and have a value.</param>
/// <param name="Running">Trials that a worker runs or, where it has died, ran.</param>
/// <param name="BestValue">The best value of a completed trial; null where there is none.</param>
public sealed record StudySummary(
    string Name,
    string Objective,
    DateTimeOffset Created,
    int Trials,
    int Completed,
    int Running,
    double? BestValue
);
