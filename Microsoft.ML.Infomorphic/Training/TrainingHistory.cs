using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What the neurons of a layer came to in an epoch.</summary>
/// <param name="Goal">
/// Their mean goal, in bits, averaged over sampled batches of the epoch; NaN where none learned in it, or by no goal.
/// </param>
/// <param name="Atoms">
/// The mean of each atom over the neurons and, last, of the residual entropy, in bits, in the goal's order; empty where none
/// learned by a goal.
/// </param>
/// <param name="SelfCosineDistance">
/// How far the receptive fields turned since the record before (arXiv 2412.02482, eq. 3): 1 − cos of the angle between a
/// neuron's feedforward weights, for standardised features, then and now, 0 to 2; the median over the neurons. NaN where none
/// learned, in output layers, and in models saved before it was measured.
/// </param>
public sealed record LayerProgress(double Goal, IReadOnlyList<double> Atoms, double SelfCosineDistance = double.NaN)
{
    /// <summary>A layer that did not learn in an epoch, or by softmax regression.</summary>
    public static LayerProgress None { get; } = new(double.NaN, []);
}

/// <summary>What the network was at the end of an epoch that was evaluated.</summary>
/// <param name="Epoch">The epoch, from 1; those between two evaluations have no record.</param>
/// <param name="TrainingAccuracy">
/// Share of training rows, 0 to 1, classified rightly at the end of the epoch with the label withheld (mean field, scores
/// calibrated on at most <see cref="TrainingSettings.MaximumRowsForEpochCalibration"/> validation rows or, where there are none,
/// training rows), over at most <see cref="TrainingSettings.MaximumRowsForTrainingAccuracy"/> rows drawn once.
/// </param>
/// <param name="ValidationAccuracy">The same over all validation rows; null where there are none.</param>
/// <param name="ValidationLogLoss">
/// Mean −ln p(label) of the same scores over the validation rows, in nats, by which epochs are chosen; null where there are none.
/// </param>
/// <param name="HiddenLayers">What the neurons of each hidden layer came to, from the features up.</param>
/// <param name="OutputLayer">What the output neurons came to; no numbers where the layer is softmax regression.</param>
/// <param name="Seconds">Seconds since training began.</param>
public sealed record EpochRecord(
    int Epoch,
    double TrainingAccuracy,
    double? ValidationAccuracy,
    double? ValidationLogLoss,
    IReadOnlyList<LayerProgress> HiddenLayers,
    LayerProgress OutputLayer,
    double Seconds
)
{
    /// <summary>All layers, from the features up.</summary>
    public IEnumerable<LayerProgress> Layers => [.. HiddenLayers, OutputLayer];

    /// <summary>The mean goal, in bits, of the first hidden layer that learned in the epoch, or else of the output layer.</summary>
    public double Goal => (HiddenLayers.FirstOrDefault(layer => !double.IsNaN(layer.Goal)) ?? OutputLayer).Goal;
}

/// <summary>
/// The epochs of a training, and what it cost. Where a training went on from an earlier model, they go on as well: its epochs come
/// first, and steps and seconds are those of all trainings together.
/// </summary>
/// <param name="Epochs">
/// The epochs that were evaluated, in order: each one, or one in <see cref="TrainingSettings.EpochsPerEvaluation"/> and the last.
/// </param>
/// <param name="BestEpoch">The epoch, from 1, whose weights the network has.</param>
/// <param name="Steps">Number of training steps (batches).</param>
/// <param name="Seconds">Seconds of training, evaluations included.</param>
/// <param name="StepSeconds">Seconds spent in training steps alone.</param>
public sealed record TrainingHistory(
    IReadOnlyList<EpochRecord> Epochs,
    int BestEpoch,
    long Steps,
    double Seconds,
    double StepSeconds
)
{
    /// <summary>
    /// Number of rows of the training data that were skipped, since features, label or weight were missing, infinite or, a
    /// weight, not positive, in all trainings together; null in models saved before they were counted, and in those that go on from
    /// one.
    /// </summary>
    public long? SkippedRows { get; init; }

    /// <summary>The last epoch that was evaluated, from 1; 0 where none was.</summary>
    internal int LastEpoch => Epochs.Count == 0 ? 0 : Epochs[^1].Epoch;

    /// <summary>
    /// What the log warned of in the last training, a sentence each: classes without rows, an output that is never predicted, a network that has
    /// learned nothing. Empty in models saved before warnings were kept.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>A trained network and the history of its training.</summary>
/// <param name="Network">The network.</param>
/// <param name="History">The history.</param>
internal sealed record TrainingResult(InfomorphicNetwork Network, TrainingHistory History)
{
    /// <summary>What the network reads of a row; null where it is the features as they are.</summary>
    public FeatureEncoding? Encoding { get; init; }

    /// <summary>The state of the optimiser at the kept epoch; null where it was not kept.</summary>
    public OptimizerState? Optimizer { get; init; }

    /// <summary>The same with what was known before it began.</summary>
    /// <param name="skippedRows">Number of rows that were skipped; null where that is not known.</param>
    /// <param name="warnings">What the log warned of.</param>
    public TrainingResult With(long? skippedRows, IEnumerable<string> warnings) =>
        this with
        {
            History = History with { SkippedRows = skippedRows, Warnings = [.. warnings, .. History.Warnings] },
        };
}
