using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>A projection in training.</summary>
/// <param name="signal">What is heard.</param>
/// <param name="connectivity">Which numbers of it each neuron is connected to.</param>
/// <param name="weights">Neurons × connections; null for fresh ones.</param>
/// <param name="firstInput">Where the signal begins among the numbers of a row, where rows bring it.</param>
internal sealed class ProjectionState(
    Signal signal,
    Connectivity connectivity,
    Parameter? weights = null,
    int firstInput = 0
) : IDisposable
{
    public Signal Signal => signal;

    public Connectivity Connectivity => connectivity;

    /// <summary>Where the signal begins among the numbers of a row, where rows bring it.</summary>
    public int FirstInput => firstInput;

    /// <summary>Neurons × connections.</summary>
    public Parameter Weights { get; } = weights ?? new(connectivity.NeuronCount, connectivity.ConnectionsPerNeuron);

    public void Dispose()
    {
        if (weights is null)
            Weights.Dispose();
    }
}

/// <summary>A source in training: what it hears. Its biases are the layer's.</summary>
/// <param name="symbol">The source's letter in the goal's notation.</param>
/// <param name="projections">What it hears.</param>
internal sealed class SourceState(char symbol, ProjectionState[] projections) : IDisposable
{
    public char Symbol => symbol;

    public ProjectionState[] Projections => projections;

    public void Dispose()
    {
        foreach (ProjectionState projection in projections)
            projection.Dispose();
    }
}

/// <summary>A layer in training: its sources' weights, and how its neurons fire and learn.</summary>
/// <param name="index">The layer's place in the network.</param>
/// <param name="sources">The sources with weights, F first.</param>
/// <param name="hasOwnLabel">Whether a last source, which has no weights, is each neuron's own label.</param>
/// <param name="rules">How its neurons fire and learn.</param>
/// <param name="biases">The biases, where they and the weights are another state's; null for fresh ones.</param>
internal sealed class LayerState(
    int index,
    SourceState[] sources,
    bool hasOwnLabel,
    LayerRules rules,
    Parameter? biases = null
) : IDisposable
{
    /// <summary>The layer's place in the network.</summary>
    public int Index => index;

    public int NeuronCount { get; } = sources[0].Projections[0].Connectivity.NeuronCount;

    /// <summary>The sources with weights, in the order of the goal's letters.</summary>
    public SourceState[] Sources => sources;

    /// <summary>Whether a last source is each neuron's own label, seen by the goal alone.</summary>
    public bool HasOwnLabel => hasOwnLabel;

    public GoalFunction? Goal => rules.Goal;

    public Activation Activation => rules.Activation;

    /// <summary>Whether it is an output layer without a goal, which learns by softmax regression.</summary>
    public bool IsSoftmax => Goal is null && Activation is FeedforwardActivation;

    /// <summary>Whether its weights change.</summary>
    public bool Learns => Goal is not null || IsSoftmax;

    public Binning Binning => rules.Binning;

    public AdamSettings Optimizer => rules.Optimizer;

    public Pooling? Pooling => rules.Pooling;

    public PassedOutputs PassesOn => rules.PassesOn;

    /// <summary>The positions that its neurons are at, with the same weights; null where each is at one alone.</summary>
    public FieldGrid? Positions { get; } =
        InfomorphicLayer.FindPositions(
            sources.SelectMany(source => source.Projections).Select(projection => projection.Connectivity),
            rules.Pooling
        );

    public int PositionCount => Positions?.Count ?? 1;

    public int CellCount => Pooling?.Count ?? PositionCount;

    public int OutputCount => CellCount * NeuronCount;

    /// <summary>The bias of each source of each neuron.</summary>
    public Parameter Biases { get; } =
        biases ?? new(sources[0].Projections[0].Connectivity.NeuronCount, sources.Length);

    public LayerRules Rules => rules;

    /// <summary>The weights of the sources' projections in their order, then the biases.</summary>
    public Parameter[] Parameters { get; private set; } = [];

    /// <summary>What each source hears, the own label included.</summary>
    public IReadOnlyList<IReadOnlyList<Signal>> Signals =>
        [
            .. sources.Select(source => (IReadOnlyList<Signal>)[.. source.Projections.Select(of => of.Signal)]),
            .. hasOwnLabel
                ? (IReadOnlyList<Signal>[])
                    [
                        [Signal.OwnLabel],
                    ]
                : [],
        ];

    /// <summary>Lists the parameters once.</summary>
    public LayerState WithParameters()
    {
        Parameters = [.. sources.SelectMany(source => source.Projections).Select(of => of.Weights), Biases];
        return this;
    }

    /// <summary>Draws weights and biases uniformly in ±1/√(number of inputs).</summary>
    /// <param name="random">Where randomness comes from.</param>
    /// <param name="checkAlive">Called for every neuron; throws to end the training. Null for nothing.</param>
    public void Initialize(RandomStream random, Action? checkAlive = null)
    {
        // Softmax regression has one optimum, and begins where all classes are alike.
        if (IsSoftmax)
            return;
        for (int source = 0; source < sources.Length; source++)
        for (int neuron = 0; neuron < NeuronCount; neuron++)
        {
            checkAlive?.Invoke();
            Initialize(random, source, neuron);
        }
    }

    /// <summary>Draws the weights and the bias of one source of one neuron.</summary>
    public void Initialize(RandomStream random, int source, int neuron)
    {
        float bound = 1 / MathF.Sqrt(sources[source].Projections.Sum(projection => projection.Connectivity.FanIn));
        foreach (ProjectionState projection in sources[source].Projections)
        foreach (ref float weight in projection.Weights.Value[neuron])
            weight = (2 * random.NextUniform() - 1) * bound;
        Biases.Value[neuron][source] = (2 * random.NextUniform() - 1) * bound;
    }

    /// <summary>No neuron hears itself.</summary>
    public void ClearSelfConnections()
    {
        foreach (ProjectionState projection in sources.SelectMany(source => source.Projections))
            if (projection.Signal == Signal.Layer(index))
                ClearSelfConnections(projection.Connectivity, projection.Weights.Value);
    }

    /// <summary>
    /// Which weights of a parameter are those with which neurons would hear themselves, neurons × connections; null where
    /// there are none.
    /// </summary>
    /// <param name="parameter">The parameter's place among <see cref="Parameters"/>.</param>
    public bool[,]? SelfConnections(int parameter)
    {
        ProjectionState[] projections = [.. sources.SelectMany(source => source.Projections)];
        if (parameter >= projections.Length || projections[parameter].Signal != Signal.Layer(index))
            return null;
        Connectivity connectivity = projections[parameter].Connectivity;
        bool[,] self = new bool[connectivity.NeuronCount, connectivity.ConnectionsPerNeuron];
        bool any = false;
        for (int neuron = 0; neuron < connectivity.NeuronCount; neuron++)
        {
            if (SelfConnection(connectivity, neuron) is not (>= 0 and int connection))
                continue;
            self[neuron, connection] = true;
            any = true;
        }

        return any ? self : null;
    }

    /// <summary>Sets the weights with which neurons would hear themselves, or the gradients by them, to 0.</summary>
    /// <param name="connectivity">How the layer is connected to itself.</param>
    /// <param name="matrix">Neurons × connections.</param>
    public static void ClearSelfConnections(Connectivity connectivity, Torch.TensorMatrix matrix)
    {
        for (int neuron = 0; neuron < connectivity.NeuronCount; neuron++)
            if (SelfConnection(connectivity, neuron) is >= 0 and int connection)
                matrix[neuron][connection] = 0;
    }

    // Which of a neuron's connections is to itself; negative where none is.
    private static int SelfConnection(Connectivity connectivity, int neuron) =>
        connectivity switch
        {
            AllConnected => neuron,
            GroupConnected groups => groups.OfGroup(neuron / groups.NeuronsPerGroup).IndexOf(neuron),
            DrawnConnected drawn => drawn.Of(neuron).IndexOf(neuron),
            _ => -1,
        };

    public void Dispose()
    {
        foreach (SourceState source in sources)
            source.Dispose();
        if (biases is null)
            Biases.Dispose();
    }
}

/// <summary>How the neurons of a layer fire and learn.</summary>
/// <param name="Goal">The goal; null for a layer that does not learn.</param>
/// <param name="Activation">The activation.</param>
/// <param name="Binning">The binning.</param>
/// <param name="Optimizer">The optimiser's rules.</param>
/// <param name="Pooling">How positions are pooled; null where they are not.</param>
/// <param name="PassesOn">What is passed on in training.</param>
internal sealed record LayerRules(
    GoalFunction? Goal,
    Activation Activation,
    Binning Binning,
    AdamSettings Optimizer,
    Pooling? Pooling = null,
    PassedOutputs PassesOn = PassedOutputs.Sampled
);
