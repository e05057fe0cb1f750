using System.Collections;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What a layer passes on to the layers above it while it is trained.</summary>
public enum PassedOutputs
{
    /// <summary>A sample of each neuron's output, drawn with its context there, as in the paper.</summary>
    Sampled = 0,

    /// <summary>
    /// Each neuron's mean output with the label withheld, which is what the layers above will get when rows are scored.
    /// </summary>
    Mean = 1,
}

/// <summary>Which numbers of its first input the neurons of a layer are connected to, where they are not to all.</summary>
public abstract record PartialConnections
{
    private protected PartialConnections() { }

    internal abstract void Validate();
}

/// <summary>
/// Local fields: as many neurons as the layer says are connected to each of the fields of an image, and hear each other
/// within it. Or, where they share their weights, to all fields.
/// </summary>
/// <param name="Height">Rows of pixels of a field, at least 1.</param>
/// <param name="Width">Columns of pixels of a field, at least 1.</param>
/// <param name="VerticalStride">Rows from one field to the next, at least 1.</param>
/// <param name="HorizontalStride">Columns from one field to the next, at least 1.</param>
/// <param name="SharesWeights">
/// Whether a neuron is at all fields, with the same weights: its joint distribution is then over rows × fields.
/// </param>
/// <param name="Pooling">The cells that such a neuron's outputs are pooled to; null where each field's are passed on.</param>
public sealed record LocalFieldSettings(
    int Height,
    int Width,
    int VerticalStride,
    int HorizontalStride,
    bool SharesWeights = false,
    Pooling? Pooling = null
) : PartialConnections
{
    internal override void Validate()
    {
        if (Pooling is not null && !SharesWeights)
            throw new ArgumentException(
                "Positions are pooled, and the layer has none: only neurons that share their weights are at several."
            );
    }
}

/// <summary>Random subsets: as many neurons as the layer says are connected to each of some subsets of the inputs, drawn once.</summary>
/// <param name="Count">Number of subsets, at least 1.</param>
/// <param name="Inputs">
/// Inputs of a subset, at least 1; all where there are not more. Where these are features that are encoded, a feature comes with all of
/// its components, as far as there is room for the components that so many features have in the mean.
/// </param>
public sealed record RandomSubsetSettings(int Count, int Inputs) : PartialConnections
{
    internal override void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Inputs, 1);
    }
}

/// <summary>What decides a hidden layer and its training. Defaults are the paper's (table 1).</summary>
public sealed record LayerSettings
{
    /// <summary>Number of neurons N, at least 1: of each field or subset, where there are <see cref="Connections"/>.</summary>
    public int Neurons { get; init; } = 100;

    /// <summary>
    /// What F hears: the features, or layers below. Null for the layer below alone or, in the lowest layer, the features.
    /// </summary>
    public IReadOnlyList<Signal>? Inputs
    {
        get;
        init => field = value is null ? null : new ValueList<Signal>(value);
    }

    /// <summary>
    /// The context C: the label, or the outputs of a layer, as a rule of one above, which are those of the presentation
    /// before. Null for none.
    /// </summary>
    public Signal? Context { get; init; } = Signal.Label;

    /// <summary>
    /// At most so many lateral connections L a neuron, drawn once at random; all others where there are no more, so that
    /// <see cref="int.MaxValue"/> connects all to all. Null for no lateral input.
    /// </summary>
    public int? LateralConnections { get; init; } = 100;

    /// <summary>Which numbers of its first input a neuron is connected to; null for all.</summary>
    public PartialConnections? Connections { get; init; }

    /// <summary>
    /// The goal of the neurons, over <see cref="Sources"/>; null for neurons that do not learn, a fixed random projection,
    /// which have F alone and a step for their activation.
    /// </summary>
    public required GoalFunction? Goal { get; init; }

    /// <summary>
    /// The activation of neurons that learn: a <see cref="ModulatedActivation"/> where they have context and lateral input, a
    /// <see cref="BivariateActivation"/> where they have one of them.
    /// </summary>
    public Activation Activation { get; init; } = new ModulatedActivation();

    /// <summary>The binning of the sources.</summary>
    public Binning Binning { get; init; } = new();

    /// <summary>The optimiser.</summary>
    public AdamSettings Optimizer { get; init; } = new(0.002, 0.00035);

    /// <summary>
    /// Whether the learning rate is not that of <see cref="Optimizer"/> but follows from the number of a neuron's inputs
    /// (<see cref="AutomaticSettings.LearningRate"/>).
    /// </summary>
    internal bool HasAutomaticLearningRate { get; init; }

    /// <summary>
    /// Whether <see cref="Connections"/> and <see cref="Neurons"/> are not these but follow from the features
    /// (<see cref="AutomaticSettings.SubsetsOf"/>).
    /// </summary>
    internal bool HasAutomaticConnections { get; init; }

    /// <summary>What the layer passes on to the layers above it in training.</summary>
    public PassedOutputs PassesOn { get; init; } = PassedOutputs.Sampled;

    /// <summary>Whether the neurons learn.</summary>
    public bool Learns => Goal is not null;

    /// <summary>The sources, in the order of the goal's letters: F, then C and L where they are there.</summary>
    public string Sources =>
        "F" + (Learns && Context is not null ? "C" : "") + (Learns && LateralConnections is not null ? "L" : "");

    /// <summary>A fixed random projection: neurons that never learn, whose outputs are 1 where F is positive, else 0.</summary>
    /// <param name="neurons">Number of neurons, at least 1.</param>
    /// <returns>The settings.</returns>
    public static LayerSettings RandomProjection(int neurons) =>
        new()
        {
            Neurons = neurons,
            Context = null,
            LateralConnections = null,
            Goal = null,
        };

    /// <summary>Checks what does not depend on the other layers.</summary>
    /// <param name="index">The layer's place, from 0.</param>
    internal void Validate(int index)
    {
        string name = $"hidden layer {index + 1}";
        ArgumentOutOfRangeException.ThrowIfLessThan(Neurons, 1);
        if (LateralConnections is int lateral)
            ArgumentOutOfRangeException.ThrowIfLessThan(lateral, 1, nameof(LateralConnections));
        if (!Enum.IsDefined(PassesOn))
            throw new ArgumentException($"{name} passes on {PassesOn}, and there are no such outputs.");
        Connections?.Validate();
        Binning.Validate();
        Optimizer.Validate();
        if (!Learns)
        {
            if (Context is not null || LateralConnections is not null)
                throw new ArgumentException($"The neurons of {name} have no goal, and then they have F alone.");
            return;
        }

        Activation.Validate();
        if (Sources.Length < 2)
            throw new ArgumentException(
                $"Neurons that learn need a context, or lateral input, or both; {name} has none."
            );
        string names = string.Join(" and ", Sources.AsEnumerable());
        if (Goal!.Sources != Sources)
            throw new ArgumentException(
                $"The neurons of {name} have the sources {names}; their goal is over {string.Join(", ", Goal.Sources.AsEnumerable())}."
            );
        if (Activation.SourceCount != Sources.Length)
            throw new ArgumentException(
                $"The neurons of {name} have the sources {names}, and need a {(Sources.Length == 3 ? "modulated" : "bivariate")} activation."
            );
        if (Context is { Kind: SignalKind.Features or SignalKind.OwnLabel })
            throw new ArgumentException($"The context of {name} is the label or a layer, and not {Context}.");
    }
}

/// <summary>What decides the output layer and its training. Defaults are the paper's (table 1).</summary>
public sealed record OutputLayerSettings
{
    /// <summary>
    /// What F hears: the features, or hidden layers. Null for the last hidden layer or, where there is none, the features.
    /// </summary>
    public IReadOnlyList<Signal>? Inputs
    {
        get;
        init => field = value is null ? null : new ValueList<Signal>(value);
    }

    /// <summary>
    /// The goal of the output neurons, over the sources F and C, their own label; null for softmax regression, where the
    /// layer ascends the likelihood of the labels by the delta rule.
    /// </summary>
    public required GoalFunction? Goal { get; init; }

    /// <summary>The binning of the sources.</summary>
    public Binning Binning { get; init; } = Binning.PaperOutputLayer;

    /// <summary>The optimiser.</summary>
    public AdamSettings Optimizer { get; init; } = new(0.003, 0.00015);

    internal void Validate()
    {
        if (Goal is not null && Goal.Sources != "FC")
            throw new ArgumentException(
                $"The output neurons have the sources F and C; their goal is over {string.Join(", ", Goal.Sources.AsEnumerable())}."
            );
        Binning.Validate();
        Optimizer.Validate();
    }
}

/// <summary>A list that equals another one of equal items, as records' parts should.</summary>
internal sealed class ValueList<T>(IReadOnlyList<T> items) : IReadOnlyList<T>
{
    private readonly T[] _items = [.. items];

    public int Count => _items.Length;

    public T this[int index] => _items[index];

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)_items).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals(object? obj) => obj is ValueList<T> other && _items.SequenceEqual(other._items);

    public override int GetHashCode() => _items.Aggregate(_items.Length, (hash, item) => HashCode.Combine(hash, item));
}
