namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>What a training tells its host while it runs, and asks of it.</summary>
public sealed class TrainingCallbacks
{
    /// <summary>Called before every step; throws <see cref="OperationCanceledException"/> to end the training.</summary>
    public Action CheckAlive { get; init; } = static () => { };

    /// <summary>Called after every epoch.</summary>
    public Action<EpochRecord> EpochEnded { get; init; } = static _ => { };

    /// <summary>Called with what a user may want to know: the standardisation chosen, an early stop.</summary>
    public Action<string> Info { get; init; } = static _ => { };
}

/// <summary>Trains networks.</summary>
public static class NetworkTrainer
{
    /// <summary>Trains a network.</summary>
    /// <param name="train">The training rows, at least 2.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="initial">A network to go on from, or null for a fresh one.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="callbacks">What to tell the host.</param>
    /// <returns>The network and its history.</returns>
    /// <exception cref="InvalidOperationException">libtorch is missing, or the device is.</exception>
    /// <exception cref="ArgumentException">The settings contradict each other or the data.</exception>
    public static TrainingResult Train(
        LabeledRows train,
        LabeledRows? validation,
        LearningSettings settings,
        InfomorphicNetwork? initial,
        ComputeDevice device,
        TrainingCallbacks callbacks
    ) => throw new NotImplementedException();
}
