using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Infomorphic.AutoML.Tests;

/// <summary>Three overlapping clouds, on which a trial takes milliseconds.</summary>
internal static class Rows
{
    public static IDataView Create(MLContext context, int seed, int count) =>
        context.Data.LoadFromEnumerable(List(seed, count));

    public static Row[] List(int seed, int count)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new Row
                {
                    Class = $"c{i % 3}",
                    Numbers =
                    [
                        .. Enumerable.Range(0, 4).Select(j => (j == i % 3 ? 1.2f : 0) + 2 * random.NextSingle() - 1),
                    ],
                }),
        ];
    }

    /// <summary>The steps before the trainer. The label is not where AutoML looks for it.</summary>
    public static IEstimator<ITransformer> Preprocessing(MLContext context) =>
        context
            .Transforms.Conversion.MapValueToKey(
                "Target",
                nameof(Row.Class),
                keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Append(context.Transforms.CopyColumns("Features", nameof(Row.Numbers)));

    /// <summary>The same, with whether a row is of the first class as the label.</summary>
    public static IEstimator<ITransformer> BinaryPreprocessing(MLContext context) =>
        context
            .Transforms.Conversion.MapValue(
                "Target",
                [KeyValuePair.Create("c0", true), KeyValuePair.Create("c1", false), KeyValuePair.Create("c2", false)],
                nameof(Row.Class)
            )
            .Append(context.Transforms.CopyColumns("Features", nameof(Row.Numbers)));

    /// <summary>A trainer whose goal decides how good it is: no output layer that reads the features makes up for it.</summary>
    public static InfomorphicTrainer.Options Trainer() =>
        new()
        {
            LabelColumnName = "Target",
            OutputLayer = OutputLayerKind.Infomorphic,
            NumberOfHiddenNeurons = 4,
            NumberOfEpochs = 3,
            BatchSize = 32,
            NumberOfThreads = 1,
        };

    /// <summary>The goals and sizes of the layers of <see cref="Layers"/>.</summary>
    public static TrainerSpace TwoLayers { get; } =
        TrainerSpace
            .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 0)
            .WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2).FreeAll(-1, 1), 1)
            .With(TrainerOption.NumberOfHiddenNeurons, 3, 6, layer: 0)
            .With(TrainerOption.NumberOfHiddenNeurons, 3, 6, layer: 1);

    /// <summary>A trainer of two hidden layers, the second without lateral input.</summary>
    public static InfomorphicTrainer.Options Layers() =>
        new()
        {
            LabelColumnName = "Target",
            HiddenLayers =
            [
                new HiddenLayerOptions { NumberOfNeurons = 4 },
                new HiddenLayerOptions { NumberOfNeurons = 5, LateralInput = false },
            ],
            NumberOfEpochs = 3,
            BatchSize = 32,
            NumberOfThreads = 1,
        };

    public sealed class Row
    {
        public string Class { get; set; } = "";

        [VectorType(4)]
        public float[] Numbers { get; set; } = [];
    }
}
