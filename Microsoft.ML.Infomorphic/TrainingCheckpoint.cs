using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// A training between two epochs, as <see cref="InfomorphicTrainer.Options.CheckpointReached"/> shows it: what was measured so
/// far, and the network as it is.
/// </summary>
public sealed class TrainingCheckpoint : IDisposable
{
    private readonly Func<InfomorphicModelParameters> _createModel;
    private InfomorphicModelParameters? _model;
    private bool _isOver;

    internal TrainingCheckpoint(TrainingHistory history, int epochs, Func<InfomorphicModelParameters> createModel)
    {
        History = history;
        Epochs = epochs;
        _createModel = createModel;
    }

    /// <summary>
    /// The epochs that were evaluated so far; its <see cref="TrainingHistory.BestEpoch"/> is the last of them, and steps are not
    /// counted.
    /// </summary>
    public TrainingHistory History { get; }

    /// <summary>The epoch that was just evaluated.</summary>
    public EpochRecord Epoch => History.Epochs[^1];

    /// <summary>The epoch, from 1, at which the training ends unless it is stopped early.</summary>
    public int Epochs { get; }

    /// <summary>
    /// The network as it is, calibrated as it was evaluated; a copy that training does not change, made when it is first asked
    /// for. Where layers are trained one after another (<see cref="LayerOrder.BottomUp"/>), those above the one that is trained
    /// are as they began, and what the model predicts means nothing before the output layer's turn.
    /// </summary>
    /// <exception cref="InvalidOperationException">Training has gone on, and nobody asked for the network before.</exception>
    public InfomorphicModelParameters Model =>
        _model ??= !_isOver
            ? _createModel()
            : throw new InvalidOperationException(
                "Training has gone on: ask a checkpoint for its model before CheckpointReached returns."
            );

    void IDisposable.Dispose() => _isOver = true;
}
