using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>A layer of infomorphic neurons that share a goal but no gradient.</summary>
public sealed class InfomorphicLayer
{
    /// <summary>Creates a layer.</summary>
    /// <param name="sources">The sources, in the order of the goal's letters.</param>
    /// <param name="goal">The goal of each neuron.</param>
    /// <param name="activation">The activation function.</param>
    /// <param name="binning">The binning of the sources.</param>
    /// <exception cref="ArgumentException">The goal names other sources, or the sources are of different sizes.</exception>
    public InfomorphicLayer(
        IReadOnlyList<InputSource> sources,
        GoalFunction goal,
        Activation activation,
        Binning binning
    )
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(goal);
        ArgumentNullException.ThrowIfNull(activation);
        ArgumentNullException.ThrowIfNull(binning);
        string symbols = string.Concat(sources.Select(source => source.Symbol));
        if (symbols != goal.Sources)
            throw new ArgumentException(
                $"The goal weighs the sources {goal.Sources}, the layer has the sources {symbols}."
            );
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

    /// <summary>The goal that each neuron maximises.</summary>
    public GoalFunction Goal { get; }

    /// <summary>The activation function.</summary>
    public Activation Activation { get; }

    /// <summary>The binning of the sources.</summary>
    public Binning Binning { get; }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount => Sources[0].NeuronCount;
}

/// <summary>
/// A trained network: hidden layers from the features up, and an output layer with one neuron a class. Weights of the
/// features apply to raw features: the standardisation used in training is folded into them.
/// </summary>
public sealed class InfomorphicNetwork
{
    /// <summary>Creates a network.</summary>
    /// <param name="hiddenLayers">The hidden layers, from the features up. One, for now.</param>
    /// <param name="outputLayer">The output layer, one neuron a class.</param>
    /// <param name="featureScaling">The standardisation that is folded into the weights.</param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    /// <exception cref="ArgumentException">The layers do not fit together.</exception>
    public InfomorphicNetwork(
        IReadOnlyList<InfomorphicLayer> hiddenLayers,
        InfomorphicLayer outputLayer,
        FeatureScaling featureScaling,
        ScoreCalibration? calibration = null
    )
    {
        ArgumentNullException.ThrowIfNull(hiddenLayers);
        ArgumentNullException.ThrowIfNull(outputLayer);
        ArgumentNullException.ThrowIfNull(featureScaling);
        if (hiddenLayers.Count != 1)
            throw new ArgumentException("A network has exactly one hidden layer, for now.");
        InfomorphicLayer hidden = hiddenLayers[0];
        foreach (InputSource source in hidden.Sources)
        {
            int expected = source.Kind switch
            {
                SourceKind.Features => featureScaling.FeatureCount,
                SourceKind.Label => outputLayer.NeuronCount,
                SourceKind.Lateral => hidden.NeuronCount,
                _ => throw new ArgumentException(
                    $"Source {source.Symbol} of a hidden layer cannot be fed by {source.Kind}."
                ),
            };
            if (source.InputCount != expected)
                throw new ArgumentException(
                    $"Source {source.Symbol} of the hidden layer has {source.InputCount} inputs where {expected} feed it."
                );
        }
        if (
            outputLayer.Sources[0].Kind != SourceKind.HiddenLayer
            || outputLayer.Sources[0].InputCount != hidden.NeuronCount
        )
            throw new ArgumentException(
                $"The output layer must be fed by the {hidden.NeuronCount} neurons of the hidden layer."
            );

        Calibration = calibration ?? ScoreCalibration.Identity(outputLayer.NeuronCount);
        if (Calibration.Slopes.Count != outputLayer.NeuronCount)
            throw new ArgumentException(
                $"The calibration is for {Calibration.Slopes.Count} classes, the network has {outputLayer.NeuronCount}."
            );

        HiddenLayers = hiddenLayers;
        OutputLayer = outputLayer;
        FeatureScaling = featureScaling;
    }

    /// <summary>The hidden layers, from the features up.</summary>
    public IReadOnlyList<InfomorphicLayer> HiddenLayers { get; }

    /// <summary>The output layer: one neuron a class.</summary>
    public InfomorphicLayer OutputLayer { get; }

    /// <summary>The standardisation that is folded into the weights.</summary>
    public FeatureScaling FeatureScaling { get; }

    /// <summary>The calibration of the scores; it is used where scoring asks for it.</summary>
    public ScoreCalibration Calibration { get; }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => FeatureScaling.FeatureCount;

    /// <summary>Number of classes.</summary>
    public int ClassCount => OutputLayer.NeuronCount;
}
