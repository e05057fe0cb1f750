using System.Text;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The part of a saved model that is the history of its training.</summary>
/// <remarks>
/// <code>
/// history       int best epoch; ulong steps; double seconds, step seconds; long skipped rows, −1 where not known;
///               int number of warnings; for each counted bytes of UTF-8; int number of epochs; epoch …:
///               int epoch; double training accuracy, validation accuracy, validation log-loss (NaN for none), seconds; int
///               number of layers; for each double goal, counted double atoms, double self-cosine distance
/// </code>
/// </remarks>
internal static class HistoryFormat
{
    /// <summary>Writes a history.</summary>
    public static void Write(CheckedWriter writer, TrainingHistory history)
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

    /// <summary>Reads the history of a network of so many layers.</summary>
    public static TrainingHistory Read(CheckedReader reader, int layers, uint version)
    {
        int bestEpoch = reader.ReadInt32();
        long steps = (long)reader.ReadUInt64();
        double seconds = reader.ReadDouble();
        double stepSeconds = reader.ReadDouble();
        long skippedRows = version >= ModelFormat.Version4 ? (long)reader.ReadUInt64() : -1;
        var warnings = new string[version >= ModelFormat.Version4 ? reader.ReadCount(bytesEach: sizeof(int)) : 0];
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
                version < ModelFormat.Version4
                    ? EarlyModelFormat.ReadProgress(reader, layers, version)
                    : ReadProgress(reader);
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

    private static double? NullIfNaN(double value) => double.IsNaN(value) ? null : value;
}
