using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Networks;
using Microsoft.ML.Infomorphic.Tests.Onnx;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Models that encode features, from end to end: whoever scores a row scores it alike.</summary>
[TestClass]
public class EncodedFeaturesTests
{
    private const int FeatureCount = 5;
    private const int ClassCount = 3;

    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        [KeyType(ClassCount)]
        public uint Label { get; set; }

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; } = 1;
    }

    private static InfomorphicTrainer.Options Options(
        MissingValues missing = MissingValues.Skip,
        FeatureEncodingKind encoding = FeatureEncodingKind.Auto
    ) =>
        new()
        {
            NumberOfHiddenNeurons = 20,
            NumberOfEpochs = 20,
            BatchSize = 64,
            LearningRate = 0.02,
            OutputLearningRate = 0.03,
            Seed = 1,
            Encoding = encoding,
            MissingValues = missing,
            OutputLayerInputs = [Signal.Layer(0)],
        };

    [TestMethod]
    [DataRow(MissingValues.Skip, ScoringMode.MeanField)]
    [DataRow(MissingValues.Indicate, ScoringMode.MeanField)]
    [DataRow(MissingValues.Indicate, ScoringMode.Thresholded)]
    [DataRow(MissingValues.Skip, ScoringMode.Sampled)]
    public void Whoever_scores_a_row_scores_it_alike(MissingValues missing, ScoringMode mode)
    {
        List<Row> rows = Rows(400, missing == MissingValues.Indicate ? 0.1 : 0);
        IDataView data = View(rows);
        InfomorphicPredictionTransformer trained = Fit(Options(missing), data).WithScoring(mode, numberOfSamples: 3);
        Assert.IsGreaterThan(FeatureCount, trained.Model.Encoding.EncodedCount);
        Assert.AreEqual(trained.Model.Encoding.EncodedCount, trained.Model.Network.FeatureCount);

        // Block by block.
        float[][] expected = Samples.Scores(trained.Transform(data));
        Assert.IsTrue(expected.SelectMany(row => row).All(float.IsFinite));

        // After loading.
        using var stream = new MemoryStream();
        _context.Model.Save(trained, data.Schema, stream);
        stream.Position = 0;
        var loaded = (InfomorphicPredictionTransformer)new MLContext().Model.Load(stream, out _);
        AssertEqual(expected, Samples.Scores(loaded.Transform(data)));
        Assert.AreEqual(trained.Model.TrainingSettings, loaded.Model.TrainingSettings);

        // Row by row, full and sparse.
        var engine = _context.Model.CreatePredictionEngine<Row, Scored>(loaded);
        AssertEqual(expected, [.. rows.Select(row => (float[])engine.Predict(row).Score.Clone())]);
        var scorer = new NetworkScorer(trained.Model.Network, trained.Model.ScoringSettings, trained.Model.Encoding);
        float[] scores = new float[ClassCount];
        for (int i = 0; i < rows.Count; i++)
        {
            int[] places = [.. Enumerable.Range(0, FeatureCount).Where(k => rows[i].Features[k] != 0)];
            scorer.Score(places, [.. places.Select(place => rows[i].Features[place])], scores);
            CollectionAssert.AreEqual(expected[i], scores);
        }

        // By the specification.
        if (mode != ScoringMode.Sampled)
        {
            var plain = new NetworkScorer(trained.Model.Network, trained.Model.ScoringSettings);
            for (int i = 0; i < rows.Count; i++)
            {
                double[] encoded = NaiveEncoding.Encode(trained.Model.Encoding, rows[i].Features);
                plain.Score(Array.ConvertAll(encoded, number => (float)number), scores);
                AssertClose(expected[i], scores);
            }

            // In ONNX, both ways.
            float[][] features = [.. rows.Select(row => row.Features)];
            using var file = new MemoryStream();
            loaded.SaveAsOnnx(file);
            float[][] saved = OnnxRuns.Run<long>(file.ToArray(), features).Scores;
            float[][] converted = Converted(loaded, data, features);
            for (int i = 0; i < rows.Count; i++)
            {
                AssertClose(expected[i], saved[i]);
                AssertClose(expected[i], converted[i]);
            }
        }
    }

    [TestMethod]
    [DataRow(MissingValues.Skip)]
    [DataRow(MissingValues.Indicate)]
    public void A_row_that_cannot_be_scored_has_no_scores(MissingValues missing)
    {
        List<Row> rows = Rows(200, missing == MissingValues.Indicate ? 0.1 : 0);
        InfomorphicPredictionTransformer trained = Fit(Options(missing), View(rows));
        var bad = new List<Row>();
        foreach (float value in new[] { float.PositiveInfinity, float.NegativeInfinity, float.NaN })
        {
            Row row = Rows(1)[0];
            row.Features[1] = value;
            bad.Add(row);
        }

        float[][] scores = Samples.Scores(trained.Transform(View(bad)));
        var engine = _context.Model.CreatePredictionEngine<Row, Scored>(trained);
        float[][] alone = [.. bad.Select(row => (float[])engine.Predict(row).Score.Clone())];
        using var file = new MemoryStream();
        trained.SaveAsOnnx(file);
        float[][] onnx = OnnxRuns.Run<long>(file.ToArray(), [.. bad.Select(row => row.Features)]).Scores;

        for (int i = 0; i < bad.Count; i++)
        {
            bool isScored = missing == MissingValues.Indicate && float.IsNaN(bad[i].Features[1]);
            foreach (float[] of in new[] { scores[i], alone[i], onnx[i] })
                Assert.IsTrue(of.All(score => float.IsFinite(score) == isScored), $"{bad[i].Features[1]}");
        }
    }

    // An ordinary network, trained on rows that were encoded before: the same bits.
    [TestMethod]
    public void The_network_is_that_of_encoded_rows()
    {
        var rows = Problems.Blobs(300, weighted: true);
        var settings = Problems.Settings(epochs: 3) with { Encoding = FeatureEncodingKind.Auto };
        var result = Problems.Train(rows, settings);
        float[] values = [.. Enumerable.Range(0, rows.RowCount).SelectMany(row => Encoded(result.Encoding!, row))];
        var encoded = rows with
        {
            Features = new Infomorphic.Rows.DenseFeatureMatrix(300, result.Encoding!.EncodedCount, values),
        };
        FeatureScaling scaling = result.Network.FeatureScaling;
        for (int i = 0; i < scaling.FeatureCount; i++)
            Assert.IsTrue(i < 5 || scaling.Offsets[i] == 0 && scaling.Scales[i] == 2);
        var unscaled = Problems.Train(
            encoded,
            Problems.Settings(epochs: 3) with
            {
                Standardization = Standardization.None,
            }
        );
        Assert.AreEqual(unscaled.Network.FeatureCount, result.Network.FeatureCount);
        for (int i = 0; i < values.Length; i++)
            values[i] =
                (values[i] - scaling.Offsets[i % scaling.FeatureCount])
                * (1 / scaling.Scales[i % scaling.FeatureCount]);
        unscaled = Problems.Train(
            encoded,
            Problems.Settings(epochs: 3) with
            {
                Standardization = Standardization.None,
            }
        );
        Assert.AreEqual(
            unscaled.History.Epochs[^1].Goal,
            result.History.Epochs[^1].Goal,
            1e-4,
            "but for rounding in the standardisation"
        );

        float[] Encoded(FeatureEncoding encoding, int row)
        {
            float[] numbers = new float[encoding.EncodedCount];
            encoding.Encode(Problems.FeaturesOf(rows, row), numbers);
            return numbers;
        }
    }

    [TestMethod]
    [DataRow(MissingValues.Skip)]
    [DataRow(MissingValues.Indicate)]
    public void A_memory_budget_does_not_change_the_model(MissingValues missing)
    {
        IDataView data = View(Rows(30_000, missing == MissingValues.Indicate ? 0.05 : 0));
        InfomorphicTrainer.Options options = Options(missing);
        options.NumberOfEpochs = 1;
        InfomorphicModelParameters expected = Fit(options, data).Model;
        options.MemoryBudget = 1;
        InfomorphicModelParameters? actual = null;
        List<string> messages = Samples.Messages(_context, () => actual = Fit(options, data).Model);

        Assert.IsTrue(
            messages.Any(message => message.Contains("shuffled over all instances", StringComparison.Ordinal))
        );
        CollectionAssert.AreEqual(Problems.WeightsOf(expected.Network), Problems.WeightsOf(actual!.Network));
        for (int feature = 0; feature < FeatureCount; feature++)
            CollectionAssert.AreEqual(
                expected.Encoding.KnotsOf(feature).ToArray(),
                actual.Encoding.KnotsOf(feature).ToArray()
            );
    }

    [TestMethod]
    public void Training_goes_on_with_the_encoding_that_there_is()
    {
        InfomorphicPredictionTransformer first = Fit(Options(), View(Rows(400)));
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(
            Options(encoding: FeatureEncodingKind.None)
        );
        InfomorphicModelParameters second = trainer.Fit(View(Rows(300, seed: 2)), first.Model).Model;
        CollectionAssert.AreEqual(first.Model.Encoding.KnotsOf(0).ToArray(), second.Encoding.KnotsOf(0).ToArray());
        Assert.IsGreaterThan(FeatureCount, second.Network.FeatureCount);

        InfomorphicPredictionTransformer plain = Fit(Options(encoding: FeatureEncodingKind.None), View(Rows(400)));
        Assert.IsTrue(plain.Model.Encoding.IsIdentity);
        trainer = _context.MulticlassClassification.Trainers.Infomorphic(Options());
        Assert.IsTrue(trainer.Fit(View(Rows(300)), plain.Model).Model.Encoding.IsIdentity);
        trainer = _context.MulticlassClassification.Trainers.Infomorphic(Options(MissingValues.Indicate));
        Assert.Contains(
            "was trained without missing values",
            Samples.Failure<InvalidOperationException>(() => trainer.Fit(View(Rows(300)), plain.Model))
        );
    }

    [TestMethod]
    public void Missing_values_are_learned_from_where_they_say_something()
    {
        // The class is whether the second feature is missing.
        List<Row> rows = Rows(600);
        foreach (Row row in rows)
        {
            row.Features[1] = row.Label == 0 ? float.NaN : 1;
            Array.Clear(row.Features, 2, FeatureCount - 2);
            row.Label = Math.Min(row.Label, 1);
        }

        IDataView data = View(rows);
        InfomorphicPredictionTransformer trained = Fit(Options(MissingValues.Indicate), data);
        Assert.AreEqual(1, _context.MulticlassClassification.Evaluate(trained.Transform(data)).MicroAccuracy, 0.001);
        CollectionAssert.AreEqual(new[] { 1 }, trained.Model.Encoding.IndicatedFeatures.ToArray());

        rows[3].Features[0] = float.PositiveInfinity;
        List<string> messages = Samples.Messages(_context, () => Fit(Options(MissingValues.Indicate), View(rows)));
        Assert.Contains(
            "Warning: Skipped 1 instances with infinite features during training (column 'Features')",
            messages
        );
    }

    [TestMethod]
    public void Single_rows_leave_nothing_to_the_garbage_collector()
    {
        InfomorphicModelParameters model = Fit(Options(MissingValues.Indicate), View(Rows(300, 0.1))).Model;
        var scorer = new NetworkScorer(model.Network, model.ScoringSettings, model.Encoding);
        float[] features = Rows(1)[0].Features;
        float[] scores = new float[ClassCount];
        for (int i = 0; i < 200; i++)
            scorer.Score(features, scores);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            scorer.Score(features, scores);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Fields_need_features_as_they_are()
    {
        var options = new InfomorphicTrainer.Options
        {
            NumberOfEpochs = 2,
            Encoding = FeatureEncodingKind.PiecewiseLinear,
        };
        options.Image = new ImageShape(1, FeatureCount);
        options.HiddenLayers = [new HiddenLayerOptions { Connections = new LocalFieldSettings(1, 2, 1, 1) }];
        Assert.Contains(
            "choose the encoding Auto or None",
            Samples.Failure<ArgumentOutOfRangeException>(() => Fit(options, View(Rows(100))))
        );
        options.Encoding = FeatureEncodingKind.Auto;
        options.MissingValues = MissingValues.Indicate;
        Assert.Contains(
            "missing values can be skipped, not indicated",
            Samples.Failure<ArgumentOutOfRangeException>(() => Fit(options, View(Rows(100))))
        );
        options.MissingValues = MissingValues.Skip;
        Assert.IsTrue(Fit(options, View(Rows(100))).Model.Encoding.IsIdentity);
    }

    [TestMethod]
    public void Explanations_and_layer_outputs_are_of_encoded_rows()
    {
        IDataView data = View(Rows(300, 0.1));
        InfomorphicPredictionTransformer trained = Fit(Options(MissingValues.Indicate), data);
        var insight = trained.Model.Explain(data);
        Assert.AreEqual(300, insight.RowCount);
        float[][] outputs = [.. trained.LayerOutputs(0).Transform(data).GetColumn<float[]>("LayerOutputs")];
        Assert.IsTrue(outputs.SelectMany(row => row).All(float.IsFinite));

        // What features add to F, with the bias, is F: of rows in the data, of missing values and far outside.
        InfomorphicLayer layer = trained.Model.Network.HiddenLayers[0];
        var curves = insight.HiddenLayers[0].FeatureCurves(3);
        float[] encoded = new float[trained.Model.Encoding.EncodedCount];
        foreach (
            float[] row in Rows(50, 0.3)
                .Select(row => row.Features)
                .Append([9, -9, 1e3f, -1e3f, 5])
                .Append([.. Enumerable.Repeat(float.NaN, FeatureCount)])
        )
        {
            trained.Model.Encoding.Encode(row, encoded);
            ReadOnlySpan<float> weights = layer.Sources[0].Projections[0].WeightsOf(3);
            double expected = 0;
            for (int i = 0; i < encoded.Length; i++)
                expected += (double)weights[i] * encoded[i];
            double actual = curves.Sum(curve =>
                float.IsNaN(row[curve.Feature]) ? curve.WhenMissing!.Value : curve.At(row[curve.Feature])
            );
            Assert.AreEqual(expected, actual, 1e-5 * (1 + Math.Abs(expected)));
        }

        float[] field = insight.HiddenLayers[0].ReceptiveField(3);
        CollectionAssert.AreEqual(curves.Select(curve => (float)curve.MeanSlope).ToArray(), field);
        Assert.AreEqual("2", curves[2].Name);
        Assert.AreEqual(FeatureCount, insight.HiddenLayers[0].Inputs[0].Size);
        Assert.ThrowsExactly<InvalidOperationException>(() => insight.OutputLayer.FeatureCurve(0, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => insight.HiddenLayers[0].FeatureCurve(0, FeatureCount));

        // A neuron's mean response to a class is that of its outputs.
        uint[] labels = [.. data.GetColumn<uint>("Label")];
        for (int k = 0; k < ClassCount; k++)
            Assert.AreEqual(
                outputs.Where((_, i) => labels[i] == k + 1).Average(row => (row[0] + 1) / 2),
                insight.HiddenLayers[0].Neurons[0].ClassResponses[k],
                1e-5
            );
    }

    private InfomorphicPredictionTransformer Fit(InfomorphicTrainer.Options options, IDataView data) =>
        _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);

    private IDataView View(IEnumerable<Row> rows) => _context.Data.LoadFromEnumerable(rows);

    // Rings: what a row is follows from a feature's magnitude, which no straight line tells.
    private static List<Row> Rows(int count, double missing = 0, int seed = 1)
    {
        var random = new Random(seed);
        var rows = new List<Row>();
        for (int i = 0; i < count; i++)
        {
            float[] features = [.. Enumerable.Range(0, FeatureCount).Select(_ => (float)(2 * random.NextDouble() - 1))];
            features[4] = random.Next(2);
            var row = new Row
            {
                Features = features,
                Label = (uint)Math.Min(3 * Math.Abs(features[0]), ClassCount - 1),
            };
            if (random.NextDouble() < missing)
                features[random.Next(FeatureCount)] = float.NaN;
            rows.Add(row);
        }

        return rows;
    }

    private float[][] Converted(ITransformer transformer, IDataView data, float[][] features)
    {
        using var stream = new MemoryStream();
        _context.Model.ConvertToOnnx(transformer, data, stream);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(stream.ToArray(), options);
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([
            NamedOnnxValue.CreateFromTensor(
                "Features",
                new DenseTensor<float>(features.SelectMany(row => row).ToArray(), [features.Length, FeatureCount])
            ),
            NamedOnnxValue.CreateFromTensor("Label", new DenseTensor<uint>([features.Length, 1])),
            NamedOnnxValue.CreateFromTensor("Weight", new DenseTensor<float>([features.Length, 1])),
        ]);
        float[] scores = [.. outputs.Single(output => output.Name == "Score.output").AsTensor<float>()];
        return [.. scores.Chunk(ClassCount)];
    }

    private static void AssertEqual(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i], $"row {i}");
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        for (int k = 0; k < ClassCount; k++)
            Assert.AreEqual(expected[k], actual[k], 1e-5);
    }

    private sealed class Scored
    {
        public float[] Score { get; set; } = [];
    }
}
