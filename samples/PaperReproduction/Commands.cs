using System.CommandLine;
using System.Globalization;
using SampleSupport;
using Spectre.Console;

namespace PaperReproduction;

/// <summary>The command line.</summary>
internal static class Commands
{
    private static readonly Option<string> s_dataSet = new("--data-set")
    {
        Description = "mnist or cifar10.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "mnist",
    };
    private static readonly Option<string?> s_dataDirectory = new("--data-directory")
    {
        Description = "Folder of the data set. [MNIST: data/mnist]",
        HelpName = "DIR",
    };
    private static readonly Option<string> s_results = new("--results")
    {
        Description = "Folder with the results of finished cells.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Path.Combine("docs", "results"),
    };
    private static readonly Option<string> s_systems = new("--system")
    {
        Description =
            $"Systems, separated by commas: {string.Join(", ", PaperSystem.All.Select(system => system.Name))}.",
        HelpName = "NAMES",
        DefaultValueFactory = _ => "setup1",
    };
    private static readonly Option<string?> s_goal = new("--goal")
    {
        Description =
            "Goal of the hidden neurons: a published name or the paper's notation. [the system's own on the data set]",
        HelpName = "GOAL",
    };
    private static readonly Option<string> s_seeds = Numbers("--seeds", "Seeds", "1-3");
    private static readonly Option<string> s_hidden = Numbers("--hidden", "Hidden neurons", "100");
    private static readonly Option<int> s_epochs = CommandLine.WholeNumber(
        "--epochs",
        "Passes over the training rows.",
        100,
        1
    );
    private static readonly Option<int> s_rows = CommandLine.WholeNumber(
        "--train-rows",
        "Training images to draw, 0 for all; a fifth of them is withheld for validation.",
        0,
        0
    );
    private static readonly Option<int> s_parallel = CommandLine.WholeNumber(
        "--parallel",
        "Cells to run at once.",
        1,
        1
    );
    private static readonly Option<int> s_threads = CommandLine.WholeNumber(
        "--threads",
        "Threads for a cell, 0 to share the processors among the cells that run at once.",
        0,
        0
    );

    public static RootCommand Create() =>
        new(
            "Runs the systems of arXiv 2412.02482 again and sets the results beside the published ones; and trains networks of fields and of several layers on images."
        )
        {
            CreateRun(),
            CreateAblation(),
            CreateReport(),
            NetworkCommands.CreateRun(),
            NetworkCommands.CreateReport(),
            NetworkCommands.CreatePictures(),
        };

    private static Command CreateRun()
    {
        var command = new Command("run", "Trains systems at sizes with seeds; finished cells are not run again.")
        {
            s_dataSet,
            s_dataDirectory,
            s_results,
            s_systems,
            s_goal,
            s_seeds,
            s_hidden,
            s_epochs,
            s_rows,
            s_parallel,
            s_threads,
        };
        command.SetAction(parsed =>
            Guard(text =>
            {
                string? goal = parsed.GetValue(s_goal);
                var cells = new List<Cell>();
                foreach (string name in parsed.GetRequiredValue(s_systems).Split(','))
                {
                    var system = PaperSystem.Find(name);
                    string written = (goal ?? system.GoalOn(DataSet(parsed))) is string own ? system.WriteOut(own) : "";
                    int[] sizes = ParseNumbers(s_hidden.Name, parsed.GetRequiredValue(s_hidden));
                    foreach (int hidden in system.HasHiddenNeurons ? sizes : [0])
                    foreach (int seed in ParseNumbers(s_seeds.Name, parsed.GetRequiredValue(s_seeds)))
                        cells.Add(
                            new Cell(
                                DataSet(parsed),
                                name,
                                written,
                                hidden,
                                parsed.GetValue(s_epochs),
                                seed,
                                Rows(parsed)
                            )
                        );
                }
                IReadOnlyList<CellResult> results = Sweep(parsed, cells, text);
                ConsoleOutput.Create().Write(ResultsReport.ConsoleTable(results));
            })
        );
        return command;
    }

    private static Command CreateAblation()
    {
        Option<string> output = new("--output")
        {
            Description = "Folder for the table and the picture.",
            HelpName = "DIR",
            DefaultValueFactory = _ => Path.Combine("output", "ablation"),
        };
        Option<string> parts = new("--parts")
        {
            Description = "What to change in the goal, separated by commas: single, cumulative, sensitivity.",
            HelpName = "PARTS",
            DefaultValueFactory = _ => "single,cumulative,sensitivity",
        };
        var command = new Command(
            "ablation",
            "Sets weights of the goal to zero, one by one and one after another, and moves them by 10 % and by 0.1; judged on withheld rows, sampled."
        )
        {
            s_dataSet,
            s_dataDirectory,
            s_results,
            s_goal,
            s_seeds,
            s_hidden,
            s_epochs,
            s_rows,
            s_parallel,
            s_threads,
            parts,
            output,
        };
        command.SetAction(parsed =>
            Guard(text =>
            {
                string[] chosen = parsed.GetRequiredValue(parts).Split(',');
                string? unknown = chosen.FirstOrDefault(part => !Ablation.Parts.Contains(part));
                if (unknown is not null)
                    throw new ArgumentException(
                        $"--parts takes {string.Join(", ", Ablation.Parts)}, not \"{unknown}\"."
                    );
                int[] sizes = ParseNumbers(s_hidden.Name, parsed.GetRequiredValue(s_hidden));
                if (sizes.Length != 1)
                    throw new ArgumentException("ablation takes one number of hidden neurons.");
                var system = PaperSystem.Find("setup1");
                var ablation = new Ablation(
                    system.WriteOut(parsed.GetValue(s_goal) ?? system.GoalOn(DataSet(parsed))!),
                    ParseNumbers(s_seeds.Name, parsed.GetRequiredValue(s_seeds)),
                    (goal, seed) =>
                        new Cell(
                            DataSet(parsed),
                            system.Name,
                            goal,
                            sizes[0],
                            parsed.GetValue(s_epochs),
                            seed,
                            Rows(parsed)
                        ),
                    cells => Sweep(parsed, cells, text)
                );
                ablation.Run(chosen, parsed.GetRequiredValue(output), ConsoleOutput.Create());
            })
        );
        return command;
    }

    private static Command CreateReport()
    {
        Option<string> output = new("--output")
        {
            Description = "The file to write.",
            HelpName = "FILE",
            DefaultValueFactory = _ => Path.Combine("docs", "RESULTS.md"),
        };
        var command = new Command("report", "Writes all stored results as a page of Markdown.") { s_results, output };
        command.SetAction(parsed =>
            Guard(text =>
            {
                var store = new CellStore(parsed.GetRequiredValue(s_results));
                IReadOnlyList<CellResult> results = store.ReadAll();
                if (results.Count == 0)
                    throw new InvalidOperationException(
                        $"{store.Folder} holds no results: run cells first, or name their folder with --results."
                    );
                string page = ResultsReport.Markdown(results);
                string path = Path.GetFullPath(parsed.GetRequiredValue(output));
                new OutputFolder(Path.GetDirectoryName(path)!).Write(
                    path,
                    stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(page))
                );
                text.WriteLine($"{results.Count} results: {path}");
            })
        );
        return command;
    }

    private static IReadOnlyList<CellResult> Sweep(ParseResult parsed, IReadOnlyList<Cell> cells, TextWriter text)
    {
        int parallel = parsed.GetValue(s_parallel);
        int threads = parsed.GetValue(s_threads);
        if (threads == 0)
            threads = Math.Max(1, Environment.ProcessorCount / parallel);
        return PaperReproduction.Sweep.Run(
            cells,
            new CellStore(parsed.GetRequiredValue(s_results)),
            () =>
                new CellRunner(
                    ImageData.Load(DataSet(parsed), parsed.GetValue(s_dataDirectory)),
                    threads,
                    parallel
                ).Run,
            parallel,
            text
        );
    }

    private static string DataSet(ParseResult parsed)
    {
        string name = parsed.GetRequiredValue(s_dataSet);
        return name is "mnist" or "cifar10"
            ? name
            : throw new ArgumentException($"--data-set takes mnist or cifar10, not \"{name}\".");
    }

    private static int Rows(ParseResult parsed)
    {
        return CheckRows(parsed.GetValue(s_rows), DataSet(parsed) == "mnist" ? 60_000 : 50_000);
    }

    /// <summary>How many rows are meant by --train-rows.</summary>
    /// <exception cref="ArgumentException">There are not so many, or they are too few.</exception>
    internal static int CheckRows(int rows, int all)
    {
        if (rows != 0 && (rows < 200 || rows > all))
            throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"--train-rows takes 0 or a whole number from 200 to {all:N0}, not \"{rows}\"."
                )
            );
        return rows == 0 ? all : rows;
    }

    private static Option<string> Numbers(string name, string what, string fallback) =>
        new(name)
        {
            Description = $"{what}: whole numbers and ranges, such as 1-3 or 10,100.",
            HelpName = "NUMBERS",
            DefaultValueFactory = _ => fallback,
        };

    /// <summary>Reads "1-3,7" as 1, 2, 3, 7.</summary>
    /// <exception cref="ArgumentException">It is something else.</exception>
    internal static int[] ParseNumbers(string option, string text)
    {
        var numbers = new List<int>();
        foreach (string part in text.Split(','))
        {
            string[] ends = part.Split('-');
            if (
                ends.Length > 2
                || !int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first)
                || !int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int last)
                || first < 1
                || last < first
                || last - first > 1000
            )
                throw new ArgumentException(
                    $"{option} takes whole numbers of at least 1 and ranges, such as 1-3 or 10,100, not \"{text}\"."
                );
            numbers.AddRange(Enumerable.Range(first, last - first + 1));
        }
        return [.. numbers.Distinct()];
    }

    internal static int Guard(Action<TextWriter> run)
    {
        try
        {
            run(Console.Out);
            return CommandLine.Success;
        }
        catch (OperationCanceledException)
        {
            Console.Out.WriteLine("Cancelled; finished cells are stored, and the same command goes on from there.");
            return CommandLine.Cancelled;
        }
        catch (AggregateException e) when (e.InnerException is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(
                e.InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException) ?? e.InnerException
            );
            throw;
        }
    }
}
