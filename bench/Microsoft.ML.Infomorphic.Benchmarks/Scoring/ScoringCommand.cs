using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>
/// How fast rows are scored, against ONNX Runtime on the exported model and other trainers of ML.NET. For each number of
/// threads a process of its own: what DOTNET_PROCESSOR_COUNT says holds for all managed contenders from its beginning.
/// </summary>
internal static class ScoringCommand
{
    private const string ProcessorCount = "DOTNET_PROCESSOR_COUNT";

    public static Command Create()
    {
        Option<int[]> hidden = MeasurementOptions.WholeNumbers("--hidden", "Numbers of hidden neurons.", 100, 2000);
        Option<int[]> threads = MeasurementOptions.WholeNumbers(
            "--threads",
            "Numbers of threads.",
            [.. new[] { 1, Environment.ProcessorCount }.Distinct()]
        );
        Option<int> seconds = MeasurementOptions.WholeNumber(
            "--seconds",
            "No further round of a network begins after so many seconds.",
            40
        );
        Option<string?> data = new MeasurementOptions().Data;
        Option<string?> report = new MeasurementOptions().Report;
        var models = new Option<string?>("--models") { Description = "Folder with models.", Hidden = true };
        var command = new Command("scoring", "Measures how fast rows are scored, against ONNX Runtime and others.")
        {
            hidden,
            threads,
            seconds,
            data,
            report,
            models,
        };
        command.SetAction(parsed =>
        {
            BenchmarkData rows = BenchmarkData.Load(parsed.GetValue(data));
            int[] neurons = parsed.GetRequiredValue(hidden);
            if (parsed.GetValue(models) is string folder)
                MeasureHere(folder, rows, neurons, parsed.GetValue(seconds), parsed.GetValue(report)!);
            else
                Run(parsed, rows, neurons, parsed.GetRequiredValue(threads), parsed.GetValue(report));
            return 0;
        });
        return command;

        void Run(ParseResult parsed, BenchmarkData rows, int[] neurons, int[] counts, string? path)
        {
            Machine machine = Machine.Describe("cpu", Environment.ProcessorCount, reproducibleProducts: false);
            ConsoleTable.WriteMachine(machine);
            using var made = new ScoringModels(rows, neurons);
            var runs = new List<JsonElement>();
            foreach (int count in counts)
                runs.Add(
                    MeasureInProcess(
                        count,
                        made.Folder,
                        [
                            hidden.Name,
                            string.Join(',', neurons.Select(Text)),
                            seconds.Name,
                            Text(parsed.GetValue(seconds)),
                            data.Name,
                            parsed.GetValue(data) ?? rows.Folder ?? BenchmarkData.Synthetic,
                        ]
                    )
                );
            if (path is not null)
                ReportFile.Write(
                    path,
                    new
                    {
                        Command = "scoring",
                        MeasuredAt = Measurement.Now,
                        Machine = machine,
                        OnnxRuntime = OnnxScorer.Version,
                        Data = rows.Name,
                        Others = ScoringModels.Others,
                        Unit = "rows per second; microseconds for single predictions",
                        Runs = runs,
                    }
                );
        }
    }

    private static void MeasureHere(string folder, BenchmarkData rows, int[] hidden, int seconds, string report)
    {
        var others = new OtherProcesses();
        ScoringCase[] cases = [.. hidden.Select(neurons => ScoringMeasurement.Measure(folder, rows, neurons, seconds))];
        double busy = others.Cores();
        ConsoleTable.WriteOtherProcesses(busy);
        ReportFile.Write(
            report,
            new
            {
                Threads = Environment.ProcessorCount,
                CoresKeptBusyByOthers = busy,
                Networks = cases,
            }
        );
    }

    private static JsonElement MeasureInProcess(int threads, string folder, string[] arguments)
    {
        string report = Path.Combine(folder, "report.json");
        string program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            start.ArgumentList.Add(Assembly.GetEntryAssembly()!.Location);
        foreach (string argument in (string[])["scoring", "--models", folder, "--report", report, .. arguments])
            start.ArgumentList.Add(argument);
        start.Environment[ProcessorCount] = Text(threads);
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"Measuring with {threads} threads ended with {process.ExitCode}.");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(report));
        return document.RootElement.Clone();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
