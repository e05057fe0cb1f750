using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Reporting;
using SampleSupport;
using Spectre.Console;

namespace Tabular;

/// <summary>What to compare, and how.</summary>
/// <param name="Files">The tables.</param>
/// <param name="Label">The label column; null for the one named "label", or else the last.</param>
/// <param name="Contestants">Who takes part.</param>
/// <param name="Seeds">How often everything is done, with other random numbers each time.</param>
/// <param name="Folds">How many folds are tested on; null for fewer where tables are large.</param>
/// <param name="Threads">How many threads each contestant has.</param>
/// <param name="Report">A file for all figures (JSON), or null.</param>
/// <param name="Html">A file for the report on the first infomorphic model of a single table, or null.</param>
internal sealed record ComparisonOptions(
    IReadOnlyList<string> Files,
    string? Label,
    IReadOnlyList<Contestant> Contestants,
    int Seeds,
    int? Folds,
    int Threads,
    string? Report,
    string? Html
);

/// <summary>Trains all contestants on the same rows of all tables, and tests them on the same others.</summary>
internal sealed class Comparison(ComparisonOptions options)
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly IAnsiConsole _console = ConsoleOutput.Create();
    private readonly OutputFolder _output = new(".");
    private readonly List<Line> _lines = [];
    private readonly List<object> _tables = [];

    public void Execute()
    {
        WriteLine(
            "log-loss in nats; ECE: expected calibration error; AUC: area under the ROC curve, of tables with two classes; seconds: of one fit, the median; to LightGBM: points of accuracy."
        );
        foreach (string file in options.Files)
        {
            Compare(Table.Load(new MLContext(seed: 1), file, options.Label));
            // After every table, so that nothing is lost where a long comparison is interrupted.
            if (options.Report is not null)
                _output.Write(options.Report, WriteReport);
        }
        if (options.Files.Count > 1)
        {
            WriteLine($"Means over the {options.Files.Count} tables");
            _console.Write(ResultTables.Of(Summary.Of(_lines)));
        }
        foreach (string path in _output.Written.Distinct())
            WriteLine($"Written: {path}");
    }

    private void Compare(Table table)
    {
        int[] folds = table.Folds(seed: 1);
        int[] tested = [.. folds.Distinct().Order().Take(options.Folds ?? FoldsFor(folds.Length))];
        WriteLine(Describe(table, tested.Length));

        var runs = options.Contestants.ToDictionary(contestant => contestant.Name, _ => new List<Run>());
        for (int seed = 1; seed <= options.Seeds; seed++)
        {
            folds = table.Folds(seed);
            foreach (int fold in tested)
            {
                (IDataView train, IDataView test) = table.Split(folds, fold);
                foreach (Contestant contestant in options.Contestants)
                {
                    long start = Stopwatch.GetTimestamp();
                    ITransformer model = Fit(contestant, seed, train, table.Name);
                    double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                    runs[contestant.Name].Add(new Run(seed, fold, Metrics.Of(model.Transform(test)), seconds));
                    if (
                        options.Html is not null
                        && model is InfomorphicPredictionTransformer infomorphic
                        && seed == 1
                        && fold == tested[0]
                    )
                        Explain(table.Name, infomorphic.Model, test, options.Html);
                }
            }
        }
        Line[] lines = Line.Of(table.Name, runs);
        _lines.AddRange(lines);
        _tables.Add(
            new
            {
                table.Name,
                Rows = table.Labels.Count,
                table.Columns,
                Classes = table.Labels.Distinct().Count(label => label.Length > 0),
                Folds = tested.Length,
            }
        );
        _console.Write(ResultTables.Of(lines));
    }

    private ITransformer Fit(Contestant contestant, int seed, IDataView train, string table)
    {
        try
        {
            return contestant.Fit(new MLContext(seed), train, options.Threads);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException(
                $"The trainer {contestant.Name} failed on the table {table}; leave it out by --trainers: {e.Message}",
                e
            );
        }
    }

    /// <summary>How many folds are tested on: the larger the table, the less depends on the fold.</summary>
    public static int FoldsFor(int rows) =>
        rows switch
        {
            <= 2_000 => 5,
            <= 10_000 => 2,
            _ => 1,
        };

    private void Explain(string table, InfomorphicModelParameters model, IDataView test, string path)
    {
        path = Path.GetFullPath(path);
        InfomorphicReport.Write(
            model,
            test,
            path,
            new ReportOptions { Title = $"What the neurons aim for: {table}", ImageWidth = 0 }
        );
        WriteLine($"Written: {path}");
    }

    private void WriteReport(Stream stream) =>
        JsonSerializer.Serialize(
            stream,
            new
            {
                options.Seeds,
                options.Threads,
                Machine.Processor,
                Processors = Environment.ProcessorCount,
                Version = Machine.VersionOf(typeof(InfomorphicTrainer)),
                Tables = _tables,
                Lines = _lines,
                Summary = Summary.Of(_lines),
            },
            s_format
        );

    private string Describe(Table table, int folds)
    {
        string columns = string.Join(
            ", ",
            table
                .Columns.GroupBy(column => column.Kind)
                .OrderBy(kind => kind.Key)
                .Select(kind => $"{kind.Count()} {kind.Key.ToString().ToLowerInvariant()}")
        );
        string[] labels = [.. table.Labels.Where(label => label.Length > 0)];
        string without =
            labels.Length == table.Labels.Count ? "" : $" ({table.Labels.Count - labels.Length} more have no label)";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{table.Name}: {labels.Length:N0} rows{without}; columns: {columns}; {labels.Distinct().Count()} classes; means over {options.Seeds * folds} fits (seeds × folds: {options.Seeds} × {folds})"
        );
    }

    // Not by Spectre, which would break the line and read brackets as markup.
    private void WriteLine(string line) => _console.Profile.Out.Writer.WriteLine(line);
}
