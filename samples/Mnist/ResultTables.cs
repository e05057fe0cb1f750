using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Spectre.Console;

namespace Mnist;

/// <summary>What is printed after the training.</summary>
internal static class ResultTables
{
    /// <summary>The metrics, beside those of the paper: medians of ten seeds, one sample a neuron, 48,000 training rows.</summary>
    public static Table Metrics(
        SampleOptions options,
        TrainingHistory history,
        MulticlassClassificationMetrics metrics,
        MulticlassClassificationMetrics sampled,
        double calibrationError,
        double calibrationErrorUncalibrated
    )
    {
        string scoring = options.Scoring switch
        {
            ScoringMode.MeanField => "mean field",
            ScoringMode.Thresholded => "thresholded",
            _ => "mean of several samples",
        };
        return new Table()
            .Border(TableBorder.Simple)
            .AddColumn("")
            .AddColumn(new TableColumn("this run").RightAligned())
            .AddColumn("the paper, N = 100")
            .AddRow(
                "test accuracy, one sample a neuron (the paper's way)",
                Percent(sampled.MicroAccuracy),
                "95.2 % (opt_1_100_tpe), 93.4 % (heuristic)"
            )
            .AddRow($"test accuracy, {scoring}", Percent(metrics.MicroAccuracy), "")
            .AddRow(
                $"log-loss, {scoring}",
                string.Create(CultureInfo.InvariantCulture, $"{metrics.LogLoss:F4} nats"),
                ""
            )
            .AddRow(
                $"expected calibration error, {scoring}",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{calibrationError:F4} ({calibrationErrorUncalibrated:F4} uncalibrated)"
                ),
                ""
            )
            .AddRow(
                "training step",
                string.Create(CultureInfo.InvariantCulture, $"{history.MillisecondsPerStep():F2} ms"),
                ""
            )
            .AddRow("training", string.Create(CultureInfo.InvariantCulture, $"{history.Seconds:F1} s"), "");
    }

    /// <summary>How often each digit (rows) was taken for each (columns).</summary>
    public static Table Confusions(IReadOnlyList<IReadOnlyList<double>> counts)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("true \\ predicted");
        for (int digit = 0; digit < counts.Count; digit++)
            table.AddColumn(new TableColumn(Whole(digit)).RightAligned());
        for (int digit = 0; digit < counts.Count; digit++)
            table.AddRow([Whole(digit), .. counts[digit].Select(Whole)]);
        return table;
    }

    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:F2} %");

    private static string Whole(double number) => number.ToString("F0", CultureInfo.InvariantCulture);
}
