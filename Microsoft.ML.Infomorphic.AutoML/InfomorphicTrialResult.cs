using Microsoft.ML.AutoML;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>
/// What has become of a trial. One that failed or was pruned has the largest loss, which never makes it the best, and no
/// model. A model is let go, and disposed of where it can be, once another trial is better.
/// </summary>
public sealed class InfomorphicTrialResult : TrialResult
{
    /// <summary>The metric after epoch 1, 2, …, fold after fold; what stands for it where epochs have another one.</summary>
    public IReadOnlyList<double> EpochValues { get; init; } = [];

    /// <summary>Whether it was ended early, because others were better after as many epochs.</summary>
    public bool IsPruned { get; init; }

    /// <summary>Why it failed, in one sentence; null where it has not.</summary>
    public string? Error { get; init; }

    /// <summary>
    /// The options that the trainer was given, goals that were searched in the paper's notation; null where the pipeline has
    /// no infomorphic trainer.
    /// </summary>
    public InfomorphicTrainer.Options? TrainerOptions { get; init; }

    /// <summary>What the tuner learns of a pruned trial; null for nothing.</summary>
    internal double? LastLoss { get; init; }
}
