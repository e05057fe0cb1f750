using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting;

/// <summary>What a report of a sweep shows.</summary>
public sealed record SweepReportOptions
{
    /// <summary>The report's title.</summary>
    public string Title { get; init; } = "What the sweep has found";

    /// <summary>The best trial's goal; null where goals are not searched. The report of a sweep over the trainer finds it itself.</summary>
    public GoalFunction? BestGoal { get; init; }

    /// <summary>
    /// The goals of the best trial's hidden layers, from the features up, where the trainer has a list of them; null for one that
    /// does not learn. The report of a sweep over the trainer finds them itself.
    /// </summary>
    public IReadOnlyList<GoalFunction?> BestLayerGoals { get; init; } = [];

    /// <summary>What the best goal loses without each of its weights, by <see cref="InfomorphicSweep.Ablate"/>, of any number of layers; empty for nothing.</summary>
    public IReadOnlyList<Ablation> Ablations { get; init; } = [];

    /// <summary>At most so many trials are in the table, the best ones, at least 1; the numbers of all are in the report's data.</summary>
    public int MaximumTrials { get; init; } = 500;

    /// <summary>Of a report on a sweep that goes on: when a browser is to look again, in seconds.</summary>
    internal int? RefreshSeconds { get; init; }
}
