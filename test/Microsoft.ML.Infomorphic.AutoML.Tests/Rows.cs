using Microsoft.ML.Data;
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

    public static InfomorphicTrainer.Options Trainer() =>
        new()
        {
            LabelColumnName = "Target",
            NumberOfHiddenNeurons = 4,
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
