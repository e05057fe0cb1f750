using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;
using Microsoft.ML.Transforms.Text;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

/// <summary>Kinds of data that are learned from with all defaults, beside a linear trainer where that knows what can be known.</summary>
[TestClass]
public sealed class AnyDataTests
{
    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        public string Class { get; set; } = "";

        public float[] Features { get; set; } = [];

        public string Text { get; set; } = "";
    }

    // The classes differ by their means, so that a linear classifier is the best there is.
    [TestMethod]
    [DataRow(0.2, 0.45, 0.02)]
    [DataRow(0.05, 0.03, 0.025)]
    public void A_rare_class_is_learned(double share, double recall, double behind)
    {
        (IDataView train, IDataView test) = Views([.. Rare(3000, 1, share), .. Rare(4000, 99, share)], 3000);

        MulticlassClassificationMetrics metrics = Metrics(Infomorphic(), train, test);

        MulticlassClassificationMetrics linear = Metrics(Linear(), train, test);
        Assert.IsLessThan(linear.LogLoss + behind, metrics.LogLoss);
        Assert.IsLessThan(-share * Math.Log(share) - (1 - share) * Math.Log(1 - share), metrics.LogLoss);
        Assert.IsGreaterThan(recall, metrics.ConfusionMatrix.PerClassRecall[1]);
    }

    [TestMethod]
    [DataRow(10, 0.02)]
    [DataRow(60, 0.07)]
    public void Many_balanced_classes_are_learned(int classes, double behind)
    {
        (IDataView train, IDataView test) = Views(Blobs(5000, classes, 16, 1), 3500);

        double accuracy = Metrics(Infomorphic(), train, test).MicroAccuracy;

        Assert.IsGreaterThan(Metrics(Linear(), train, test).MicroAccuracy - behind, accuracy);
    }

    [TestMethod]
    public void Text_is_learned()
    {
        var random = new Random(1);
        List<Row> rows =
        [
            .. Enumerable
                .Range(0, 1000)
                .Select(i => new Row
                {
                    Class = "c" + i % 3,
                    Text = string.Join(
                        ' ',
                        Enumerable
                            .Range(0, 20)
                            .Select(_ => random.Next(3) == 0 ? $"t{i % 3}x{random.Next(50)}" : $"w{random.Next(3000)}")
                    ),
                    Features = [0],
                }),
        ];
        (IDataView train, IDataView test) = Views(rows, 800);
        EstimatorChain<InfomorphicPredictionTransformer> pipeline = _context
            .Transforms.Text.FeaturizeText(
                "Features",
                new TextFeaturizingEstimator.Options { CharFeatureExtractor = null },
                "Text"
            )
            .Append(Infomorphic());

        Assert.IsGreaterThan(0.97, Metrics(pipeline, train, test).MicroAccuracy);
    }

    // Each class is in three places, and few rows are all there are.
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_small_table_that_no_line_divides_is_learned(bool stopsEarly)
    {
        List<Row> rows = Blobs(1000, 24, 8, 5, spread: 2);
        foreach (Row row in rows)
            row.Class = "c" + int.Parse(row.Class[1..]) % 8;
        (IDataView train, IDataView test) = Views(rows, 800);
        InfomorphicTrainer trainer = Infomorphic(options =>
        {
            if (!stopsEarly)
                return;
            options.EarlyStoppingRounds = 10;
            options.RestoreBestEpoch = true;
            options.ValidationFraction = 0.2;
        });

        MulticlassClassificationMetrics metrics = Metrics(trainer, train, test);

        MulticlassClassificationMetrics linear = Metrics(Linear(), train, test);
        Assert.IsGreaterThan(linear.MicroAccuracy + 0.1, metrics.MicroAccuracy);
        Assert.IsLessThan(linear.LogLoss, metrics.LogLoss);
    }

    // Shares as in tables of faults: most of one class, and some of few rows.
    [TestMethod]
    public void Classes_of_few_rows_that_are_easily_told_are_told()
    {
        double[] shares = [0.78, 0.15, 0.05, 0.015, 0.005];
        var random = new Random(3);
        List<Row> rows =
        [
            .. Blobs(20_000, 5, 6, 3, spread: 4).Where(row => random.NextDouble() < shares[int.Parse(row.Class[1..])]),
        ];
        (IDataView train, IDataView test) = Views(rows, rows.Count * 3 / 4);

        Assert.IsGreaterThan(0.95, Metrics(Infomorphic(), train, test).MacroAccuracy);
    }

    // All columns from 0 to 15, and no picture.
    [TestMethod]
    public void Equal_ranges_alone_do_not_make_an_image()
    {
        List<Row> rows = Blobs(2000, 10, 16, 4);
        foreach (Row row in rows)
            for (int i = 0; i < row.Features.Length; i++)
                row.Features[i] = Math.Clamp(MathF.Round(7.5f + 3 * row.Features[i]), 0, 15);
        (IDataView train, IDataView test) = Views(rows, 1500);

        InfomorphicPredictionTransformer model = Infomorphic().Fit(train);

        Assert.AreEqual(Standardization.PerFeature, model.Model.Network.FeatureScaling.Kind);
        Assert.IsGreaterThan(0.85, _context.MulticlassClassification.Evaluate(model.Transform(test)).MicroAccuracy);
    }

    private static List<Row> Rare(int count, int seed, double share)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    bool isRare = random.NextDouble() < share;
                    float[] features = [.. Enumerable.Range(0, 4).Select(_ => (float)Problems.Gaussian(random))];
                    features[0] += isRare ? 1.5f : 0;
                    features[1] += isRare ? 1 : 0;
                    return new Row { Class = isRare ? "rare" : "common", Features = features };
                }),
        ];
    }

    // Classes around centres, in which rows deviate by 1 and centres by a spread.
    private static List<Row> Blobs(int count, int classes, int features, int seed, double spread = 1)
    {
        var random = new Random(seed);
        double[][] centres =
        [
            .. Enumerable
                .Range(0, classes)
                .Select(_ => Enumerable.Range(0, features).Select(_ => spread * Problems.Gaussian(random)).ToArray()),
        ];
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    int label = random.Next(classes);
                    return new Row
                    {
                        Class = FormattableString.Invariant($"c{label:D3}"),
                        Features = [.. centres[label].Select(centre => (float)(centre + Problems.Gaussian(random)))],
                    };
                }),
        ];
    }

    // Rows with their classes as keys: the first of them to train on, the others to test.
    private (IDataView Train, IDataView Test) Views(List<Row> rows, int train)
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(
            NumberDataViewType.Single,
            rows[0].Features.Length
        );
        IDataView first = View(rows[..train]);
        ValueToKeyMappingTransformer keys = _context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                nameof(Row.Class),
                keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Fit(first);
        return (keys.Transform(first), keys.Transform(View(rows[train..])));

        IDataView View(List<Row> some) => _context.Data.LoadFromEnumerable(some, schema);
    }

    private InfomorphicTrainer Infomorphic(Action<Options>? change = null)
    {
        var options = new Options { Seed = 1, NumberOfThreads = 2 };
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }

    private EstimatorChain<MulticlassPredictionTransformer<MaximumEntropyModelParameters>> Linear() =>
        _context
            .Transforms.NormalizeMeanVariance("Features", fixZero: false)
            .Append(_context.MulticlassClassification.Trainers.LbfgsMaximumEntropy());

    private MulticlassClassificationMetrics Metrics<T>(IEstimator<T> estimator, IDataView train, IDataView test)
        where T : ITransformer => _context.MulticlassClassification.Evaluate(estimator.Fit(train).Transform(test));
}
