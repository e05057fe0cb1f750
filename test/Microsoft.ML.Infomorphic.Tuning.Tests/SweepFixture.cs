using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>Data that train in milliseconds, and sweeps over them.</summary>
internal static class SweepFixture
{
    internal const int Epochs = 3;

    internal static readonly MLContext Context = new(seed: 1);

    internal static readonly IDataView TrainRows = Clouds(seed: 1, count: 150);

    internal static readonly IDataView ValidationRows = Clouds(seed: 2, count: 90);

    internal static readonly TrainerSpace OneLayer = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);

    internal static readonly TrainerSpace TwoLayers = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 0)
        .WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2).FreeAll(-1, 1), 1)
        .With(TrainerOption.NumberOfHiddenNeurons, 3, 6, layer: 1);

    internal static InfomorphicSweep Create(InfomorphicSweepOptions options) =>
        Context.MulticlassClassification.CreateInfomorphicSweep(options);

    internal static InfomorphicSweepOptions Options(TrialStore store, int trials) =>
        new()
        {
            Space = OneLayer,
            Store = store,
            StudyName = "s",
            EnqueuePresets = false,
            Trainer = Trainer(),
            Tuner = (space, direction) => new TpeTuner(space, direction, seed: 5, new TpeOptions { StartupTrials = 4 }),
            Sweep = new SweepOptions { MaximumTrials = trials },
        };

    internal static InfomorphicTrainer.Options Trainer()
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.NumberOfHiddenNeurons = 4;
        options.NumberOfEpochs = Epochs;
        options.BatchSize = 32;
        options.NumberOfThreads = 1;
        options.Goal = "heuristic";
        return options;
    }

    internal static InfomorphicTrainer.Options Layers()
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.HiddenLayers =
        [
            new HiddenLayerOptions { NumberOfNeurons = 4, LearningRate = 0.01 },
            new HiddenLayerOptions { NumberOfNeurons = 5, LateralInput = false },
        ];
        options.NumberOfEpochs = Epochs;
        options.BatchSize = 32;
        options.NumberOfThreads = 1;
        return options;
    }

    internal static double ValueOf(
        InfomorphicSweep sweep,
        ParameterPoint point,
        SweepMetric metric,
        IDataView train,
        IDataView validation
    ) =>
        metric.Value!(
            Context.MulticlassClassification.Evaluate(
                Context
                    .MulticlassClassification.Trainers.Infomorphic(sweep.OptionsAt(point))
                    .Fit(train, validation)
                    .Transform(validation),
                topKPredictionCount: 3
            )
        );

    internal static double Best(SweepResult result) => result.Best!.Value!.Value;

    internal static TrialStore NewStore() => TrialStore.Open(TrialStores.NewFile());

    internal static long Number(TrialStore store, string sql) =>
        store.Transact(t => t.Query(sql, r => r.GetInt64(0))).Single();

    internal static string Objective(TrialStore store) =>
        store.Transact(t => t.Query("SELECT objective FROM infomorphic_studies", r => r.GetString(0))).Single();

    internal static IDataView Clouds(int seed, int count)
    {
        IDataView raw = Raw(seed, count, scale: 1);
        return Context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                "Class",
                keyOrdinality: Microsoft.ML.Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Append(Context.Transforms.CopyColumns("Features", "Numbers"))
            .Fit(raw)
            .Transform(raw);
    }

    // Three overlapping clouds.
    internal static IDataView Raw(int seed, int count, float scale)
    {
        var random = new Random(seed);
        return Context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new Row
                {
                    Class = $"c{i % 3}",
                    Numbers =
                    [
                        .. Enumerable
                            .Range(0, 4)
                            .Select(j => scale * ((j == i % 3 ? 1.2f : 0) + 2 * random.NextSingle() - 1)),
                    ],
                })
                .ToArray()
        );
    }

    internal sealed class Row
    {
        public string Class { get; set; } = "";

        [VectorType(4)]
        public float[] Numbers { get; set; } = [];
    }
}
