using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>The settings of Adam with L2 weight decay (the gradient of ½·λ·‖w‖² is added to the loss's).</summary>
/// <param name="LearningRate">The learning rate η, positive.</param>
/// <param name="WeightDecay">The weight decay λ, not negative.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment, positive.</param>
public sealed record AdamSettings(
    double LearningRate,
    double WeightDecay,
    double Beta1 = 0.9,
    double Beta2 = 0.999,
    double Epsilon = 1e-8
)
{
    internal void Validate()
    {
        if (!(LearningRate > 0) || !double.IsFinite(LearningRate))
            throw new ArgumentOutOfRangeException(
                nameof(LearningRate),
                LearningRate,
                "The learning rate must be a positive, finite number."
            );
        if (!(WeightDecay >= 0) || !double.IsFinite(WeightDecay))
            throw new ArgumentOutOfRangeException(
                nameof(WeightDecay),
                WeightDecay,
                "The weight decay must be a finite number that is not negative."
            );
        if (Beta1 is not (>= 0 and < 1) || Beta2 is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(
                nameof(Beta1),
                "The decays of the moments must be at least 0 and less than 1."
            );
        if (!(Epsilon > 0) || !double.IsFinite(Epsilon))
            throw new ArgumentOutOfRangeException(nameof(Epsilon), Epsilon, "ε must be a positive, finite number.");
    }
}

/// <summary>What a network has between its features and its output layer.</summary>
public enum HiddenLayerKind
{
    /// <summary>A layer of infomorphic neurons, each of which learns for itself.</summary>
    Infomorphic = 0,

    /// <summary>A fixed random projection: neurons that never learn, with a step for their activation.</summary>
    Random = 1,

    /// <summary>Nothing: the output layer is fed by the features.</summary>
    None = 2,
}

/// <summary>What is the context C of a hidden neuron.</summary>
public enum ContextSignal
{
    /// <summary>The row's label, which is withheld when rows are scored.</summary>
    Label = 0,

    /// <summary>The output layer's outputs of the presentation before, in training and when rows are scored.</summary>
    Feedback = 1,

    /// <summary>Nothing: hidden neurons have no context.</summary>
    None = 2,
}

/// <summary>How the range of a hidden neuron's bins is found.</summary>
public enum BinningKind
{
    /// <summary>The bins cover a range that is set.</summary>
    Fixed = 0,

    /// <summary>The bins cover each batch's values, up to their largest magnitude on either side of 0.</summary>
    Adaptive = 1,
}

/// <summary>Everything that decides a training, but the data. Defaults are the paper's (table 1).</summary>
public sealed record LearningSettings
{
    /// <summary>At most so many training rows are scored at the end of an epoch.</summary>
    public const int MaximumRowsForTrainingAccuracy = 8192;

    /// <summary>At most so many rows calibrate the scores.</summary>
    public const int MaximumRowsForCalibration = 16384;

    /// <summary>A row is presented at most so many times.</summary>
    public const int MaximumPresentations = 16;

    /// <summary>What lies between the features and the output layer.</summary>
    public HiddenLayerKind HiddenLayer { get; init; } = HiddenLayerKind.Infomorphic;

    /// <summary>The context of hidden neurons that learn.</summary>
    public ContextSignal Context { get; init; } = ContextSignal.Label;

    /// <summary>Whether hidden neurons that learn listen to each other.</summary>
    public bool LateralInput { get; init; } = true;

    /// <summary>
    /// How often a row is presented, 2 to <see cref="MaximumPresentations"/>, where hidden neurons hear each other or the
    /// output layer; elsewhere it is presented once. In the first presentation they hear nothing, then what was put out in
    /// the one before. The last alone is learned from.
    /// </summary>
    public int Presentations { get; init; } = 2;

    /// <summary>Number of hidden neurons N, at least 1; not used where there is no hidden layer.</summary>
    public int HiddenNeurons { get; init; } = 100;

    /// <summary>
    /// The goal of the hidden neurons, over their sources (<see cref="HiddenSources"/>); null where they do not learn, or
    /// where there are none.
    /// </summary>
    public required GoalFunction? Goal { get; init; }

    /// <summary>The goal of the output neurons, over the sources F and C.</summary>
    public required GoalFunction OutputGoal { get; init; }

    /// <summary>Number of passes over the training rows, at least 1.</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>Rows in a batch, at least 2; the last batch of an epoch may hold fewer.</summary>
    public int BatchSize { get; init; } = 1024;

    /// <summary>
    /// At most so many lateral connections a neuron, drawn once at random; all N − 1 others where there are no more, so
    /// that <see cref="int.MaxValue"/> connects all to all.
    /// </summary>
    public int MaximumLateralConnections { get; init; } = 100;

    /// <summary>
    /// The activation of hidden neurons that learn: a <see cref="ModulatedActivation"/> where they have context and lateral
    /// input, a <see cref="BivariateActivation"/> where they have one of them.
    /// </summary>
    public Activation Activation { get; init; } = new ModulatedActivation();

    /// <summary>The hidden layer's binning.</summary>
    public Binning Binning { get; init; } = new();

    /// <summary>The optimiser of the hidden layer.</summary>
    public AdamSettings HiddenOptimizer { get; init; } = new(0.002, 0.00035);

    /// <summary>The optimiser of the output layer.</summary>
    public AdamSettings OutputOptimizer { get; init; } = new(0.003, 0.00015);

    /// <summary>How features are standardised.</summary>
    public Standardization Standardization { get; init; } = Standardization.Auto;

    /// <summary>
    /// Training stops when the validation accuracy has not improved for so many epochs; null never stops early. Needs
    /// validation rows.
    /// </summary>
    public int? EarlyStoppingRounds { get; init; }

    /// <summary>Whether the weights of the epoch with the best validation accuracy are kept. Needs validation rows.</summary>
    public bool RestoreBestEpoch { get; init; }

    /// <summary>Everything random follows from this number.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads to use; null for as many as the machine has processors. The result does not depend on it.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// The sources of hidden neurons, in the order of their goal's letters: F, then C where there is a context, then L where
    /// there is lateral input. Empty where there is no hidden layer.
    /// </summary>
    public string HiddenSources =>
        HiddenLayer switch
        {
            HiddenLayerKind.None => "",
            HiddenLayerKind.Random => "F",
            _ => "F" + (Context == ContextSignal.None ? "" : "C") + (LateralInput ? "L" : ""),
        };

    /// <summary>
    /// Whether networks of these and of other settings can be trained together on the same batches: they may differ in their
    /// goals, activations, learning rates, weight decays and epochs, and in when they stop early.
    /// </summary>
    /// <param name="other">The other settings.</param>
    /// <param name="reason">Why not, in one sentence; null where they can.</param>
    /// <returns>Whether they can.</returns>
    public bool CanTrainWith(LearningSettings other, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(other);
        (string Name, object? Mine, object? Other)[] shared =
        [
            ("hidden layer", HiddenLayer, other.HiddenLayer),
            ("sources of hidden neurons", HiddenSources, other.HiddenSources),
            ("context", Context, other.Context),
            ("number of presentations", Presentations, other.Presentations),
            ("number of hidden neurons", HiddenNeurons, other.HiddenNeurons),
            ("maximum of lateral connections", MaximumLateralConnections, other.MaximumLateralConnections),
            ("binning", Binning, other.Binning),
            ("batch size", BatchSize, other.BatchSize),
            ("standardisation", Standardization, other.Standardization),
            ("seed", Seed, other.Seed),
            ("number of threads", Threads, other.Threads),
            ("decays of moments and ε of the hidden layer", Rest(HiddenOptimizer), Rest(other.HiddenOptimizer)),
            ("decays of moments and ε of the output layer", Rest(OutputOptimizer), Rest(other.OutputOptimizer)),
        ];
        (string name, object? mine, object? others) = Array.Find(
            shared,
            setting => !Equals(setting.Mine, setting.Other)
        );
        reason = name is null
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"Networks that are trained together have the same {name}, and here it is {mine ?? "not set"} and {others ?? "not set"}."
            );
        return reason is null;

        static (double, double, double) Rest(AdamSettings adam) => (adam.Beta1, adam.Beta2, adam.Epsilon);
    }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    /// <exception cref="ArgumentException">A goal is over other sources than its layer has.</exception>
    internal void Validate()
    {
        if (HiddenLayer != HiddenLayerKind.None)
            ArgumentOutOfRangeException.ThrowIfLessThan(HiddenNeurons, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Presentations, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Presentations, MaximumPresentations);
        ArgumentOutOfRangeException.ThrowIfLessThan(Epochs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumLateralConnections, 1);
        if (EarlyStoppingRounds is int rounds)
            ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1, nameof(EarlyStoppingRounds));
        if (Threads is int threads)
            ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1, nameof(Threads));
        CheckHiddenLayer();
        if (OutputGoal.Sources != "FC")
            throw new ArgumentException(
                $"The output neurons have the sources F and C; their goal is over {string.Join(", ", OutputGoal.Sources.AsEnumerable())}."
            );
        Activation.Validate();
        Binning.Validate();
        HiddenOptimizer.Validate();
        OutputOptimizer.Validate();
    }

    private void CheckHiddenLayer()
    {
        if (!Enum.IsDefined(HiddenLayer))
            throw new ArgumentOutOfRangeException(nameof(HiddenLayer), HiddenLayer, "There is no such hidden layer.");
        if (!Enum.IsDefined(Context))
            throw new ArgumentOutOfRangeException(nameof(Context), Context, "There is no such context.");
        if (HiddenLayer != HiddenLayerKind.Infomorphic)
        {
            if (Context == ContextSignal.Feedback)
                throw new ArgumentException(
                    $"{nameof(Context)} = {Context} gives the output layer's outputs to hidden neurons that learn; with {nameof(HiddenLayer)} = {HiddenLayer} there are none."
                );
            if (Goal is not null)
                throw new ArgumentException(
                    $"{nameof(Goal)} is for hidden neurons that learn; with {nameof(HiddenLayer)} = {HiddenLayer} there are none."
                );
            return;
        }

        string sources = HiddenSources;
        if (sources.Length < 2)
            throw new ArgumentException(
                $"Hidden neurons that learn need a {nameof(Context)}, or {nameof(LateralInput)}, or both."
            );
        string names = sources == "FCL" ? "F, C and L" : $"F and {sources[1]}";
        if (Goal is null)
            throw new ArgumentException($"The hidden neurons have the sources {names}, and no goal.");
        if (Goal.Sources != sources)
            throw new ArgumentException(
                $"The hidden neurons have the sources {names}; their goal is over {string.Join(", ", Goal.Sources.AsEnumerable())}."
            );
        if (sources.Length == 3 && Activation is not ModulatedActivation)
            throw new ArgumentException("The hidden neurons need a modulated activation.");
        if (sources.Length == 2 && Activation is not BivariateActivation)
            throw new ArgumentException(
                $"The hidden neurons have the sources {names}, and need a bivariate activation."
            );
    }
}
