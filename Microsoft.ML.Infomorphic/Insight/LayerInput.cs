using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>A part of what drives the neurons of a layer: a signal that their source F hears.</summary>
/// <param name="Name">What the signal is called: "features", or the name of a layer.</param>
/// <param name="Signal">The signal.</param>
/// <param name="Size">
/// Number of weights of a neuron's receptive field in this part: one for each number of the signal or, where neurons share
/// their weights over all fields, one for each number of a field.
/// </param>
/// <param name="Shape">
/// The weights as an image: the signal's shape or, where neurons share their weights over all fields, that of a field; null
/// where nothing says that the signal is an image.
/// </param>
/// <param name="Fields">
/// The fields of the image that neurons are connected to, each to one of them or, where they share their weights, to all; null
/// where they are connected otherwise.
/// </param>
/// <param name="IsShared">Whether neurons share their weights over all fields, as in a convolution.</param>
public sealed record LayerInput(
    string Name,
    Signal Signal,
    int Size,
    ImageShape? Shape,
    FieldGrid? Fields,
    bool IsShared
)
{
    /// <summary>The parts of what drives a layer.</summary>
    internal static IReadOnlyList<LayerInput> Of(
        InfomorphicNetwork network,
        InfomorphicLayer layer,
        FeatureEncoding encoding
    ) => [.. layer.Sources[0].Projections.Select(projection => Of(network, projection, encoding))];

    /// <summary>What a signal is called: a hidden layer has a number where it is not the only one.</summary>
    internal static string NameOf(InfomorphicNetwork network, Signal signal) =>
        signal.Kind != SignalKind.Layer ? signal.ToString()
        : signal.Index == network.HiddenLayers.Count ? "output"
        : network.HiddenLayers.Count == 1 ? "hidden"
        : $"hidden {signal.Index + 1}";

    private static LayerInput Of(InfomorphicNetwork network, Projection projection, FeatureEncoding encoding)
    {
        Connectivity connectivity = projection.Connectivity;
        FieldGrid? fields = FieldsOf(projection);
        bool isShared = connectivity is SharedFields;
        return new LayerInput(
            NameOf(network, projection.Signal),
            projection.Signal,
            isShared ? connectivity.ConnectionsPerNeuron
                : projection.Signal == Signal.Features ? encoding.FeatureCount
                : connectivity.InputCount,
            isShared
                ? new ImageShape(fields!.Height, fields.Width, fields.Image.Channels, Interleaved: true)
                : fields?.Image ?? ShapeOf(network, projection.Signal),
            fields,
            isShared
        );
    }

    private static FieldGrid? FieldsOf(Projection projection) =>
        (projection.Connectivity as LocalFields)?.Grid ?? (projection.Connectivity as SharedFields)?.Grid;

    // Features are an image where some layer has fields of them; a layer's outputs are one where it has fields itself.
    private static ImageShape? ShapeOf(InfomorphicNetwork network, Signal signal)
    {
        if (signal.Kind == SignalKind.Features)
            return network
                .Layers.SelectMany(layer => layer.Sources)
                .SelectMany(source => source.Projections)
                .Where(projection => projection.Signal == signal)
                .Select(projection => FieldsOf(projection)?.Image)
                .FirstOrDefault(image => image is not null);
        InfomorphicLayer layer = network.Layers[signal.Index];
        if (layer.Pooling is Pooling pooling)
            return new ImageShape(pooling.Rows, pooling.Columns, layer.NeuronCount, Interleaved: true);
        FieldGrid? positions = layer.Positions ?? FieldsOf(layer.Sources[0].Projections[0]);
        return positions is null
            ? null
            : new ImageShape(positions.Rows, positions.Columns, layer.OutputCount / positions.Count, Interleaved: true);
    }
}
