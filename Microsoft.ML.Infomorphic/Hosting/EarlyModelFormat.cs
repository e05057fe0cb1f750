using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// What versions 1 to 3 of the model format have otherwise than <see cref="ModelFormat"/>. Their networks have one hidden
/// layer, or none.
/// </summary>
/// <remarks>
/// <code>
///   source …    byte symbol; byte kind; int neurons N; int inputs M; int K connections a neuron, −1 where all;
///               N·K int connections, if any; N·K float weights; N float biases (the last two not for an own label)
///   layer       has no pooling
/// int           from version 3, number of presentations of a row
/// settings      int epochs, batch size, maximum lateral connections; byte standardization; int early stopping rounds,
///               −1 for none; bool restore best epoch; ulong seed; hidden and output optimiser: 5 doubles each
/// epoch         … validation log-loss, hidden goal, output goal, seconds; counted double hidden atoms; counted double output
///               atoms; from version 2, double self-cosine distance
/// </code>
/// </remarks>
internal static class EarlyModelFormat
{
    // The kinds of sources: features, label, lateral, hidden layer, own label, feedback.
    private static readonly Signal[] s_signals =
    [
        Signal.Features,
        Signal.Label,
        Signal.Layer(0),
        Signal.Layer(0),
        Signal.OwnLabel,
        Signal.Layer(1),
    ];

    /// <summary>Reads a source.</summary>
    public static Source ReadSource(CheckedReader reader)
    {
        char symbol = (char)reader.ReadByte();
        int kind = reader.ReadByte();
        if (kind >= s_signals.Length)
            throw new FormatException($"there is no source of the kind {kind}");
        int neurons = reader.ReadInt32();
        int inputs = reader.ReadInt32();
        int perNeuron = reader.ReadInt32();
        if (neurons < 1 || inputs < 1 || perNeuron is 0 or < -1)
            throw new FormatException($"a source has {neurons} neurons with {inputs} inputs");
        Connectivity connectivity =
            perNeuron < 0
                ? new AllConnected(neurons, inputs)
                : new DrawnConnected(neurons, inputs, reader.ReadItems<int>((long)neurons * perNeuron));
        bool hasWeights = s_signals[kind].Kind != SignalKind.OwnLabel;
        float[] weights = reader.ReadItems<float>(hasWeights ? (long)neurons * connectivity.ConnectionsPerNeuron : 0);
        float[] biases = reader.ReadItems<float>(hasWeights ? neurons : 0);
        return new Source(symbol, [new Projection(s_signals[kind], connectivity, weights)], biases);
    }

    /// <summary>Reads the settings of a training.</summary>
    public static TrainingSettings ReadSettings(CheckedReader reader, InfomorphicNetwork network)
    {
        int epochs = reader.ReadInt32();
        int batchSize = reader.ReadInt32();
        int lateral = reader.ReadInt32();
        Standardization standardization = reader.ReadEnum<Standardization>();
        int earlyStopping = reader.ReadInt32();
        bool restoreBestEpoch = reader.ReadBoolean();
        ulong seed = reader.ReadUInt64();
        AdamSettings hidden = SettingsFormat.ReadOptimizer(reader);
        AdamSettings output = SettingsFormat.ReadOptimizer(reader);
        return new TrainingSettings
        {
            HiddenLayers =
            [
                .. network.HiddenLayers.Select(layer =>
                    SettingsOf(layer) with
                    {
                        LateralConnections = Hears(layer, 'L') ? lateral : null,
                        Optimizer = hidden,
                    }
                ),
            ],
            Output = new OutputLayerSettings
            {
                Goal = network.OutputLayer.Goal,
                Binning = network.OutputLayer.Binning,
                Optimizer = output,
            },
            Presentations = Math.Max(network.Presentations, 2),
            Epochs = epochs,
            BatchSize = batchSize,
            Standardization = standardization,
            EarlyStoppingRounds = earlyStopping < 0 ? null : earlyStopping,
            RestoreBestEpoch = restoreBestEpoch,
            Seed = seed,
        };
    }

    /// <summary>The settings that follow from a layer.</summary>
    public static LayerSettings SettingsOf(InfomorphicLayer layer) =>
        layer.Goal is null
            ? LayerSettings.RandomProjection(layer.NeuronCount) with
            {
                Binning = layer.Binning,
            }
            : new LayerSettings
            {
                Neurons = layer.NeuronCount,
                Context = layer.Sources.FirstOrDefault(source => source.Symbol == 'C')?.Projections[0].Signal,
                LateralConnections = null,
                Goal = layer.Goal,
                Activation = layer.Activation,
                Binning = layer.Binning,
            };

    /// <summary>Reads what the layers came to in an epoch, and the seconds until then.</summary>
    public static (LayerProgress[] Progress, double Seconds) ReadProgress(
        CheckedReader reader,
        int layers,
        uint version
    )
    {
        double hiddenGoal = reader.ReadDouble();
        double outputGoal = reader.ReadDouble();
        double seconds = reader.ReadDouble();
        double[] hiddenAtoms = reader.ReadCounted<double>();
        double[] outputAtoms = reader.ReadCounted<double>();
        double distance = version >= ModelFormat.Version2 ? reader.ReadDouble() : double.NaN;
        var output = new LayerProgress(outputGoal, outputAtoms);
        return (layers == 1 ? [output] : [new LayerProgress(hiddenGoal, hiddenAtoms, distance), output], seconds);
    }

    private static bool Hears(InfomorphicLayer layer, char symbol) =>
        layer.Sources.Any(source => source.Symbol == symbol);
}
