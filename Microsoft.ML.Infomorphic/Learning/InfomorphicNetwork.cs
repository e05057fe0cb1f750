using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// A layer of neurons that share a goal but no gradient; or, where there is no goal, of fixed neurons that never learn.
/// </summary>
public sealed class InfomorphicLayer
{
    /// <summary>Creates a layer.</summary>
    /// <param name="sources">The sources, in the order of the goal's letters.</param>
    /// <param name="goal">The goal of each neuron; null for a layer that does not learn.</param>
    /// <param name="activation">The activation function.</param>
    /// <param name="binning">The binning of the sources; not used where there is no goal.</param>
    /// <exception cref="ArgumentException">
    /// The goal names other sources, the activation takes another number of them, or they are of different sizes.
    /// </exception>
    public InfomorphicLayer(
        IReadOnlyList<InputSource> sources,
        GoalFunction? goal,
        Activation activation,
        Binning binning
    )
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(activation);
        ArgumentNullException.ThrowIfNull(binning);
        string symbols = string.Concat(sources.Select(source => source.Symbol));
        if (sources.Count == 0)
            throw new ArgumentException("A layer has at least one source.");
        if (goal is not null && symbols != goal.Sources)
            throw new ArgumentException(
                $"The goal weighs the sources {goal.Sources}, the layer has the sources {symbols}."
            );
        if (activation.SourceCount is int count && count != sources.Count)
            throw new ArgumentException(
                $"A {activation.GetType().Name} takes {count} sources, and the layer has the sources {symbols}."
            );
        if (goal is not null && activation is StepActivation)
            throw new ArgumentException("Neurons with a step for their activation do not learn, and have no goal.");
        if (sources.Any(source => source.NeuronCount != sources[0].NeuronCount))
            throw new ArgumentException("All sources of a layer must feed the same number of neurons.");
        activation.Validate();
        binning.Validate();

        Sources = sources;
        Goal = goal;
        Activation = activation;
        Binning = binning;
    }

    /// <summary>The sources, in the order of the goal's letters.</summary>
    public IReadOnlyList<InputSource> Sources { get; }

    /// <summary>The goal that each neuron maximises; null where the layer does not learn.</summary>
    public GoalFunction? Goal { get; }

    /// <summary>The activation function.</summary>
    public Activation Activation { get; }

    /// <summary>The binning of the sources.</summary>
    public Binning Binning { get; }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount => Sources[0].NeuronCount;

    /// <summary>Whether its neurons hear each other or the output layer.</summary>
    internal bool IsRecurrent => Sources.Any(source => source.Kind is SourceKind.Lateral or SourceKind.Feedback);
}

/// <summary>
/// A trained network: hidden layers from the features up, and an output layer with one neuron a class. Weights of the
/// features apply to raw features: the standardisation used in training is folded into them.
/// </summary>
/// <remarks>
/// Without a hidden layer, the output layer's F is fed by the features. A hidden layer's first source is fed by the
/// features, and the others decide its kind: the label or, through <see cref="SourceKind.Feedback"/>, the output layer is
/// its context, its peers are its lateral input; a fixed random layer has none of them.
/// </remarks>
public sealed class InfomorphicNetwork
{
    /// <summary>Creates a network.</summary>
    /// <param name="hiddenLayers">The hidden layers, from the features up: one, or none.</param>
    /// <param name="outputLayer">The output layer, one neuron a class.</param>
    /// <param name="featureScaling">The standardisation that is folded into the weights.</param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    /// <param name="presentations">
    /// How often a row is presented: 2 to <see cref="LearningSettings.MaximumPresentations"/> where hidden neurons hear each
    /// other or the output layer, else 1; null for the paper's 2, or 1.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The number of presentations is out of its range.</exception>
    /// <exception cref="ArgumentException">The layers do not fit together.</exception>
    public InfomorphicNetwork(
        IReadOnlyList<InfomorphicLayer> hiddenLayers,
        InfomorphicLayer outputLayer,
        FeatureScaling featureScaling,
        ScoreCalibration? calibration = null,
        int? presentations = null
    )
    {
        ArgumentNullException.ThrowIfNull(hiddenLayers);
        ArgumentNullException.ThrowIfNull(outputLayer);
        ArgumentNullException.ThrowIfNull(featureScaling);
        if (hiddenLayers.Count > 1)
            throw new ArgumentException("A network has at most one hidden layer, for now.");
        if (outputLayer.Activation is not FeedforwardActivation)
            throw new ArgumentException("The output layer needs a feedforward activation.");
        if (hiddenLayers.Count == 1)
            CheckHidden(hiddenLayers[0], outputLayer.NeuronCount, featureScaling.FeatureCount);
        InputSource readout = outputLayer.Sources[0];
        (SourceKind kind, int inputs, string what) =
            hiddenLayers.Count == 1
                ? (SourceKind.HiddenLayer, hiddenLayers[0].NeuronCount, "neurons of the hidden layer")
                : (SourceKind.Features, featureScaling.FeatureCount, "features");
        if (readout.Kind != kind || readout.InputCount != inputs || readout.Connections is not null)
            throw new ArgumentException($"The output layer must be fed by the {inputs} {what}.");

        Calibration = calibration ?? ScoreCalibration.Identity(outputLayer.NeuronCount);
        if (Calibration.Slopes.Count != outputLayer.NeuronCount)
            throw new ArgumentException(
                $"The calibration is for {Calibration.Slopes.Count} classes, the network has {outputLayer.NeuronCount}."
            );

        (int fewest, int most) = hiddenLayers.Any(layer => layer.IsRecurrent)
            ? (2, LearningSettings.MaximumPresentations)
            : (1, 1);
        Presentations = presentations ?? fewest;
        if (Presentations < fewest || Presentations > most)
            throw new ArgumentOutOfRangeException(
                nameof(presentations),
                $"The network presents a row {(most == 1 ? "once" : $"{fewest} to {most} times")}, and {Presentations} presentations were asked for."
            );

        HiddenLayers = hiddenLayers;
        OutputLayer = outputLayer;
        FeatureScaling = featureScaling;
    }

    /// <summary>The hidden layers, from the features up; none where the output layer is fed by the features.</summary>
    public IReadOnlyList<InfomorphicLayer> HiddenLayers { get; }

    /// <summary>The output layer: one neuron a class.</summary>
    public InfomorphicLayer OutputLayer { get; }

    /// <summary>The standardisation that is folded into the weights.</summary>
    public FeatureScaling FeatureScaling { get; }

    /// <summary>The calibration of the scores; it is used where scoring asks for it.</summary>
    public ScoreCalibration Calibration { get; }

    /// <summary>
    /// How often a row is presented, in training and in scoring: 1 where hidden neurons hear neither each other nor the
    /// output layer. In the first presentation they hear nothing, then what was put out in the one before; the output
    /// layer's scores are those of the last.
    /// </summary>
    public int Presentations { get; }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => FeatureScaling.FeatureCount;

    /// <summary>Number of classes.</summary>
    public int ClassCount => OutputLayer.NeuronCount;

    private static void CheckHidden(InfomorphicLayer hidden, int classes, int features)
    {
        if (hidden.Activation is FeedforwardActivation)
            throw new ArgumentException("The hidden layer needs a modulated, a bivariate or a step activation.");
        for (int i = 0; i < hidden.Sources.Count; i++)
        {
            InputSource source = hidden.Sources[i];
            int expected = (i, source.Kind) switch
            {
                (0, SourceKind.Features) => features,
                (1, SourceKind.Label or SourceKind.Feedback) => classes,
                (> 0, SourceKind.Lateral) when i == hidden.Sources.Count - 1 => hidden.NeuronCount,
                _ => throw new ArgumentException(
                    $"Source {source.Symbol} of a hidden layer cannot be fed by {source.Kind}."
                ),
            };
            if (source.InputCount != expected)
                throw new ArgumentException(
                    $"Source {source.Symbol} of the hidden layer has {source.InputCount} inputs where {expected} feed it."
                );
            if (source.Connections is not null && source.Kind != SourceKind.Lateral)
                throw new ArgumentException(
                    $"Source {source.Symbol} of the hidden layer listens to a part of its inputs, and only lateral input may."
                );
        }
    }
}
