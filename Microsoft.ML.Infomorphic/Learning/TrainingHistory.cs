namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>What one epoch of training came to.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="TrainingAccuracy">
/// Share of training rows, 0 to 1, classified rightly at the end of the epoch with the label withheld (mean field),
/// over at most <see cref="LearningSettings.MaximumRowsForTrainingAccuracy"/> rows drawn once.
/// </param>
/// <param name="ValidationAccuracy">The same over all validation rows; null where there are none.</param>
/// <param name="ValidationLogLoss">Mean −ln p(label) over the validation rows, in nats; null where there are none.</param>
/// <param name="HiddenGoal">
/// The mean goal of the hidden neurons, in bits, averaged over sampled batches of the epoch; NaN where none learns.
/// </param>
/// <param name="HiddenAtoms">
/// The mean of each atom over the hidden neurons and, last, of the residual entropy, in bits, in the goal's order; empty
/// where none learns.
/// </param>
/// <param name="OutputGoal">The mean goal of the output neurons, in bits.</param>
/// <param name="OutputAtoms">The mean of each atom over the output neurons and, last, of the residual entropy, in bits.</param>
/// <param name="Seconds">Seconds since training began.</param>
/// <param name="SelfCosineDistance">
/// How far the receptive fields turned in the epoch (arXiv 2412.02482, eq. 3): 1 − cos of the angle between a hidden
/// neuron's feedforward weights, for standardised features, before and after it, 0 to 2; the median over the hidden
/// neurons. NaN where none learns, and in models saved before it was measured.
/// </param>
public sealed record EpochRecord(
    int Epoch,
    double TrainingAccuracy,
    double? ValidationAccuracy,
    double? ValidationLogLoss,
    double HiddenGoal,
    IReadOnlyList<double> HiddenAtoms,
    double OutputGoal,
    IReadOnlyList<double> OutputAtoms,
    double Seconds,
    double SelfCosineDistance = double.NaN
);

/// <summary>The epochs of a training, and what it cost.</summary>
/// <param name="Epochs">The epochs, in order.</param>
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
);

/// <summary>A trained network and the history of its training.</summary>
/// <param name="Network">The network.</param>
/// <param name="History">The history.</param>
public sealed record TrainingResult(InfomorphicNetwork Network, TrainingHistory History);
