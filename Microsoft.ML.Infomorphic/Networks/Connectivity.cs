namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>
/// Which numbers of a signal the neurons of a layer are connected to. Every neuron has as many connections, each with a
/// weight of its own.
/// </summary>
/// <remarks>Where a layer hears itself, no neuron hears itself: the weight of such a connection is 0 and stays so.</remarks>
public abstract class Connectivity
{
    private protected Connectivity(int neuronCount, int inputCount, int connectionsPerNeuron)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(neuronCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(connectionsPerNeuron);
        NeuronCount = neuronCount;
        InputCount = inputCount;
        ConnectionsPerNeuron = connectionsPerNeuron;
    }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount { get; }

    /// <summary>Number of numbers M of the signal.</summary>
    public int InputCount { get; }

    /// <summary>Number of connections K of a neuron.</summary>
    public int ConnectionsPerNeuron { get; }

    /// <summary>
    /// Number of inputs that the bound of fresh weights, ±1/√n, follows from: the connections, unless the authors have it
    /// otherwise.
    /// </summary>
    internal virtual int FanIn => ConnectionsPerNeuron;

    /// <summary>The input of each of a neuron's connections.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <param name="position">The position, from 0, where the neurons are at several (<see cref="SharedFields"/>).</param>
    /// <returns><see cref="ConnectionsPerNeuron"/> places in the signal, from 0.</returns>
    public abstract int[] InputsOf(int neuron, int position = 0);

    /// <summary>Whether another one connects the same neurons to the same inputs.</summary>
    internal abstract bool IsSameAs(Connectivity other);

    /// <summary>The number of items of each of some owners, 1 at least; what does not fit is refused later.</summary>
    private protected static int PerOwner(int[] items, int owners)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(owners);
        return Math.Max(items.Length / owners, 1);
    }

    private protected static void CheckInputs(ReadOnlySpan<int> inputs, int inputCount)
    {
        foreach (int input in inputs)
            if ((uint)input >= (uint)inputCount)
                throw new ArgumentException($"There are {inputCount} inputs, and none at {input}.");
    }
}

/// <summary>Every neuron is connected to all inputs.</summary>
/// <param name="neuronCount">Number of neurons N.</param>
/// <param name="inputCount">Number of inputs M.</param>
public sealed class AllConnected(int neuronCount, int inputCount) : Connectivity(neuronCount, inputCount, inputCount)
{
    /// <inheritdoc/>
    public override int[] InputsOf(int neuron, int position = 0) => [.. Enumerable.Range(0, InputCount)];

    internal override bool IsSameAs(Connectivity other) =>
        other is AllConnected && (other.NeuronCount, other.InputCount) == (NeuronCount, InputCount);
}

/// <summary>Every neuron is connected to inputs of its own, as a rule drawn at random.</summary>
public sealed class DrawnConnected : Connectivity
{
    /// <summary>Connects neurons.</summary>
    /// <param name="neuronCount">Number of neurons N.</param>
    /// <param name="inputCount">Number of inputs M.</param>
    /// <param name="connections">N × K inputs.</param>
    /// <exception cref="ArgumentException">Their number is not a multiple of the neurons', or there is no such input.</exception>
    public DrawnConnected(int neuronCount, int inputCount, int[] connections)
        : base(neuronCount, inputCount, PerOwner(connections, neuronCount))
    {
        if (connections.Length == 0 || connections.Length % neuronCount != 0)
            throw new ArgumentException("Every neuron must have the same number of connections, and at least one.");
        CheckInputs(connections, inputCount);
        Connections = connections;
    }

    /// <summary>Connections that are not drawn yet, of which their number alone is known.</summary>
    internal DrawnConnected(int neuronCount, int inputCount, int connectionsPerNeuron)
        : base(neuronCount, inputCount, connectionsPerNeuron) => Connections = [];

    /// <summary>N × K inputs.</summary>
    internal int[] Connections { get; }

    // The authors mask a matrix of all weights, which they draw as if all were there.
    internal override int FanIn => InputCount;

    /// <inheritdoc/>
    public override int[] InputsOf(int neuron, int position = 0) => Of(neuron).ToArray();

    /// <summary>The inputs of a neuron.</summary>
    internal ReadOnlySpan<int> Of(int neuron) =>
        Connections.AsSpan(neuron * ConnectionsPerNeuron, ConnectionsPerNeuron);

    internal override bool IsSameAs(Connectivity other) =>
        other is DrawnConnected drawn
        && (other.NeuronCount, other.InputCount) == (NeuronCount, InputCount)
        && drawn.Connections.AsSpan().SequenceEqual(Connections);
}

/// <summary>
/// Groups of neurons, each of which is connected to inputs that all neurons of the group have. Neuron g·n + i is the i-th of
/// group g.
/// </summary>
public abstract class GroupConnected : Connectivity
{
    private protected GroupConnected(int groupCount, int neuronsPerGroup, int inputCount, int inputsPerGroup)
        : base(Count(groupCount, neuronsPerGroup), inputCount, inputsPerGroup)
    {
        GroupCount = groupCount;
        NeuronsPerGroup = neuronsPerGroup;
    }

    /// <summary>Number of groups.</summary>
    public int GroupCount { get; }

    /// <summary>Number of neurons n of a group.</summary>
    public int NeuronsPerGroup { get; }

    /// <inheritdoc/>
    public override int[] InputsOf(int neuron, int position = 0) => OfGroup(neuron / NeuronsPerGroup).ToArray();

    /// <summary>Number of neurons of all groups.</summary>
    /// <exception cref="ArgumentException">There can be no such groups, or not so many.</exception>
    private protected static int Count(int groupCount, int neuronsPerGroup)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groupCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(neuronsPerGroup);
        return (long)groupCount * neuronsPerGroup <= Array.MaxLength
            ? groupCount * neuronsPerGroup
            : throw new ArgumentException(
                $"{groupCount} groups of {neuronsPerGroup} neurons are more neurons than a layer can have."
            );
    }

    /// <summary>The inputs of a group's neurons.</summary>
    internal abstract ReadOnlySpan<int> OfGroup(int group);

    internal override bool IsSameAs(Connectivity other)
    {
        if (
            other is not GroupConnected groups
            || other.GetType() != GetType()
            || (groups.GroupCount, groups.NeuronsPerGroup, other.InputCount)
                != (GroupCount, NeuronsPerGroup, InputCount)
        )
            return false;
        for (int group = 0; group < GroupCount; group++)
            if (!OfGroup(group).SequenceEqual(groups.OfGroup(group)))
                return false;
        return true;
    }
}

/// <summary>Local fields: the neurons of a group are connected to one field of an image.</summary>
public sealed class LocalFields : GroupConnected
{
    private readonly int[] _inputs;

    /// <summary>Connects neurons.</summary>
    /// <param name="grid">The fields, one a group.</param>
    /// <param name="neuronsPerField">Number of neurons of each.</param>
    /// <exception cref="ArgumentException">Such fields are not possible.</exception>
    public LocalFields(FieldGrid grid, int neuronsPerField)
        : base(Checked(grid).Count, neuronsPerField, (int)grid.Image.Size, grid.FieldSize)
    {
        Grid = grid;
        _inputs = grid.AllInputs();
    }

    /// <summary>The fields.</summary>
    public FieldGrid Grid { get; }

    internal override ReadOnlySpan<int> OfGroup(int group) =>
        _inputs.AsSpan(group * ConnectionsPerNeuron, ConnectionsPerNeuron);

    internal static FieldGrid Checked(FieldGrid grid)
    {
        ArgumentNullException.ThrowIfNull(grid);
        grid.Validate();
        return grid;
    }
}

/// <summary>The neurons of a group are connected to a subset of the inputs, as a rule drawn at random.</summary>
public sealed class SubsetConnected : GroupConnected
{
    /// <summary>Connects neurons.</summary>
    /// <param name="groupCount">Number of groups.</param>
    /// <param name="neuronsPerGroup">Number of neurons of a group.</param>
    /// <param name="inputCount">Number of inputs M.</param>
    /// <param name="inputs">Groups × K inputs.</param>
    /// <exception cref="ArgumentException">Their number is not a multiple of the groups', or there is no such input.</exception>
    public SubsetConnected(int groupCount, int neuronsPerGroup, int inputCount, int[] inputs)
        : base(groupCount, neuronsPerGroup, inputCount, PerOwner(inputs, groupCount))
    {
        if (inputs.Length == 0 || inputs.Length % groupCount != 0)
            throw new ArgumentException("Every group must have the same number of inputs, and at least one.");
        CheckInputs(inputs, inputCount);
        Inputs = inputs;
    }

    /// <summary>Subsets that are not drawn yet, of which their number and size alone are known.</summary>
    internal SubsetConnected(int groupCount, int neuronsPerGroup, int inputCount, int inputsPerGroup)
        : base(groupCount, neuronsPerGroup, inputCount, inputsPerGroup) => Inputs = [];

    /// <summary>Groups × K inputs.</summary>
    internal int[] Inputs { get; }

    internal override ReadOnlySpan<int> OfGroup(int group) =>
        Inputs.AsSpan(group * ConnectionsPerNeuron, ConnectionsPerNeuron);
}

/// <summary>The neurons of a group are connected to the outputs of their own group: lateral input within fields.</summary>
/// <param name="groupCount">Number of groups.</param>
/// <param name="neuronsPerGroup">Number of neurons of a group.</param>
public sealed class WithinGroups(int groupCount, int neuronsPerGroup)
    : GroupConnected(groupCount, neuronsPerGroup, Count(groupCount, neuronsPerGroup), neuronsPerGroup)
{
    private int[]? _inputs; // when they are first asked for

    internal override ReadOnlySpan<int> OfGroup(int group)
    {
        _inputs ??= [.. Enumerable.Range(0, NeuronCount)];
        return _inputs.AsSpan(group * NeuronsPerGroup, NeuronsPerGroup);
    }
}

/// <summary>
/// Fields whose neurons share their weights: each neuron is at every field of the image, with the same weights, as in a
/// convolution. Its joint distribution is over rows × positions.
/// </summary>
/// <param name="grid">The fields, which are the positions.</param>
/// <param name="neuronCount">Number of neurons N.</param>
/// <exception cref="ArgumentException">Such fields are not possible.</exception>
public sealed class SharedFields(FieldGrid grid, int neuronCount)
    : Connectivity(neuronCount, (int)LocalFields.Checked(grid).Image.Size, grid.FieldSize)
{
    private readonly int[] _inputs = grid.AllInputs();

    /// <summary>The fields.</summary>
    public FieldGrid Grid => grid;

    /// <summary>Number of positions P.</summary>
    public int PositionCount => grid.Count;

    /// <inheritdoc/>
    public override int[] InputsOf(int neuron, int position = 0) => AtPosition(position).ToArray();

    /// <summary>The inputs of all neurons at a position.</summary>
    internal ReadOnlySpan<int> AtPosition(int position) =>
        _inputs.AsSpan(position * ConnectionsPerNeuron, ConnectionsPerNeuron);

    internal override bool IsSameAs(Connectivity other) =>
        other is SharedFields shared && shared.NeuronCount == NeuronCount && shared.Grid == Grid;
}
