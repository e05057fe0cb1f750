namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>What feeds a source of a layer's neurons.</summary>
public enum SourceKind
{
    /// <summary>The row's features.</summary>
    Features = 0,

    /// <summary>The row's one-hot label; zeros where it is withheld.</summary>
    Label = 1,

    /// <summary>The outputs (±1) of the other neurons of the same layer in the presentation before.</summary>
    Lateral = 2,

    /// <summary>The outputs of the hidden layer below: ±1, or 0 and 1 where its activation is a step.</summary>
    HiddenLayer = 3,

    /// <summary>The neuron's own element of the one-hot label, through a fixed weight of 1.</summary>
    OwnLabel = 4,

    /// <summary>The outputs (±1) of the output layer in the presentation before; zeros in the first.</summary>
    Feedback = 5,
}

/// <summary>
/// One source of a layer: what feeds it, and the weights with which each neuron aggregates it into a single number
/// (the F, C or L of the paper).
/// </summary>
public sealed class InputSource
{
    /// <summary>Creates a source.</summary>
    /// <param name="symbol">The source's letter in the goal's notation.</param>
    /// <param name="kind">What feeds it.</param>
    /// <param name="neuronCount">Number of neurons N of the layer.</param>
    /// <param name="inputCount">Number of inputs M that feed it.</param>
    /// <param name="weights">
    /// N × K, row by row: K = M where <paramref name="connections"/> is null, else the number of connections of each
    /// neuron. Empty for <see cref="SourceKind.OwnLabel"/>.
    /// </param>
    /// <param name="biases">N biases; empty for <see cref="SourceKind.OwnLabel"/>.</param>
    /// <param name="connections">N × K indices of the inputs that each neuron listens to, or null for all of them.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a connection is out of range.</exception>
    public InputSource(
        char symbol,
        SourceKind kind,
        int neuronCount,
        int inputCount,
        float[] weights,
        float[] biases,
        int[]? connections = null
    )
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(biases);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(neuronCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputCount);

        if (kind == SourceKind.OwnLabel)
        {
            if (weights.Length != 0 || biases.Length != 0 || connections is not null)
                throw new ArgumentException("A neuron's own label has a fixed weight and takes no parameters.");
        }
        else
        {
            int perNeuron = connections is null ? inputCount : connections.Length / neuronCount;
            if (connections is not null && connections.Length != (long)perNeuron * neuronCount)
                throw new ArgumentException("Every neuron must have the same number of connections.");
            if (weights.LongLength != (long)neuronCount * perNeuron)
                throw new ArgumentException(
                    $"Source {symbol} needs {neuronCount} × {perNeuron} weights and got {weights.Length}."
                );
            if (biases.Length != neuronCount)
                throw new ArgumentException($"Source {symbol} needs {neuronCount} biases and got {biases.Length}.");
            if (connections is not null)
                foreach (int input in connections)
                    if ((uint)input >= (uint)inputCount)
                        throw new ArgumentException($"Source {symbol} has {inputCount} inputs and no input {input}.");
        }

        Symbol = symbol;
        Kind = kind;
        NeuronCount = neuronCount;
        InputCount = inputCount;
        Weights = weights;
        Biases = biases;
        Connections = connections;
    }

    /// <summary>The source's letter in the goal's notation: F, C or L.</summary>
    public char Symbol { get; }

    /// <summary>What feeds the source.</summary>
    public SourceKind Kind { get; }

    /// <summary>Number of neurons N of the layer.</summary>
    public int NeuronCount { get; }

    /// <summary>Number of inputs M that feed the source.</summary>
    public int InputCount { get; }

    /// <summary>Number of weights of each neuron, K.</summary>
    public int ConnectionsPerNeuron =>
        Kind == SourceKind.OwnLabel ? 1
        : Connections is null ? InputCount
        : Connections.Length / NeuronCount;

    /// <summary>N × K weights, row by row.</summary>
    public float[] Weights { get; }

    /// <summary>N biases.</summary>
    public float[] Biases { get; }

    /// <summary>N × K indices of the inputs that each neuron listens to; null where it listens to all.</summary>
    public int[]? Connections { get; }
}
