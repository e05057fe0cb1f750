using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Learning;
using Microsoft.ML.Transforms;
using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>Every set-up of the trainer, briefly trained, on the MNIST test set: here, in ONNX Runtime, and in ML.NET.</summary>
[TestClass]
public sealed class SetupsTests
{
    private const float Tolerance = 1e-5f; // what the export promises

    // ML.NET runs ONNX Runtime row by row.
    private const int RowsInMLNet = 500;

    private static readonly MnistData s_data = MnistData.Load(null);

    private readonly MLContext _context = new(1);
    private readonly string _file = Path.GetTempFileName();

    [TestCleanup]
    public void DeleteFile() => File.Delete(_file);

    public static IEnumerable<object[]> All =>
        [
            ["setup 1", new Setup(options => options.MaximumLateralConnections = int.MaxValue)],
            ["setup 2", new Setup(options => options.MaximumLateralConnections = 10)],
            [
                "setup 3",
                new Setup(options =>
                {
                    options.MaximumLateralConnections = 10;
                    options.Context = ContextSignal.Feedback;
                }),
            ],
            ["context alone", new Setup(options => options.LateralInput = false)],
            ["peers alone", new Setup(options => options.Context = ContextSignal.None)],
            [
                "feedback alone",
                new Setup(options =>
                {
                    options.Context = ContextSignal.Feedback;
                    options.LateralInput = false;
                }),
            ],
            [
                "steep",
                new Setup(options =>
                {
                    options.Context = ContextSignal.Feedback;
                    options.LateralInput = false;
                    options.LearningRate = 0.5; // θ is clamped in many neurons
                    options.Scoring = ScoringMode.Thresholded;
                }),
            ],
            ["random projection", new Setup(options => options.HiddenLayer = HiddenLayerKind.Random)],
            [
                "random projection, sampled",
                new Setup(options =>
                {
                    options.HiddenLayer = HiddenLayerKind.Random;
                    options.Scoring = ScoringMode.Sampled; // of which nothing is random
                }),
            ],
            ["no hidden layer", new Setup(options => options.HiddenLayer = HiddenLayerKind.None)],
        ];

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Scores_and_labels_are_the_same(string name, object setup)
    {
        var options = new InfomorphicTrainer.Options
        {
            NumberOfHiddenNeurons = 40,
            NumberOfEpochs = 4,
            BatchSize = 250,
            LearningRate = 0.01,
            OutputLearningRate = 0.02,
            Seed = 1,
            Device = "cpu",
        };
        ((Setup)setup).Change(options);
        var model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(View(s_data.Train[..2000]));
        IDataView scored = model.Transform(View(s_data.Test));
        float[][] expected = Hosting.Samples.Scores(scored);
        long[] labels = [.. scored.GetColumn<uint>("PredictedLabel").Select(key => key - 1L)];
        model.SaveAsOnnx(_file);

        (float[][] scores, long[] onnxLabels) = OnnxRuns.Run<long>(
            File.ReadAllBytes(_file),
            [.. s_data.Test.Select(image => image.Features)]
        );

        float largest = Largest(expected, scores);
        int right = labels.Zip(s_data.Test).Count(pair => pair.First == pair.Second.Label);
        Console.WriteLine($"{name}: largest difference {largest:E1}; {right} right");
        Assert.IsLessThan(Tolerance, largest);
        CollectionAssert.AreEqual(labels, onnxLabels);
        Assert.IsGreaterThan(3000, right); // a trained network, whose scores say something

        IDataView rows = View(s_data.Test[..RowsInMLNet]);
        IDataView applied = _context
            .Transforms.ApplyOnnxModel(["Score", "PredictedLabel"], ["Features"], _file)
            .Fit(rows)
            .Transform(rows);
        Assert.IsLessThan(Tolerance, Largest(expected[..RowsInMLNet], Hosting.Samples.Scores(applied)));
        CollectionAssert.AreEqual(
            labels[..RowsInMLNet],
            applied.GetColumn<VBuffer<long>>("PredictedLabel").Select(label => label.GetValues()[0]).ToArray()
        );
    }

    private static float Largest(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        return expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(p => Math.Abs(p.First - p.Second)));
    }

    private IDataView View(DigitImage[] images)
    {
        IDataView view = _context.Data.LoadFromEnumerable(images);
        return _context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Fit(view)
            .Transform(view);
    }

    private sealed record Setup(Action<InfomorphicTrainer.Options> Change);
}
