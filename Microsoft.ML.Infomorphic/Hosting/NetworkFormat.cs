using System.Globalization;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The part of a saved model that is a network: its layers, their connections and weights, its calibration.</summary>
/// <remarks>
/// <code>
/// int           number of hidden layers
/// layer …       the hidden layers, then the output layer:
///   byte        number of sources
///   source …    byte symbol; byte number of projections; projection …; counted float biases
///     projection  signal; connectivity; N·K float weights (none for an own label)
///     signal      byte kind; int layer, −1 where it is not a layer's
///     connectivity  byte 0, all: int neurons, inputs; byte 1, drawn: int neurons, inputs, connections a neuron K; N·K int
///               inputs; byte 2, local fields: grid; int neurons a field; byte 3, subsets: int groups, neurons a group,
///               inputs, inputs a group; int inputs of the groups; byte 4, within groups: int groups, neurons a group;
///               byte 5, shared fields: grid; int neurons
///     grid      int image height, width, channels; bool interleaved; int field height, width, vertical and horizontal stride
///   goal        counted double γ, over the sources' symbols; none for a layer that does not learn
///   activation  byte 0: double α₁, α₂, β₁, β₂; byte 1: nothing; byte 2: double k, β; byte 3: nothing
///   binning     int count; double range; bool adaptive
///   pooling     int rows, columns; both 0 where there is none
/// int           number of presentations of a row
/// calibration   counted float slopes; float offsets
/// </code>
/// Signals and shapes of images are written in the same way in the settings.
/// </remarks>
internal static class NetworkFormat
{
    private const byte ModulatedTag = 0;
    private const byte FeedforwardTag = 1;
    private const byte BivariateTag = 2;
    private const byte StepTag = 3;
    private const byte AllTag = 0;
    private const byte DrawnTag = 1;
    private const byte LocalFieldsTag = 2;
    private const byte SubsetsTag = 3;
    private const byte WithinGroupsTag = 4;
    private const byte SharedFieldsTag = 5;
    private const int MaximumSources = 4;

    /// <summary>Writes a network.</summary>
    public static void Write(CheckedWriter writer, InfomorphicNetwork network)
    {
        writer.Write(network.HiddenLayers.Count);
        foreach (InfomorphicLayer layer in network.HiddenLayers)
            WriteLayer(writer, layer);
        WriteLayer(writer, network.OutputLayer);
        writer.Write(network.Presentations);
        writer.WriteCounted<float>([.. network.Calibration.Slopes]);
        writer.WriteItems<float>([.. network.Calibration.Offsets]);
    }

    /// <summary>Reads a network whose scaling of features is known.</summary>
    public static InfomorphicNetwork Read(CheckedReader reader, FeatureScaling scaling, uint version)
    {
        bool isEarly = version < ModelFormat.Version4;
        var hidden = new InfomorphicLayer[reader.ReadCount(bytesEach: 1)];
        for (int i = 0; i < hidden.Length; i++)
            hidden[i] = ReadLayer(reader, isEarly, SizeBelow(i));
        InfomorphicLayer output = ReadLayer(reader, isEarly, SizeBelow(hidden.Length));
        int? presentations = version >= ModelFormat.Version3 ? reader.ReadInt32() : null;
        float[] slopes = reader.ReadCounted<float>();
        var calibration = new ScoreCalibration(slopes, reader.ReadItems<float>(slopes.Length));
        var network = new InfomorphicNetwork(hidden, output, scaling, calibration, presentations);
        if (isEarly && output.Goal is null)
            throw new FormatException("its output layer has no goal");
        return network;

        // Number of numbers of a signal that comes from below a layer; of others it is not known yet.
        Func<Signal, long?> SizeBelow(int layer) =>
            signal =>
                signal.Kind == SignalKind.Features ? scaling.FeatureCount
                : signal.Kind == SignalKind.Layer && signal.Index < layer ? hidden[signal.Index].OutputCount
                : null;
    }

    private static void WriteLayer(CheckedWriter writer, InfomorphicLayer layer)
    {
        writer.Write((byte)layer.Sources.Count);
        foreach (Source source in layer.Sources)
        {
            writer.Write((byte)source.Symbol);
            writer.Write((byte)source.Projections.Count);
            foreach (Projection projection in source.Projections)
            {
                WriteSignal(writer, projection.Signal);
                WriteConnectivity(writer, projection.Connectivity);
                writer.WriteItems<float>(projection.Weights);
            }

            writer.WriteCounted<float>(source.Biases);
        }
        writer.WriteCounted<double>(layer.Goal is null ? [] : [.. layer.Goal.Gamma]);
        switch (layer.Activation)
        {
            case ModulatedActivation modulated:
                writer.Write(ModulatedTag);
                writer.WriteItems<double>([modulated.Alpha1, modulated.Alpha2, modulated.Beta1, modulated.Beta2]);
                break;
            case FeedforwardActivation:
                writer.Write(FeedforwardTag);
                break;
            case BivariateActivation bivariate:
                writer.Write(BivariateTag);
                writer.WriteItems<double>([bivariate.K, bivariate.Beta]);
                break;
            case StepActivation:
                writer.Write(StepTag);
                break;
            default:
                throw new NotSupportedException($"The activation {layer.Activation} has no place in a model file.");
        }
        writer.Write(layer.Binning.Count);
        writer.Write(layer.Binning.Range);
        writer.Write(layer.Binning.Adaptive);
        writer.Write(layer.Pooling?.Rows ?? 0);
        writer.Write(layer.Pooling?.Columns ?? 0);
    }

    private static InfomorphicLayer ReadLayer(CheckedReader reader, bool isEarly, Func<Signal, long?> sizeBelow)
    {
        int count = reader.ReadByte();
        if (count is < 1 or > MaximumSources)
            throw new FormatException($"a layer has {count} sources");
        var sources = new Source[count];
        for (int i = 0; i < count; i++)
            sources[i] = isEarly ? EarlyModelFormat.ReadSource(reader) : ReadSource(reader, sizeBelow);
        string symbols = string.Concat(sources.Select(source => source.Symbol));
        double[] gamma = reader.ReadCounted<double>();
        GoalFunction? goal = gamma.Length == 0 ? null : GoalFunction.FromGamma(symbols, gamma);
        byte tag = reader.ReadByte();
        Activation activation = tag switch
        {
            ModulatedTag => new ModulatedActivation(
                reader.ReadDouble(),
                reader.ReadDouble(),
                reader.ReadDouble(),
                reader.ReadDouble()
            ),
            FeedforwardTag => new FeedforwardActivation(),
            BivariateTag => new BivariateActivation(reader.ReadDouble(), reader.ReadDouble()),
            StepTag => new StepActivation(),
            _ => throw new FormatException($"there is no activation with the tag {tag}"),
        };
        var binning = new Binning(reader.ReadInt32(), reader.ReadDouble(), reader.ReadBoolean());
        Pooling? pooling = null;
        if (!isEarly)
        {
            int rows = reader.ReadInt32();
            int columns = reader.ReadInt32();
            pooling = rows == 0 && columns == 0 ? null : new Pooling(rows, columns);
        }

        return new InfomorphicLayer(sources, goal, activation, binning, pooling);
    }

    private static Source ReadSource(CheckedReader reader, Func<Signal, long?> sizeBelow)
    {
        char symbol = (char)reader.ReadByte();
        var projections = new Projection[reader.ReadByte()];
        for (int i = 0; i < projections.Length; i++)
        {
            Signal signal = ReadSignal(reader);
            bool hasWeights = signal.Kind != SignalKind.OwnLabel;
            Connectivity connectivity = ReadConnectivity(reader, hasWeights, sizeBelow(signal));
            projections[i] = new Projection(
                signal,
                connectivity,
                reader.ReadItems<float>(
                    hasWeights ? (long)connectivity.NeuronCount * connectivity.ConnectionsPerNeuron : 0
                )
            );
        }

        return new Source(symbol, projections, reader.ReadCounted<float>());
    }

    private static void WriteConnectivity(CheckedWriter writer, Connectivity connectivity)
    {
        switch (connectivity)
        {
            case AllConnected:
                writer.Write(AllTag);
                writer.WriteItems<int>([connectivity.NeuronCount, connectivity.InputCount]);
                break;
            case DrawnConnected drawn:
                writer.Write(DrawnTag);
                writer.WriteItems<int>([drawn.NeuronCount, drawn.InputCount, drawn.ConnectionsPerNeuron]);
                writer.WriteItems<int>(drawn.Connections);
                break;
            case LocalFields fields:
                writer.Write(LocalFieldsTag);
                WriteGrid(writer, fields.Grid);
                writer.Write(fields.NeuronsPerGroup);
                break;
            case SubsetConnected subsets:
                writer.Write(SubsetsTag);
                writer.WriteItems<int>([
                    subsets.GroupCount,
                    subsets.NeuronsPerGroup,
                    subsets.InputCount,
                    subsets.ConnectionsPerNeuron,
                ]);
                writer.WriteItems<int>(subsets.Inputs);
                break;
            case WithinGroups groups:
                writer.Write(WithinGroupsTag);
                writer.WriteItems<int>([groups.GroupCount, groups.NeuronsPerGroup]);
                break;
            case SharedFields shared:
                writer.Write(SharedFieldsTag);
                WriteGrid(writer, shared.Grid);
                writer.Write(shared.NeuronCount);
                break;
            default:
                throw new NotSupportedException($"{connectivity.GetType().Name} has no place in a model file.");
        }
    }

    // Nothing is allocated that weights which follow, or what shared fields are in, do not pay for.
    private static Connectivity ReadConnectivity(CheckedReader reader, bool hasWeights, long? size)
    {
        byte tag = reader.ReadByte();
        switch (tag)
        {
            case AllTag:
                int neurons = Positive(reader);
                int inputs = Positive(reader);
                ThrowIfTooLarge(reader, hasWeights ? (long)neurons * inputs : neurons);
                return new AllConnected(neurons, inputs);
            case DrawnTag:
                neurons = Positive(reader);
                inputs = Positive(reader);
                return new DrawnConnected(neurons, inputs, reader.ReadItems<int>((long)neurons * Positive(reader)));
            case LocalFieldsTag:
                FieldGrid grid = ReadGrid(reader);
                neurons = Positive(reader);
                ThrowIfTooLarge(reader, (long)grid.Count * grid.FieldSize);
                ThrowIfTooLarge(reader, (long)grid.Count * neurons);
                return new LocalFields(grid, neurons);
            case SubsetsTag:
                int groups = Positive(reader);
                neurons = Positive(reader);
                inputs = Positive(reader);
                ThrowIfTooLarge(reader, (long)groups * neurons);
                return new SubsetConnected(
                    groups,
                    neurons,
                    inputs,
                    reader.ReadItems<int>((long)groups * Positive(reader))
                );
            case WithinGroupsTag:
                groups = Positive(reader);
                neurons = Positive(reader);
                ThrowIfTooLarge(reader, (long)groups * neurons);
                return new WithinGroups(groups, neurons);
            case SharedFieldsTag:
                grid = ReadGrid(reader);
                neurons = Positive(reader);
                ThrowIfTooLarge(reader, (long)neurons * grid.FieldSize);
                if (grid.Image.Size != size)
                    throw new FormatException(
                        $"an image of {grid.Image} stands for {size?.ToString(CultureInfo.InvariantCulture) ?? "unknown"} numbers"
                    );
                return new SharedFields(grid, neurons);
            default:
                throw new FormatException($"there are no connections with the tag {tag}");
        }
    }

    private static void WriteGrid(CheckedWriter writer, FieldGrid grid)
    {
        WriteImage(writer, grid.Image);
        writer.WriteItems<int>([grid.Height, grid.Width, grid.VerticalStride, grid.HorizontalStride]);
    }

    private static FieldGrid ReadGrid(CheckedReader reader)
    {
        ImageShape image = ReadImage(reader);
        var grid = new FieldGrid(image, reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32());
        grid.Validate();
        return grid;
    }

    private static int Positive(CheckedReader reader)
    {
        int number = reader.ReadInt32();
        return number > 0 ? number : throw new FormatException($"{number} stands where a positive number must stand");
    }

    private static void ThrowIfTooLarge(CheckedReader reader, long floats)
    {
        if (floats > reader.Remaining / sizeof(float))
            throw new FormatException($"it promises {floats} weights with {reader.Remaining} bytes left");
    }

    /// <summary>Writes a signal.</summary>
    public static void WriteSignal(CheckedWriter writer, Signal signal)
    {
        writer.Write((byte)signal.Kind);
        writer.Write(signal.Index);
    }

    /// <summary>Reads a signal.</summary>
    public static Signal ReadSignal(CheckedReader reader)
    {
        var kind = (SignalKind)reader.ReadByte();
        int layer = reader.ReadInt32();
        return kind switch
        {
            SignalKind.Features => Signal.Features,
            SignalKind.Label => Signal.Label,
            SignalKind.OwnLabel => Signal.OwnLabel,
            SignalKind.Layer => Signal.Layer(layer),
            _ => throw new FormatException($"there is no signal of the kind {(int)kind}"),
        };
    }

    /// <summary>Writes the shape of an image.</summary>
    public static void WriteImage(CheckedWriter writer, ImageShape image)
    {
        writer.WriteItems<int>([image.Height, image.Width, image.Channels]);
        writer.Write(image.Interleaved);
    }

    /// <summary>Reads the shape of an image.</summary>
    public static ImageShape ReadImage(CheckedReader reader)
    {
        var image = new ImageShape(reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean());
        image.Validate();
        return image;
    }
}
