using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Which layers settings ask for, on data of given numbers of features and classes.</summary>
/// <param name="settings">The settings; they are checked.</param>
/// <param name="features">Number of features.</param>
/// <param name="classes">Number of classes.</param>
/// <param name="encoding">How features are encoded, of which there are <paramref name="features"/> then; null where they are not.</param>
/// <param name="draws">
/// Whether connections are drawn; else their number alone is known, and nothing takes memory that grows with the neurons.
/// </param>
internal sealed class NetworkBuilder(
    TrainingSettings settings,
    int features,
    int classes,
    FeatureEncoding? encoding = null,
    bool draws = true
)
{
    private readonly RandomStream _random = new(settings.NetworkSeed, RandomStreams.LateralConnections);
    private readonly List<(int Neurons, int Outputs, ImageShape? Shape)> _shapes = [];

    /// <summary>
    /// The sources of each layer: their letters, what they hear and how they are connected. The last layer is the output
    /// layer, whose own label is not among them.
    /// </summary>
    /// <exception cref="ArgumentException">The layers do not fit each other or the features.</exception>
    public IReadOnlyList<IReadOnlyList<(char Symbol, (Signal Signal, Connectivity Connectivity)[] Heard)>> Connect()
    {
        var feedforward = new List<(Signal, Connectivity)[]>();
        for (int i = 0; i < settings.HiddenLayers.Count; i++)
            feedforward.Add(Feedforward(i, settings.HiddenLayers[i]));

        // Feedback needs the layers above, and so all of them.
        _shapes.Add((classes, classes, null));
        var layers = new List<IReadOnlyList<(char, (Signal, Connectivity)[])>>();
        for (int i = 0; i < settings.HiddenLayers.Count; i++)
        {
            LayerSettings layer = settings.HiddenLayers[i];
            var sources = new List<(char, (Signal, Connectivity)[])> { ('F', feedforward[i]) };
            if (layer.Sources.Contains('C', StringComparison.Ordinal))
                sources.Add(('C', [Context(i, layer.Context!.Value)]));
            if (layer.Sources.Contains('L', StringComparison.Ordinal))
                sources.Add(
                    ('L', [(Signal.Layer(i), Lateral(feedforward[i][0].Item2, layer.LateralConnections!.Value))])
                );
            layers.Add(sources);
        }

        int last = settings.HiddenLayers.Count - 1;
        IReadOnlyList<Signal> read = settings.Output.Inputs ?? [last < 0 ? Signal.Features : Signal.Layer(last)];
        layers.Add([('F', [.. read.Select(signal => All(signal, classes))])]);
        return layers;
    }

    private (Signal, Connectivity)[] Feedforward(int index, LayerSettings layer)
    {
        IReadOnlyList<Signal> inputs = layer.Inputs ?? [index == 0 ? Signal.Features : Signal.Layer(index - 1)];
        Signal first = inputs[0];
        ImageShape? shape = null;
        int outputs;
        Connectivity connectivity;
        switch (layer.Connections)
        {
            case LocalFieldSettings fields:
                FieldGrid grid = GridOf(index, fields, first);
                shape = new ImageShape(grid.Rows, grid.Columns, layer.Neurons, Interleaved: true);
                if (fields.SharesWeights)
                {
                    connectivity = new SharedFields(grid, layer.Neurons);
                    if (fields.Pooling is Pooling pooling)
                        shape = shape with { Height = pooling.Rows, Width = pooling.Columns };
                    InfomorphicLayer.FindPositions([connectivity], fields.Pooling);
                }
                else
                {
                    connectivity = new LocalFields(grid, layer.Neurons);
                }

                outputs =
                    shape.Size <= Array.MaxLength
                        ? (int)shape.Size
                        : throw new ArgumentException(
                            $"Hidden layer {index + 1} would have {shape.Size} outputs, and more than {Array.MaxLength} are not possible: take fewer neurons, or larger strides."
                        );
                break;
            case RandomSubsetSettings subsets:
                int size = SizeOf(first);
                FeatureEncoding? encoded =
                    first.Kind == SignalKind.Features && encoding is { IsIdentity: false } ? encoding : null;
                int inputsOfSubset = encoded is null
                    ? Math.Min(subsets.Inputs, size)
                    : (int)Math.Min((long)subsets.Inputs * size / encoded.FeatureCount, size);
                connectivity =
                    !draws ? new SubsetConnected(subsets.Count, layer.Neurons, size, inputsOfSubset)
                    : encoded is null
                        ? new SubsetConnected(
                            subsets.Count,
                            layer.Neurons,
                            size,
                            Draw(subsets.Count, size, inputsOfSubset, exceptOwn: false)
                        )
                    : new SubsetConnected(
                        subsets.Count,
                        layer.Neurons,
                        size,
                        DrawFeatures(subsets.Count, inputsOfSubset, encoded)
                    );
                outputs = connectivity.NeuronCount;
                break;
            default:
                connectivity = new AllConnected(layer.Neurons, SizeOf(first));
                outputs = layer.Neurons;
                break;
        }

        _shapes.Add((connectivity.NeuronCount, outputs, shape));
        return [(first, connectivity), .. inputs.Skip(1).Select(signal => All(signal, connectivity.NeuronCount))];
    }

    private FieldGrid GridOf(int index, LocalFieldSettings fields, Signal signal)
    {
        ImageShape? image = signal.Kind == SignalKind.Features ? settings.Image : _shapes[signal.Index].Shape;
        if (image is null)
            throw new ArgumentException(
                $"Hidden layer {index + 1} has local fields, and {(signal.Kind == SignalKind.Features ? "the features have" : $"{signal} has")} no image's shape: set Image, or read a column with the dimensions of an image."
            );
        if (image.Size != SizeOf(signal))
            throw new ArgumentException(
                $"Image: an image of {image} has {image.Size} numbers, and there are {SizeOf(signal)} features."
            );
        var grid = new FieldGrid(image, fields.Height, fields.Width, fields.VerticalStride, fields.HorizontalStride);
        grid.Validate();
        return grid;
    }

    private int SizeOf(Signal signal) =>
        signal.Kind switch
        {
            SignalKind.Features => features,
            SignalKind.Layer => _shapes[signal.Index].Outputs,
            _ => classes,
        };

    private (Signal, Connectivity) All(Signal signal, int neurons) =>
        (signal, new AllConnected(neurons, SizeOf(signal)));

    // Neurons that are at several positions hear each other at the same one.
    private (Signal, Connectivity) Context(int index, Signal signal)
    {
        int neurons = _shapes[index].Neurons;
        return signal == Signal.Layer(index) ? (signal, new AllConnected(neurons, neurons)) : All(signal, neurons);
    }

    // All others, or some: of the whole layer, or of the neuron's own group.
    private Connectivity Lateral(Connectivity feedforward, int maximum)
    {
        int neurons = feedforward.NeuronCount;
        if (feedforward is not GroupConnected groups)
        {
            if (maximum >= neurons - 1)
                return new AllConnected(neurons, neurons);
            return draws
                ? new DrawnConnected(neurons, neurons, Draw(neurons, neurons, maximum, exceptOwn: true))
                : new DrawnConnected(neurons, neurons, maximum);
        }

        int count = groups.NeuronsPerGroup;
        if (maximum >= count - 1)
            return new WithinGroups(groups.GroupCount, count);
        if (!draws)
            return new DrawnConnected(neurons, neurons, maximum);
        int[] peers =
        [
            .. Enumerable
                .Range(0, groups.GroupCount)
                .SelectMany(group => Draw(count, count, maximum, exceptOwn: true).Select(peer => group * count + peer)),
        ];
        return new DrawnConnected(neurons, neurons, peers);
    }

    // For each subset, features with all that the encoding makes of them, until there are so many numbers; what the last one has
    // too many is left out. Every subset has as many, as one product for all takes it.
    private int[] DrawFeatures(int subsets, int count, FeatureEncoding encoded)
    {
        int[] features = [.. Enumerable.Range(0, encoded.FeatureCount)];
        var drawn = new List<int>();
        var inputs = new List<int>();
        for (int subset = 0; subset < subsets; subset++)
        {
            _random.Shuffle(features);
            inputs.Clear();
            for (int i = 0; inputs.Count < count; i++)
                inputs.AddRange(encoded.InputsOf(features[i]));
            inputs.RemoveRange(count, inputs.Count - count);
            inputs.Sort();
            drawn.AddRange(inputs);
        }

        return [.. drawn];
    }

    // For each row, some of the columns, ascending; the one with the row's own number left out where that is asked for.
    private int[] Draw(int rows, int columns, int count, bool exceptOwn)
    {
        if ((long)rows * count > Array.MaxLength)
            throw new ArgumentException(
                $"{rows} times {count} connections are more than can be drawn: take fewer neurons, or fewer connections."
            );
        int[] drawn = new int[rows * count];
        int[] others = new int[exceptOwn ? columns - 1 : columns];
        for (int i = 0; i < others.Length; i++)
            others[i] = exceptOwn ? i + 1 : i;
        int[] swapped = new int[count];
        for (int row = 0; row < rows; row++)
        {
            if (exceptOwn && row > 0)
                others[row - 1] = row - 1;

            // The first steps of a shuffle draw without replacement.
            for (int i = 0; i < count; i++)
            {
                swapped[i] = i + _random.NextInteger(others.Length - i);
                (others[i], others[swapped[i]]) = (others[swapped[i]], others[i]);
            }

            Span<int> ofRow = drawn.AsSpan(row * count, count);
            others.AsSpan(0, count).CopyTo(ofRow);
            ofRow.Sort();

            // Undone, they leave the columns in order for the next row.
            for (int i = count - 1; i >= 0; i--)
                (others[i], others[swapped[i]]) = (others[swapped[i]], others[i]);
        }

        return drawn;
    }
}
