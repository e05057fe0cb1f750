namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>The connections from a signal to the neurons of a layer, and their weights.</summary>
public sealed class Projection
{
    /// <summary>Creates a projection.</summary>
    /// <param name="signal">What is heard.</param>
    /// <param name="connectivity">Which numbers of it each neuron is connected to.</param>
    /// <param name="weights">N × K weights, neuron by neuron; none for <see cref="Signal.OwnLabel"/>, whose weight is 1.</param>
    /// <exception cref="ArgumentException">The number of weights does not fit.</exception>
    public Projection(Signal signal, Connectivity connectivity, float[] weights)
    {
        ArgumentNullException.ThrowIfNull(connectivity);
        ArgumentNullException.ThrowIfNull(weights);
        bool isOwn = signal.Kind == SignalKind.OwnLabel;
        if (isOwn && weights.Length != 0)
            throw new ArgumentException("A neuron's own label has a fixed weight and takes no parameters.");
        if (!isOwn && weights.LongLength != (long)connectivity.NeuronCount * connectivity.ConnectionsPerNeuron)
            throw new ArgumentException(
                $"{connectivity.NeuronCount} × {connectivity.ConnectionsPerNeuron} weights are needed for {signal}, and there are {weights.Length}."
            );
        Signal = signal;
        Connectivity = connectivity;
        Weights = weights;
    }

    /// <summary>What is heard.</summary>
    public Signal Signal { get; }

    /// <summary>Which numbers of it each neuron is connected to.</summary>
    public Connectivity Connectivity { get; }

    /// <summary>N × K weights, neuron by neuron.</summary>
    public float[] Weights { get; }

    /// <summary>The weights of a neuron.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <returns>One weight a connection, in the order of <see cref="Connectivity.InputsOf"/>.</returns>
    public ReadOnlySpan<float> WeightsOf(int neuron) =>
        Weights.AsSpan(neuron * Connectivity.ConnectionsPerNeuron, Connectivity.ConnectionsPerNeuron);

    /// <summary>A neuron's weights, spread over all numbers of the signal: 0 where it is not connected.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <param name="position">The position, where neurons are at several.</param>
    internal float[] Spread(int neuron, int position = 0)
    {
        float[] spread = new float[Connectivity.InputCount];
        int[] inputs = Connectivity.InputsOf(neuron, position);
        ReadOnlySpan<float> weights = WeightsOf(neuron);
        for (int i = 0; i < inputs.Length; i++)
            spread[inputs[i]] += weights[i];
        return spread;
    }
}

/// <summary>
/// One source of a layer: what it hears, and the weights with which each neuron aggregates it into a single number, the F, C
/// or L of the paper. A source that hears several signals adds them up.
/// </summary>
public sealed class Source
{
    /// <summary>Creates a source.</summary>
    /// <param name="symbol">The source's letter in the goal's notation.</param>
    /// <param name="projections">What it hears: at least one projection, all to as many neurons.</param>
    /// <param name="biases">N biases; none for <see cref="Signal.OwnLabel"/>.</param>
    /// <exception cref="ArgumentException">There is no projection, or numbers do not fit.</exception>
    public Source(char symbol, IReadOnlyList<Projection> projections, float[] biases)
    {
        ArgumentNullException.ThrowIfNull(projections);
        ArgumentNullException.ThrowIfNull(biases);
        if (projections.Count == 0)
            throw new ArgumentException($"Source {symbol} hears nothing.");
        int neurons = projections[0].Connectivity.NeuronCount;
        if (projections.Any(projection => projection.Connectivity.NeuronCount != neurons))
            throw new ArgumentException($"All projections of source {symbol} must be to the same neurons.");
        bool isOwn = projections.Any(projection => projection.Signal.Kind == SignalKind.OwnLabel);
        if (isOwn && projections.Count > 1)
            throw new ArgumentException($"Source {symbol} hears a neuron's own label, and can hear nothing else.");
        if (biases.Length != (isOwn ? 0 : neurons))
            throw new ArgumentException(
                $"Source {symbol} needs {(isOwn ? 0 : neurons)} biases, and there are {biases.Length}."
            );
        Symbol = symbol;
        Projections = projections;
        Biases = biases;
        NeuronCount = neurons;
    }

    /// <summary>The source's letter in the goal's notation: F, C or L.</summary>
    public char Symbol { get; }

    /// <summary>What it hears.</summary>
    public IReadOnlyList<Projection> Projections { get; }

    /// <summary>N biases.</summary>
    public float[] Biases { get; }

    /// <summary>Number of neurons N of the layer.</summary>
    public int NeuronCount { get; }

    /// <summary>Whether it is a neuron's own label, which has no parameters.</summary>
    internal bool IsOwnLabel => Projections[0].Signal.Kind == SignalKind.OwnLabel;

    /// <summary>Whether it hears a signal.</summary>
    /// <param name="signal">The signal.</param>
    /// <returns>Whether it does.</returns>
    public bool Hears(Signal signal) => Projections.Any(projection => projection.Signal == signal);

    /// <summary>A source of each neuron's own label, as that of an output layer's context.</summary>
    /// <param name="symbol">The source's letter.</param>
    /// <param name="classes">Number of classes, and neurons.</param>
    internal static Source OfOwnLabel(char symbol, int classes) =>
        new(symbol, [new Projection(Signal.OwnLabel, new AllConnected(classes, classes), [])], []);
}
