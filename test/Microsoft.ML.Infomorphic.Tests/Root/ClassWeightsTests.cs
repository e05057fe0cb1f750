using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

/// <summary>What rows weigh, by their weight column and by their class.</summary>
[TestClass]
public sealed class ClassWeightsTests
{
    private const int Many = 512;

    private readonly MLContext _context = new(1);

    public sealed class WideRow
    {
        [KeyType(3)]
        public uint Label { get; set; }

        [VectorType(Many)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; } = 1;
    }

    // Where nothing is drawn by chance, and a step sees all rows; calibration has a prior, which counts rows.
    [TestMethod]
    [DataRow(OutputLayerKind.Softmax)]
    [DataRow(OutputLayerKind.Infomorphic)]
    public void Weight_2_equals_a_row_twice(OutputLayerKind output)
    {
        List<Samples.Row> weighted = Unequal();
        foreach (Samples.Row row in weighted.Where(row => row.Color == "blue"))
            row.Weight = 2;
        List<Samples.Row> twice = [.. weighted, .. weighted.Where(row => row.Weight == 2)];

        float[] expected = WeightsOf(twice, Deterministic(output));
        float[] actual = WeightsOf(
            weighted,
            Deterministic(output, options => options.ExampleWeightColumnName = "Weight")
        );
        float[] without = WeightsOf(weighted, Deterministic(output));

        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-3, $"weight {i}");
        Assert.IsGreaterThan(0.01, expected.Zip(without, (a, b) => Math.Abs(a - b)).Max());
    }

    [TestMethod]
    [DataRow(4f, 0.0)]
    [DataRow(0.125f, 0.0)]
    [DataRow(3f, 1e-3)]
    public void Scaling_all_weights_changes_nothing(float factor, double tolerance)
    {
        List<Samples.Row> rows = Unequal();
        List<Samples.Row> scaled = Unequal();
        for (int i = 0; i < rows.Count; i++)
        {
            rows[i].Weight = 1 + i % 5;
            scaled[i].Weight = factor * rows[i].Weight;
        }

        Options options = Samples.Options();
        options.ExampleWeightColumnName = "Weight";
        options.Encoding = FeatureEncodingKind.PiecewiseLinear;
        float[] expected = [.. Scores(rows, options), .. WeightsOf(rows, options)];
        float[] actual = [.. Scores(scaled, options), .. WeightsOf(scaled, options)];

        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], tolerance, $"number {i}");
    }

    [TestMethod]
    public void Only_ratios_of_class_weights_matter()
    {
        List<Samples.Row> rows = Unequal();
        float[] expected = Scores(
            rows,
            With(
                new()
                {
                    ["red"] = 3,
                    ["green"] = 0.5,
                    ["blue"] = 7,
                }
            )
        );

        CollectionAssert.AreEqual(
            expected,
            Scores(
                rows,
                With(
                    new()
                    {
                        ["red"] = 12,
                        ["green"] = 2,
                        ["blue"] = 28,
                    }
                )
            )
        );
        CollectionAssert.AreEqual(
            Scores(rows, Samples.Options()),
            Scores(
                rows,
                With(
                    new()
                    {
                        ["red"] = 3,
                        ["green"] = 3,
                        ["blue"] = 3,
                    }
                )
            )
        );
        CollectionAssert.AreNotEqual(expected, Scores(rows, Samples.Options()));
    }

    [TestMethod]
    [DataRow(1, null, false)]
    [DataRow(3, null, true)]
    [DataRow(1, 2, false)]
    [DataRow(2, 3, true)]
    public void A_class_weight_is_that_of_all_rows_of_the_class(int networks, int? budget, bool validates)
    {
        IDataView train = Wide(1500, seed: 1);
        IDataView? validation = validates ? Wide(1000, seed: 2) : null;
        InfomorphicPredictionTransformer expected = Fit(options => options.ExampleWeightColumnName = "Weight");
        InfomorphicPredictionTransformer actual = Fit(options =>
            options.ClassWeights = new Dictionary<string, double> { ["2"] = 4 }
        );

        for (int i = 0; i < networks; i++)
            CollectionAssert.AreEqual(
                Problems.WeightsOf(expected.Model.Networks[i]),
                Problems.WeightsOf(actual.Model.Networks[i])
            );
        float[][] scores = Samples.Scores(expected.Transform(train));
        float[][] scoresOfActual = Samples.Scores(actual.Transform(train));
        for (int i = 0; i < scores.Length; i++)
            CollectionAssert.AreEqual(scores[i], scoresOfActual[i]);
        CollectionAssert.AreNotEqual(
            Problems.WeightsOf(expected.Model.Network),
            Problems.WeightsOf(Fit(_ => { }).Model.Network)
        );

        InfomorphicPredictionTransformer Fit(Action<Options> change)
        {
            Options options = Samples.Options();
            options.NumberOfNetworks = networks;
            options.MemoryBudget = budget;
            options.BatchSize = 256;
            options.ValidationFraction = validates ? 0 : 0.2;
            change(options);
            InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
            return validation is null ? trainer.Fit(train) : trainer.Fit(train, validation);
        }
    }

    [TestMethod]
    public void Balanced_classes_weigh_the_same_whatever_their_rows_weigh()
    {
        List<Samples.Row> rows = Unequal();
        for (int i = 0; i < rows.Count; i++)
            rows[i].Weight = 1 + i % 3;
        Dictionary<string, double> inverse = rows.GroupBy(row => row.Color)
            .ToDictionary(group => group.Key, group => 1 / group.Sum(row => (double)row.Weight));
        Options balanced = Samples.Options();
        balanced.ExampleWeightColumnName = "Weight";
        balanced.ClassWeighting = ClassWeighting.Balanced;
        Options byHand = With(inverse);
        byHand.ExampleWeightColumnName = "Weight";

        CollectionAssert.AreEqual(Scores(rows, byHand), Scores(rows, balanced));

        // Numbers come on top.
        balanced.ClassWeights = new Dictionary<string, double> { ["blue"] = 5 };
        inverse["blue"] *= 5;
        CollectionAssert.AreEqual(Scores(rows, byHand), Scores(rows, balanced));
    }

    // One feature in which the classes overlap: where they weigh the same, the boundary is half-way, and half of the mass on
    // either side of it is right.
    [TestMethod]
    public void Balanced_classes_are_predicted_as_readily_and_their_scores_are_those_of_balanced_data()
    {
        List<Samples.Row> rows = Overlapping(4000, 1, rare: 0.03);
        List<Samples.Row> unseen = Overlapping(4000, 2, rare: 0.5);
        var plain = new Options { Seed = 1, NumberOfThreads = 2 };
        var balanced = new Options
        {
            Seed = 1,
            NumberOfThreads = 2,
            ClassWeighting = ClassWeighting.Balanced,
        };

        MulticlassClassificationMetrics ofPlain = Metrics(rows, unseen, plain);
        MulticlassClassificationMetrics ofBalanced = Metrics(rows, unseen, balanced);

        // Bayes: Φ(1) = 84 %, and a log-loss of 0.36.
        Assert.IsGreaterThan(0.81, ofBalanced.MacroAccuracy);
        Assert.IsLessThan(0.42, ofBalanced.LogLoss);
        Assert.IsLessThan(0.75, ofPlain.MacroAccuracy);
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(-1.0)]
    [DataRow(double.NaN)]
    [DataRow(1e7)]
    public void Class_weights_out_of_range_are_refused(double weight) =>
        StringAssert.StartsWith(
            Samples.Failure<ArgumentOutOfRangeException>(() =>
                Scores(Samples.Rows(), With(new() { ["green"] = weight }))
            ),
            "ClassWeights[\"green\"] must be from 1E-06 to 1000000, and is "
        );

    [TestMethod]
    public void Class_weights_of_classes_that_are_not_there_are_refused_by_name() =>
        StringAssert.StartsWith(
            Samples.Failure<ArgumentOutOfRangeException>(() => Scores(Samples.Rows(), With(new() { ["Green"] = 2 }))),
            "ClassWeights names 'Green', and the label column 'Label' has no such class; it has red, green, blue."
        );

    [TestMethod]
    public void Trainers_with_other_class_weights_are_not_fitted_together()
    {
        InfomorphicTrainer[] trainers =
        [
            _context.MulticlassClassification.Trainers.Infomorphic(With(new() { ["red"] = 2 })),
            _context.MulticlassClassification.Trainers.Infomorphic(With(new() { ["red"] = 2 })),
            Samples.Trainer(_context),
        ];

        Assert.IsTrue(trainers[0].CanFitWith(trainers[1], out _));
        Assert.IsFalse(trainers[0].CanFitWith(trainers[2], out string? reason));
        Assert.AreEqual(
            "Trainers that are fitted together have the same ClassWeights, and here it is red = 2 and not set.",
            reason
        );
    }

    // 12 red rows, 20 green, 28 blue.
    private static List<Samples.Row> Unequal() =>
        [.. Samples.Rows(84).Where((row, i) => row.Color == "blue" || i % 7 < (row.Color == "red" ? 3 : 5))];

    private static List<Samples.Row> Overlapping(int count, int seed, double rare)
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    bool isRare = random.NextDouble() < rare;
                    float[] features = [.. Enumerable.Range(0, Samples.FeatureCount).Select(_ => Gaussian())];
                    features[0] += isRare ? 2 : 0;
                    return new Samples.Row { Color = isRare ? "rare" : "common", Features = features };
                })
                .OrderBy(row => row.Color), // so that keys are the same whatever comes first
        ];

        float Gaussian() => (float)Problems.Gaussian(random);
    }

    private IDataView Wide(int count, int seed)
    {
        var random = new Random(seed);
        return _context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, count)
                .Select(i => new WideRow
                {
                    Label = (uint)(i % 3),
                    Features =
                    [
                        .. Enumerable.Range(0, Many).Select(k => random.NextSingle() + (k % 3 == i % 3 ? 0.1f : 0)),
                    ],
                    Weight = i % 3 == 1 ? 4 : 1,
                })
                .ToList()
        );
    }

    private static Options With(Dictionary<string, double> weights)
    {
        Options options = Samples.Options();
        options.ClassWeights = weights;
        return options;
    }

    private static Options Deterministic(OutputLayerKind output, Action<Options>? change = null)
    {
        var options = new Options
        {
            HiddenLayer = HiddenLayerKind.None,
            OutputLayer = output,
            NumberOfEpochs = 20,
            BatchSize = 1000,
            ValidationFraction = 0,
            CalibrateScores = false,
            Standardization = Standardization.PerFeature,
            Encoding = FeatureEncodingKind.None,
            Seed = 1,
            Device = "cpu",
        };
        change?.Invoke(options);
        return options;
    }

    private MulticlassClassificationMetrics Metrics(
        List<Samples.Row> rows,
        List<Samples.Row> unseen,
        Options options
    ) =>
        _context.MulticlassClassification.Evaluate(
            _context
                .MulticlassClassification.Trainers.Infomorphic(options)
                .Fit(Samples.View(_context, rows))
                .Transform(Samples.View(_context, unseen))
        );

    private float[] Scores(List<Samples.Row> rows, Options options)
    {
        IDataView data = Samples.View(_context, rows);
        return
        [
            .. Samples
                .Scores(_context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data).Transform(data))
                .SelectMany(scores => scores),
        ];
    }

    private float[] WeightsOf(List<Samples.Row> rows, Options options) =>
        Problems.WeightsOf(
            _context
                .MulticlassClassification.Trainers.Infomorphic(options)
                .Fit(Samples.View(_context, rows))
                .Model.Network
        );
}
