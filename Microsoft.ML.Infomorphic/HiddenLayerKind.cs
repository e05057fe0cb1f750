namespace Microsoft.ML.Infomorphic;

/// <summary>What a network has between its features and its output layer.</summary>
public enum HiddenLayerKind
{
    /// <summary>A layer of infomorphic neurons, each of which learns for itself.</summary>
    Infomorphic = 0,

    /// <summary>A fixed random projection: neurons that never learn, with a step for their activation.</summary>
    Random = 1,

    /// <summary>Nothing: the output layer is fed by the features.</summary>
    None = 2,
}

/// <summary>What is the context C of a hidden neuron.</summary>
public enum ContextSignal
{
    /// <summary>The row's label, which is withheld when rows are scored.</summary>
    Label = 0,

    /// <summary>The output layer's outputs of the presentation before, in training and when rows are scored.</summary>
    Feedback = 1,

    /// <summary>Nothing: hidden neurons have no context.</summary>
    None = 2,

    /// <summary>
    /// The outputs of the next layer above, in the presentation before, in training and when rows are scored; that is the
    /// output layer for the last hidden layer.
    /// </summary>
    LayerAbove = 3,
}

/// <summary>How the range of a hidden neuron's bins is found.</summary>
public enum BinningKind
{
    /// <summary>The bins cover a range that is set.</summary>
    Fixed = 0,

    /// <summary>The bins cover each batch's values, up to their largest magnitude on either side of 0.</summary>
    Adaptive = 1,
}
