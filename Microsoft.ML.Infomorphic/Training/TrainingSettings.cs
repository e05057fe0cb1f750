using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

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

/// <summary>In which order the layers of a network are trained.</summary>
public enum LayerOrder
{
    /// <summary>All layers learn in every step.</summary>
    Together = 0,

    /// <summary>
    /// One after another from the bottom up, the output layer last: a hidden layer is trained to its end, with an output layer
    /// of its own to evaluate it by, and then stays as it is; the next one learns from its mean outputs with the label withheld.
    /// </summary>
    BottomUp = 1,
}

/// <summary>How learning rates change from epoch to epoch.</summary>
public enum LearningRateSchedule
{
    /// <summary>They do not, as in the paper.</summary>
    Constant = 0,

    /// <summary>
    /// They fall along half a cosine: in epoch e of E, rates are multiplied by ½(1 + cos(π(e − 1)/E)), from 1 to nearly 0. What
    /// neurons learn from single batches, and lose again, gets less towards the end.
    /// </summary>
    /// <remarks>Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), eq. 5, without restarts.</remarks>
    Cosine = 1,
}

/// <summary>Everything that decides a training, but the data. Defaults are the paper's (table 1).</summary>
public sealed record TrainingSettings
{
    /// <summary>At most so many training rows are scored at the end of an epoch.</summary>
    public const int MaximumRowsForTrainingAccuracy = 8192;

    /// <summary>At most so many rows calibrate the scores.</summary>
    public const int MaximumRowsForCalibration = 16384;

    /// <summary>At most so many rows calibrate the scores when an epoch is evaluated.</summary>
    public const int MaximumRowsForEpochCalibration = 2048;

    /// <summary>The hidden layers, from the features up; none where the output layer reads the features.</summary>
    public required IReadOnlyList<LayerSettings> HiddenLayers
    {
        get;
        init => field = new ValueList<LayerSettings>(value);
    }

    /// <summary>The output layer.</summary>
    public required OutputLayerSettings Output { get; init; }

    /// <summary>In which order the layers are trained.</summary>
    public LayerOrder Order { get; init; } = LayerOrder.Together;

    /// <summary>The shape of the features where they are an image; null where they are not, or nothing needs it.</summary>
    public ImageShape? Image { get; init; }

    /// <summary>How the images of training rows are changed in each epoch; null where they are not. Needs an <see cref="Image"/>.</summary>
    public ImageAugmentation? Augmentation { get; init; }

    /// <summary>
    /// How often a row is presented, 2 to <see cref="InfomorphicNetwork.MaximumPresentations"/>, where a layer hears itself
    /// or one above it; elsewhere it is presented once. The last presentation alone is learned from.
    /// </summary>
    public int Presentations { get; init; } = 2;

    /// <summary>Number of passes over the training rows, at least 1: in each stage, where layers are trained one after another.</summary>
    public int Epochs { get; init; } = 100;

    /// <summary>How learning rates change from epoch to epoch: in each stage anew, where layers are trained one after another.</summary>
    public LearningRateSchedule LearningRateSchedule { get; init; }

    /// <summary>What learning rates are multiplied by in an epoch, from 1.</summary>
    internal double RateFactor(int epoch) =>
        LearningRateSchedule == LearningRateSchedule.Cosine ? (1 + Math.Cos(Math.PI * (epoch - 1) / Epochs)) / 2 : 1;

    /// <summary>Number of passes over the training rows in all stages together.</summary>
    internal int TotalEpochs =>
        Order == LayerOrder.Together ? Epochs : Epochs * (HiddenLayers.Count(layer => layer.Learns) + 1);

    /// <summary>
    /// Epochs from one evaluation, and one record of the history, to the next, at least 1: where an epoch is a few steps, an
    /// evaluation would take longer than it. The last epoch is always evaluated.
    /// </summary>
    public int EpochsPerEvaluation { get; init; } = 1;

    /// <summary>Rows in a batch, at least 2; the last batch of an epoch may hold fewer.</summary>
    public int BatchSize { get; init; } = 1024;

    /// <summary>How features are standardised.</summary>
    public Standardization Standardization { get; init; } = Standardization.Auto;

    /// <summary>Which features get a piecewise linear encoding beside themselves.</summary>
    public FeatureEncodingKind Encoding { get; init; } = FeatureEncodingKind.None;

    /// <summary>What becomes of rows with missing features.</summary>
    public MissingValues MissingValues { get; init; } = MissingValues.Skip;

    /// <summary>
    /// The share of the training rows, from 0 to less than 1, that are validation rows where there are no others: drawn by the
    /// seed, of each class its share.
    /// </summary>
    public double ValidationFraction { get; init; }

    /// <summary>
    /// Whether those rows are learned from as well at the end, once they have chosen the epoch and calibrated the scores: see
    /// <see cref="HeldOutLearning"/>.
    /// </summary>
    public bool LearnsHeldOutRows { get; init; }

    /// <summary>
    /// Training stops when the validation log-loss has not improved for so many epochs since learning began; null never stops
    /// early. Needs validation rows.
    /// </summary>
    public int? EarlyStoppingRounds { get; init; }

    /// <summary>Whether the weights of the epoch with the least validation log-loss are kept. Needs validation rows.</summary>
    public bool RestoreBestEpoch { get; init; }

    /// <summary>
    /// Whether the model has the state of the optimiser, so that another training goes on with it: not where layers are trained one
    /// after another, each of which has an optimiser of its own.
    /// </summary>
    public bool KeepsOptimizerState { get; init; }

    /// <summary>
    /// Number of networks, at least 1, with initial weights, drawn connections, samples and held-out rows of their own; scores
    /// are the mean of their probabilities.
    /// </summary>
    public int Networks { get; init; } = 1;

    /// <summary>Everything random follows from this number.</summary>
    public ulong Seed { get; init; }

    /// <summary>Which of the networks these settings are for, from 0.</summary>
    internal int Network { get; init; }

    /// <summary>What a network does not have in common with the others follows from this number.</summary>
    internal ulong NetworkSeed => RandomStreams.SeedOf(Seed, Network);

    /// <summary>How messages about one of several networks begin.</summary>
    internal string MessagePrefix =>
        Networks == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"Network {Network + 1} of {Networks}: ");

    /// <summary>The largest number of threads that can be asked for; each takes memory of its own.</summary>
    internal const int MaximumThreads = 1024;

    /// <summary>Threads to use, at most 1,024; null for as many as the machine has processors. The result does not depend on it.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Whether networks of these and of other settings can be trained together on the same batches: they may differ in their
    /// goals, activations, learning rates, weight decays and epochs, and in when they stop early.
    /// </summary>
    /// <param name="other">The other settings.</param>
    /// <param name="reason">Why not, in one sentence; null where they can.</param>
    /// <returns>Whether they can.</returns>
    public bool CanTrainWith(TrainingSettings other, [NotNullWhen(false)] out string? reason)
    {
        ArgumentNullException.ThrowIfNull(other);
        (string name, object? mine, object? others) = Shared(this)
            .Zip(Shared(other), (first, second) => (first.Name, first.Value, second.Value))
            .FirstOrDefault(setting => !Equals(setting.Item2, setting.Item3));
        reason = name is null
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"Networks that are trained together have the same {name}, and here it is {mine ?? "not set"} and {others ?? "not set"}."
            );
        return reason is null;

        static IEnumerable<(string Name, object? Value)> Shared(TrainingSettings settings) =>
            [
                ("number of hidden layers", settings.HiddenLayers.Count),
                .. settings.HiddenLayers.SelectMany(
                    (layer, i) =>
                    {
                        string of =
                            settings.HiddenLayers.Count == 1 ? "hidden neurons" : $"neurons of hidden layer {i + 1}";
                        return new (string, object?)[]
                        {
                            ($"sources of {of}", layer.Sources),
                            ($"inputs of {of}", layer.Inputs),
                            ($"context of {of}", layer.Context),
                            ($"number of {of}", layer.Neurons),
                            ($"connections of {of}", layer.Connections),
                            ($"maximum of lateral connections of {of}", layer.LateralConnections),
                            ($"binning of {of}", layer.Binning),
                            ($"outputs passed on by {of}", layer.PassesOn),
                            ($"decays of moments and ε of {of}", Rest(layer.Optimizer)),
                        };
                    }
                ),
                ("rule by which the output layer learns", settings.Output.Goal is null ? "softmax" : "a goal"),
                ("inputs of the output layer", settings.Output.Inputs),
                ("binning of the output layer", settings.Output.Binning),
                ("decays of moments and ε of the output layer", Rest(settings.Output.Optimizer)),
                ("order of layers", settings.Order),
                ("image", settings.Image),
                ("augmentation", settings.Augmentation),
                ("schedule of learning rates", settings.LearningRateSchedule),
                (
                    "number of epochs that learning rates fall in",
                    settings.LearningRateSchedule == LearningRateSchedule.Constant ? null : settings.Epochs
                ),
                ("number of presentations", settings.Presentations),
                ("batch size", settings.BatchSize),
                ("number of epochs from one evaluation to the next", settings.EpochsPerEvaluation),
                ("validation fraction", settings.ValidationFraction),
                ("standardisation", settings.Standardization),
                ("encoding", settings.Encoding),
                ("treatment of missing values", settings.MissingValues),
                ("seed", settings.Seed),
                ("number of threads", settings.Threads),
            ];

        static (double, double, double) Rest(AdamSettings adam) => (adam.Beta1, adam.Beta2, adam.Epsilon);
    }

    /// <summary>
    /// The hidden layers, from 0, whose mean outputs with the label withheld the layers above learn from: those that say so;
    /// or, from the bottom up, all.
    /// </summary>
    internal int[] LayersThatPassOnMeans =>
        [
            .. Enumerable
                .Range(0, HiddenLayers.Count)
                .Where(layer => Order == LayerOrder.BottomUp || HiddenLayers[layer].PassesOn == PassedOutputs.Mean),
        ];

    /// <summary>These settings with the connections and learning rates that follow from the features.</summary>
    /// <param name="features">Number of features that the network hears.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="encoding">How the features are encoded; null where they are not.</param>
    /// <exception cref="ArgumentException">The layers do not fit each other or the features.</exception>
    internal TrainingSettings Fitted(int features, int classes, FeatureEncoding? encoding)
    {
        TrainingSettings settings = !HiddenLayers.Any(layer => layer.HasAutomaticConnections)
            ? this
            : this with
            {
                HiddenLayers = [.. HiddenLayers.Select(Connected)],
            };
        if (!HiddenLayers.Any(layer => layer.HasAutomaticLearningRate))
            return settings;
        var connections = new NetworkBuilder(settings, features, classes, encoding).Connect();
        return settings with
        {
            HiddenLayers =
            [
                .. settings.HiddenLayers.Select((layer, i) => layer.HasAutomaticLearningRate ? Rated(layer, i) : layer),
            ],
        };

        LayerSettings Connected(LayerSettings layer)
        {
            if (!layer.HasAutomaticConnections)
                return layer;
            layer = layer with { HasAutomaticConnections = false };
            return
                encoding is null
                || AutomaticSettings.SubsetsOf(layer.Neurons, encoding) is not RandomSubsetSettings subsets
                ? layer
                : layer with
                {
                    Neurons = AutomaticSettings.HiddenNeuronsOfSubset,
                    Connections = subsets,
                };
        }

        LayerSettings Rated(LayerSettings layer, int i)
        {
            int inputs = connections[i][0].Heard.Sum(of => of.Connectivity.ConnectionsPerNeuron);
            return layer with
            {
                HasAutomaticLearningRate = false,
                Optimizer = layer.Optimizer with { LearningRate = AutomaticSettings.LearningRate(inputs) },
            };
        }
    }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    /// <exception cref="ArgumentException">Settings contradict each other.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Presentations, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Presentations, InfomorphicNetwork.MaximumPresentations);
        ArgumentOutOfRangeException.ThrowIfLessThan(Epochs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(EpochsPerEvaluation, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 2);
        if (ValidationFraction is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(
                nameof(ValidationFraction),
                ValidationFraction,
                "The share must be at least 0 and less than 1."
            );
        ArgumentOutOfRangeException.ThrowIfLessThan(Networks, 1);
        if (EarlyStoppingRounds is int rounds)
            ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1, nameof(EarlyStoppingRounds));
        if (Threads is int threads)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1, nameof(Threads));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaximumThreads, nameof(Threads));
        }
        if (!Enum.IsDefined(Order))
            throw new ArgumentOutOfRangeException(nameof(Order), Order, "There is no such order of layers.");
        if (!Enum.IsDefined(LearningRateSchedule))
            throw new ArgumentOutOfRangeException(
                nameof(LearningRateSchedule),
                LearningRateSchedule,
                "There is no such schedule."
            );
        if (!Enum.IsDefined(Encoding))
            throw new ArgumentOutOfRangeException(nameof(Encoding), Encoding, "There is no such encoding.");
        if (!Enum.IsDefined(MissingValues))
            throw new ArgumentOutOfRangeException(
                nameof(MissingValues),
                MissingValues,
                "There is no such treatment of missing values."
            );
        if (KeepsOptimizerState && Order != LayerOrder.Together)
            throw new ArgumentException(
                "Layers that are trained one after another have an optimiser each, and the state of none is kept: train them together, or begin with a fresh optimiser.",
                nameof(KeepsOptimizerState)
            );
        Check(nameof(Image), () => Image?.Validate());
        Check(nameof(Augmentation), () => Augmentation?.Validate());
        for (int i = 0; i < HiddenLayers.Count; i++)
        {
            int index = i;
            Check(nameof(HiddenLayers), () => HiddenLayers[index].Validate(index));
            CheckSignals(index, HiddenLayers[index]);
        }

        if (HiddenLayers.Where((layer, i) => layer.Connections is LocalFieldSettings && HearsFeatures(layer, i)).Any())
        {
            if (Encoding == FeatureEncodingKind.PiecewiseLinear)
                throw Contradiction(
                    nameof(Encoding),
                    "Local fields in the features need the features as they are: choose the encoding Auto or None."
                );
            if (MissingValues == MissingValues.Indicate)
                throw Contradiction(
                    nameof(MissingValues),
                    "Local fields in the features need the features as they are: missing values can be skipped, not indicated."
                );
        }

        Check(nameof(Output), Output.Validate);
        if (Output.Inputs is { Count: 0 })
            throw Contradiction(nameof(Output), "The output layer hears nothing.");
        foreach (Signal signal in Output.Inputs ?? [])
            if (signal.IsLabel || signal.Index >= HiddenLayers.Count)
                throw Contradiction(
                    nameof(Output),
                    $"The output layer cannot hear {signal}: it hears the features, or hidden layers."
                );
    }

    private static bool HearsFeatures(LayerSettings layer, int index) =>
        (layer.Inputs ?? [index == 0 ? Signal.Features : Signal.Layer(index - 1)])[0] == Signal.Features;

    // Names the setting that is wrong.
    private static void Check(string setting, Action check)
    {
        try
        {
            check();
        }
        catch (ArgumentException exception) when (exception.ParamName is null)
        {
            throw Contradiction(setting, exception.Message);
        }
    }

    private static ArgumentException Contradiction(string setting, string message) => new(message, setting);

    private void CheckSignals(int index, LayerSettings layer)
    {
        string name = $"hidden layer {index + 1}";
        if (layer.Inputs is { Count: 0 })
            throw Contradiction(nameof(HiddenLayers), $"F of {name} hears nothing.");
        foreach (Signal signal in layer.Inputs ?? [])
            if (signal.IsLabel || signal.Index >= index)
                throw Contradiction(
                    nameof(HiddenLayers),
                    $"F of {name} cannot hear {signal}: it hears the features, or layers below it."
                );
        if (layer.Context is not { Kind: SignalKind.Layer } context)
            return;
        if (context.Index > HiddenLayers.Count)
            throw Contradiction(
                nameof(HiddenLayers),
                $"The context of {name} is the feedback of layer {context.Index + 1}, and there are {HiddenLayers.Count} hidden layers and the output layer."
            );
        if (Order == LayerOrder.BottomUp && context.Index >= index)
            throw Contradiction(
                nameof(Order),
                $"The context of {name} is the feedback of a layer above it: layers that need each other are trained together, and not one after another."
            );
    }
}
