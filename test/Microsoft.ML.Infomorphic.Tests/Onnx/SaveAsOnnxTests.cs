using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Transforms.Onnx;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

[TestClass]
public sealed class SaveAsOnnxTests
{
    // What the issue of the format asks: probabilities in single precision, summed in another order.
    private const float Tolerance = 1e-5f;

    private readonly MLContext _context = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("onnx").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(ScoringMode.MeanField, true)]
    [DataRow(ScoringMode.MeanField, false)]
    [DataRow(ScoringMode.Thresholded, true)]
    public void ONNX_Runtime_scores_alike(ScoringMode mode, bool calibrate)
    {
        IDataView data = Samples.View(_context);
        var transformer = Trained(data).WithScoring(mode, calibrate: calibrate);

        AssertSame(transformer, Samples.Rows(200, seed: 5));
    }

    [TestMethod]
    public void Drawn_connections_are_exported()
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, data);

        Assert.IsNotNull(transformer.Model.Network.HiddenLayers[0].Sources[2].Connections);
        AssertSame(transformer, Samples.Rows(200, seed: 5));
    }

    [TestMethod]
    public void A_reloaded_model_is_exported_to_the_same_file()
    {
        IDataView data = Samples.View(_context);
        var transformer = Trained(data);
        using var stream = new MemoryStream();
        _context.Model.Save(transformer, data.Schema, stream);
        var reloaded = (InfomorphicPredictionTransformer)
            new MLContext().Model.Load(new MemoryStream(stream.ToArray()), out _);

        CollectionAssert.AreEqual(Onnx(transformer), Onnx(reloaded));
    }

    [TestMethod]
    public void Labels_are_of_the_kind_they_were_in_training()
    {
        Assert.AreEqual("red", Label<Text, string>((from, to) => to.Value = from.Color));
        Assert.AreEqual(3L, Label<Whole, long>((from, to) => to.Value = from.Color.Length));
        Assert.AreEqual(3L, Label<Small, long>((from, to) => to.Value = (byte)from.Color.Length));
        Assert.AreEqual(1.5f, Label<Single, float>((from, to) => to.Value = from.Color.Length / 2f));
        Assert.AreEqual(1.5, Label<Double, double>((from, to) => to.Value = from.Color.Length / 2.0));

        TLabel Label<TTo, TLabel>(Action<Samples.Row, TTo> map)
            where TTo : class, new()
        {
            IDataView data = Apply(
                _context.Data.LoadFromEnumerable(Samples.Rows()),
                _context.Transforms.CustomMapping(map, null)
            );
            data = Apply(data, _context.Transforms.Conversion.MapValueToKey("Label", "Value"));
            return OnnxRuns.Run<TLabel>(Onnx(Trained(data, epochs: 30)), [Samples.Rows(1)[0].Features]).Labels[0];
        }
    }

    [TestMethod]
    public void A_class_without_a_label_is_its_index()
    {
        IDataView data = Apply(
            _context.Data.LoadFromEnumerable(Samples.Rows()),
            _context.Transforms.CustomMapping<Samples.Row, Key>(
                (from, to) => to.Label = (uint)from.Color.Length - 2,
                null
            )
        );
        var transformer = Trained(data);

        (_, long[] labels) = OnnxRuns.Run<long>(Onnx(transformer), [.. Samples.Rows().Select(row => row.Features)]);

        // ML.NET counts from 1.
        uint[] keys = [.. transformer.Transform(data).GetColumn<uint>("PredictedLabel")];
        CollectionAssert.AreEqual(keys.Select(key => key - 1L).ToArray(), labels);
        Assert.IsGreaterThan(1, labels.Distinct().Count());
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    public void A_row_with_a_feature_that_is_no_number_scores_NaN_and_has_no_label(float feature)
    {
        byte[] onnx = Onnx(Trained(Samples.View(_context)));
        float[][] rows = [.. Samples.Rows(3).Select(row => row.Features)];
        rows[1][2] = feature;

        (float[][] scores, string[] labels) = OnnxRuns.Run<string>(onnx, rows);

        Assert.IsTrue(scores[1].All(float.IsNaN));
        Assert.AreEqual("", labels[1]);
        Assert.IsTrue(scores[0].Concat(scores[2]).All(float.IsFinite));
        Assert.AreNotEqual("", labels[0]);
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, true, 3)]
    [DataRow(ContextSignal.None, true, 4)]
    [DataRow(ContextSignal.Feedback, true, 3)]
    [DataRow(ContextSignal.Feedback, false, 5)]
    public void An_exported_file_has_every_presentation(ContextSignal signal, bool lateral, int presentations)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Context = signal;
        options.LateralInput = lateral;
        options.NumberOfPresentations = presentations;
        options.Encoding = FeatureEncodingKind.None;
        options.NumberOfEpochs = 10;
        options.LearningRate = 0.1;
        options.OutputLearningRate = 0.1;

        // What is heard drives neurons so much that outputs do not settle.
        if (lateral && signal != ContextSignal.None)
            (options.Alpha1, options.Alpha2, options.Beta1, options.Beta2) = (3, 3, 4, 4);
        else
            (options.BivariateK, options.BivariateBeta) = (-1.5, 4);
        var transformer = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(Samples.View(_context));

        AssertSame(transformer, Samples.Rows());
        AssertSame(transformer.WithScoring(ScoringMode.Thresholded), Samples.Rows());

        InfomorphicNetwork network = transformer.Model.Network;
        var fewer = new NetworkScorer(
            new InfomorphicNetwork(
                network.HiddenLayers,
                network.OutputLayer,
                network.FeatureScaling,
                network.Calibration,
                presentations - 1
            ),
            new ScoringSettings()
        );
        float[] scores = new float[Samples.ClassCount];
        float largest = 0;
        foreach (
            (Samples.Row row, float[] expected) in Samples
                .Rows()
                .Zip(Samples.Scores(transformer.Transform(Samples.View(_context))))
        )
        {
            fewer.Score(row.Features, scores);
            largest = Math.Max(largest, scores.Zip(expected).Max(pair => Math.Abs(pair.First - pair.Second)));
        }
        Assert.IsGreaterThan(0.01f, largest); // one presentation fewer would be seen
    }

    [TestMethod]
    public void ML_NET_applies_an_exported_file()
    {
        IDataView data = Samples.View(_context);
        var transformer = Trained(data);
        string file = Path.Combine(_folder, "model.onnx");
        transformer.SaveAsOnnx(file);
        float[][] expected = Samples.Scores(transformer.Transform(data));
        string[] labels = Labels(transformer, Samples.Rows());

        IDataView rows = _context.Data.LoadFromEnumerable(Samples.Rows());
        OnnxTransformer onnx = _context
            .Transforms.ApplyOnnxModel(["Score", "PredictedLabel"], ["Features"], file)
            .Fit(rows);
        IDataView scored = onnx.Transform(rows);

        AssertClose(expected, Samples.Scores(scored));
        CollectionAssert.AreEqual(
            labels,
            scored
                .GetColumn<VBuffer<ReadOnlyMemory<char>>>("PredictedLabel")
                .Select(label => label.DenseValues().Single().ToString())
                .ToArray()
        );
    }

    [TestMethod]
    public void The_input_is_called_like_the_feature_column()
    {
        IDataView data = Samples.View(_context);
        data = _context.Transforms.CopyColumns("Score", "Features").Fit(data).Transform(data);
        InfomorphicTrainer.Options options = Samples.Options();
        options.FeatureColumnName = "Score";
        var transformer = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);

        Assert.AreEqual(
            "The features and the outputs must have different names, and are Score, Score, PredictedLabel: rename the feature column.",
            Samples.Failure<InvalidOperationException>(() => transformer.SaveAsOnnx(Stream.Null))
        );

        data = _context.Transforms.CopyColumns("F", "Features").Fit(data).Transform(data);
        options.FeatureColumnName = "F";
        transformer = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
        AssertSame(transformer, Samples.Rows(), data);
    }

    [TestMethod]
    public void What_cannot_be_exported_is_named_and_the_file_stays_as_it_was()
    {
        var transformer = Trained(Samples.View(_context)).WithScoring(ScoringMode.Sampled);
        string file = Path.Combine(_folder, "model.onnx");
        File.WriteAllText(file, "before");

        StringAssert.StartsWith(
            Samples.Failure<InvalidOperationException>(() => transformer.SaveAsOnnx(file)),
            "ONNX has no random numbers that follow from a row alone"
        );
        Assert.AreEqual("before", File.ReadAllText(file));
        Assert.HasCount(1, Directory.GetFiles(_folder));
    }

    [TestMethod]
    public void A_full_disk_is_an_IO_error()
    {
        var transformer = Trained(Samples.View(_context));
        using var full = new FullDisk(capacity: 100);

        Assert.ThrowsExactly<IOException>(() => transformer.SaveAsOnnx(full));
    }

    [TestMethod]
    public void A_network_that_does_not_fit_into_a_file_is_refused()
    {
        Assert.AreEqual(
            "An ONNX file holds at most 2 GiB, and the network takes 2147483648 bytes.",
            Samples.Failure<InvalidOperationException>(() => OnnxFile.ThrowIfTooLarge(1L << 31))
        );
    }

    private InfomorphicPredictionTransformer Trained(IDataView data, int epochs = 3)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = epochs;
        options.LearningRate = 0.02;
        options.OutputLearningRate = 0.02;
        return _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
    }

    private void AssertSame(
        InfomorphicPredictionTransformer transformer,
        List<Samples.Row> rows,
        IDataView? data = null
    )
    {
        float[][] expected = Samples.Scores(transformer.Transform(data ?? Samples.View(_context, rows)));

        (float[][] scores, string[] labels) = OnnxRuns.Run<string>(
            Onnx(transformer),
            [.. rows.Select(r => r.Features)]
        );

        AssertClose(expected, scores);
        CollectionAssert.AreEqual(Labels(transformer, rows, data), labels);
    }

    private string[] Labels(
        InfomorphicPredictionTransformer transformer,
        List<Samples.Row> rows,
        IDataView? data = null
    )
    {
        IDataView scored = transformer.Transform(data ?? Samples.View(_context, rows));
        IDataView named = _context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored);
        return [.. named.GetColumn<string>("PredictedLabel")];
    }

    private static void AssertClose(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
        for (int k = 0; k < expected[i].Length; k++)
            Assert.AreEqual(expected[i][k], actual[i][k], Tolerance, $"row {i}, class {k}");
    }

    private static IDataView Apply(IDataView data, IEstimator<ITransformer> estimator) =>
        estimator.Fit(data).Transform(data);

    private static byte[] Onnx(InfomorphicPredictionTransformer transformer)
    {
        using var stream = new MemoryStream();
        transformer.SaveAsOnnx(stream);
        return stream.ToArray();
    }

    private sealed class Text
    {
        public string Value { get; set; } = "";
    }

    private sealed class Whole
    {
        public int Value { get; set; }
    }

    private sealed class Small
    {
        public byte Value { get; set; }
    }

    private sealed class Single
    {
        public float Value { get; set; }
    }

    private sealed class Double
    {
        public double Value { get; set; }
    }

    private sealed class Key
    {
        [KeyType(3)]
        public uint Label { get; set; }
    }
}
