using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Learning;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What a model file holds.</summary>
/// <param name="Network">The network.</param>
/// <param name="History">The history of its training.</param>
/// <param name="Settings">The settings of its training.</param>
/// <param name="Scoring">How rows are scored.</param>
internal sealed record ModelContents(
    InfomorphicNetwork Network,
    TrainingHistory History,
    LearningSettings Settings,
    ScoringSettings Scoring
);

/// <summary>
/// The binary format of a saved model. Numbers are little-endian; a count comes before what it counts; a SHA-256
/// digest comes last.
/// </summary>
/// <remarks>
/// <code>
/// int           number of bytes of a float: 4 (ML.NET's model base writes it)
/// scaling       byte kind; counted float offsets; float scales
/// int           number of hidden layers: 0 or 1
/// layer …       the hidden layers, then the output layer:
///   byte        number of sources
///   source …    byte symbol; byte kind; int neurons N; int inputs M; int K connections a neuron, −1 where all;
///               N·K int connections, if any; N·K float weights; N float biases (the last two not for an own label)
///   goal        counted double γ, over the sources' symbols; none for a layer that does not learn
///   activation  byte 0: double α₁, α₂, β₁, β₂; byte 1: nothing; byte 2: double k, β; byte 3: nothing
///   binning     int count; double range; bool adaptive
/// int           from version 3, number of presentations of a row
/// calibration   counted float slopes; float offsets
/// scoring       byte mode; int samples; ulong seed; bool calibrate
/// settings      int epochs, batch size, maximum lateral connections; byte standardization; int early stopping rounds,
///               −1 for none; bool restore best epoch; ulong seed; hidden and output optimiser: 5 doubles each
/// history       int best epoch; ulong steps; double seconds, step seconds; int number of epochs; epoch …:
///               int epoch; double training accuracy, validation accuracy, validation log-loss (NaN for none), hidden
///               goal, output goal, seconds; counted double hidden atoms; counted double output atoms; from version 2,
///               double self-cosine distance
/// digest        32 bytes
/// </code>
/// </remarks>
internal static class ModelFormat
{
    /// <summary>The name under which ML.NET finds the loader; at most 24 characters.</summary>
    public const string LoaderSignature = "InfomorphicMulticlass";

    private const byte ModulatedTag = 0;
    private const byte FeedforwardTag = 1;
    private const byte BivariateTag = 2;
    private const byte StepTag = 3;
    internal const uint Version1 = 0x00010001; // Initial
    private const uint Version2 = 0x00010002; // Every set-up of the paper; self-cosine distances
    private const uint Version3 = 0x00010003; // Number of presentations
    private const int MaximumSources = 4;

    /// <summary>The format's version, and its history.</summary>
    public static VersionInfo VersionInfo =>
        new(
            modelSignature: "INFOMORP",
            verWrittenCur: Version3,
            verReadableCur: Version3,
            verWeCanReadBack: Version1,
            loaderSignature: LoaderSignature,
            // Without its version: a file from a newer library is then refused by the format's version, in words.
            loaderAssemblyName: typeof(ModelFormat).Assembly.GetName().Name
        );

    /// <summary>Writes a model.</summary>
    /// <param name="context">Where to.</param>
    /// <param name="contents">The model.</param>
    public static void Write(ModelSaveContext context, ModelContents contents)
    {
        context.SetVersionInfo(VersionInfo);
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
    /// <param name="contents">The model.</param>
    public static void Write(Stream stream, ModelContents contents)
    {
        using var writer = new CheckedWriter(stream);
        FeatureScaling scaling = contents.Network.FeatureScaling;
        writer.Write((byte)scaling.Kind);
        writer.WriteCounted<float>(scaling.Offsets);
        writer.WriteItems<float>(scaling.Scales);
        writer.Write(contents.Network.HiddenLayers.Count);
        foreach (InfomorphicLayer layer in contents.Network.HiddenLayers)
            WriteLayer(writer, layer);
        WriteLayer(writer, contents.Network.OutputLayer);
        writer.Write(contents.Network.Presentations);
        writer.WriteCounted<float>([.. contents.Network.Calibration.Slopes]);
        writer.WriteItems<float>([.. contents.Network.Calibration.Offsets]);
        WriteScoring(writer, contents.Scoring);
        WriteSettings(writer, contents.Settings);
        WriteHistory(writer, contents.History);
        writer.WriteDigest();
    }

    /// <summary>Reads a model from a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="length">Number of the stream's bytes that are the model's.</param>
    /// <param name="version">The version of the format that the model is in.</param>
    /// <exception cref="FormatException">The bytes are not those of a model.</exception>
    /// <exception cref="ArgumentException">A part of the model contradicts another.</exception>
    public static ModelContents Read(Stream stream, long length, uint version = Version3)
    {
        using var reader = new CheckedReader(stream, length);
        var kind = (Standardization)reader.ReadByte();
        float[] offsets = reader.ReadCounted<float>();
        var scaling = new FeatureScaling(kind, offsets, reader.ReadItems<float>(offsets.Length));
        var hidden = new InfomorphicLayer[reader.ReadCount(bytesEach: 1)];
        for (int i = 0; i < hidden.Length; i++)
            hidden[i] = ReadLayer(reader);
        InfomorphicLayer output = ReadLayer(reader);
        int? presentations = version >= Version3 ? reader.ReadInt32() : null;
        float[] slopes = reader.ReadCounted<float>();
        var calibration = new ScoreCalibration(slopes, reader.ReadItems<float>(slopes.Length));
        var network = new InfomorphicNetwork(hidden, output, scaling, calibration, presentations);
        if (output.Goal is null)
            throw new FormatException("its output layer has no goal");
        ScoringSettings scoring = ReadScoring(reader);
        LearningSettings settings = ReadSettings(reader, network);
        TrainingHistory history = ReadHistory(reader, hasDistances: version >= Version2);
        reader.ReadDigest();
        return new ModelContents(network, history, settings, scoring);
    }

    private static void WriteLayer(CheckedWriter writer, InfomorphicLayer layer)
    {
        writer.Write((byte)layer.Sources.Count);
        foreach (InputSource source in layer.Sources)
        {
            writer.Write((byte)source.Symbol);
            writer.Write((byte)source.Kind);
            writer.Write(source.NeuronCount);
            writer.Write(source.InputCount);
            writer.Write(source.Connections is null ? -1 : source.ConnectionsPerNeuron);
            if (source.Connections is not null)
                writer.WriteItems<int>(source.Connections);
            writer.WriteItems<float>(source.Weights);
            writer.WriteItems<float>(source.Biases);
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
    }

    private static InfomorphicLayer ReadLayer(CheckedReader reader)
    {
        int count = reader.ReadByte();
        if (count is < 1 or > MaximumSources)
            throw new FormatException($"a layer has {count} sources");
        var sources = new InputSource[count];
        for (int i = 0; i < count; i++)
            sources[i] = ReadSource(reader);
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
        return new InfomorphicLayer(sources, goal, activation, binning);
    }

    private static InputSource ReadSource(CheckedReader reader)
    {
        char symbol = (char)reader.ReadByte();
        var kind = (SourceKind)reader.ReadByte();
        if (!Enum.IsDefined(kind))
            throw new FormatException($"there is no source of the kind {(int)kind}");
        int neurons = reader.ReadInt32();
        int inputs = reader.ReadInt32();
        int perNeuron = reader.ReadInt32();
        if (neurons < 1 || inputs < 1 || perNeuron < -1)
            throw new FormatException($"a source has {neurons} neurons with {inputs} inputs");
        int[]? connections = perNeuron < 0 ? null : reader.ReadItems<int>((long)neurons * perNeuron);
        bool hasWeights = kind != SourceKind.OwnLabel;
        float[] weights = reader.ReadItems<float>(
            hasWeights ? (long)neurons * (perNeuron < 0 ? inputs : perNeuron) : 0
        );
        float[] biases = reader.ReadItems<float>(hasWeights ? neurons : 0);
        return new InputSource(symbol, kind, neurons, inputs, weights, biases, connections);
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

    private static void WriteSettings(CheckedWriter writer, LearningSettings settings)
    {
        writer.Write(settings.Epochs);
        writer.Write(settings.BatchSize);
        writer.Write(settings.MaximumLateralConnections);
        writer.Write((byte)settings.Standardization);
        writer.Write(settings.EarlyStoppingRounds ?? -1);
        writer.Write(settings.RestoreBestEpoch);
        writer.Write(settings.Seed);
        foreach (AdamSettings adam in (AdamSettings[])[settings.HiddenOptimizer, settings.OutputOptimizer])
            writer.WriteItems<double>([adam.LearningRate, adam.WeightDecay, adam.Beta1, adam.Beta2, adam.Epsilon]);
    }

    private static LearningSettings ReadSettings(CheckedReader reader, InfomorphicNetwork network)
    {
        InfomorphicLayer? hidden = network.HiddenLayers.Count == 0 ? null : network.HiddenLayers[0];
        var defaults = new LearningSettings { Goal = null, OutputGoal = network.OutputLayer.Goal! };
        int epochs = reader.ReadInt32();
        int batchSize = reader.ReadInt32();
        int lateral = reader.ReadInt32();
        var standardization = (Standardization)reader.ReadByte();
        int earlyStopping = reader.ReadInt32();
        return new LearningSettings
        {
            HiddenLayer =
                hidden is null ? HiddenLayerKind.None
                : hidden.Goal is null ? HiddenLayerKind.Random
                : HiddenLayerKind.Infomorphic,
            Context =
                Feeds(SourceKind.Label) ? ContextSignal.Label
                : Feeds(SourceKind.Feedback) ? ContextSignal.Feedback
                : ContextSignal.None,
            LateralInput = Feeds(SourceKind.Lateral),
            Presentations = network.Presentations == 1 ? defaults.Presentations : network.Presentations,
            HiddenNeurons = hidden?.NeuronCount ?? 0,
            Goal = hidden?.Goal,
            OutputGoal = network.OutputLayer.Goal!,
            Activation = hidden?.Goal is null ? defaults.Activation : hidden.Activation,
            Binning = hidden?.Goal is null ? defaults.Binning : hidden.Binning,
            Epochs = epochs,
            BatchSize = batchSize,
            MaximumLateralConnections = lateral,
            Standardization = standardization,
            EarlyStoppingRounds = earlyStopping < 0 ? null : earlyStopping,
            RestoreBestEpoch = reader.ReadBoolean(),
            Seed = reader.ReadUInt64(),
            HiddenOptimizer = ReadAdam(reader),
            OutputOptimizer = ReadAdam(reader),
        };

        bool Feeds(SourceKind kind) => hidden is not null && hidden.Sources.Any(source => source.Kind == kind);
    }

    private static AdamSettings ReadAdam(CheckedReader reader) =>
        new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());

    private static void WriteHistory(CheckedWriter writer, TrainingHistory history)
    {
        writer.Write(history.BestEpoch);
        writer.Write((ulong)history.Steps);
        writer.Write(history.Seconds);
        writer.Write(history.StepSeconds);
        writer.Write(history.Epochs.Count);
        foreach (EpochRecord epoch in history.Epochs)
        {
            writer.Write(epoch.Epoch);
            writer.Write(epoch.TrainingAccuracy);
            writer.Write(epoch.ValidationAccuracy ?? double.NaN);
            writer.Write(epoch.ValidationLogLoss ?? double.NaN);
            writer.Write(epoch.HiddenGoal);
            writer.Write(epoch.OutputGoal);
            writer.Write(epoch.Seconds);
            writer.WriteCounted<double>([.. epoch.HiddenAtoms]);
            writer.WriteCounted<double>([.. epoch.OutputAtoms]);
            writer.Write(epoch.SelfCosineDistance);
        }
    }

    private static TrainingHistory ReadHistory(CheckedReader reader, bool hasDistances)
    {
        int bestEpoch = reader.ReadInt32();
        long steps = (long)reader.ReadUInt64();
        double seconds = reader.ReadDouble();
        double stepSeconds = reader.ReadDouble();
        var epochs = new EpochRecord[reader.ReadCount(bytesEach: 3 * sizeof(int) + 6 * sizeof(double))];
        for (int i = 0; i < epochs.Length; i++)
        {
            int epoch = reader.ReadInt32();
            double accuracy = reader.ReadDouble();
            double validationAccuracy = reader.ReadDouble();
            double validationLogLoss = reader.ReadDouble();
            double hiddenGoal = reader.ReadDouble();
            double outputGoal = reader.ReadDouble();
            double elapsed = reader.ReadDouble();
            epochs[i] = new EpochRecord(
                epoch,
                accuracy,
                NullIfNaN(validationAccuracy),
                NullIfNaN(validationLogLoss),
                hiddenGoal,
                reader.ReadCounted<double>(),
                outputGoal,
                reader.ReadCounted<double>(),
                elapsed,
                hasDistances ? reader.ReadDouble() : double.NaN
            );
        }
        return new TrainingHistory(epochs, bestEpoch, steps, seconds, stepSeconds);
    }

    private static double? NullIfNaN(double value) => double.IsNaN(value) ? null : value;
}
