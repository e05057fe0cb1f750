namespace Microsoft.ML.Infomorphic;

/// <summary>How the output layer of an infomorphic network learns: one neuron a class, either way.</summary>
public enum OutputLayerKind
{
    /// <summary>Each output neuron maximises its own goal over feedforward input and its own label, as in the paper.</summary>
    Infomorphic = 0,

    /// <summary>
    /// Softmax regression: the layer ascends the likelihood of the labels by the delta rule, and nothing crosses to the
    /// hidden layers.
    /// </summary>
    Softmax = 1,
}
