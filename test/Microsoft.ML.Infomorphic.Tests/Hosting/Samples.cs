using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>Small data and small models.</summary>
internal static class Samples
{
    public const int FeatureCount = 4;
    public const int ClassCount = 3;
    private static readonly string[] ClassNames = ["red", "green", "blue"];

    public sealed class Row
    {
        public string Color { get; set; } = "";

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; } = 1;
    }

    public sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    /// <summary>Rows of three classes; feature k is larger where the class is k.</summary>
    public static List<Row> Rows(int count = 60, int seed = 1)
    {
        var random = new Random(seed);
        var rows = new List<Row>();
        for (int i = 0; i < count; i++)
        {
            int label = i % ClassCount;
            var features = new float[FeatureCount];
            for (int k = 0; k < FeatureCount; k++)
                features[k] = (float)(random.NextDouble() + (k == label ? 2 : 0));
            rows.Add(new Row { Color = ClassNames[label], Features = features });
        }
        return rows;
    }

    /// <summary>The rows with their label as a key named Label.</summary>
    public static IDataView View(MLContext context, IEnumerable<Row>? rows = null)
    {
        IDataView data = context.Data.LoadFromEnumerable(rows ?? Rows());
        return context.Transforms.Conversion.MapValueToKey("Label", nameof(Row.Color)).Fit(data).Transform(data);
    }

    /// <summary>The paper's options, but that they train in a moment.</summary>
    public static InfomorphicTrainer.Options Options()
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.NumberOfHiddenNeurons = 5;
        options.NumberOfEpochs = 3;
        options.BatchSize = 16;
        options.Seed = 1;
        options.Device = "cpu";
        return options;
    }

    public static InfomorphicTrainer Trainer(MLContext context) =>
        context.MulticlassClassification.Trainers.Infomorphic(Options());

    /// <summary>A network with random weights, with lateral connections to 2 of 5 neurons.</summary>
    public static ModelContents Contents(int seed = 1)
    {
        const int Neurons = 5;
        const int Connections = 2;
        var random = new Random(seed);
        GoalFunction goal = GoalFunction.Parse("opt_1_100_tpe");
        var hidden = new InfomorphicLayer(
            [
                TestSources.New(
                    'F',
                    Signal.Features,
                    Neurons,
                    FeatureCount,
                    Numbers(Neurons * FeatureCount),
                    Numbers(Neurons)
                ),
                TestSources.New(
                    'C',
                    Signal.Label,
                    Neurons,
                    ClassCount,
                    Numbers(Neurons * ClassCount),
                    Numbers(Neurons)
                ),
                TestSources.New(
                    'L',
                    Signal.Layer(0),
                    Neurons,
                    Neurons,
                    Numbers(Neurons * Connections),
                    Numbers(Neurons),
                    [1, 2, 2, 3, 3, 4, 4, 0, 0, 1]
                ),
            ],
            goal,
            new ModulatedActivation(0.1, 0.2, 3, 4),
            new Binning(16, 18)
        );
        var output = new InfomorphicLayer(
            [
                TestSources.New(
                    'F',
                    Signal.Layer(0),
                    ClassCount,
                    Neurons,
                    Numbers(ClassCount * Neurons),
                    Numbers(ClassCount)
                ),
                TestSources.New('C', Signal.OwnLabel, ClassCount, ClassCount, [], []),
            ],
            GoalFunction.Parse("output", "FC"),
            new FeedforwardActivation(),
            Binning.PaperOutputLayer
        );
        var scaling = new FeatureScaling(Standardization.PerFeature, Numbers(FeatureCount), [1, 2, 3, 0.5f]);
        EpochRecord[] epochs =
        [
            new(
                1,
                0.5,
                0.4,
                1.25,
                [new LayerProgress(0.1, [.. Enumerable.Range(0, 19).Select(i => i / 10.0)], 0.125)],
                new LayerProgress(0.2, [1, 2, 3, 4, 5]),
                0.75
            ),
            new(2, 0.6, null, null, [new LayerProgress(0.2, [])], new LayerProgress(0.3, []), 1.5),
        ];
        return new ModelContents(
            new InfomorphicNetwork([hidden], output, scaling),
            new TrainingHistory(epochs, 2, 94, 1.5, 1.25)
            {
                SkippedRows = 1_000_000_000_000,
                Warnings = ["Nothing was learned.", "Größe: α < ½"],
            },
            new TrainingSettings
            {
                HiddenLayers =
                [
                    new LayerSettings
                    {
                        Neurons = Neurons,
                        Goal = goal,
                        LateralConnections = Connections,
                        Activation = hidden.Activation,
                        Binning = hidden.Binning,
                        Optimizer = new AdamSettings(0.1, 0.2, 0.3, 0.4, 0.5),
                    },
                ],
                Output = new OutputLayerSettings { Goal = output.Goal!, Optimizer = new AdamSettings(0.6, 0.7) },
                Epochs = 2,
                BatchSize = 17,
                Standardization = Standardization.Auto,
                EarlyStoppingRounds = 7,
                RestoreBestEpoch = true,
                Seed = 4_000_000_000,
            },
            new ScoringSettings(ScoringMode.Sampled, 3, ulong.MaxValue)
        );

        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
    }

    /// <summary>A transformer with a network that was never trained.</summary>
    public static InfomorphicPredictionTransformer Transformer(
        MLContext context,
        IDataView data,
        ScoringMode mode = ScoringMode.MeanField
    ) =>
        new InfomorphicPredictionTransformer(
            context,
            new InfomorphicModelParameters(context, Contents() with { Scoring = new ScoringSettings(mode) }),
            data.Schema,
            "Features",
            "Label"
        );

    /// <summary>The scores of every row.</summary>
    public static float[][] Scores(IDataView scored) =>
        [.. scored.GetColumn<VBuffer<float>>("Score").Select(score => score.DenseValues().ToArray())];

    /// <summary>What a context says while something is done.</summary>
    public static List<string> Messages(MLContext context, Action action)
    {
        var messages = new List<string>();
        void Add(object? sender, LoggingEventArgs log) => messages.Add(log.Kind + ": " + log.RawMessage);
        context.Log += Add;
        try
        {
            action();
        }
        finally
        {
            context.Log -= Add;
        }
        return messages;
    }

    /// <summary>The sentence with which something fails: that of the innermost exception, as a user reads it.</summary>
    public static string Failure<T>(Action action)
        where T : Exception
    {
        T exception = Assert.ThrowsExactly<T>(action);
        Assert.AreEqual(1, exception.Message.Split('\n').Length, exception.Message);
        return exception.Message;
    }
}
