using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>
/// A trained network: hidden layers from the features up, and an output layer with one neuron a class. Weights of the
/// features apply to raw features: the standardisation used in training is folded into them.
/// </summary>
/// <remarks>
/// A layer hears the features, the label and the outputs of layers. What is below it, it hears in the same presentation;
/// itself and what is above it, as they were in the presentation before, and not at all in the first. Lateral input, feedback,
/// connections that skip layers and an output layer that reads all layers follow from this rule.
/// </remarks>
public sealed class InfomorphicNetwork
{
    /// <summary>A row is presented at most so many times.</summary>
    public const int MaximumPresentations = 16;

    /// <summary>Creates a network.</summary>
    /// <param name="hiddenLayers">The hidden layers, from the features up; none where the output layer reads the features.</param>
    /// <param name="outputLayer">The output layer, one neuron a class.</param>
    /// <param name="featureScaling">The standardisation that is folded into the weights.</param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    /// <param name="presentations">
    /// How often a row is presented: 2 to <see cref="MaximumPresentations"/> where a layer hears itself or one above it, else
    /// 1; null for the paper's 2, or 1.
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
        Layers = [.. hiddenLayers, outputLayer];
        HiddenLayers = hiddenLayers;
        OutputLayer = outputLayer;
        FeatureScaling = featureScaling;
        if (outputLayer.Activation is not FeedforwardActivation || outputLayer.Positions is not null)
            throw new ArgumentException(
                "The output layer needs a feedforward activation, and neurons at one position."
            );
        for (int i = 0; i < Layers.Count; i++)
            Check(i);

        Calibration = calibration ?? ScoreCalibration.Identity(outputLayer.NeuronCount);
        if (Calibration.Slopes.Count != outputLayer.NeuronCount)
            throw new ArgumentException(
                $"The calibration is for {Calibration.Slopes.Count} classes, the network has {outputLayer.NeuronCount}."
            );

        bool isRecurrent = Layers.Select((layer, i) => HearsLate(layer, i)).Any(late => late);
        (int fewest, int most) = isRecurrent ? (2, MaximumPresentations) : (1, 1);
        Presentations = presentations ?? fewest;
        if (Presentations < fewest || Presentations > most)
            throw new ArgumentOutOfRangeException(
                nameof(presentations),
                $"The network presents a row {(most == 1 ? "once" : $"{fewest} to {most} times")}, and {Presentations} presentations were asked for."
            );
    }

    /// <summary>All layers, from the features up; the last one is the output layer.</summary>
    public IReadOnlyList<InfomorphicLayer> Layers { get; }

    /// <summary>The hidden layers, from the features up; none where the output layer reads the features.</summary>
    public IReadOnlyList<InfomorphicLayer> HiddenLayers { get; }

    /// <summary>The output layer: one neuron a class.</summary>
    public InfomorphicLayer OutputLayer { get; }

    /// <summary>The standardisation that is folded into the weights.</summary>
    public FeatureScaling FeatureScaling { get; }

    /// <summary>The calibration of the scores; it is used where scoring asks for it.</summary>
    public ScoreCalibration Calibration { get; }

    /// <summary>
    /// How often a row is presented, in training and in scoring: 1 where no layer hears itself or one above it. Scores are
    /// those of the last presentation.
    /// </summary>
    public int Presentations { get; }

    /// <summary>Number of features of a row.</summary>
    public int FeatureCount => FeatureScaling.FeatureCount;

    /// <summary>Number of classes.</summary>
    public int ClassCount => OutputLayer.NeuronCount;

    /// <summary>The order in which a row that is scored, without its label, is presented.</summary>
    internal Schedule ScoringSchedule => Schedule.Of(this, withLabel: false);

    /// <summary>Number of numbers of a signal.</summary>
    internal int SizeOf(Signal signal) =>
        signal.Kind switch
        {
            SignalKind.Features => FeatureCount,
            SignalKind.Layer => Layers[signal.Index].OutputCount,
            _ => ClassCount,
        };

    /// <summary>Whether another network differs from this one in numbers and drawn connections alone.</summary>
    internal bool IsShapedLike(InfomorphicNetwork other) =>
        FeatureCount == other.FeatureCount
        && Presentations == other.Presentations
        && Layers.Count == other.Layers.Count
        && Layers.Zip(other.Layers).All(pair => pair.First.IsShapedLike(pair.Second));

    private static bool HearsLate(InfomorphicLayer layer, int index) =>
        layer.Sources.Any(source => source.Projections.Any(projection => projection.Signal.IsLateFor(index)));

    private void Check(int index)
    {
        InfomorphicLayer layer = Layers[index];
        string name = index == Layers.Count - 1 ? "the output layer" : $"hidden layer {index + 1}";
        if (index < Layers.Count - 1 && layer.Activation is FeedforwardActivation)
            throw new ArgumentException($"{Sentence(name)} needs a modulated, a bivariate or a step activation.");
        foreach (Source source in layer.Sources)
        foreach (Projection projection in source.Projections)
        {
            Signal signal = projection.Signal;
            if (signal.Index >= Layers.Count)
                throw new ArgumentException(
                    $"Source {source.Symbol} of {name} hears layer {signal.Index + 1}, and the network has {Layers.Count} layers."
                );
            if (signal.Kind == SignalKind.OwnLabel && index < Layers.Count - 1)
                throw new ArgumentException(
                    $"Source {source.Symbol} of {name} hears a neuron's own label, and only output neurons have one."
                );
            int expected =
                signal == Signal.Layer(index) && layer.Positions is not null ? layer.NeuronCount : SizeOf(signal);
            if (projection.Connectivity.InputCount != expected)
                throw new ArgumentException(
                    $"Source {source.Symbol} of {name} is connected to {projection.Connectivity.InputCount} inputs where {expected} feed it ({signal})."
                );
            if (projection.Connectivity is SharedFields && signal.IsLateFor(index))
                throw new ArgumentException(
                    $"Source {source.Symbol} of {name} has fields in {signal}, and fields are in the features or in layers below."
                );
        }

        if (layer.Sources[0].Projections.Any(projection => projection.Signal.IsLabel))
            throw new ArgumentException($"{Sentence(name)} cannot be driven by the label: scoring has none.");
    }

    private static string Sentence(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
