using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// A network in training: the parameters of its layers, for standardised features. A hidden layer with the sources
/// F (features) and, where it learns, C (label or feedback) and L (its peers), or none; and an output layer with the
/// sources F (hidden layer or features) and C (own label).
/// </summary>
internal sealed class NetworkState : IDisposable
{
    private NetworkState(LearningSettings settings, FeatureScaling scaling, int classes, int[]? connections)
    {
        Scaling = scaling;
        ClassCount = classes;
        int features = scaling.FeatureCount;
        int neurons = settings.HiddenNeurons;
        bool learns = settings.HiddenLayer == HiddenLayerKind.Infomorphic;
        if (settings.HiddenLayer != HiddenLayerKind.None)
            Hidden = new LayerState(
                neurons,
                [
                    .. SourcesOf(settings)
                        .Select(source => new SourceState(
                            source.Symbol,
                            source.Kind,
                            neurons,
                            source.Kind switch
                            {
                                SourceKind.Features => features,
                                SourceKind.Lateral => neurons,
                                _ => classes,
                            },
                            source.Kind == SourceKind.Lateral ? connections : null
                        )),
                ],
                settings.Goal,
                learns ? settings.Activation : new StepActivation(),
                settings.Binning,
                settings.HiddenOptimizer
            );
        Presentations = Hidden is { IsRecurrent: true } ? settings.Presentations : 1;
        SourceState readout = Hidden is null
            ? new SourceState('F', SourceKind.Features, classes, features, null)
            : new SourceState('F', SourceKind.HiddenLayer, classes, neurons, null);
        Output = new LayerState(
            classes,
            [readout],
            settings.OutputGoal,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer,
            settings.OutputOptimizer
        );
    }

    public FeatureScaling Scaling { get; }

    public int ClassCount { get; }

    /// <summary>How often a row is presented: once where the hidden layer is not recurrent.</summary>
    public int Presentations { get; }

    /// <summary>The hidden layer, or null where the output layer is fed by the features.</summary>
    public LayerState? Hidden { get; }

    /// <summary>The output layer.</summary>
    public LayerState Output { get; }

    private Parameter[] Parameters => [.. Hidden?.Parameters ?? [], .. Output.Parameters];

    /// <summary>A fresh network: weights and biases uniform in ±1/√(number of inputs).</summary>
    public static NetworkState Create(LearningSettings settings, FeatureScaling scaling, int classes)
    {
        int[]? connections = settings.HiddenSources.Contains('L', StringComparison.Ordinal)
            ? DrawConnections(
                settings.HiddenNeurons,
                settings.MaximumLateralConnections,
                new RandomStream(settings.Seed, RandomStreams.LateralConnections)
            )
            : null;
        var state = new NetworkState(settings, scaling, classes, connections);
        var random = new RandomStream(settings.Seed, RandomStreams.Initialization);
        state.Hidden?.Initialize(random);
        state.Output.Initialize(random);
        state.Hidden?.ClearSelfConnections();
        return state;
    }

    /// <summary>The state from which a trained network goes on.</summary>
    /// <exception cref="ArgumentException">The network is of another shape than the settings.</exception>
    public static NetworkState From(InfomorphicNetwork network, LearningSettings settings)
    {
        if (DescribeDifference(network, settings) is string difference)
            throw new ArgumentException(difference);
        InfomorphicLayer? hidden = network.HiddenLayers.Count == 0 ? null : network.HiddenLayers[0];
        if (hidden is not null && hidden.NeuronCount != settings.HiddenNeurons)
            throw new ArgumentException(
                $"The model to go on from has {hidden.NeuronCount} hidden neurons, the options ask for {settings.HiddenNeurons}."
            );
        int[]? connections = hidden?.Sources.FirstOrDefault(source => source.Kind == SourceKind.Lateral)?.Connections;
        var state = new NetworkState(settings, network.FeatureScaling, network.ClassCount, connections);
        if (hidden is not null)
            state.Take(hidden, state.Hidden!);
        state.Take(network.OutputLayer, state.Output);

        // A class without rows so far: its neuron would stay silent for good, far out where θ has no slope.
        var random = new RandomStream(settings.Seed, RandomStreams.Initialization);
        for (int neuron = 0; neuron < state.ClassCount; neuron++)
            if (network.OutputLayer.Sources[0].Biases[neuron] == AbsentClassScore)
                state.Output.Initialize(random, source: 0, neuron);
        return state;
    }

    /// <summary>A sentence where a network is of another set-up than the settings ask for; else null.</summary>
    public static string? DescribeDifference(InfomorphicNetwork network, LearningSettings settings)
    {
        (char, SourceKind)[] sources =
        [
            .. network.HiddenLayers.SelectMany(layer => layer.Sources).Select(source => (source.Symbol, source.Kind)),
        ];
        return sources.SequenceEqual(SourcesOf(settings))
            ? null
            : $"The model to go on from has {Describe(sources)}, and {nameof(settings.HiddenLayer)}, {nameof(settings.Context)} and {nameof(settings.LateralInput)} ask for {Describe(SourcesOf(settings))}.";
    }

    /// <summary>The network as it is used after training.</summary>
    /// <param name="outputSigns">
    /// For each class, 1 or −1 where the output neuron learned the inverted code, 0 for a class without training rows.
    /// </param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    public InfomorphicNetwork ToNetwork(ReadOnlySpan<int> outputSigns, ScoreCalibration? calibration = null)
    {
        InfomorphicLayer? hidden = Hidden is null ? null : Give(Hidden);
        if (hidden?.Sources.FirstOrDefault(source => source.Kind == SourceKind.Feedback) is InputSource feedback)
            for (int i = 0; i < feedback.Weights.Length; i++)
                feedback.Weights[i] *= outputSigns[i % ClassCount]; // y becomes −y where a neuron is inverted

        InfomorphicLayer output = Give(
            Output,
            new InputSource('C', SourceKind.OwnLabel, ClassCount, ClassCount, [], [])
        );
        InputSource readout = output.Sources[0];
        for (int neuron = 0; neuron < ClassCount; neuron++)
        {
            int sign = outputSigns[neuron];
            foreach (ref float weight in readout.Weights.AsSpan(neuron * readout.InputCount, readout.InputCount))
                weight *= sign;
            readout.Biases[neuron] = sign == 0 ? AbsentClassScore : sign * readout.Biases[neuron];
        }

        return new InfomorphicNetwork(hidden is null ? [] : [hidden], output, Scaling, calibration, Presentations);
    }

    /// <summary>
    /// The score of a class that had no training row, before softmax: its neuron learned nothing of the class, so that it
    /// is never predicted.
    /// </summary>
    public const float AbsentClassScore = -100;

    /// <summary>A copy of all weights.</summary>
    public float[][] Snapshot() => Parameters.Select(parameter => parameter.Value.ToArray()).ToArray();

    /// <summary>Puts a copy's weights back.</summary>
    public void Restore(float[][] snapshot)
    {
        Parameter[] parameters = Parameters;
        for (int i = 0; i < snapshot.Length; i++)
            parameters[i].Value.CopyFrom(snapshot[i]);
    }

    public void Dispose()
    {
        Hidden?.Dispose();
        Output.Dispose();
    }

    private static (char Symbol, SourceKind Kind)[] SourcesOf(LearningSettings settings)
    {
        SourceKind context = settings.Context == ContextSignal.Feedback ? SourceKind.Feedback : SourceKind.Label;
        return
        [
            .. settings.HiddenSources.Select(symbol =>
                (
                    symbol,
                    symbol switch
                    {
                        'F' => SourceKind.Features,
                        'C' => context,
                        _ => SourceKind.Lateral,
                    }
                )
            ),
        ];
    }

    private static string Describe((char Symbol, SourceKind Kind)[] sources) =>
        sources.Length switch
        {
            0 => "no hidden layer",
            1 => "a fixed random hidden layer",
            _ => $"hidden neurons with the sources {string.Join(", ", sources.Select(s => $"{s.Symbol} ({s.Kind})"))}",
        };

    // A layer's weights as they are used after training.
    private InfomorphicLayer Give(LayerState layer, params InputSource[] others)
    {
        var sources = new InputSource[layer.Sources.Length];
        for (int i = 0; i < sources.Length; i++)
        {
            SourceState source = layer.Sources[i];
            float[] weights = source.Weights.Value.ToArray();
            float[] biases = new float[layer.NeuronCount];
            for (int neuron = 0; neuron < biases.Length; neuron++)
                biases[neuron] = layer.Biases.Value[neuron][i];
            if (source.Kind == SourceKind.Features)
                Fold(weights, biases);
            sources[i] = new InputSource(
                source.Symbol,
                source.Kind,
                layer.NeuronCount,
                source.InputCount,
                weights,
                biases,
                source.Connections
            );
        }

        return new InfomorphicLayer([.. sources, .. others], layer.Goal, layer.Activation, layer.Binning);
    }

    // F = W ((x − o) / s) + b = (W / s) x + (b − W o / s).
    private void Fold(float[] allWeights, float[] biases)
    {
        for (int neuron = 0; neuron < biases.Length; neuron++)
        {
            Span<float> weights = allWeights.AsSpan(neuron * Scaling.FeatureCount, Scaling.FeatureCount);
            double bias = biases[neuron];
            for (int feature = 0; feature < weights.Length; feature++)
            {
                weights[feature] /= Scaling.Scales[feature];
                bias -= weights[feature] * (double)Scaling.Offsets[feature];
            }

            biases[neuron] = (float)bias;
        }
    }

    // The weights of a layer that was trained before.
    private void Take(InfomorphicLayer from, LayerState to)
    {
        for (int i = 0; i < to.Sources.Length; i++)
        for (int neuron = 0; neuron < to.NeuronCount; neuron++)
        {
            InputSource source = from.Sources[i];
            int count = source.ConnectionsPerNeuron;
            ReadOnlySpan<float> given = source.Weights.AsSpan(neuron * count, count);
            Span<float> weights = to.Sources[i].Weights.Value[neuron];
            double bias = source.Biases[neuron];
            if (source.Kind == SourceKind.Features)
                Unfold(given, weights, ref bias);
            else
                given.CopyTo(weights);
            to.Biases.Value[neuron][i] = (float)bias;
        }
    }

    // F = W x + b = (W s) ((x − o) / s) + (b + W o).
    private void Unfold(ReadOnlySpan<float> folded, Span<float> weights, ref double bias)
    {
        for (int feature = 0; feature < folded.Length; feature++)
        {
            weights[feature] = folded[feature] * Scaling.Scales[feature];
            bias += folded[feature] * (double)Scaling.Offsets[feature];
        }
    }

    private static int[]? DrawConnections(int neurons, int maximum, RandomStream random)
    {
        if (maximum >= neurons - 1)
            return null;
        int[] connections = new int[neurons * maximum];
        int[] others = new int[neurons - 1];
        for (int neuron = 0; neuron < neurons; neuron++)
        {
            for (int i = 0; i < others.Length; i++)
                others[i] = i < neuron ? i : i + 1;

            // The first steps of a shuffle draw without replacement.
            for (int i = 0; i < maximum; i++)
            {
                int j = i + random.NextInteger(others.Length - i);
                (others[i], others[j]) = (others[j], others[i]);
            }

            Span<int> drawn = connections.AsSpan(neuron * maximum, maximum);
            others.AsSpan(0, maximum).CopyTo(drawn);
            drawn.Sort();
        }

        return connections;
    }
}
