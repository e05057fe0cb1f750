using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>A network in training: the parameters of its layers, for standardised features.</summary>
internal sealed class NetworkState : IDisposable
{
    /// <summary>
    /// The score of a class that had no training row, before softmax: its neuron learned nothing of the class, so that it
    /// is never predicted.
    /// </summary>
    public const float AbsentClassScore = -100;

    private readonly bool[]? _known;

    private NetworkState(
        IReadOnlyList<LayerState> layers,
        FeatureScaling scaling,
        TrainingSettings settings,
        bool[]? known = null,
        ScoreCalibration? earlierCalibration = null
    )
    {
        _known = known;
        EarlierCalibration = earlierCalibration;
        Scaling = scaling;
        Seed = settings.NetworkSeed;
        KeepsMoments = settings.KeepsOptimizerState;
        int presentations = settings.Presentations;
        Layers = layers;
        int last = layers.Count - 1;
        int[] passMeans =
        [
            .. layers
                .Where(layer => layer.PassesOn == PassedOutputs.Mean && layer.Index < last)
                .Select(layer => layer.Index),
        ];
        IReadOnlyList<Signal>[][] signals = [.. layers.Select(layer => layer.Signals.ToArray())];
        Schedule = new Schedule(signals, presentations, withLabel: true, constantAbove: passMeans);
        ScoringSchedule = new Schedule(signals, presentations, withLabel: false, targets: [last]);
        MeansSchedule =
            passMeans.Length == 0 ? null : new Schedule(signals, presentations, withLabel: false, targets: passMeans);
    }

    public FeatureScaling Scaling { get; }

    /// <summary>What its neurons draw follows from this number.</summary>
    public ulong Seed { get; }

    /// <summary>Whether the optimiser's moments are wanted where weights are.</summary>
    public bool KeepsMoments { get; }

    /// <summary>Steps that the moments are of; 0 where they are 0.</summary>
    public long Steps { get; private set; }

    /// <summary>Passes over the training rows that those steps took.</summary>
    public int Epochs { get; private set; }

    /// <summary>The layers, from the features up; the last one is the output layer.</summary>
    public IReadOnlyList<LayerState> Layers { get; }

    /// <summary>The output layer.</summary>
    public LayerState Output => Layers[^1];

    public int ClassCount => Output.NeuronCount;

    /// <summary>
    /// Whether a class had training rows before, where training goes on from a network: its neuron keeps what it learned, also
    /// where the class has no row now.
    /// </summary>
    public bool IsKnown(int label) => _known is not null && _known[label];

    /// <summary>The calibration of the network that training goes on from; null where it begins.</summary>
    public ScoreCalibration? EarlierCalibration { get; }

    /// <summary>How often a row is presented.</summary>
    public int Presentations => Schedule.Presentations;

    /// <summary>The order in which a row is presented to be learned from.</summary>
    public Schedule Schedule { get; }

    /// <summary>The order in which a row is presented to be scored, its label withheld.</summary>
    public Schedule ScoringSchedule { get; }

    /// <summary>
    /// The order in which a row is presented beforehand, for the mean outputs that layers pass on in training; null where
    /// none passes on means.
    /// </summary>
    public Schedule? MeansSchedule { get; }

    /// <summary>The projections of all layers.</summary>
    public IEnumerable<ProjectionState> Projections =>
        Layers.SelectMany(layer => layer.Sources).SelectMany(source => source.Projections);

    /// <summary>Whether some layer hears what a layer passes on in its last visit.</summary>
    public bool IsHeard(int layer) => Listeners(layer).Any(listener => listener > layer || !Schedule.Changes(layer));

    /// <summary>Whether some layer hears what a layer passes on before its last visit.</summary>
    public bool IsHeardEarlier(int layer) =>
        (Schedule.Changes(layer) || ScoringSchedule.Changes(layer))
        && Listeners(layer)
            .Any(listener => listener <= layer || Schedule.Changes(listener) || ScoringSchedule.Changes(listener));

    private IEnumerable<int> Listeners(int layer) =>
        Layers
            .Where(listener => listener.Signals.Any(source => source.Contains(Signal.Layer(layer))))
            .Select(listener => listener.Index);

    /// <summary>Whether features go to neurons at one position alone, each of which hears all of them.</summary>
    public bool HasPlainFeatures =>
        Layers.All(layer =>
            layer
                .Sources.SelectMany(source => source.Projections)
                .All(projection =>
                    projection.Signal.Kind != SignalKind.Features
                    || layer.PositionCount == 1
                        && projection.Connectivity is AllConnected
                        && projection.Connectivity.InputCount == Scaling.FeatureCount
                )
        );

    private Parameter[] Parameters => [.. Layers.SelectMany(layer => layer.Parameters)];

    /// <summary>A fresh network: weights and biases uniform in ±1/√(number of inputs).</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="scaling">The standardisation of the features.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="encoding">How features are encoded; null where they are not.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    /// <exception cref="ArgumentException">The layers do not fit each other or the features.</exception>
    public static NetworkState Create(
        TrainingSettings settings,
        FeatureScaling scaling,
        int classes,
        FeatureEncoding? encoding = null,
        Action? checkAlive = null
    )
    {
        NetworkState state = Of(
            settings,
            scaling,
            new NetworkBuilder(settings, scaling.FeatureCount, classes, encoding).Connect()
        );
        try
        {
            foreach (LayerState layer in state.Layers)
                ThrowIfNotOneScale(layer, scaling);
            var random = new RandomStream(settings.NetworkSeed, RandomStreams.Initialization);
            foreach (LayerState layer in state.Layers)
                layer.Initialize(random, checkAlive);
            foreach (LayerState layer in state.Layers)
                layer.ClearSelfConnections();
            return state;
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>Whether a class of a trained network has never had a training row.</summary>
    public static bool IsAbsent(InfomorphicNetwork network, int label) =>
        network.OutputLayer.Sources[0].Biases[label] == AbsentClassScore;

    /// <summary>The state from which a trained network goes on.</summary>
    /// <remarks>
    /// The neuron of a class that had no row so far begins to learn: one with a goal as a fresh one does; one of a softmax
    /// regression at the mean of the other classes' weights, so that its sum is the mean of theirs, and no class is preferred to
    /// another by its coming.
    /// </remarks>
    /// <exception cref="ArgumentException">The network is of another shape than the settings.</exception>
    public static NetworkState From(
        InfomorphicNetwork network,
        TrainingSettings settings,
        FeatureEncoding? encoding = null
    )
    {
        if (DescribeDifference(network, settings, encoding) is string difference)
            throw new ArgumentException(difference);
        NetworkState state = Of(
            settings,
            network.FeatureScaling,
            [
                .. network.Layers.Select(layer =>
                    (IReadOnlyList<(char, (Signal, Connectivity)[])>)
                        [
                            .. layer
                                .Sources.Where(source => !source.IsOwnLabel)
                                .Select(source =>
                                    (
                                        source.Symbol,
                                        source.Projections.Select(of => (of.Signal, of.Connectivity)).ToArray()
                                    )
                                ),
                        ]
                ),
            ],
            [.. Enumerable.Range(0, network.ClassCount).Select(label => !IsAbsent(network, label))],
            CalibrationOf(network)
        );
        for (int i = 0; i < state.Layers.Count; i++)
            state.Take(network.Layers[i], state.Layers[i]);

        // It would stay silent for good, far out where θ has no slope.
        var random = new RandomStream(settings.NetworkSeed, RandomStreams.Initialization);
        for (int neuron = 0; neuron < state.ClassCount; neuron++)
        {
            if (state.IsKnown(neuron))
                continue;
            if (state.Output.IsSoftmax)
                state.BeginAtMean(neuron);
            else
                state.Output.Initialize(random, source: 0, neuron);
        }

        return state;
    }

    // Classes of a softmax regression have one slope, also those that had no row so far.
    private static ScoreCalibration CalibrationOf(InfomorphicNetwork network)
    {
        ScoreCalibration calibration = network.Calibration;
        int[] known = [.. Enumerable.Range(0, network.ClassCount).Where(label => !IsAbsent(network, label))];
        if (network.OutputLayer.Goal is not null || known.Length == 0)
            return calibration;
        return new ScoreCalibration(Completed(calibration.Slopes), Completed(calibration.Offsets));

        float[] Completed(IReadOnlyList<float> numbers) =>
            [
                .. numbers.Select(
                    (number, label) => IsAbsent(network, label) ? known.Average(other => numbers[other]) : number
                ),
            ];
    }

    /// <summary>Gives classes that have no row now, and had some before, the sign that they have.</summary>
    /// <param name="signs">For each class 1 or −1, or 0 where it has no row.</param>
    public void KeepKnown(int[] signs)
    {
        for (int label = 0; label < signs.Length; label++)
            if (signs[label] == 0 && IsKnown(label))
                signs[label] = 1;
    }

    // The neuron of a class in a softmax regression, from those of the classes that had rows.
    private void BeginAtMean(int neuron)
    {
        int[] known = [.. Enumerable.Range(0, ClassCount).Where(IsKnown)];
        foreach (Parameter parameter in Output.Parameters)
        {
            Span<float> mean = parameter.Value[neuron];
            mean.Clear();
            foreach (int other in known)
                for (int i = 0; i < mean.Length; i++)
                    mean[i] += parameter.Value[other][i] / known.Length;
        }
    }

    /// <summary>
    /// A layer as a network of its own, where layers are trained one after another: rows bring what the layers below it put
    /// out, and it has the weights of this state's. A hidden layer has a fresh output layer on it, to evaluate it by.
    /// </summary>
    /// <param name="index">The layer's place.</param>
    /// <param name="rows">Where the rows that it learns from have the features and the outputs of the layers below.</param>
    /// <param name="settings">The settings of the whole network.</param>
    public NetworkState Stage(int index, StageRows rows, TrainingSettings settings)
    {
        LayerState layer = Remap(Layers[index], index, rows);
        if (layer.HasOwnLabel)
            return new NetworkState([layer], rows.Scaling, settings, _known, EarlierCalibration);
        var fromLayer = new ProjectionState(Signal.Layer(0), new AllConnected(ClassCount, layer.OutputCount));
        LayerState output = new LayerState(
            1,
            [new SourceState('F', [fromLayer])],
            hasOwnLabel: true,
            Output.Rules
        ).WithParameters();
        output.Initialize(new RandomStream(settings.NetworkSeed, RandomStreams.Initialization));
        return new NetworkState([layer, output], rows.Scaling, settings);
    }

    /// <summary>A sentence where a network is of another shape than the settings ask for; else null.</summary>
    public static string? DescribeDifference(
        InfomorphicNetwork network,
        TrainingSettings settings,
        FeatureEncoding? encoding
    )
    {
        settings = settings.Fitted(network.FeatureCount, network.ClassCount, encoding);
        var asked = new NetworkBuilder(settings, network.FeatureCount, network.ClassCount, encoding).Connect();
        if (asked.Count != network.Layers.Count)
            return $"The model to go on from has {Count(network.HiddenLayers.Count)}, and the options ask for {Count(asked.Count - 1)}.";
        for (int i = 0; i < asked.Count; i++)
        {
            string name = i == asked.Count - 1 ? "its output layer" : $"its hidden layer {i + 1}";
            Source[] sources = [.. network.Layers[i].Sources.Where(source => !source.IsOwnLabel)];
            string has = Describe(
                sources.Select(source => (source.Symbol, source.Projections.Select(of => of.Signal)))
            );
            string asks = Describe(asked[i].Select(source => (source.Symbol, source.Heard.Select(of => of.Signal))));
            if (has != asks)
                return $"The model to go on from has the sources {has} in {name}, and the options ask for {asks}.";
            int neurons = asked[i][0].Heard[0].Connectivity.NeuronCount;
            if (network.Layers[i].NeuronCount != neurons)
                return $"The model to go on from has {network.Layers[i].NeuronCount} neurons in {name}, and the options ask for {neurons}.";
            bool alike = sources
                .Zip(asked[i])
                .All(pair =>
                    pair.First.Projections.Zip(pair.Second.Heard)
                        .All(of =>
                            of.First.Connectivity.GetType() == of.Second.Connectivity.GetType()
                            && of.First.Connectivity.ConnectionsPerNeuron == of.Second.Connectivity.ConnectionsPerNeuron
                        )
                );
            if (!alike)
                return $"The neurons of the model to go on from are connected otherwise in {name} than the options ask for.";
        }

        return null;

        static string Count(int layers) =>
            layers switch
            {
                0 => "no hidden layer",
                1 => "one hidden layer",
                _ => $"{layers} hidden layers",
            };

        static string Describe(IEnumerable<(char Symbol, IEnumerable<Signal> Signals)> sources) =>
            string.Join(", ", sources.Select(source => $"{source.Symbol} ({string.Join(" and ", source.Signals)})"));
    }

    /// <summary>The network as it is used after training.</summary>
    /// <param name="outputSigns">
    /// For each class, 1 or −1 where the output neuron learned the inverted code, 0 for a class without training rows.
    /// </param>
    /// <param name="calibration">The calibration of the scores; null for none.</param>
    public InfomorphicNetwork ToNetwork(ReadOnlySpan<int> outputSigns, ScoreCalibration? calibration = null)
    {
        InfomorphicLayer[] layers = [.. Layers.Select(ToLayer)];

        // y becomes −y where a neuron is inverted: for those that hear it, and for its own F.
        foreach (Source source in layers.SelectMany(layer => layer.Sources))
        foreach (Projection projection in source.Projections)
            if (projection.Signal == Signal.Layer(Layers.Count - 1))
                for (int i = 0; i < projection.Weights.Length; i++)
                    projection.Weights[i] *= outputSigns[i % ClassCount];
        Source readout = layers[^1].Sources[0];
        for (int neuron = 0; neuron < ClassCount; neuron++)
        {
            int sign = outputSigns[neuron];
            foreach (Projection projection in readout.Projections)
            {
                int count = projection.Connectivity.ConnectionsPerNeuron;
                foreach (ref float weight in projection.Weights.AsSpan(neuron * count, count))
                    weight *= sign;
            }

            readout.Biases[neuron] = sign == 0 ? AbsentClassScore : sign * readout.Biases[neuron];
        }

        return new InfomorphicNetwork(layers[..^1], layers[^1], Scaling, calibration, Presentations);
    }

    /// <summary>A copy of all weights, and of the moments where they are wanted.</summary>
    public float[][] Snapshot() => [.. Matrices.Select(matrix => matrix.ToArray())];

    /// <summary>Goes on with an optimiser, and with the weights that it had.</summary>
    /// <param name="optimizer">The state of an optimiser of such a network.</param>
    public void GoOnWith(OptimizerState optimizer)
    {
        Restore(optimizer.Matrices, AllMatrices);
        (Steps, Epochs) = (optimizer.Steps, optimizer.Epochs);
    }

    /// <summary>Whether the state of an optimiser is of such a network.</summary>
    /// <param name="optimizer">The state.</param>
    public bool Fits(OptimizerState optimizer) =>
        AllMatrices
            .Select(matrix => (long)matrix.Rows * matrix.Columns)
            .SequenceEqual(optimizer.Matrices.Select(matrix => (long)matrix.Length));

    private TensorMatrix[] AllMatrices
    {
        get
        {
            Parameter[] parameters = Parameters;
            return
            [
                .. parameters.Select(parameter => parameter.Value),
                .. parameters.Select(parameter => parameter.First),
                .. parameters.Select(parameter => parameter.Second),
            ];
        }
    }

    private TensorMatrix[] Matrices => KeepsMoments ? AllMatrices : AllMatrices[..(AllMatrices.Length / 3)];

    /// <summary>Whether all weights are finite.</summary>
    public bool IsFinite => Parameters.All(parameter => parameter.Value.IsFinite);

    /// <summary>Forgets the optimiser's moments: what learns next begins with its first step.</summary>
    public void ResetMoments()
    {
        foreach (Parameter parameter in Parameters)
            parameter.ResetMoments();
        Steps = 0;
    }

    /// <summary>Puts a copy's weights back.</summary>
    public void Restore(float[][] snapshot) => Restore(snapshot, Matrices);

    private static void Restore(IReadOnlyList<float[]> copies, TensorMatrix[] matrices)
    {
        for (int i = 0; i < matrices.Length; i++)
            matrices[i].CopyFrom(copies[i]);
    }

    public void Dispose()
    {
        foreach (LayerState layer in Layers)
            layer.Dispose();
    }

    private static NetworkState Of(
        TrainingSettings settings,
        FeatureScaling scaling,
        IReadOnlyList<IReadOnlyList<(char Symbol, (Signal Signal, Connectivity Connectivity)[] Heard)>> connections,
        bool[]? known = null,
        ScoreCalibration? earlierCalibration = null
    )
    {
        int last = connections.Count - 1;
        var layers = new LayerState[connections.Count];
        for (int i = 0; i <= last; i++)
        {
            SourceState[] sources =
            [
                .. connections[i]
                    .Select(source => new SourceState(
                        source.Symbol,
                        [.. source.Heard.Select(heard => new ProjectionState(heard.Signal, heard.Connectivity))]
                    )),
            ];
            layers[i] = new LayerState(i, sources, hasOwnLabel: i == last, RulesOf(settings, i)).WithParameters();
        }

        return new NetworkState(layers, scaling, settings, known, earlierCalibration);
    }

    // A layer of this state as the lowest of another network, with the same weights: what rows bring, it hears as features.
    private static LayerState Remap(LayerState layer, int index, StageRows rows)
    {
        SourceState[] sources =
        [
            .. layer.Sources.Select(source => new SourceState(
                source.Symbol,
                [
                    .. source.Projections.Select(projection =>
                        rows.FirstOf(projection.Signal) is int first
                            ? new ProjectionState(Signal.Features, projection.Connectivity, projection.Weights, first)
                            : new ProjectionState(
                                projection.Signal == Signal.Layer(index) ? Signal.Layer(0) : projection.Signal,
                                projection.Connectivity,
                                projection.Weights
                            )
                    ),
                ]
            )),
        ];
        return new LayerState(
            0,
            sources,
            layer.HasOwnLabel,
            layer.Rules with
            {
                PassesOn = PassedOutputs.Sampled,
            },
            layer.Biases
        ).WithParameters();
    }

    private static LayerRules RulesOf(TrainingSettings settings, int index)
    {
        if (index == settings.HiddenLayers.Count)
            return new LayerRules(
                settings.Output.Goal,
                new FeedforwardActivation(),
                settings.Output.Binning,
                settings.Output.Optimizer
            );
        LayerSettings layer = settings.HiddenLayers[index];
        return new LayerRules(
            layer.Goal,
            layer.Learns ? layer.Activation : new StepActivation(),
            layer.Binning,
            layer.Optimizer,
            (layer.Connections as LocalFieldSettings)?.Pooling,
            layer.PassesOn
        );
    }

    // Weights that are shared by all positions can take in one scale for all features alone.
    private static void ThrowIfNotOneScale(LayerState layer, FeatureScaling scaling)
    {
        bool sharesWeights = layer
            .Sources.SelectMany(source => source.Projections)
            .Any(of => of.Connectivity is SharedFields && of.Signal.Kind == SignalKind.Features);
        if (sharesWeights && scaling.Kind == Standardization.PerFeature)
            throw new ArgumentException(
                $"The neurons of hidden layer {layer.Index + 1} share their weights over the image, and features that are each standardised by themselves cannot be shared: standardise them by one mean and one deviation ({nameof(Standardization.Global)})."
            );
    }

    // A layer's weights as they are used after training.
    private InfomorphicLayer ToLayer(LayerState layer)
    {
        var sources = new Source[layer.Sources.Length];
        for (int i = 0; i < sources.Length; i++)
        {
            float[] biases = new float[layer.NeuronCount];
            for (int neuron = 0; neuron < biases.Length; neuron++)
                biases[neuron] = layer.Biases.Value[neuron][i];
            var projections = new List<Projection>();
            foreach (ProjectionState projection in layer.Sources[i].Projections)
            {
                float[] weights = projection.Weights.Value.ToArray();
                if (projection.Signal.Kind == SignalKind.Features)
                    Fold(projection.Connectivity, weights, biases);
                projections.Add(new Projection(projection.Signal, projection.Connectivity, weights));
            }

            sources[i] = new Source(layer.Sources[i].Symbol, projections, biases);
        }

        if (layer.HasOwnLabel)
            sources = [.. sources, Source.OfOwnLabel('C', ClassCount)];
        return new InfomorphicLayer(sources, layer.Goal, layer.Activation, layer.Binning, layer.Pooling);
    }

    // F = W ((x − o) / s) + b = (W / s) x + (b − W o / s).
    private void Fold(Connectivity connectivity, float[] allWeights, float[] biases)
    {
        int count = connectivity.ConnectionsPerNeuron;
        int[] inputs = connectivity.InputsOf(0);
        for (int neuron = 0; neuron < biases.Length; neuron++)
        {
            if (connectivity is not AllConnected)
                inputs = connectivity.InputsOf(neuron);
            Span<float> weights = allWeights.AsSpan(neuron * count, count);
            double bias = biases[neuron];
            for (int i = 0; i < weights.Length; i++)
            {
                weights[i] /= Scaling.Scales[inputs[i]];
                bias -= weights[i] * (double)Scaling.Offsets[inputs[i]];
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
            double bias = from.Sources[i].Biases[neuron];
            for (int part = 0; part < to.Sources[i].Projections.Length; part++)
            {
                Projection projection = from.Sources[i].Projections[part];
                ReadOnlySpan<float> given = projection.WeightsOf(neuron);
                Span<float> weights = to.Sources[i].Projections[part].Weights.Value[neuron];
                if (projection.Signal.Kind == SignalKind.Features)
                    Unfold(projection.Connectivity.InputsOf(neuron), given, weights, ref bias);
                else
                    given.CopyTo(weights);
            }

            to.Biases.Value[neuron][i] = (float)bias;
        }
    }

    // F = W x + b = (W s) ((x − o) / s) + (b + W o).
    private void Unfold(int[] inputs, ReadOnlySpan<float> folded, Span<float> weights, ref double bias)
    {
        for (int i = 0; i < folded.Length; i++)
        {
            weights[i] = folded[i] * Scaling.Scales[inputs[i]];
            bias += folded[i] * (double)Scaling.Offsets[inputs[i]];
        }
    }
}
