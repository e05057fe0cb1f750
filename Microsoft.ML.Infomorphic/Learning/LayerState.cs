using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>One source of a layer in training: what feeds it, and its weights.</summary>
/// <param name="symbol">The source's letter in the goal's notation.</param>
/// <param name="kind">What feeds it.</param>
/// <param name="neurons">Number of neurons of the layer.</param>
/// <param name="inputs">Number of inputs that feed it.</param>
/// <param name="connections">For each neuron, the inputs that it listens to; null for all.</param>
internal sealed class SourceState(char symbol, SourceKind kind, int neurons, int inputs, int[]? connections)
    : IDisposable
{
    public char Symbol => symbol;

    public SourceKind Kind => kind;

    /// <summary>Number of inputs that feed the source; the bound of fresh weights follows from it.</summary>
    public int InputCount => inputs;

    /// <summary>For each neuron, the inputs that it listens to; null where it listens to all, but never to itself.</summary>
    public int[]? Connections => connections;

    /// <summary>Number of inputs that a neuron listens to.</summary>
    public int ConnectionCount =>
        connections is not null ? connections.Length / neurons
        : kind == SourceKind.Lateral ? inputs - 1
        : inputs;

    /// <summary>Neurons × inputs, or × connections; a lateral source that hears all has a zero diagonal.</summary>
    public Parameter Weights { get; } =
        new(neurons, Math.Max(connections is null ? inputs : connections.Length / neurons, 1));

    /// <summary>The inputs that a neuron listens to, where they are drawn.</summary>
    public ReadOnlySpan<int> PeersOf(int neuron) => connections.AsSpan(neuron * ConnectionCount, ConnectionCount);

    public void Dispose() => Weights.Dispose();
}

/// <summary>A layer in training: its sources' weights, and how its neurons fire and learn.</summary>
/// <param name="neurons">Number of neurons.</param>
/// <param name="sources">The sources with weights, F first.</param>
/// <param name="goal">The goal; null for a layer that does not learn.</param>
/// <param name="activation">The activation.</param>
/// <param name="binning">The binning.</param>
/// <param name="optimizer">The optimiser's settings.</param>
internal sealed class LayerState(
    int neurons,
    SourceState[] sources,
    GoalFunction? goal,
    Activation activation,
    Binning binning,
    AdamSettings optimizer
) : IDisposable
{
    public int NeuronCount => neurons;

    /// <summary>The sources with weights, in the order of the goal's letters.</summary>
    public SourceState[] Sources => sources;

    public GoalFunction? Goal => goal;

    public Activation Activation => activation;

    public Binning Binning => binning;

    public AdamSettings Optimizer => optimizer;

    /// <summary>
    /// Whether its neurons hear outputs of a presentation before, their own layer's or the output layer's, so that rows are
    /// presented more than once.
    /// </summary>
    public bool IsRecurrent { get; } = sources.Any(source => source.Kind is SourceKind.Lateral or SourceKind.Feedback);

    /// <summary>The bias of each source of each neuron.</summary>
    public Parameter Biases { get; } = new(neurons, sources.Length);

    /// <summary>The weights of the sources in their order, then the biases.</summary>
    public Parameter[] Parameters => [.. sources.Select(source => source.Weights), Biases];

    /// <summary>The source with a letter.</summary>
    public SourceState this[char symbol] => sources.Single(source => source.Symbol == symbol);

    /// <summary>The place of the source of a kind, or −1.</summary>
    public int IndexOf(SourceKind kind) => Array.FindIndex(sources, source => source.Kind == kind);

    /// <summary>The source of a kind, or null.</summary>
    public SourceState? Find(SourceKind kind) => Array.Find(sources, source => source.Kind == kind);

    /// <summary>Draws weights and biases uniformly in ±1/√(number of inputs).</summary>
    public void Initialize(RandomStream random)
    {
        for (int source = 0; source < sources.Length; source++)
        for (int neuron = 0; neuron < neurons; neuron++)
            Initialize(random, source, neuron);
    }

    /// <summary>Draws the weights and the bias of one source of one neuron.</summary>
    public void Initialize(RandomStream random, int source, int neuron)
    {
        // The bound follows from the number of inputs also where a neuron listens to a part of them only.
        float bound = 1 / MathF.Sqrt(sources[source].InputCount);
        foreach (ref float weight in sources[source].Weights.Value[neuron])
            weight = (2 * random.NextUniform() - 1) * bound;
        Biases.Value[neuron][source] = (2 * random.NextUniform() - 1) * bound;
    }

    /// <summary>Where all neurons are connected, none hears itself.</summary>
    public void ClearSelfConnections()
    {
        if (Find(SourceKind.Lateral) is not { Connections: null } lateral)
            return;
        for (int neuron = 0; neuron < neurons; neuron++)
            lateral.Weights.Value[neuron][neuron] = 0;
    }

    public void Dispose()
    {
        foreach (SourceState source in sources)
            source.Dispose();
        Biases.Dispose();
    }
}
