using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Receptive fields of a layer as images.</summary>
internal static class FieldImages
{
    /// <summary>Whether the layer's source F reads the features themselves.</summary>
    public static bool ReadsFeatures(LayerInsight layer) => layer.Layer.Sources[0].Hears(Signal.Features);

    /// <summary>
    /// What of a receptive field lies in the image, row by row. A field that is shared has a shape of its own: one channel
    /// below another.
    /// </summary>
    public static (float[] Weights, int Width) Of(LayerInsight layer, NeuronInsight neuron, int imageWidth)
    {
        int part = layer.Inputs.ToList().FindIndex(input => input.Signal == Signal.Features);
        float[] weights = layer.ReceptiveField(neuron.Neuron, part);
        if (layer.Inputs[part] is not { IsShared: true, Shape: ImageShape shape })
            return (weights, imageWidth);
        return (
            [.. Enumerable.Range(0, weights.Length).OrderBy(i => i % shape.Channels).Select(i => weights[i])],
            shape.Width
        );
    }

    /// <summary>All neurons' fields, one beside another.</summary>
    public static Picture Mosaic(LayerInsight layer, int imageWidth)
    {
        float[] weights = [.. layer.Neurons.SelectMany(neuron => Of(layer, neuron, imageWidth).Weights)];
        (float[] first, int width) = Of(layer, layer.Neurons[0], imageWidth);
        return ReceptiveFieldPlot.Draw(weights, width, first.Length / width, "Receptive fields");
    }
}
