using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace PaperReproduction;

/// <summary>A network for images, with a name. Its output layer is a softmax regression.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its name in tables.</param>
/// <param name="Layers">Its hidden layers, on images of a shape.</param>
/// <param name="Readout">The hidden layers that the output layer reads beside the features.</param>
/// <param name="Order">In which order its layers are trained.</param>
internal sealed record ImageNetwork(
    string Name,
    string Title,
    Func<ImageShape, HiddenLayerOptions[]> Layers,
    int[] Readout,
    LayerOrder Order
)
{
    /// <summary>All networks that can be run.</summary>
    public static IReadOnlyList<ImageNetwork> All { get; } =
    [
        new("none", "no hidden layer", _ => [], [], LayerOrder.Together),
        Flat("flat300", 300),
        Flat("flat1000", 1000),
        Flat("flat3136", 3136),
        new(
            "deep1000",
            "three layers of 1,000 neurons, all read",
            _ => [All1000(), All1000(), All1000()],
            [0, 1, 2],
            LayerOrder.BottomUp
        ),
        Fields("fields16", 16),
        Fields("fields32", 32),
        Fields("fields64", 64),
        new(
            "fields16-300",
            "16 neurons a field, then 300 neurons, both read",
            image => [Field(image, 16), Layer(300)],
            [0, 1],
            LayerOrder.BottomUp
        ),
        new(
            "fields64-1000",
            "64 neurons a field, then 1,000 neurons, both read",
            image => [Field(image, 64), All1000()],
            [0, 1],
            LayerOrder.BottomUp
        ),
    ];

    /// <summary>Finds a network by its name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static ImageNetwork Find(string name) =>
        All.FirstOrDefault(network => network.Name == name)
        ?? throw new ArgumentException(
            $"There is no network \"{name}\": take one of {string.Join(", ", All.Select(network => network.Name))}."
        );

    /// <summary>What the output layer reads.</summary>
    public IReadOnlyList<Signal> OutputInputs => [Signal.Features, .. Readout.Select(Signal.Layer)];

    /// <summary>The fields of a network's lowest layer, on images of a shape.</summary>
    public static LocalFieldSettings FieldsOf(ImageShape image) =>
        image.Channels == 1 ? new LocalFieldSettings(10, 10, 3, 3) : new LocalFieldSettings(8, 8, 4, 4);

    private static ImageNetwork Flat(string name, int neurons) =>
        new(name, $"{neurons:N0} neurons that see all", _ => [Layer(neurons)], [0], LayerOrder.Together);

    private static ImageNetwork Fields(string name, int neurons) =>
        new(name, $"{neurons} neurons a field", image => [Field(image, neurons)], [0], LayerOrder.BottomUp);

    private static HiddenLayerOptions All1000() => Layer(1000);

    // What the output layer learns from is what it will read: means, with the label withheld.
    private static HiddenLayerOptions Layer(int neurons) =>
        new() { NumberOfNeurons = neurons, PassesOn = PassedOutputs.Mean };

    private static HiddenLayerOptions Field(ImageShape image, int neurons)
    {
        HiddenLayerOptions layer = Layer(neurons);
        layer.Connections = FieldsOf(image);
        return layer;
    }
}
