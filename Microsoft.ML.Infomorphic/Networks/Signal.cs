namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>What kind of numbers a source can hear.</summary>
public enum SignalKind
{
    /// <summary>The row's features.</summary>
    Features = 0,

    /// <summary>The row's one-hot label, in training only.</summary>
    Label = 1,

    /// <summary>For each neuron, its own element of the one-hot label, in training only.</summary>
    OwnLabel = 2,

    /// <summary>The outputs of a layer.</summary>
    Layer = 3,
}

/// <summary>
/// What a source can hear. A layer below is heard in the same presentation; the layer itself, and those above it, as they
/// were in the presentation before, and not at all in the first.
/// </summary>
public readonly record struct Signal
{
    private Signal(SignalKind kind, int layer)
    {
        Kind = kind;
        Index = layer;
    }

    /// <summary>The row's features.</summary>
    public static Signal Features { get; } = new(SignalKind.Features, -1);

    /// <summary>The row's one-hot label.</summary>
    public static Signal Label { get; } = new(SignalKind.Label, -1);

    /// <summary>For each neuron, its own element of the one-hot label, through a fixed weight of 1.</summary>
    public static Signal OwnLabel { get; } = new(SignalKind.OwnLabel, -1);

    /// <summary>The kind of the signal.</summary>
    public SignalKind Kind { get; }

    /// <summary>The layer's place in the network, from 0 for the lowest; −1 where the signal is not a layer's.</summary>
    public int Index { get; }

    /// <summary>Whether a row that is scored does not have it.</summary>
    internal bool IsLabel => Kind is SignalKind.Label or SignalKind.OwnLabel;

    /// <summary>The outputs of a layer.</summary>
    /// <param name="index">The layer's place in the network, from 0 for the lowest.</param>
    /// <returns>The signal.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The place is negative.</exception>
    public static Signal Layer(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return new(SignalKind.Layer, index);
    }

    /// <summary>Whether it is the output of a layer that is not below another one: it is heard one presentation late.</summary>
    /// <param name="listener">The layer that hears it.</param>
    internal bool IsLateFor(int listener) => Kind == SignalKind.Layer && Index >= listener;

    /// <summary>"features", "label", "own label" or "layer" and the layer's place.</summary>
    public override string ToString() =>
        Kind switch
        {
            SignalKind.Features => "features",
            SignalKind.Label => "label",
            SignalKind.OwnLabel => "own label",
            _ => $"layer {Index}",
        };
}
