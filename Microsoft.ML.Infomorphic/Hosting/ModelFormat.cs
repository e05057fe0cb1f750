using System.Globalization;
using System.Text;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What a model file holds.</summary>
/// <param name="Trained">The networks, of one shape, and the histories of their training.</param>
/// <param name="Settings">The settings of the training.</param>
/// <param name="Scoring">How rows are scored.</param>
/// <param name="Encoding">What the network reads of a row; null for the features as they are.</param>
internal sealed record ModelContents(
    IReadOnlyList<TrainingResult> Trained,
    TrainingSettings Settings,
    ScoringSettings Scoring,
    FeatureEncoding? Encoding = null
)
{
    /// <summary>Creates the contents of a model of one network.</summary>
    public ModelContents(
        InfomorphicNetwork network,
        TrainingHistory history,
        TrainingSettings settings,
        ScoringSettings scoring,
        FeatureEncoding? encoding = null
    )
        : this([new TrainingResult(network, history)], settings, scoring, encoding) { }

    /// <summary>The networks, of one shape, and the histories of their training.</summary>
    public IReadOnlyList<TrainingResult> Trained { get; } = Trained;

    /// <summary>The networks.</summary>
    public IReadOnlyList<InfomorphicNetwork> Networks { get; } = [.. Trained.Select(of => of.Network)];

    /// <summary>Whether there is the state of an optimiser.</summary>
    public bool HasOptimizers => Trained.Any(of => of.Optimizer is not null);

    /// <summary>The histories of their training.</summary>
    public IReadOnlyList<TrainingHistory> Histories { get; } = [.. Trained.Select(of => of.History)];

    /// <summary>The first network.</summary>
    public InfomorphicNetwork Network => Networks[0];

    /// <summary>The history of its training.</summary>
    public TrainingHistory History => Histories[0];
}

/// <summary>A model is of a later version of the format than this library knows.</summary>
/// <param name="message">Which one.</param>
internal sealed class LaterModelException(string message) : FormatException(message);

/// <summary>
/// The binary format of a saved model. Numbers are little-endian; a count comes before what it counts; a SHA-256
/// digest comes last.
/// </summary>
/// <remarks>
/// <code>
/// int           number of bytes of a float: 4 (ML.NET's model base writes it)
/// scaling       byte kind; counted float offsets; float scales
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
/// scoring       byte mode; int samples; ulong seed; bool calibrate
/// settings      int epochs, batch size, presentations; byte standardization; int epochs per evaluation;
///               double validation fraction; int early stopping rounds, −1 for none; bool
///               restore best epoch; ulong seed; byte order of layers; bool is there an image, and if so int height, width,
///               channels, bool interleaved; hidden layer …; inputs and optimiser of the output layer
///   hidden layer  int neurons; inputs; bool is there a context, and if so its signal; int lateral connections, −1 for none;
///               byte connections, 0 for all, 1: int field height, width, vertical and horizontal stride, bool shares weights,
///               int pooled rows and columns, 2: int subsets, inputs; byte outputs passed on; optimiser
///   inputs      int number, −1 where they are not set; signal …
///   optimiser   double learning rate, weight decay, β₁, β₂, ε
/// history       int best epoch; ulong steps; double seconds, step seconds; long skipped rows, −1 where not known;
///               int number of warnings; for each counted bytes of UTF-8; int number of epochs; epoch …:
///               int epoch; double training accuracy, validation accuracy, validation log-loss (NaN for none), seconds; int
///               number of layers; for each double goal, counted double atoms, double self-cosine distance
/// encoding      byte kind asked for; byte missing values; bool is there one, and if so: int features; for each counted float
///               knots; bool are missing values scored, and if so float substitutes and counted int indicated features
/// networks      int number of further networks; for each its layers as above, calibration and history
/// optimisers    from version 5 on, for each network: ulong steps, 0 where there is no state, or else int epochs; int number of
///               matrices; for each counted float
/// digest        32 bytes
/// </code>
/// Versions 1 to 3 are of networks with one hidden layer, or none; <see cref="EarlyModelFormat"/> reads what differs.
/// </remarks>
internal static class ModelFormat
{
    /// <summary>The name under which ML.NET finds the loader; at most 24 characters.</summary>
    public const string LoaderSignature = "InfomorphicMulticlass";

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
    internal const uint Version1 = 0x00010001; // Initial
    internal const uint Version2 = 0x00010002; // Every set-up of the paper; self-cosine distances
    internal const uint Version3 = 0x00010003; // Number of presentations
    internal const uint Version5 = 0x00010005; // States of optimisers: written where there are some
    internal const uint Version4 = 0x00010004; // Any layers, several networks, encodings, softmax regression, skipped rows, warnings
    private const int MaximumSources = 4;
    private const int FurtherNetworkBytes = 64; // at least
    private const int SignalBytes = sizeof(byte) + sizeof(int);

    /// <summary>The name under which ML.NET finds the loader of binary classifiers, whose format is the same.</summary>
    public const string BinaryLoaderSignature = "InfomorphicBinary";

    /// <summary>The format's version, and its history.</summary>
    public static VersionInfo VersionInfo => VersionOf(isBinary: false, Version5);

    /// <summary>The same of a binary classifier, whose network has the classes false and true.</summary>
    public static VersionInfo BinaryVersionInfo => VersionOf(isBinary: true, Version5);

    private static VersionInfo VersionOf(bool isBinary, uint version) =>
        new(
            modelSignature: isBinary ? "INFOBINA" : "INFOMORP",
            verWrittenCur: version,
            verReadableCur: version,
            verWeCanReadBack: Version1,
            loaderSignature: isBinary ? BinaryLoaderSignature : LoaderSignature,
            // Without its version: a file from a newer library is then refused by the format's version, in words.
            loaderAssemblyName: typeof(ModelFormat).Assembly.GetName().Name
        );

    /// <summary>Checks that what is read is ours, and of a version that is known here.</summary>
    /// <param name="context">Where it is read from.</param>
    /// <param name="known">Its versions that are known here.</param>
    /// <exception cref="LaterModelException">It is of a later version.</exception>
    public static void Check(ModelLoadContext context, VersionInfo known)
    {
        if (context.Header.ModelVerReadable > known.VerWrittenCur)
            throw new LaterModelException(
                $"The model is of version {Number(context.Header.ModelVerReadable)} of its format, and this library reads versions {Number(known.VerWeCanReadBack)} to {Number(known.VerWrittenCur)}: use a later Microsoft.ML.Infomorphic."
            );
        context.CheckAtModel(known);

        static uint Number(uint version) => version & 0xFFFF;
    }

    /// <summary>Writes a model.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="contents">The model.</param>
    /// <param name="isBinary">Whether it is a binary classifier.</param>
    public static void Write(ModelSaveContext context, ModelContents contents, bool isBinary)
    {
        // Without states of optimisers it is one that earlier libraries read.
        context.SetVersionInfo(VersionOf(isBinary, contents.HasOptimizers ? Version5 : Version4));
        context.Writer.Flush();
        Write(context.Writer.BaseStream, contents);
    }

    /// <summary>Reads a model.</summary>
    /// <param name="exceptions">Marks the exception.</param>
    /// <param name="context">Where from; its version is checked, and what ML.NET's model base writes is read.</param>
    /// <exception cref="FormatException">The file is truncated, damaged, or holds something else.</exception>
    public static ModelContents Read(IExceptionContext exceptions, ModelLoadContext context)
    {
        Stream stream = context.Reader.BaseStream;
        long end = context.FpMin + context.Header.FpModel + context.Header.CbModel;
        try
        {
            return Read(stream, Math.Min(end, stream.Length) - stream.Position, context.Header.ModelVerWritten);
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or EndOfStreamException)
        {
            throw exceptions.ExceptDecode(
                exception,
                $"The infomorphic model in this file is damaged: {Sentence(exception)}."
            );
        }
    }

    // .NET adds the parameter's name and value to an argument's message, on a line of its own.
    private static string Sentence(Exception exception)
    {
        string line = exception.Message.Split('\n')[0];
        int suffix = line.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return (suffix < 0 ? line : line[..suffix]).TrimEnd('.', '\r');
    }

    /// <summary>Writes a model to a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="contents">The model; with states of optimisers it is in version 5 of the format, else in version 4.</param>
    public static void Write(Stream stream, ModelContents contents)
    {
        using var writer = new CheckedWriter(stream);
        FeatureScaling scaling = contents.Network.FeatureScaling;
        writer.Write((byte)scaling.Kind);
        writer.WriteCounted<float>(scaling.Offsets);
        writer.WriteItems<float>(scaling.Scales);
        WriteNetwork(writer, contents.Network);
        WriteScoring(writer, contents.Scoring);
        WriteSettings(writer, contents.Settings);
        WriteHistory(writer, contents.History);
        writer.Write((byte)contents.Settings.Encoding);
        writer.Write((byte)contents.Settings.MissingValues);
        WriteEncoding(writer, contents.Encoding);
        writer.Write(contents.Trained.Count - 1);
        foreach (TrainingResult further in contents.Trained.Skip(1))
        {
            WriteNetwork(writer, further.Network);
            WriteHistory(writer, further.History);
        }

        if (contents.HasOptimizers)
            foreach (TrainingResult trained in contents.Trained)
                WriteOptimizerState(writer, trained.Optimizer);
        writer.WriteDigest();
    }

    /// <summary>Reads a model from a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="length">Number of the stream's bytes that are the model's.</param>
    /// <param name="version">The version of the format that the model is in.</param>
    /// <exception cref="FormatException">The bytes are not those of a model.</exception>
    /// <exception cref="ArgumentException">A part of the model contradicts another.</exception>
    public static ModelContents Read(Stream stream, long length, uint version = Version4)
    {
        using var reader = new CheckedReader(stream, length);
        var kind = (Standardization)reader.ReadByte();
        float[] offsets = reader.ReadCounted<float>();
        var scaling = new FeatureScaling(kind, offsets, reader.ReadItems<float>(offsets.Length));
        bool isEarly = version < Version4;
        InfomorphicNetwork network = ReadNetwork(reader, scaling, version);
        ScoringSettings scoring = ReadScoring(reader);
        TrainingSettings settings = isEarly
            ? EarlyModelFormat.ReadSettings(reader, network)
            : ReadSettings(reader, network);
        TrainingHistory history = ReadHistory(reader, network.Layers.Count, version);
        FeatureEncoding? encoding = null;
        if (!isEarly)
        {
            settings = settings with
            {
                Encoding = ReadEnum<FeatureEncodingKind>(reader),
                MissingValues = ReadEnum<MissingValues>(reader),
            };
            encoding = ReadEncoding(reader);
            if (encoding is not null && encoding.EncodedCount != network.FeatureCount)
                throw new FormatException(
                    $"its encoding gives {encoding.EncodedCount} numbers of a row, and its network reads {network.FeatureCount}"
                );
        }

        var trained = new TrainingResult[1 + (isEarly ? 0 : reader.ReadCount(bytesEach: FurtherNetworkBytes))];
        trained[0] = new TrainingResult(network, history);
        for (int i = 1; i < trained.Length; i++)
        {
            InfomorphicNetwork further = ReadNetwork(reader, scaling, version);
            if (!further.IsShapedLike(network))
                throw new FormatException("its networks are of different shapes");
            trained[i] = new TrainingResult(further, ReadHistory(reader, network.Layers.Count, version));
        }

        if (version >= Version5)
            for (int i = 0; i < trained.Length; i++)
                trained[i] = trained[i] with { Optimizer = ReadOptimizerState(reader) };
        reader.ReadDigest();
        settings = settings with
        {
            Networks = trained.Length,
            KeepsOptimizerState = trained.Any(of => of.Optimizer is not null),
        };
        return new ModelContents(trained, settings, scoring, encoding);
    }

    private static void WriteOptimizerState(CheckedWriter writer, OptimizerState? optimizer)
    {
        writer.Write((ulong)(optimizer?.Steps ?? 0));
        if (optimizer is null)
            return;
        writer.Write(optimizer.Epochs);
        writer.Write(optimizer.Matrices.Count);
        foreach (float[] matrix in optimizer.Matrices)
            writer.WriteCounted<float>(matrix);
    }

    private static OptimizerState? ReadOptimizerState(CheckedReader reader)
    {
        ulong steps = reader.ReadUInt64();
        if (steps == 0)
            return null;
        int epochs = reader.ReadInt32();
        if (steps > long.MaxValue || epochs < 0)
            throw new FormatException($"its optimiser has taken {steps} steps in {epochs} epochs");
        float[][] matrices = new float[reader.ReadCount(bytesEach: sizeof(int))][];
        for (int i = 0; i < matrices.Length; i++)
            matrices[i] = reader.ReadCounted<float>();
        return new OptimizerState((long)steps, epochs, matrices);
    }

    private static void WriteNetwork(CheckedWriter writer, InfomorphicNetwork network)
    {
        writer.Write(network.HiddenLayers.Count);
        foreach (InfomorphicLayer layer in network.HiddenLayers)
            WriteLayer(writer, layer);
        WriteLayer(writer, network.OutputLayer);
        writer.Write(network.Presentations);
        writer.WriteCounted<float>([.. network.Calibration.Slopes]);
        writer.WriteItems<float>([.. network.Calibration.Offsets]);
    }

    private static InfomorphicNetwork ReadNetwork(CheckedReader reader, FeatureScaling scaling, uint version)
    {
        bool isEarly = version < Version4;
        var hidden = new InfomorphicLayer[reader.ReadCount(bytesEach: 1)];
        for (int i = 0; i < hidden.Length; i++)
            hidden[i] = ReadLayer(reader, isEarly, SizeBelow(i));
        InfomorphicLayer output = ReadLayer(reader, isEarly, SizeBelow(hidden.Length));
        int? presentations = version >= Version3 ? reader.ReadInt32() : null;
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
                Write(writer, projection.Signal);
                Write(writer, projection.Connectivity);
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

    private static void Write(CheckedWriter writer, Signal signal)
    {
        writer.Write((byte)signal.Kind);
        writer.Write(signal.Index);
    }

    private static Signal ReadSignal(CheckedReader reader)
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

    private static void Write(CheckedWriter writer, Connectivity connectivity)
    {
        switch (connectivity)
        {
            case AllConnected:
                writer.Write(AllTag);
                Write(writer, connectivity.NeuronCount, connectivity.InputCount);
                break;
            case DrawnConnected drawn:
                writer.Write(DrawnTag);
                Write(writer, drawn.NeuronCount, drawn.InputCount, drawn.ConnectionsPerNeuron);
                writer.WriteItems<int>(drawn.Connections);
                break;
            case LocalFields fields:
                writer.Write(LocalFieldsTag);
                Write(writer, fields.Grid);
                writer.Write(fields.NeuronsPerGroup);
                break;
            case SubsetConnected subsets:
                writer.Write(SubsetsTag);
                Write(
                    writer,
                    subsets.GroupCount,
                    subsets.NeuronsPerGroup,
                    subsets.InputCount,
                    subsets.ConnectionsPerNeuron
                );
                writer.WriteItems<int>(subsets.Inputs);
                break;
            case WithinGroups groups:
                writer.Write(WithinGroupsTag);
                Write(writer, groups.GroupCount, groups.NeuronsPerGroup);
                break;
            case SharedFields shared:
                writer.Write(SharedFieldsTag);
                Write(writer, shared.Grid);
                writer.Write(shared.NeuronCount);
                break;
            default:
                throw new NotSupportedException($"{connectivity.GetType().Name} has no place in a model file.");
        }
    }

    private static void Write(CheckedWriter writer, params ReadOnlySpan<int> numbers)
    {
        foreach (int number in numbers)
            writer.Write(number);
    }

    private static void Write(CheckedWriter writer, FieldGrid grid)
    {
        Write(writer, grid.Image);
        Write(writer, grid.Height, grid.Width, grid.VerticalStride, grid.HorizontalStride);
    }

    private static void Write(CheckedWriter writer, ImageShape image)
    {
        Write(writer, image.Height, image.Width, image.Channels);
        writer.Write(image.Interleaved);
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

    internal static T ReadEnum<T>(CheckedReader reader)
        where T : struct, Enum
    {
        byte value = reader.ReadByte();
        return Enum.IsDefined((T)Enum.ToObject(typeof(T), value))
            ? (T)Enum.ToObject(typeof(T), value)
            : throw new FormatException($"there is no {typeof(T).Name} with the number {value}");
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

    private static FieldGrid ReadGrid(CheckedReader reader)
    {
        ImageShape image = ReadImage(reader);
        var grid = new FieldGrid(image, reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32());
        grid.Validate();
        return grid;
    }

    private static ImageShape ReadImage(CheckedReader reader)
    {
        var image = new ImageShape(reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32(), reader.ReadBoolean());
        image.Validate();
        return image;
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

    private static void WriteScoring(CheckedWriter writer, ScoringSettings scoring)
    {
        writer.Write((byte)scoring.Mode);
        writer.Write(scoring.Samples);
        writer.Write(scoring.Seed);
        writer.Write(scoring.Calibrate);
    }

    private static ScoringSettings ReadScoring(CheckedReader reader)
    {
        var mode = (ScoringMode)reader.ReadByte();
        int samples = reader.ReadInt32();
        if (!Enum.IsDefined(mode) || samples is < 1 or > ScoringSettings.MaximumSamples)
            throw new FormatException($"rows cannot be scored in the mode {(int)mode} with {samples} samples");
        return new ScoringSettings(mode, samples, reader.ReadUInt64(), reader.ReadBoolean());
    }

    // What becomes of validation rows.
    private const byte RestoresBestEpoch = 1;
    private const byte LearnsHeldOutRows = 2;

    private static void WriteSettings(CheckedWriter writer, TrainingSettings settings)
    {
        Write(writer, settings.Epochs, settings.BatchSize, settings.Presentations);
        writer.Write((byte)settings.Standardization);
        writer.Write(settings.EpochsPerEvaluation);
        writer.Write(settings.ValidationFraction);
        writer.Write(settings.EarlyStoppingRounds ?? -1);
        writer.Write(
            (byte)(
                (settings.RestoreBestEpoch ? RestoresBestEpoch : 0)
                | (settings.LearnsHeldOutRows ? LearnsHeldOutRows : 0)
            )
        );
        writer.Write(settings.Seed);
        writer.Write((byte)settings.Order);
        WriteImageAndSchedule(writer, settings);
        foreach (LayerSettings layer in settings.HiddenLayers)
            WriteSettings(writer, layer);
        WriteInputs(writer, settings.Output.Inputs);
        WriteOptimizer(writer, settings.Output.Optimizer);
    }

    // 0 is no image, 1 an image, 2 an image that is augmented; and 4 times the schedule of learning rates.
    private static void WriteImageAndSchedule(CheckedWriter writer, TrainingSettings settings)
    {
        int image =
            settings.Image is null ? 0
            : settings.Augmentation is null ? 1
            : 2;
        writer.Write((byte)(image + 4 * (int)settings.LearningRateSchedule));
        if (settings.Image is null)
            return;
        Write(writer, settings.Image);
        if (settings.Augmentation is not ImageAugmentation augmentation)
            return;
        Write(writer, augmentation.VerticalShift, augmentation.HorizontalShift);
        writer.Write(augmentation.Rotation);
        writer.Write(augmentation.Zoom);
        writer.Write(augmentation.HorizontalFlip);
    }

    private static (ImageShape?, ImageAugmentation?, LearningRateSchedule) ReadImageAndSchedule(CheckedReader reader)
    {
        byte both = reader.ReadByte();
        int tag = both % 4;
        var schedule = (LearningRateSchedule)(both / 4);
        if (tag > 2 || !Enum.IsDefined(schedule))
            throw new FormatException($"there is no image and no schedule with the tag {both}");
        ImageShape? image = tag == 0 ? null : ReadImage(reader);
        ImageAugmentation? augmentation =
            tag < 2
                ? null
                : new ImageAugmentation(
                    reader.ReadInt32(),
                    reader.ReadInt32(),
                    reader.ReadDouble(),
                    reader.ReadDouble(),
                    reader.ReadBoolean()
                );
        try
        {
            augmentation?.Validate();
        }
        catch (ArgumentException exception)
        {
            throw new FormatException(exception.Message, exception);
        }

        return (image, augmentation, schedule);
    }

    private static void WriteSettings(CheckedWriter writer, LayerSettings layer)
    {
        writer.Write(layer.Neurons);
        WriteInputs(writer, layer.Inputs);
        writer.Write(layer.Context is not null);
        if (layer.Context is Signal context)
            Write(writer, context);
        writer.Write(layer.LateralConnections ?? -1);
        switch (layer.Connections)
        {
            case LocalFieldSettings fields:
                writer.Write((byte)1);
                Write(writer, fields.Height, fields.Width, fields.VerticalStride, fields.HorizontalStride);
                writer.Write(fields.SharesWeights);
                Write(writer, fields.Pooling?.Rows ?? 0, fields.Pooling?.Columns ?? 0);
                break;
            case RandomSubsetSettings subsets:
                writer.Write((byte)2);
                Write(writer, subsets.Count, subsets.Inputs);
                break;
            default:
                writer.Write((byte)0);
                break;
        }

        writer.Write((byte)layer.PassesOn);
        WriteOptimizer(writer, layer.Optimizer);
    }

    private static void WriteInputs(CheckedWriter writer, IReadOnlyList<Signal>? inputs)
    {
        writer.Write(inputs?.Count ?? -1);
        foreach (Signal signal in inputs ?? [])
            Write(writer, signal);
    }

    private static void WriteOptimizer(CheckedWriter writer, AdamSettings adam) =>
        writer.WriteItems<double>([adam.LearningRate, adam.WeightDecay, adam.Beta1, adam.Beta2, adam.Epsilon]);

    private static TrainingSettings ReadSettings(CheckedReader reader, InfomorphicNetwork network)
    {
        int epochs = reader.ReadInt32();
        int batchSize = reader.ReadInt32();
        int presentations = reader.ReadInt32();
        Standardization standardization = ReadEnum<Standardization>(reader);
        int epochsPerEvaluation = reader.ReadInt32();
        double validationFraction = reader.ReadDouble();
        int earlyStopping = reader.ReadInt32();
        byte rules = reader.ReadByte();
        if ((rules & ~(RestoresBestEpoch | LearnsHeldOutRows)) != 0)
            throw new FormatException($"{rules} says nothing of what becomes of validation rows");
        ulong seed = reader.ReadUInt64();
        LayerOrder order = ReadEnum<LayerOrder>(reader);
        (ImageShape? image, ImageAugmentation? augmentation, LearningRateSchedule schedule) = ReadImageAndSchedule(
            reader
        );
        LayerSettings[] layers = [.. network.HiddenLayers.Select(layer => ReadSettings(reader, layer))];
        IReadOnlyList<Signal>? inputs = ReadInputs(reader);
        return new TrainingSettings
        {
            HiddenLayers = layers,
            Output = new OutputLayerSettings
            {
                Inputs = inputs,
                Goal = network.OutputLayer.Goal,
                Binning = network.OutputLayer.Binning,
                Optimizer = ReadOptimizer(reader),
            },
            Order = order,
            Image = image,
            Augmentation = augmentation,
            LearningRateSchedule = schedule,
            Presentations = presentations,
            Epochs = epochs,
            EpochsPerEvaluation = epochsPerEvaluation,
            BatchSize = batchSize,
            ValidationFraction = validationFraction,
            Standardization = standardization,
            EarlyStoppingRounds = earlyStopping < 0 ? null : earlyStopping,
            LearnsHeldOutRows = (rules & LearnsHeldOutRows) != 0,
            RestoreBestEpoch = (rules & RestoresBestEpoch) != 0,
            Seed = seed,
        };
    }

    private static LayerSettings ReadSettings(CheckedReader reader, InfomorphicLayer layer)
    {
        LayerSettings settings = EarlyModelFormat.SettingsOf(layer) with { Neurons = reader.ReadInt32() };
        IReadOnlyList<Signal>? inputs = ReadInputs(reader);
        Signal? context = reader.ReadBoolean() ? ReadSignal(reader) : null;
        int lateral = reader.ReadInt32();
        byte tag = reader.ReadByte();
        PartialConnections? connections = tag switch
        {
            0 => null,
            1 => ReadFieldSettings(reader),
            2 => new RandomSubsetSettings(reader.ReadInt32(), reader.ReadInt32()),
            _ => throw new FormatException($"there are no connections with the tag {tag}"),
        };
        return settings with
        {
            Inputs = inputs,
            Context = context,
            LateralConnections = lateral < 0 ? null : lateral,
            Connections = connections,
            PassesOn = ReadEnum<PassedOutputs>(reader),
            Optimizer = ReadOptimizer(reader),
        };
    }

    private static LocalFieldSettings ReadFieldSettings(CheckedReader reader)
    {
        var fields = new LocalFieldSettings(
            reader.ReadInt32(),
            reader.ReadInt32(),
            reader.ReadInt32(),
            reader.ReadInt32(),
            reader.ReadBoolean()
        );
        int rows = reader.ReadInt32();
        int columns = reader.ReadInt32();
        return rows == 0 && columns == 0 ? fields : fields with { Pooling = new Pooling(rows, columns) };
    }

    private static Signal[]? ReadInputs(CheckedReader reader)
    {
        int count = reader.ReadInt32();
        if (count < 0)
            return null;
        if (count > reader.Remaining / SignalBytes)
            throw new FormatException($"it promises {count} inputs with {reader.Remaining} bytes left");
        var inputs = new Signal[count];
        for (int i = 0; i < count; i++)
            inputs[i] = ReadSignal(reader);
        return inputs;
    }

    internal static AdamSettings ReadOptimizer(CheckedReader reader) =>
        new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());

    private static void WriteHistory(CheckedWriter writer, TrainingHistory history)
    {
        writer.Write(history.BestEpoch);
        writer.Write((ulong)history.Steps);
        writer.Write(history.Seconds);
        writer.Write(history.StepSeconds);
        writer.Write((ulong)(history.SkippedRows ?? -1));
        writer.Write(history.Warnings.Count);
        foreach (string warning in history.Warnings)
            writer.WriteCounted<byte>(Encoding.UTF8.GetBytes(warning));
        writer.Write(history.Epochs.Count);
        foreach (EpochRecord epoch in history.Epochs)
        {
            writer.Write(epoch.Epoch);
            writer.Write(epoch.TrainingAccuracy);
            writer.Write(epoch.ValidationAccuracy ?? double.NaN);
            writer.Write(epoch.ValidationLogLoss ?? double.NaN);
            writer.Write(epoch.Seconds);
            writer.Write(epoch.HiddenLayers.Count + 1);
            foreach (LayerProgress layer in epoch.Layers)
            {
                writer.Write(layer.Goal);
                writer.WriteCounted<double>([.. layer.Atoms]);
                writer.Write(layer.SelfCosineDistance);
            }
        }
    }

    private static TrainingHistory ReadHistory(CheckedReader reader, int layers, uint version)
    {
        int bestEpoch = reader.ReadInt32();
        long steps = (long)reader.ReadUInt64();
        double seconds = reader.ReadDouble();
        double stepSeconds = reader.ReadDouble();
        long skippedRows = version >= Version4 ? (long)reader.ReadUInt64() : -1;
        var warnings = new string[version >= Version4 ? reader.ReadCount(bytesEach: sizeof(int)) : 0];
        for (int i = 0; i < warnings.Length; i++)
            warnings[i] = Encoding.UTF8.GetString(reader.ReadCounted<byte>());
        var epochs = new EpochRecord[reader.ReadCount(bytesEach: 3 * sizeof(int) + 6 * sizeof(double))];
        for (int i = 0; i < epochs.Length; i++)
        {
            int epoch = reader.ReadInt32();
            double accuracy = reader.ReadDouble();
            double validationAccuracy = reader.ReadDouble();
            double validationLogLoss = reader.ReadDouble();
            (LayerProgress[] progress, double elapsed) =
                version < Version4 ? EarlyModelFormat.ReadProgress(reader, layers, version) : ReadProgress(reader);
            epochs[i] = new EpochRecord(
                epoch,
                accuracy,
                NullIfNaN(validationAccuracy),
                NullIfNaN(validationLogLoss),
                progress[..^1],
                progress[^1],
                elapsed
            );
        }

        return new TrainingHistory(epochs, bestEpoch, steps, seconds, stepSeconds)
        {
            SkippedRows = skippedRows < 0 ? null : skippedRows,
            Warnings = warnings,
        };
    }

    private static (LayerProgress[] Progress, double Seconds) ReadProgress(CheckedReader reader)
    {
        double seconds = reader.ReadDouble();
        var progress = new LayerProgress[reader.ReadCount(bytesEach: sizeof(int) + 2 * sizeof(double))];
        if (progress.Length == 0)
            throw new FormatException("an epoch is of no layer");
        for (int i = 0; i < progress.Length; i++)
            progress[i] = new LayerProgress(reader.ReadDouble(), reader.ReadCounted<double>(), reader.ReadDouble());
        return (progress, seconds);
    }

    private static void WriteEncoding(CheckedWriter writer, FeatureEncoding? encoding)
    {
        bool isThere = encoding is { IsIdentity: false };
        writer.Write(isThere);
        if (!isThere)
            return;
        writer.Write(encoding!.FeatureCount);
        for (int feature = 0; feature < encoding.FeatureCount; feature++)
            writer.WriteCounted<float>([.. encoding.KnotsOf(feature)]);
        writer.Write(encoding.Substitutes is not null);
        if (encoding.Substitutes is null)
            return;
        writer.WriteItems<float>([.. encoding.Substitutes]);
        writer.WriteCounted<int>([.. encoding.IndicatedFeatures]);
    }

    private static FeatureEncoding? ReadEncoding(CheckedReader reader)
    {
        if (!reader.ReadBoolean())
            return null;
        var knots = new float[reader.ReadCount(bytesEach: sizeof(int))][];
        for (int feature = 0; feature < knots.Length; feature++)
            knots[feature] = reader.ReadCounted<float>();
        return reader.ReadBoolean()
            ? new FeatureEncoding(knots, reader.ReadItems<float>(knots.Length), reader.ReadCounted<int>())
            : new FeatureEncoding(knots);
    }

    private static double? NullIfNaN(double value) => double.IsNaN(value) ? null : value;
}
