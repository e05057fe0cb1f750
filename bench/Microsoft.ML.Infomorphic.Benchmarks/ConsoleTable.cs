using System.Globalization;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Spectre.Console;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>Tables that stay whole in a log file.</summary>
internal static class ConsoleTable
{
    private const int WidthOfFiles = 160;
    private const double BusyCores = 0.05;

    public static void SetWidth()
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = WidthOfFiles;
    }

    public static void Write(string title, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().Border(TableBorder.Minimal).Title(Markup.Escape(title));
        for (int column = 0; column < columns.Length; column++)
        {
            var header = new TableColumn(Markup.Escape(columns[column])).NoWrap();
            table.AddColumn(column == 0 ? header : header.RightAligned());
        }

        foreach (string[] row in rows)
            table.AddRow([.. row.Select(Markup.Escape)]);
        AnsiConsole.Write(table);
    }

    public static void WriteMachine(Machine machine)
    {
        AnsiConsole.MarkupLineInterpolated(
            $"{machine.Processor}, {machine.Cores} cores, {machine.Threads} threads, {machine.VectorBits}-bit vectors, {machine.Device}"
        );
        AnsiConsole.MarkupLineInterpolated(
            $"{string.Join(", ", machine.Versions.Select(version => $"{version.Key} {version.Value}"))}"
        );
        if (machine.Environment.Count > 0)
            AnsiConsole.MarkupLineInterpolated(
                $"{string.Join(", ", machine.Environment.Select(variable => $"{variable.Key}={variable.Value}"))}"
            );
    }

    public static void WriteOtherProcesses(double cores) =>
        AnsiConsole.MarkupLineInterpolated(
            $"Other processes kept {Format(cores)} cores busy{(cores > BusyCores ? ": measure again on a quiet machine." : ".")}"
        );

    /// <summary>"12.3 (11.9–14.0)": the median, and the 10th and 90th percentiles.</summary>
    public static string Format(Distribution value) =>
        $"{Format(value.Median)} ({Format(value.P10)}–{Format(value.P90)})";

    /// <summary>Three significant digits.</summary>
    public static string Format(double value) =>
        value.ToString(
            Math.Abs(value) >= 100 ? "N0"
                : Math.Abs(value) >= 10 ? "N1"
                : Math.Abs(value) >= 1 ? "N2"
                : "N3",
            CultureInfo.InvariantCulture
        );
}
