using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The part of a saved model that says how it was trained.</summary>
/// <remarks>
/// <code>
/// settings      int epochs, batch size, presentations; byte standardization; int epochs per evaluation; double validation
///               fraction; int early stopping rounds, −1 for none; byte sum of 1, restore best epoch, and 2, learn the rows that
///               were held out; ulong seed; byte order of layers; byte 4 times the schedule of learning rates, and 0, no image,
///               1, an image, 2, one that is augmented; image; augmentation; hidden layer …; inputs and optimiser of the
///               output layer
///   image       int height, width, channels; bool interleaved
///   augmentation  int vertical and horizontal shift; double rotation, zoom; bool horizontal flip
///   hidden layer  int neurons; inputs; bool is there a context, and if so its signal; int lateral connections, −1 for none;
///               byte connections, 0 for all, 1: int field height, width, vertical and horizontal stride, bool shares weights,
///               int pooled rows and columns, 2: int subsets, inputs; byte outputs passed on; optimiser
///   inputs      int number, −1 where they are not set; signal …
///   optimiser   double learning rate, weight decay, β₁, β₂, ε
/// </code>
/// The rest of what a layer was asked to be is what it is, and is taken from the network.
/// </remarks>
internal static class SettingsFormat
{
    // What becomes of validation rows.
    private const byte RestoresBestEpoch = 1;
    private const byte LearnsHeldOutRows = 2;
    private const int SignalBytes = sizeof(byte) + sizeof(int);

    /// <summary>Writes the settings of a training.</summary>
    public static void Write(CheckedWriter writer, TrainingSettings settings)
    {
        writer.WriteItems<int>([settings.Epochs, settings.BatchSize, settings.Presentations]);
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
            WriteLayer(writer, layer);
        WriteInputs(writer, settings.Output.Inputs);
        WriteOptimizer(writer, settings.Output.Optimizer);
    }

    /// <summary>Reads the settings of the training that a network came of.</summary>
    public static TrainingSettings Read(CheckedReader reader, InfomorphicNetwork network)
    {
        int epochs = reader.ReadInt32();
        int batchSize = reader.ReadInt32();
        int presentations = reader.ReadInt32();
        Standardization standardization = reader.ReadEnum<Standardization>();
        int epochsPerEvaluation = reader.ReadInt32();
        double validationFraction = reader.ReadDouble();
        int earlyStopping = reader.ReadInt32();
        byte rules = reader.ReadByte();
        if ((rules & ~(RestoresBestEpoch | LearnsHeldOutRows)) != 0)
            throw new FormatException($"{rules} says nothing of what becomes of validation rows");
        ulong seed = reader.ReadUInt64();
        LayerOrder order = reader.ReadEnum<LayerOrder>();
        (ImageShape? image, ImageAugmentation? augmentation, LearningRateSchedule schedule) = ReadImageAndSchedule(
            reader
        );
        LayerSettings[] layers = [.. network.HiddenLayers.Select(layer => ReadLayer(reader, layer))];
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
        NetworkFormat.WriteImage(writer, settings.Image);
        if (settings.Augmentation is not ImageAugmentation augmentation)
            return;
        writer.WriteItems<int>([augmentation.VerticalShift, augmentation.HorizontalShift]);
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
        ImageShape? image = tag == 0 ? null : NetworkFormat.ReadImage(reader);
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

    private static void WriteLayer(CheckedWriter writer, LayerSettings layer)
    {
        writer.Write(layer.Neurons);
        WriteInputs(writer, layer.Inputs);
        writer.Write(layer.Context is not null);
        if (layer.Context is Signal context)
            NetworkFormat.WriteSignal(writer, context);
        writer.Write(layer.LateralConnections ?? -1);
        switch (layer.Connections)
        {
            case LocalFieldSettings fields:
                writer.Write((byte)1);
                writer.WriteItems<int>([fields.Height, fields.Width, fields.VerticalStride, fields.HorizontalStride]);
                writer.Write(fields.SharesWeights);
                writer.WriteItems<int>([fields.Pooling?.Rows ?? 0, fields.Pooling?.Columns ?? 0]);
                break;
            case RandomSubsetSettings subsets:
                writer.Write((byte)2);
                writer.WriteItems<int>([subsets.Count, subsets.Inputs]);
                break;
            default:
                writer.Write((byte)0);
                break;
        }

        writer.Write((byte)layer.PassesOn);
        WriteOptimizer(writer, layer.Optimizer);
    }

    private static LayerSettings ReadLayer(CheckedReader reader, InfomorphicLayer layer)
    {
        LayerSettings settings = EarlyModelFormat.SettingsOf(layer) with { Neurons = reader.ReadInt32() };
        IReadOnlyList<Signal>? inputs = ReadInputs(reader);
        Signal? context = reader.ReadBoolean() ? NetworkFormat.ReadSignal(reader) : null;
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
            PassesOn = reader.ReadEnum<PassedOutputs>(),
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

    private static void WriteInputs(CheckedWriter writer, IReadOnlyList<Signal>? inputs)
    {
        writer.Write(inputs?.Count ?? -1);
        foreach (Signal signal in inputs ?? [])
            NetworkFormat.WriteSignal(writer, signal);
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
            inputs[i] = NetworkFormat.ReadSignal(reader);
        return inputs;
    }

    private static void WriteOptimizer(CheckedWriter writer, AdamSettings adam) =>
        writer.WriteItems<double>([adam.LearningRate, adam.WeightDecay, adam.Beta1, adam.Beta2, adam.Epsilon]);

    /// <summary>Reads the settings of an optimiser.</summary>
    public static AdamSettings ReadOptimizer(CheckedReader reader) =>
        new(reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble(), reader.ReadDouble());
}
