using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// A network in training: the parameters of its layers, for standardised features. One hidden layer with the sources
/// F (features), C (label) and L (its peers), and an output layer with the sources F (hidden layer) and C (own label).
/// </summary>
internal sealed class NetworkState : IDisposable
{
    private readonly LearningSettings _settings;

    private NetworkState(LearningSettings settings, FeatureScaling scaling, int classes, int[]? connections)
    {
        _settings = settings;
        Scaling = scaling;
        HiddenCount = settings.HiddenNeurons;
        ClassCount = classes;
        LateralConnections = connections;
        int lateral = connections is null ? HiddenCount : connections.Length / HiddenCount;
        FeatureWeights = new Parameter(HiddenCount, scaling.FeatureCount);
        LabelWeights = new Parameter(HiddenCount, classes);
        LateralWeights = new Parameter(HiddenCount, Math.Max(lateral, 1));
        HiddenBiases = new Parameter(HiddenCount, 3);
        OutputWeights = new Parameter(classes, HiddenCount);
        OutputBiases = new Parameter(classes, 1);
    }

    public FeatureScaling Scaling { get; }

    public int HiddenCount { get; }

    public int ClassCount { get; }

    /// <summary>For each hidden neuron, the neurons it listens to; null where it listens to all others.</summary>
    public int[]? LateralConnections { get; }

    /// <summary>Number of lateral connections of a hidden neuron.</summary>
    public int LateralCount => LateralConnections is null ? HiddenCount - 1 : LateralConnections.Length / HiddenCount;

    public Parameter FeatureWeights { get; }

    public Parameter LabelWeights { get; }

    /// <summary>N × N with a zero diagonal where all are connected, else N × connections.</summary>
    public Parameter LateralWeights { get; }

    /// <summary>The biases of F, C and L of each hidden neuron.</summary>
    public Parameter HiddenBiases { get; }

    public Parameter OutputWeights { get; }

    public Parameter OutputBiases { get; }

    private Parameter[] Parameters =>
        [FeatureWeights, LabelWeights, LateralWeights, HiddenBiases, OutputWeights, OutputBiases];

    /// <summary>A fresh network: weights and biases uniform in ±1/√(number of inputs).</summary>
    public static NetworkState Create(LearningSettings settings, FeatureScaling scaling, int classes)
    {
        int neurons = settings.HiddenNeurons;
        int[]? connections = DrawConnections(
            neurons,
            settings.MaximumLateralConnections,
            new RandomStream(settings.Seed, RandomStreams.LateralConnections)
        );
        var state = new NetworkState(settings, scaling, classes, connections);
        var random = new RandomStream(settings.Seed, RandomStreams.Initialization);
        InitializeAll(state.FeatureWeights, state.HiddenBiases, column: 0, scaling.FeatureCount);
        InitializeAll(state.LabelWeights, state.HiddenBiases, column: 1, classes);

        // The bound follows from the size of the layer also where a neuron listens to a part of it only.
        InitializeAll(state.LateralWeights, state.HiddenBiases, column: 2, neurons);
        InitializeAll(state.OutputWeights, state.OutputBiases, column: 0, neurons);
        state.ClearSelfConnections();
        return state;

        void InitializeAll(Parameter weights, Parameter biases, int column, int fanIn)
        {
            for (int row = 0; row < weights.Value.Rows; row++)
                Initialize(random, weights, biases, row, column, fanIn);
        }
    }

    /// <summary>The state from which a trained network goes on.</summary>
    /// <exception cref="ArgumentException">The network is of another shape than the settings.</exception>
    public static NetworkState From(InfomorphicNetwork network, LearningSettings settings)
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        if (hidden.NeuronCount != settings.HiddenNeurons)
            throw new ArgumentException(
                $"The model to go on from has {hidden.NeuronCount} hidden neurons, the options ask for {settings.HiddenNeurons}."
            );
        InputSource lateral = hidden.Sources[2];
        var state = new NetworkState(settings, network.FeatureScaling, network.ClassCount, lateral.Connections);

        // F = W x + b = (W s) ((x − o) / s) + (b + W o).
        FeatureScaling scaling = network.FeatureScaling;
        for (int neuron = 0; neuron < state.HiddenCount; neuron++)
        {
            ReadOnlySpan<float> folded = RowOf(hidden.Sources[0], neuron);
            Span<float> weights = state.FeatureWeights.Value[neuron];
            double bias = hidden.Sources[0].Biases[neuron];
            for (int feature = 0; feature < folded.Length; feature++)
            {
                weights[feature] = folded[feature] * scaling.Scales[feature];
                bias += folded[feature] * (double)scaling.Offsets[feature];
            }

            RowOf(hidden.Sources[1], neuron).CopyTo(state.LabelWeights.Value[neuron]);
            RowOf(lateral, neuron).CopyTo(state.LateralWeights.Value[neuron]);
            Span<float> biases = state.HiddenBiases.Value[neuron];
            biases[0] = (float)bias;
            biases[1] = hidden.Sources[1].Biases[neuron];
            biases[2] = lateral.Biases[neuron];
        }

        InputSource output = network.OutputLayer.Sources[0];
        var random = new RandomStream(settings.Seed, RandomStreams.Initialization);
        for (int neuron = 0; neuron < state.ClassCount; neuron++)
        {
            RowOf(output, neuron).CopyTo(state.OutputWeights.Value[neuron]);
            state.OutputBiases.Value[neuron][0] = output.Biases[neuron];

            // A class without rows so far: its neuron would stay silent for good, far out where θ has no slope.
            if (output.Biases[neuron] == AbsentClassScore)
                Initialize(random, state.OutputWeights, state.OutputBiases, neuron, column: 0, state.HiddenCount);
        }

        return state;
    }

    /// <summary>The network as it is used after training.</summary>
    /// <param name="outputSigns">
    /// For each class, 1 or −1 where the output neuron learned the inverted code, 0 for a class without training rows.
    /// </param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    public InfomorphicNetwork ToNetwork(ReadOnlySpan<int> outputSigns, ScoreCalibration? calibration = null)
    {
        // F = W ((x − o) / s) + b = (W / s) x + (b − W o / s).
        float[] featureWeights = FeatureWeights.Value.ToArray();
        float[] featureBiases = Column(HiddenBiases, 0);
        for (int neuron = 0; neuron < HiddenCount; neuron++)
        {
            Span<float> weights = featureWeights.AsSpan(neuron * Scaling.FeatureCount, Scaling.FeatureCount);
            double bias = featureBiases[neuron];
            for (int feature = 0; feature < weights.Length; feature++)
            {
                weights[feature] /= Scaling.Scales[feature];
                bias -= weights[feature] * (double)Scaling.Offsets[feature];
            }

            featureBiases[neuron] = (float)bias;
        }

        float[] outputWeights = OutputWeights.Value.ToArray();
        float[] outputBiases = Column(OutputBiases, 0);
        for (int neuron = 0; neuron < ClassCount; neuron++)
        {
            int sign = outputSigns[neuron];
            foreach (ref float weight in outputWeights.AsSpan(neuron * HiddenCount, HiddenCount))
                weight *= sign;
            outputBiases[neuron] = sign == 0 ? AbsentClassScore : sign * outputBiases[neuron];
        }

        int n = HiddenCount;
        var hidden = new InfomorphicLayer(
            [
                new InputSource('F', SourceKind.Features, n, Scaling.FeatureCount, featureWeights, featureBiases),
                new InputSource(
                    'C',
                    SourceKind.Label,
                    n,
                    ClassCount,
                    LabelWeights.Value.ToArray(),
                    Column(HiddenBiases, 1)
                ),
                new InputSource(
                    'L',
                    SourceKind.Lateral,
                    n,
                    n,
                    LateralWeights.Value.ToArray(),
                    Column(HiddenBiases, 2),
                    LateralConnections
                ),
            ],
            _settings.Goal,
            _settings.Activation,
            _settings.Binning
        );
        var output = new InfomorphicLayer(
            [
                new InputSource('F', SourceKind.HiddenLayer, ClassCount, n, outputWeights, outputBiases),
                new InputSource('C', SourceKind.OwnLabel, ClassCount, ClassCount, [], []),
            ],
            _settings.OutputGoal,
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );
        return new InfomorphicNetwork([hidden], output, Scaling, calibration);
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
        for (int i = 0; i < snapshot.Length; i++)
            Parameters[i].Value.CopyFrom(snapshot[i]);
    }

    public void Dispose()
    {
        foreach (Parameter parameter in Parameters)
            parameter.Dispose();
    }

    /// <summary>Where all hidden neurons are connected, none hears itself.</summary>
    public void ClearSelfConnections()
    {
        if (LateralConnections is not null)
            return;
        for (int neuron = 0; neuron < HiddenCount; neuron++)
            LateralWeights.Value[neuron][neuron] = 0;
    }

    // The weights and the bias of one neuron.
    private static void Initialize(
        RandomStream random,
        Parameter weights,
        Parameter biases,
        int row,
        int column,
        int fanIn
    )
    {
        float bound = 1 / MathF.Sqrt(fanIn);
        foreach (ref float weight in weights.Value[row])
            weight = (2 * random.NextUniform() - 1) * bound;
        biases.Value[row][column] = (2 * random.NextUniform() - 1) * bound;
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

    private static ReadOnlySpan<float> RowOf(InputSource source, int neuron) =>
        source.Weights.AsSpan(neuron * source.ConnectionsPerNeuron, source.ConnectionsPerNeuron);

    private static float[] Column(Parameter parameter, int column)
    {
        float[] values = new float[parameter.Value.Rows];
        for (int row = 0; row < values.Length; row++)
            values[row] = parameter.Value[row][column];
        return values;
    }
}
