using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Fuzzing;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>Networks of several layers in ONNX Runtime, exported by the library and by ML.NET's converter.</summary>
[TestClass]
public sealed class DeepNetworksTests
{
    private const double Tolerance = 1e-5; // what the export promises
    private const int Rows = 200;

    private readonly MLContext _context = new(1);

    public static IEnumerable<(string Name, ScoringMode Mode)> All =>
        DeepModels.Names.SelectMany(name => new[] { (name, ScoringMode.MeanField), (name, ScoringMode.Thresholded) });

    [TestMethod]
    [DynamicData(nameof(All))]
    public void ONNX_Runtime_scores_alike(string name, ScoringMode mode)
    {
        ModelContents contents = DeepModels.Of(name).With(mode);
        float[][] rows = DeepModels.Rows(Rows);
        double[][] slow = [.. rows.Select(row => SlowScores.Of(contents.Networks, contents.Scoring, row))];
        double[][] own = OwnScores(contents, rows);
        long[] labels = [.. own.Select(scores => (long)Array.IndexOf(scores, scores.Max()))];

        (float[][] scores, long[] actual) = OnnxRuns.Run<long>(File(contents), rows);
        (float[][] converted, long[] convertedLabels) = RunConverted(contents, rows);

        Assert.IsGreaterThan(0.1, slow.Max(row => row[0]) - slow.Min(row => row[0])); // scores that say something
        Assert.IsLessThan(Tolerance, Largest(slow, scores));
        Assert.IsLessThan(Tolerance, Largest(own, scores));
        Assert.IsLessThan(Tolerance, Largest(own, converted));
        CollectionAssert.AreEqual(labels, actual);
        CollectionAssert.AreEqual(labels, convertedLabels);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.NegativeInfinity)]
    public void A_feature_that_is_no_number_is_found_wherever_it_is(float value)
    {
        foreach (string name in DeepModels.Names)
        {
            byte[] file = File(DeepModels.Of(name));
            float[][] rows = DeepModels.Rows(DeepModels.Features + 1);
            for (int feature = 0; feature < DeepModels.Features; feature++)
                rows[feature][feature] = value;

            (float[][] scores, long[] labels) = OnnxRuns.Run<long>(file, rows);

            Assert.IsTrue(scores[..^1].All(row => row.All(float.IsNaN)), name);
            Assert.IsTrue(labels[..^1].All(label => label == -1), name);
            Assert.IsTrue(scores[^1].All(float.IsFinite), name);
        }
    }

    [TestMethod]
    public void Features_that_are_finite_can_add_up_to_no_number()
    {
        // Not of neurons that read outputs, nor where they are divided by a field's size.
        foreach (string name in new[] { "feedback", "steps", "random subsets", "no hidden layer" })
        {
            ModelContents contents = DeepModels.Of(name);
            float[][] rows = DeepModels.Rows(20);
            foreach (float[] row in rows[..10])
                for (int feature = 0; feature < row.Length; feature++)
                    row[feature] = MathF.CopySign(float.MaxValue, row[feature]);

            (float[][] scores, _) = OnnxRuns.Run<long>(File(contents), rows);

            double[][] own = OwnScores(contents, rows);
            Assert.IsTrue(own[..10].Any(row => row.All(double.IsNaN)), name);
            for (int i = 0; i < rows.Length; i++)
                Assert.AreEqual(double.IsNaN(own[i][0]), float.IsNaN(scores[i][0]), $"{name}, row {i}");
        }
    }

    [TestMethod]
    public void Samples_are_refused_of_any_network_in_which_something_is_drawn()
    {
        string[] fixedOutputs = ["steps at positions", "no hidden layer"];
        foreach (string name in DeepModels.Names)
            Assert.AreEqual(
                !fixedOutputs.Contains(name),
                OnnxNetwork.Obstacle(DeepModels.Of(name).Network, new ScoringSettings(ScoringMode.Sampled)) is not null,
                name
            );
    }

    [TestMethod]
    public void The_reason_is_in_the_log_where_ML_NET_has_none()
    {
        ModelContents contents = DeepModels.Of("feedback").With(ScoringMode.Sampled);

        List<string> messages = Hosting.Samples.Messages(
            _context,
            () => Assert.Throws<Exception>(() => RunConverted(contents, DeepModels.Rows(1)))
        );

        Assert.IsTrue(
            messages.Any(message => message.Contains("ONNX has no random numbers", StringComparison.Ordinal))
        );
    }

    [TestMethod]
    public void Weights_are_there_once_however_often_a_row_is_presented()
    {
        int[] lengths = [.. new[] { 2, 16 }.Select(presentations => File(DeepModels.Wide(presentations)).Length)];

        int weights = DeepModels
            .Wide(2)
            .Network.Layers.SelectMany(layer => layer.Sources)
            .SelectMany(source => source.Projections)
            .Sum(projection => projection.Weights.Length * sizeof(float));
        Assert.IsGreaterThan(weights / 2, lengths[0]); // it is the weights that count
        Assert.IsLessThan(2 * weights, lengths[1]);
    }

    private static double[][] OwnScores(ModelContents contents, float[][] rows)
    {
        var scorer = new EnsembleScorer(contents.Networks, contents.Scoring);
        float[] scores = new float[DeepModels.Classes];
        return
        [
            .. rows.Select(row =>
            {
                scorer.Score(row, scores);
                return Array.ConvertAll(scores, score => (double)score);
            }),
        ];
    }

    private static byte[] File(ModelContents contents)
    {
        using var stream = new MemoryStream();
        long[] labels = [.. Enumerable.Range(0, DeepModels.Classes).Select(k => (long)k), -1];
        OnnxFile.Write(stream, contents.Networks, contents.Scoring, labels, "Features", "Score", "PredictedLabel");
        return stream.ToArray();
    }

    // What ML.NET's own converter makes of a pipeline that ends with the model.
    private (float[][] Scores, long[] Labels) RunConverted(ModelContents contents, float[][] rows)
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(
            NumberDataViewType.Single,
            DeepModels.Features
        );
        IDataView data = _context.Data.LoadFromEnumerable(rows.Select(row => new Row { Features = row }), schema);
        var transformer = new InfomorphicPredictionTransformer(
            _context,
            new InfomorphicModelParameters(_context, contents),
            data.Schema,
            "Features",
            "Label"
        );
        using var stream = new MemoryStream();
        _context.Model.ConvertToOnnx(transformer, data, stream);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(stream.ToArray(), options);
        var features = new DenseTensor<float>(
            rows.SelectMany(row => row).ToArray(),
            [rows.Length, DeepModels.Features]
        );
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([
            NamedOnnxValue.CreateFromTensor("Features", features),
            NamedOnnxValue.CreateFromTensor("Label", new DenseTensor<uint>([rows.Length, 1])),
        ]);
        float[] scores = [.. outputs.Single(output => output.Name == "Score.output").AsTensor<float>()];
        uint[] keys = [.. outputs.Single(output => output.Name == "PredictedLabel.output").AsTensor<uint>()];
        return ([.. scores.Chunk(DeepModels.Classes)], [.. keys.Select(key => key - 1L)]);
    }

    private static double Largest(double[][] expected, float[][] actual) =>
        expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(pair => Math.Abs(pair.First - pair.Second)));

    private sealed class Row
    {
        public float[] Features { get; set; } = [];

        [KeyType(DeepModels.Classes)]
        public uint Label { get; set; } = 1;
    }
}
