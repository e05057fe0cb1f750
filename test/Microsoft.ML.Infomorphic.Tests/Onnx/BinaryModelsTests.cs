using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>Binary classifiers in ONNX, as the library writes them and as ML.NET's converter does.</summary>
[TestClass]
public sealed class BinaryModelsTests
{
    // Probabilities in single precision, summed in another order; scores are steeper where these are near 0 or 1.
    private const float Tolerance = 1e-5f;
    private const float ScoreTolerance = 1e-4f;

    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(1, 0f)]
    [DataRow(1, 0.8f)]
    [DataRow(3, -0.5f)]
    public void ONNX_Runtime_scores_alike(int networks, float threshold)
    {
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> model = Trained(networks, threshold);
        using var stream = new MemoryStream();
        model.SaveAsOnnx(stream);

        AssertSame(model, stream.ToArray(), suffix: "");
    }

    [TestMethod]
    [DataRow(1, 0f)]
    [DataRow(3, 0.8f)]
    public void The_converter_of_ML_NET_exports_a_whole_pipeline(int networks, float threshold)
    {
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> model = Trained(networks, threshold);
        using var stream = new MemoryStream();
        _context.Model.ConvertToOnnx(model, BinarySamples.View(_context), stream);

        // The threshold is ML.NET's node Binarizer, and ONNX Runtime takes no NaN in it.
        AssertSame(model, stream.ToArray(), suffix: ".output", withMissing: false);
    }

    [TestMethod]
    public void A_file_is_written_whole()
    {
        string folder = Directory.CreateTempSubdirectory("onnx").FullName;
        try
        {
            BinaryPredictionTransformer<InfomorphicBinaryModelParameters> model = Trained(networks: 1, threshold: 0);
            string file = Path.Combine(folder, "model.onnx");
            model.SaveAsOnnx(file);

            AssertSame(model, File.ReadAllBytes(file), suffix: "");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void What_cannot_be_exported_is_named()
    {
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> model = Trained(networks: 1, threshold: 0)
            .WithScoring(ScoringMode.Sampled);
        using var stream = new MemoryStream();

        StringAssert.Contains(
            Samples.Failure<InvalidOperationException>(() => model.SaveAsOnnx(stream)),
            "scored by samples"
        );
        Assert.AreEqual(0, stream.Length);
    }

    private BinaryPredictionTransformer<InfomorphicBinaryModelParameters> Trained(int networks, float threshold) =>
        _context.BinaryClassification.ChangeModelThreshold(
            BinarySamples
                .Trainer(
                    _context,
                    options =>
                    {
                        options.NumberOfNetworks = networks;
                        options.Encoding = FeatureEncodingKind.Auto;
                    }
                )
                .Fit(BinarySamples.View(_context)),
            threshold
        );

    private void AssertSame(ITransformer model, byte[] onnx, string suffix, bool withMissing = true)
    {
        List<BinarySamples.Row> rows = BinarySamples.Rows(60, seed: 5);
        if (withMissing)
        {
            rows[3].Features[2] = float.NaN;
            rows[4].Features[0] = float.PositiveInfinity;
        }
        BinarySamples.Prediction[] expected = BinarySamples.Predictions(_context, model, rows);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(onnx, options);
        var features = new DenseTensor<float>(
            rows.SelectMany(row => row.Features).ToArray(),
            [rows.Count, BinarySamples.FeatureCount]
        );
        var inputs = new List<NamedOnnxValue> { NamedOnnxValue.CreateFromTensor("Features", features) };
        if (session.InputMetadata.ContainsKey("Label"))
            inputs.Add(NamedOnnxValue.CreateFromTensor("Label", new DenseTensor<bool>([rows.Count, 1])));
        if (session.InputMetadata.ContainsKey("Weight"))
            inputs.Add(NamedOnnxValue.CreateFromTensor("Weight", new DenseTensor<float>([rows.Count, 1])));

        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run(inputs);
        float[] scores = [.. Output<float>("Score")];
        float[] probabilities = [.. Output<float>("Probability")];
        bool[] labels = [.. Output<bool>("PredictedLabel")];

        Assert.HasCount(rows.Count, scores);
        for (int i = 0; i < rows.Count; i++)
        {
            Assert.AreEqual(expected[i].Score, scores[i], ScoreTolerance, $"row {i}");
            Assert.AreEqual(expected[i].Probability, probabilities[i], Tolerance, $"row {i}");
            Assert.AreEqual(expected[i].PredictedLabel, labels[i], $"row {i}");
        }
        Assert.AreEqual(withMissing ? 2 : 0, scores.Count(float.IsNaN));
        Assert.IsTrue(labels.Contains(true) && labels.Contains(false));

        Tensor<T> Output<T>(string name) => outputs.Single(output => output.Name == name + suffix).AsTensor<T>();
    }
}
