using System.Globalization;
using Spectre.Console;

namespace Tabular;

/// <summary>The tables that are printed.</summary>
internal static class ResultTables
{
    public static Spectre.Console.Table Of(IReadOnlyList<Line> lines)
    {
        Spectre.Console.Table table = Create(
            "trainer",
            "accuracy",
            "to LightGBM",
            "rank",
            "macro",
            "log-loss",
            "ECE",
            "AUC",
            "seconds"
        );
        foreach (Line line in lines)
            table.AddRow(
                line.Trainer,
                Percent(line.Metrics.Accuracy),
                Points(line.AccuracyToLightGbm),
                Number(line.Rank, "F1"),
                Percent(line.Metrics.MacroAccuracy),
                Number(line.Metrics.LogLoss, "F4"),
                Number(line.Metrics.CalibrationError, "F3"),
                Number(line.Metrics.AreaUnderCurve, "F4"),
                Number(line.Seconds, "F2")
            );
        return table;
    }

    public static Spectre.Console.Table Of(IReadOnlyList<Summary> summaries)
    {
        Spectre.Console.Table table = Create(
            "trainer",
            "accuracy",
            "to LightGBM",
            "at worst",
            "> linear",
            "rank",
            "macro",
            "log-loss",
            "ECE",
            "AUC",
            "seconds",
            "× LightGBM"
        );
        foreach (Summary summary in summaries)
            table.AddRow(
                summary.Trainer,
                Percent(summary.Metrics.Accuracy),
                Points(summary.AccuracyToLightGbm),
                Points(summary.WorstToLightGbm),
                Number(summary.AheadOfLinear, "F0"),
                Number(summary.Rank, "F2"),
                Percent(summary.Metrics.MacroAccuracy),
                Number(summary.Metrics.LogLoss, "F4"),
                Number(summary.Metrics.CalibrationError, "F3"),
                Number(summary.Metrics.AreaUnderCurve, "F4"),
                Number(summary.Seconds, "F2"),
                Number(summary.TimeToLightGbm, "F2")
            );
        return table;
    }

    private static Spectre.Console.Table Create(params string[] columns)
    {
        Spectre.Console.Table table = new Spectre.Console.Table().Border(TableBorder.Simple).AddColumn(columns[0]);
        foreach (string column in columns[1..])
            table.AddColumn(new TableColumn(column).RightAligned());
        return table;
    }

    private static string Percent(double share) => Number(100 * share, "F2");

    private static string Points(double? difference) => Number(100 * difference, "+0.00;-0.00;0.00");

    private static string Number(double? number, string format) =>
        number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
