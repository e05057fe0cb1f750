namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>What layers are called in text and pictures.</summary>
internal static class LayerNames
{
    /// <summary>"the hidden layer", "hidden layer 2" where there are several, or "the output layer".</summary>
    /// <param name="layer">The layer's place in the network, from 0.</param>
    /// <param name="hiddenLayers">Number of hidden layers of the network.</param>
    public static string Layer(int layer, int hiddenLayers) =>
        layer >= hiddenLayers ? "the output layer"
        : hiddenLayers == 1 ? "the hidden layer"
        : FormattableString.Invariant($"hidden layer {layer + 1}");

    /// <summary>"hidden neuron", "neuron of hidden layer 2" where there are several, or "output neuron".</summary>
    /// <param name="layer">The layer's place in the network, from 0.</param>
    /// <param name="hiddenLayers">Number of hidden layers of the network.</param>
    public static string Neuron(int layer, int hiddenLayers) => Neurons("neuron", layer, hiddenLayers);

    /// <summary>"hidden neurons", "neurons of hidden layer 2" where there are several, or "output neurons".</summary>
    /// <param name="layer">The layer's place in the network, from 0.</param>
    /// <param name="hiddenLayers">Number of hidden layers of the network.</param>
    public static string Neurons(int layer, int hiddenLayers) => Neurons("neurons", layer, hiddenLayers);

    private static string Neurons(string neurons, int layer, int hiddenLayers) =>
        layer >= hiddenLayers ? $"output {neurons}"
        : hiddenLayers == 1 ? $"hidden {neurons}"
        : $"{neurons} of {Layer(layer, hiddenLayers)}";
}
