using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using SampleSupport;

namespace Mnist;

/// <summary>The report: what was trained, on what, and what came of it. Accuracies are shares, 0 to 1.</summary>
internal sealed record Report(
    double TestAccuracy,
    double TestAccuracySampled,
    double LogLoss,
    double LogLossReduction,
    double ExpectedCalibrationError,
    double ExpectedCalibrationErrorUncalibrated,
    double TrainingSeconds,
    double MillisecondsPerStep,
    long Steps,
    int HiddenNeurons,
    int Epochs,
    int Seed,
    string Device,
    string Goal,
    string GoalInFull,
    int Batch,
    string Scoring,
    bool ReloadedScoresAreIdentical,
    Report.RowCounts Rows,
    Report.Hardware Machine,
    IReadOnlyDictionary<string, string> Versions,
    IReadOnlyList<IReadOnlyList<double>> ConfusionMatrix,
    IReadOnlyList<string> Atoms,
    IReadOnlyList<Report.Epoch> History
)
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public sealed record RowCounts(int Train, int Validation, int Test);

    public sealed record Hardware(string Processor, int Threads, string OperatingSystem);

    /// <summary>An epoch of the one hidden layer, and of the output layer. Goals and atoms are in bits.</summary>
    public sealed record Epoch(
        [property: JsonPropertyName("epoch")] int Number,
        double TrainingAccuracy,
        double? ValidationAccuracy,
        double? ValidationLogLoss,
        double HiddenGoal,
        IReadOnlyList<double> HiddenAtoms,
        double OutputGoal,
        IReadOnlyList<double> OutputAtoms,
        double Seconds,
        double SelfCosineDistance
    )
    {
        public static Epoch Of(EpochRecord epoch) =>
            new(
                epoch.Epoch,
                epoch.TrainingAccuracy,
                epoch.ValidationAccuracy,
                epoch.ValidationLogLoss,
                epoch.HiddenLayers[0].Goal,
                epoch.HiddenLayers[0].Atoms,
                epoch.OutputLayer.Goal,
                epoch.OutputLayer.Atoms,
                epoch.Seconds,
                epoch.HiddenLayers[0].SelfCosineDistance
            );
    }

    public static Report Create(
        SampleOptions options,
        RowCounts rows,
        InfomorphicModelParameters parameters,
        MulticlassClassificationMetrics metrics,
        MulticlassClassificationMetrics sampled,
        double calibrationError,
        double calibrationErrorUncalibrated,
        bool reloadedScoresAreIdentical
    )
    {
        TrainingHistory history = parameters.History;
        InfomorphicLayer hidden = parameters.Network.HiddenLayers[0];
        return new Report(
            metrics.MicroAccuracy,
            sampled.MicroAccuracy,
            metrics.LogLoss,
            metrics.LogLossReduction,
            calibrationError,
            calibrationErrorUncalibrated,
            history.Seconds,
            history.MillisecondsPerStep(),
            history.Steps,
            hidden.NeuronCount,
            history.Epochs.Count,
            options.Seed,
            options.Device,
            options.Goal,
            hidden.Goal!.ToString(),
            options.BatchSize,
            options.Scoring.ToString(),
            reloadedScoresAreIdentical,
            rows,
            new Hardware(
                SampleSupport.Machine.Processor,
                Environment.ProcessorCount,
                System.Runtime.InteropServices.RuntimeInformation.OSDescription
            ),
            new Dictionary<string, string>
            {
                ["Microsoft.ML.Infomorphic"] = SampleSupport.Machine.VersionOf(typeof(InfomorphicTrainer)),
                ["Microsoft.ML"] = SampleSupport.Machine.VersionOf(typeof(MLContext)),
                [".NET"] = Environment.Version.ToString(),
            },
            metrics.ConfusionMatrix.Counts,
            AtomNames(hidden),
            [.. history.Epochs.Select(Report.Epoch.Of)]
        );
    }

    /// <summary>The names of a layer's atoms, in the order of the history's numbers, and of the residual entropy.</summary>
    public static IReadOnlyList<string> AtomNames(InfomorphicLayer layer) =>
        [.. layer.Goal!.Lattice.Antichains.Select(antichain => antichain.ToString(layer.Goal.Sources)), "H_res"];

    public void Write(Stream stream) => JsonSerializer.Serialize(stream, this, s_format);
}

internal static class TrainingHistoryExtensions
{
    /// <summary>The mean duration of a training step.</summary>
    public static double MillisecondsPerStep(this TrainingHistory history) =>
        history.Steps > 0 ? 1000 * history.StepSeconds / history.Steps : 0;
}
