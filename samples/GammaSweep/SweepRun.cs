using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.Infomorphic.Tuning.Reporting;
using Mnist;
using SampleSupport;
using Spectre.Console;
using Table = Tabular.Table;

namespace GammaSweep;

/// <summary>The sample: a sweep over γ, and what it is better than.</summary>
internal static class SweepRun
{
    private const string Reference = "heuristic";

    public static int Run(SampleOptions sample)
    {
        IAnsiConsole console = ConsoleOutput.Create();
        var mlContext = new MLContext(seed: 1);
        (IDataView train, IDataView validation) = Load(mlContext, sample);
        if (Directory.Exists(sample.Report))
            throw new IOException($"{sample.Report} is a folder, and --report takes a file.");
        string report = Path.GetFullPath(sample.Report);
        var output = new OutputFolder(Path.GetDirectoryName(report)!);
        output.Create();
        if (!PostgreSql(sample.Store))
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(sample.Store))!);
        using var store = TrialStore.Open(sample.Store);
        bool begun = store.FindStudy(sample.Study) is not null;
        if (begun && !sample.Resume)
            throw new InvalidOperationException(
                $"The store has a study {sample.Study} already: go on with it by --resume, or name another with --study."
            );
        console.WriteLine(
            $"{(begun ? "Goes on with" : "Begins")} the study {sample.Study} in {store.Location}, on {DescribeData(sample)}."
        );

        InfomorphicSweep sweep = mlContext.MulticlassClassification.CreateInfomorphicSweep(
            new InfomorphicSweepOptions
            {
                Space = TrainerSpace.Empty.WithGoal(CreateSpace(sample)),
                Store = store,
                StudyName = sample.Study,
                DataDescription = DescribeData(sample),
                Tuner = (space, direction) => CreateTuner(sample, space, direction),
                Metric = SweepMetric.MicroAccuracy,
                EnqueuePresets = sample.Presets,
                TrialsAtOnce = sample.AtOnce,
                Trainer = CreateOptions(sample),
                Sweep = new SweepOptions
                {
                    MaximumTrials = sample.Trials,
                    Workers = sample.Workers,
                    ProposalBatchSize = sample.Batch > 0 ? sample.Batch : null,
                    Pruner = sample.Prune ? new SuccessiveHalvingPruner(minimumEpochs: 2, reductionFactor: 3) : null,
                    Progress = progress => Show(console, progress),
                },
            }
        );
        using var interruption = new Interruption();
        SweepResult result = sweep.Execute(train, validation, interruption.Token);

        output.Write("trials.json", stream => TrialExport.WriteJson(result.Trials, stream));
        output.Write(
            "trials.csv",
            stream =>
            {
                using var writer = new StreamWriter(stream, leaveOpen: true);
                TrialExport.WriteCsv(result.Trials, writer);
            }
        );
        foreach (string path in output.Written)
            console.WriteLine(path);
        WriteReport([]);
        if (result.Outcome == SweepOutcome.Cancelled)
        {
            console.WriteLine("Cancelled. What is finished is kept: go on with --resume.");
            return CommandLine.Cancelled;
        }

        StoredTrial best = result.Best!;
        InfomorphicTrainer.Options options = sweep.OptionsAt(best.Point);
        console.WriteLine($"Best goal, of trial {best.Number}: {options.Goal}");
        options.Goal = Reference;
        double reference = mlContext
            .MulticlassClassification.Evaluate(
                mlContext
                    .MulticlassClassification.Trainers.Infomorphic(options)
                    .Fit(train, validation)
                    .Transform(validation)
            )
            .MicroAccuracy;
        console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Validation accuracy: {best.Value:P2}; of the goal {Reference}, trained and scored alike: {reference:P2}; margin {100 * (best.Value - reference):+0.00;-0.00} points."
            )
        );
        if (sample.Ablate)
        {
            IReadOnlyList<Ablation> ablations = sweep.Ablate(
                best.Point,
                train,
                validation,
                cancellationToken: interruption.Token
            );
            console.WriteLine($"Without one weight of the best goal: {string.Join(", ", ablations)}");
            WriteReport(ablations);
        }
        return CommandLine.Success;

        void WriteReport(IReadOnlyList<Ablation> ablations)
        {
            SweepReport.Write(
                report,
                sweep,
                result.Trials,
                new SweepReportOptions { Title = $"The sweep {sample.Study}", Ablations = ablations }
            );
            console.WriteLine(report);
        }
    }

    private static GoalSpace CreateSpace(SampleOptions sample)
    {
        var space = GoalSpace.From(GoalFunctions.Heuristic);
        if (sample.AllWeights)
            return space.FreeAll(-1, 1);
        space = space.FreeAtoms(-1, 1).RewardInformation();
        // Most published goals weigh the residual entropy a little.
        return sample.Presets ? space.Free(-0.1, 0.1, GoalSpace.ResidualEntropy) : space;
    }

    // The paper searched on MNIST, with its own settings; a table gets what suits it.
    private static InfomorphicTrainer.Options CreateOptions(SampleOptions sample)
    {
        InfomorphicTrainer.Options options = sample.Data is null ? InfomorphicTrainer.Options.Paper() : new();
        options.NumberOfHiddenNeurons = sample.Hidden;
        options.NumberOfEpochs = sample.Epochs;
        options.NumberOfThreads = Math.Max(1, Environment.ProcessorCount / sample.Workers);
        return options;
    }

    private static (IDataView Train, IDataView Validation) Load(MLContext mlContext, SampleOptions sample)
    {
        if (sample.Data is null)
        {
            (DigitImage[] train, DigitImage[] validation) = MnistData
                .Load(null)
                .SplitForValidation(sample.TrainRows, seed: 1);
            var key = mlContext
                .Transforms.Conversion.MapValueToKey(
                    "Label",
                    keyOrdinality: Microsoft.ML.Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
                )
                .Fit(mlContext.Data.LoadFromEnumerable(train));
            return (Keyed(train), Keyed(validation));

            IDataView Keyed(DigitImage[] digits) =>
                mlContext.Data.Cache(key.Transform(mlContext.Data.LoadFromEnumerable(digits)));
        }
        Table table = Table.Load(mlContext, sample.Data);
        return table.Split(table.Folds(seed: 1), 0);
    }

    // The file's content, and not where it is: workers on other machines have it elsewhere.
    private static string DescribeData(SampleOptions sample)
    {
        if (sample.Data is null)
            return string.Create(CultureInfo.InvariantCulture, $"{sample.TrainRows} MNIST images");
        using FileStream file = File.OpenRead(sample.Data);
        return $"{Path.GetFileName(sample.Data)} (SHA-256 {Convert.ToHexStringLower(SHA256.HashData(file))[..12]})";
    }

    private static Tuner CreateTuner(SampleOptions sample, SearchSpace space, OptimizationDirection direction)
    {
        ulong seed = (ulong)sample.Seed;
        return sample.Tuner switch
        {
            "tpe" => new TpeTuner(space, direction, seed, new TpeOptions { StartupTrials = 20, Candidates = 100 }),
            "cma-es" => new CmaEsTuner(space, direction, seed),
            "random" => new RandomTuner(space, direction, seed),
            _ => new QuasiRandomTuner(space, direction, seed),
        };
    }

    private static bool PostgreSql(string store) =>
        store.StartsWith("postgres", StringComparison.OrdinalIgnoreCase)
            && store.Contains("://", StringComparison.Ordinal)
        || store.Contains("Host=", StringComparison.OrdinalIgnoreCase);

    private static void Show(IAnsiConsole console, SweepProgress progress)
    {
        bool ends = progress.Epoch is null && progress.TrialsPerHour > 0;
        if (!ends || progress.Best is not StoredTrial best)
            return;
        console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{progress.Completed, 5} trials  best {best.Value:P2} (trial {best.Number})  {progress.TrialsPerHour:F0} trials/h  {progress.TimeLeft:hh\\:mm\\:ss} left"
            )
        );
    }
}
