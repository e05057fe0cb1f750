using Microsoft.ML.Infomorphic.Tuning;
using TunerSpace = Microsoft.ML.Infomorphic.Tuning.SearchSpace;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>How an AutoML experiment searches a pipeline with an infomorphic trainer.</summary>
public sealed record InfomorphicExperimentOptions
{
    /// <summary>What is optimised. It says itself whether more of it is better.</summary>
    public SweepMetric Metric { get; init; } = SweepMetric.MicroAccuracy;

    /// <summary>
    /// Creates the tuner for the space and the direction that it is given; or loads one that was saved. Null for TPE with its
    /// defaults and seed 0.
    /// </summary>
    public Func<TunerSpace, OptimizationDirection, Tuner>? Tuner { get; init; }

    /// <summary>Ends trials that are not worth going on with, by their epochs on validation data; null for none.</summary>
    public IPruner? Pruner { get; init; }

    /// <summary>
    /// Points that the search begins with, in their order, such as those that <see cref="TrainerSpace.GetPoint(string, InfomorphicTrainer.Options)"/>
    /// makes of goals that are to be compared. Each is taken by the trainers of the pipeline whose space it is of. The
    /// trainer's options and the published goals come after them, where they are asked for.
    /// </summary>
    public IReadOnlyList<ParameterPoint> StartingPoints { get; init; } = [];

    /// <summary>Whether the search begins with the trainer's own options and the published goals that the space holds.</summary>
    public bool EnqueuePresets { get; init; } = true;

    /// <summary>The experiment gives up where so many trials have failed and none has a value, at least 1.</summary>
    public int MaximumFailuresWithoutValue { get; init; } = 10;

    /// <summary>Called after each epoch and when a trial ends. Null for nothing.</summary>
    public Action<InfomorphicExperimentProgress>? Progress { get; init; }
}

/// <summary>Where an experiment is.</summary>
/// <param name="Trial">The trial that the call is about.</param>
/// <param name="Epoch">The epoch that has just ended, from 1, fold after fold; null where the trial ends.</param>
/// <param name="Value">The metric after the epoch, or of the trial; NaN where it has none.</param>
/// <param name="Completed">Trials with a value.</param>
/// <param name="Failed">Trials without one.</param>
/// <param name="Pruned">Trials that were ended early.</param>
/// <param name="Best">The best completed trial; null where there is none.</param>
public sealed record InfomorphicExperimentProgress(
    int Trial,
    int? Epoch,
    double Value,
    int Completed,
    int Failed,
    int Pruned,
    InfomorphicTrialResult? Best
);
