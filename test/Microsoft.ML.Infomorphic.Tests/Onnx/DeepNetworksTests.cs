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
        double[][] expected = [.. rows.Select(row => SlowScores.Of(contents.Network, contents.Scoring, row))];
        long[] labels = [.. expected.Select(scores => (long)Array.IndexOf(scores, scores.Max()))];

        (float[][] scores, long[] actual) = OnnxRuns.Run<long>(File(contents), rows);
        (float[][] converted, long[] convertedLabels) = RunConverted(contents, rows);

        double spread = expected.Max(row => row[0]) - expected.Min(row => row[0]);
        Console.WriteLine(
            $"largest difference {Largest(expected, scores):E1} and {Largest(expected, converted):E1}; {spread}"
        );
        Assert.IsGreaterThan(0.1, spread); // scores that say something
        Assert.IsLessThan(Tolerance, Largest(expected, scores));
        Assert.IsLessThan(Tolerance, Largest(expected, converted));
        CollectionAssert.AreEqual(labels, actual);
        CollectionAssert.AreEqual(labels, convertedLabels);
    }

    private static byte[] File(ModelContents contents)
    {
        using var stream = new MemoryStream();
        long[] labels = [.. Enumerable.Range(0, DeepModels.Classes).Select(k => (long)k), -1];
        OnnxFile.Write(stream, contents.Network, contents.Scoring, labels, "Features", "Score", "PredictedLabel");
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
