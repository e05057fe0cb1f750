using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;
using Tabular;

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>
/// Data of kinds that a learner for any data has to serve: the trainer's defaults beside a linear trainer and LightGBM, as one
/// table in Markdown.
/// </summary>
internal static class CasesCommand
{
    private static readonly string[] s_all = ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"];

    public static Command Create()
    {
        Option<string> cases = Text("--cases", string.Join(',', s_all), "Which cases, separated by commas.");
        Option<string> trainers = Text("--trainers", "infomorphic,baseline,lightgbm", "Whom to measure.");
        Option<int[]> seeds = MeasurementOptions.WholeNumbers("--seeds", "The trainers' seeds.", 1, 2, 3);
        Option<int> threads = MeasurementOptions.WholeNumber("--threads", "Threads of every trainer.", 1);
        Option<int[]> classes = MeasurementOptions.WholeNumbers("--classes", "A2: classes.", 10, 20, 30, 60, 200);
        Option<string> shares = Text("--shares", "20,5,1,0.3", "A1: shares of the rare class in percent.");
        Option<int> rows = Number("--rows", "Training rows of generated cases; 0 for the case's own.", 0);
        Option<int> dimensions = Number("--dimensions", "Features of generated cases; 0 for the case's own.", 0);
        Option<double> scale = Real("--scale", "What features are multiplied by.", 1);
        Option<double> spread = Real("--spread", "How far centres of classes are apart.", 1);
        Option<double> skew = Real("--skew", "A2: class k has a share of k to the power of minus this.", 0);
        Option<int> words = MeasurementOptions.WholeNumber("--words", "A3: words of a text.", 30);
        Option<int> dataSeed = MeasurementOptions.WholeNumber("--data-seed", "The seed of the data.", 1);
        Option<string?> tables = new("--tables")
        {
            Description = "Folder of the tables (NAME.csv.gz) that A4 to A7 and A9 need; without it they are left out.",
            HelpName = "DIR",
        };
        var command = new Command("cases", "Measures the trainer on data of many kinds, beside others.")
        {
            cases,
            trainers,
            seeds,
            threads,
            classes,
            shares,
            rows,
            dimensions,
            scale,
            spread,
            skew,
            words,
            dataSeed,
            tables,
        };
        command.SetAction(parsed =>
        {
            var shape = new CaseShape(
                parsed.GetValue(rows) is > 0 and int count ? count : null,
                parsed.GetValue(dimensions) is > 0 and int number ? number : null,
                parsed.GetValue(scale),
                parsed.GetValue(spread),
                parsed.GetValue(skew),
                parsed.GetValue(words),
                parsed.GetValue(dataSeed)
            );
            double[] shareOfRare =
            [
                .. parsed.GetValue(shares)!.Split(',').Select(text => double.Parse(text, CultureInfo.InvariantCulture)),
            ];
            Console.WriteLine(
                "| case | trainer | seed | accuracy | macro | log-loss | recall of the rare | seconds | warnings |"
            );
            Console.WriteLine("|---|---|---:|---:|---:|---:|---:|---:|---|");
            foreach (string name in parsed.GetValue(cases)!.Split(','))
                if (name == "A8")
                    KeysCase.Check(shape);
                else
                    foreach (
                        Case one in Make(name, shape, parsed.GetValue(classes)!, shareOfRare, parsed.GetValue(tables))
                    )
                        Measure(one, parsed.GetValue(trainers)!, parsed.GetValue(seeds)!, parsed.GetValue(threads));
            return 0;
        });
        return command;
    }

    private static IEnumerable<Case> Make(string name, CaseShape shape, int[] classes, double[] shares, string? tables)
    {
        switch (name)
        {
            case "A1":
                return shares.Select(share =>
                    Case.Of(
                        $"A1, {share} % rare",
                        CaseGenerator.Imbalanced(shape, shape.Rows ?? 3_000, shape.Seed, share / 100),
                        CaseGenerator.Imbalanced(shape, 4_000, shape.Seed + 98, share / 100),
                        "rare"
                    )
                );
            case "A2":
                int rows = shape.Rows ?? 4_000;
                return classes.Select(count =>
                {
                    CaseRow[] all = [.. CaseGenerator.Clouds(shape, rows + 3_000, count)];
                    return Case.Of($"A2, {count} classes", all[..rows], all[rows..]);
                });
            case "A3":
                int texts = shape.Rows ?? 4_000;
                CaseRow[] written = [.. CaseGenerator.Texts(shape, texts + 1_000)];
                return
                [
                    Case.Of("A3, texts", written[..texts], written[texts..]),
                    Case.Of(
                        "A3, texts, 50 neurons, 5 epochs",
                        written[..texts],
                        written[texts..],
                        options: static () =>
                            new()
                            {
                                NumberOfHiddenNeurons = 50,
                                NumberOfEpochs = 5,
                                BatchSize = 256,
                            }
                    ),
                ];
            case "A4":
                return OfTables("vowel");
            case "A5":
                return OfTables("vowel", "vehicle", "glass")
                    .Select(one =>
                        one with
                        {
                            Name = $"{one.Name}, stops early",
                            Options = static () =>
                                new()
                                {
                                    EarlyStoppingRounds = 10,
                                    RestoreBestEpoch = true,
                                    ValidationFraction = 0.2,
                                },
                        }
                    );
            case "A6":
                CaseRow[] coded = [.. CaseGenerator.Codes(shape, 9_822, 0.06)];
                return OfTables("shuttle")
                    .Append(Case.Of("A6, 85 codes, 94 : 6", coded[..5_822], coded[5_822..], "rare"));
            case "A7":
                return OfTables("glass");
            case "A9":
                return OfTables("letter");
            default:
                throw new InvalidOperationException(
                    $"There is no case \"{name}\"; there are {string.Join(", ", s_all)}."
                );
        }

        IEnumerable<Case> OfTables(params string[] files) =>
            tables is null
                ? []
                : files.Select(file => Case.OfTable($"{name}, {file}", Path.Combine(tables, file + ".csv.gz")));
    }

    private static void Measure(Case one, string trainers, int[] seeds, int threads)
    {
        foreach (string trainer in trainers.Split(','))
        foreach (int seed in seeds)
        {
            var warnings = new List<string>();
            var context = new MLContext(seed);
            context.Log += (_, log) =>
            {
                if (log.Kind == ChannelMessageKind.Warning)
                    warnings.Add(log.RawMessage);
            };
            InfomorphicTrainer.Options options = one.Options();
            options.NumberOfThreads = threads;
            Contestant contestant = trainer switch
            {
                Contestant.Infomorphic => new(
                    trainer,
                    (ml, train, _) => ml.MulticlassClassification.Trainers.Infomorphic(options).Fit(train)
                ),
                "baseline" => Contestant.Named(one.Baseline)[0],
                _ => Contestant.Named(trainer)[0],
            };
            long start = Stopwatch.GetTimestamp();
            ITransformer model = contestant.Fit(context, one.Train, threads);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            IDataView scored = model.Transform(one.Test);
            var metrics = Metrics.Of(scored);
            string said = string.Join(" ", warnings.Distinct()).Replace("|", "\\|", StringComparison.Ordinal);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {one.Name} | {contestant.Name} | {seed} | {metrics.Accuracy:F4} | {metrics.MacroAccuracy:F4} | {metrics.LogLoss:F4} | {Recall(scored, one.Rare)} | {seconds:F1} | {said} |"
                )
            );
        }
    }

    private static string Recall(IDataView scored, uint? rare)
    {
        if (rare is null)
            return "–";
        bool[] found =
        [
            .. scored
                .GetColumn<uint>("Label")
                .Zip(scored.GetColumn<float[]>("Score"))
                .Where(row => row.First == rare)
                .Select(row => Array.IndexOf(row.Second, row.Second.Max()) == rare - 1),
        ];
        return found.Length == 0
            ? "no row"
            : found.Average(isFound => isFound ? 1 : 0).ToString("F3", CultureInfo.InvariantCulture);
    }

    private static Option<int> Number(string name, string description, int fallback) =>
        MeasurementOptions.WholeNumber(name, description, fallback, minimum: 0);

    private static Option<string> Text(string name, string fallback, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => fallback };

    private static Option<double> Real(string name, string description, double fallback) =>
        new(name) { Description = description, DefaultValueFactory = _ => fallback };
}
