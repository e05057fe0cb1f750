using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

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
/// network       see <see cref="NetworkFormat"/>
/// scoring       byte mode; int samples; ulong seed; bool calibrate
/// settings      see <see cref="SettingsFormat"/>
/// history       see <see cref="HistoryFormat"/>
/// encoding      byte kind asked for; byte missing values; bool is there one, and if so: int features; for each counted float
///               knots; bool are missing values scored, and if so float substitutes and counted int indicated features
/// networks      int number of further networks; for each network and history as above
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

    /// <summary>The name under which ML.NET finds the loader of binary classifiers, whose format is the same.</summary>
    public const string BinaryLoaderSignature = "InfomorphicBinary";

    internal const uint Version1 = 0x00010001; // Initial
    internal const uint Version2 = 0x00010002; // Every set-up of the paper; self-cosine distances
    internal const uint Version3 = 0x00010003; // Number of presentations
    internal const uint Version4 = 0x00010004; // Any layers, several networks, encodings, softmax regression, skipped rows, warnings
    internal const uint Version5 = 0x00010005; // States of optimisers: written where there are some
    private const int FurtherNetworkBytes = 64; // at least

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
        NetworkFormat.Write(writer, contents.Network);
        WriteScoring(writer, contents.Scoring);
        SettingsFormat.Write(writer, contents.Settings);
        HistoryFormat.Write(writer, contents.History);
        writer.Write((byte)contents.Settings.Encoding);
        writer.Write((byte)contents.Settings.MissingValues);
        WriteEncoding(writer, contents.Encoding);
        writer.Write(contents.Trained.Count - 1);
        foreach (TrainingResult further in contents.Trained.Skip(1))
        {
            NetworkFormat.Write(writer, further.Network);
            HistoryFormat.Write(writer, further.History);
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
        InfomorphicNetwork network = NetworkFormat.Read(reader, scaling, version);
        ScoringSettings scoring = ReadScoring(reader);
        TrainingSettings settings = isEarly
            ? EarlyModelFormat.ReadSettings(reader, network)
            : SettingsFormat.Read(reader, network);
        TrainingHistory history = HistoryFormat.Read(reader, network.Layers.Count, version);
        FeatureEncoding? encoding = null;
        if (!isEarly)
        {
            settings = settings with
            {
                Encoding = reader.ReadEnum<FeatureEncodingKind>(),
                MissingValues = reader.ReadEnum<MissingValues>(),
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
            InfomorphicNetwork further = NetworkFormat.Read(reader, scaling, version);
            if (!further.IsShapedLike(network))
                throw new FormatException("its networks are of different shapes");
            trained[i] = new TrainingResult(further, HistoryFormat.Read(reader, network.Layers.Count, version));
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
}
