using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using SampleSupport;
using Spectre.Console;

namespace Tabular;

/// <summary>Compares all contestants on all tables, in five-fold cross-validation with several seeds.</summary>
internal static class Comparison
{
    private const int Folds = 5;

    private static readonly string[] s_tables = ["wine", "breast-cancer", "blood-transfusion"];

    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
    };

    /// <summary>A line of the comparison: means over folds and seeds.</summary>
    public sealed record Line(string Table, string Trainer, double Accuracy, double LogLoss, double Seconds);

    public static int Run(int seeds, string? report, string? dataFolder)
    {
        IAnsiConsole console = ConsoleOutput.Create();
        string folder = dataFolder ?? DataFolder.Find("tabular");
        console.Profile.Out.Writer.WriteLine(
            $"Means over {seeds} seeds × {Folds} folds; log-loss in nats; seconds for one fold."
        );

        var lines = new List<Line>();
        bool neverBelowMajority = true;
        foreach (string name in s_tables)
        {
            Line[] ofTable = Compare(Path.Combine(folder, name + ".csv"), seeds);
            lines.AddRange(ofTable);
            console.Write(ToTable(name, ofTable));
            Line infomorphic = ofTable.Single(line => line.Trainer == Contestants.Infomorphic);
            Line majority = ofTable.Single(line => line.Trainer == Contestants.Majority);
            neverBelowMajority &= infomorphic.Accuracy >= majority.Accuracy && infomorphic.LogLoss <= majority.LogLoss;
        }
        console.Profile.Out.Writer.WriteLine(
            neverBelowMajority
                ? "The defaults are nowhere below the majority class."
                : "The defaults are BELOW the majority class somewhere."
        );

        if (report is not null)
        {
            string path = new OutputFolder(".").Write(
                report,
                stream =>
                    JsonSerializer.Serialize(
                        stream,
                        new
                        {
                            seeds,
                            folds = Folds,
                            neverBelowMajority,
                            processor = Machine.Processor,
                            threads = Environment.ProcessorCount,
                            lines,
                        },
                        s_format
                    )
            );
            console.Profile.Out.Writer.WriteLine($"Written: {path}");
        }
        return neverBelowMajority ? CommandLine.Success : CommandLine.Failure;
    }

    private static Line[] Compare(string path, int seeds)
    {
        var results = Contestants.All.ToDictionary(contestant => contestant.Name, _ => new List<Result>());
        var seconds = Contestants.All.ToDictionary(contestant => contestant.Name, _ => 0.0);
        for (int seed = 1; seed <= seeds; seed++)
        {
            var mlContext = new MLContext(seed);
            Table table = Table.Load(mlContext, path);
            foreach (DataOperationsCatalog.TrainTestData fold in mlContext.Data.CrossValidationSplit(table.Rows, Folds))
            foreach ((string name, Func<MLContext, IDataView, IDataView, Result> judge) in Contestants.All)
            {
                long start = Stopwatch.GetTimestamp();
                results[name].Add(judge(mlContext, fold.TrainSet, fold.TestSet));
                seconds[name] += Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }
        return
        [
            .. Contestants.All.Select(contestant => new Line(
                Path.GetFileNameWithoutExtension(path),
                contestant.Name,
                results[contestant.Name].Average(result => result.Accuracy),
                results[contestant.Name].Average(result => result.LogLoss),
                seconds[contestant.Name] / results[contestant.Name].Count
            )),
        ];
    }

    private static Spectre.Console.Table ToTable(string name, IEnumerable<Line> lines)
    {
        Spectre.Console.Table table = new Spectre.Console.Table()
            .Border(TableBorder.Simple)
            .AddColumn(name)
            .AddColumn(new TableColumn("accuracy").RightAligned())
            .AddColumn(new TableColumn("log-loss").RightAligned())
            .AddColumn(new TableColumn("seconds").RightAligned());
        foreach (Line line in lines)
            table.AddRow(
                line.Trainer,
                (100 * line.Accuracy).ToString("F2", CultureInfo.InvariantCulture) + " %",
                line.LogLoss.ToString("F4", CultureInfo.InvariantCulture),
                line.Seconds.ToString("F2", CultureInfo.InvariantCulture)
            );
        return table;
    }
}
