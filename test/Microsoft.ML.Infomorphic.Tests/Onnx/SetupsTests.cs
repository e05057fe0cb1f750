using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
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
            [new Setup("setup 1", options => options.MaximumLateralConnections = int.MaxValue)],
            [new Setup("setup 2", options => options.MaximumLateralConnections = 10)],
            [
                new Setup(
                    "setup 3",
                    options =>
                    {
                        options.MaximumLateralConnections = 10;
                        options.Context = ContextSignal.Feedback;
                    }
                ),
            ],
            [new Setup("context alone", options => options.LateralInput = false)],
            [new Setup("peers alone", options => options.Context = ContextSignal.None)],
            [
                new Setup(
                    "feedback alone",
                    options =>
                    {
                        options.Context = ContextSignal.Feedback;
                        options.LateralInput = false;
                    }
                ),
            ],
            [
                new Setup(
                    "feedback alone, clamped",
                    options =>
                    {
                        options.Context = ContextSignal.Feedback;
                        options.LateralInput = false;
                        options.LearningRate = 0.5; // takes θ to its bounds
                        options.OutputLearningRate = 0.5;
                    }
                ),
            ],
            [new Setup("random projection", options => options.HiddenLayer = HiddenLayerKind.Random)],
            [
                new Setup(
                    "random projection, sampled",
                    options =>
                    {
                        options.HiddenLayer = HiddenLayerKind.Random;
                        options.Scoring = ScoringMode.Sampled; // of which nothing is random
                    }
                ),
            ],
            [new Setup("no hidden layer", options => options.HiddenLayer = HiddenLayerKind.None)],
        ];

    [TestMethod]
    [DynamicData(nameof(All))]
    public void ONNX_Runtime_gives_the_same_scores_and_labels_for_every_setup(object setup)
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.NumberOfHiddenNeurons = 40;
        options.NumberOfEpochs = 4;
        options.BatchSize = 250;
        options.LearningRate = 0.01;
        options.OutputLearningRate = 0.02;
        options.Seed = 1;
        options.Device = "cpu";
        ((Setup)setup).Change(options);
        var model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(View(s_data.Train[..2000]));
        IDataView scored = model.Transform(View(s_data.Test));
        float[][] expected = Tests.Hosting.Samples.Scores(scored);
        long[] labels = [.. scored.GetColumn<uint>("PredictedLabel").Select(key => key - 1L)];
        model.SaveAsOnnx(_file);

        (float[][] scores, long[] onnxLabels) = OnnxRuns.Run<long>(
            File.ReadAllBytes(_file),
            [.. s_data.Test.Select(image => image.Features)]
        );

        float largest = Largest(expected, scores);
        int right = labels.Zip(s_data.Test).Count(pair => pair.First == pair.Second.Label);
        Console.WriteLine($"{setup}: largest difference {largest:E1}; {right} right");
        Assert.IsLessThan(Tolerance, largest);
        CollectionAssert.AreEqual(labels, onnxLabels);
        Assert.IsGreaterThan(3000, right); // a trained network, whose scores say something

        IDataView rows = View(s_data.Test[..RowsInMLNet]);
        IDataView applied = _context
            .Transforms.ApplyOnnxModel(["Score", "PredictedLabel"], ["Features"], _file)
            .Fit(rows)
            .Transform(rows);
        Assert.IsLessThan(Tolerance, Largest(expected[..RowsInMLNet], Tests.Hosting.Samples.Scores(applied)));
        CollectionAssert.AreEqual(
            labels[..RowsInMLNet],
            applied.GetColumn<VBuffer<long>>("PredictedLabel").Select(label => label.GetValues()[0]).ToArray()
        );
    }

    [TestMethod]
    public void A_step_is_taken_alike_where_rounding_could_decide()
    {
        var network = new InfomorphicNetwork(
            [
                new InfomorphicLayer(
                    [TestSources.New('F', Signal.Features, 2, 3, [1e8f, 1, -1e8f, 0.1f, 0.2f, -0.3f], [-0.5f, 0])],
                    null,
                    new StepActivation(),
                    new Binning()
                ),
            ],
            new InfomorphicLayer(
                [
                    TestSources.New('F', Signal.Layer(0), 2, 2, [1, 2, -1, 0.5f], [0, 0]),
                    TestSources.New('C', Signal.OwnLabel, 2, 2, [], []),
                ],
                GoalFunction.Parse("output", "FC"),
                new FeedforwardActivation(),
                Binning.PaperOutputLayer
            ),
            new FeatureScaling(Standardization.None, [0, 0, 0], [1, 1, 1])
        );
        var scoring = new ScoringSettings();
        var random = new Random(1);
        float[][] rows =
        [
            .. Enumerable
                .Range(0, 200)
                .Select(_ => random.Next(1, 1000) / 7f)
                .Select(x => (float[])[x, random.Next(3) * x, x]),
        ];
        using var stream = new MemoryStream();
        OnnxFile.Write(stream, [network], scoring, (long[])[0, 1, -1], "Features", "Score", "PredictedLabel");

        (float[][] actual, _) = OnnxRuns.Run<long>(stream.ToArray(), rows);

        var scorer = new NetworkScorer(network, scoring);
        float[][] expected = [.. rows.Select(row => Score(scorer, row))];
        Assert.IsLessThan(Tolerance, Largest(expected, actual));
        Assert.HasCount(3, expected.Select(scores => scores[0]).Distinct()); // none, one or both of the neurons fire

        static float[] Score(NetworkScorer scorer, float[] row)
        {
            float[] scores = new float[2];
            scorer.Score(row, scores);
            return scores;
        }
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

    private sealed record Setup(string Name, Action<InfomorphicTrainer.Options> Change)
    {
        public override string ToString() => Name;
    }
}
