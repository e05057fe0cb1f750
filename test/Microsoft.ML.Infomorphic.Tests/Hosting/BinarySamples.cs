using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>Small data whose label is true or false.</summary>
internal static class BinarySamples
{
    public const int FeatureCount = 4;

    public sealed class Row
    {
        public bool Label { get; set; }

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; } = 1;
    }

    public sealed class Prediction
    {
        public bool PredictedLabel { get; set; }

        public float Score { get; set; }

        public float Probability { get; set; }
    }

    /// <summary>Rows of which every third one is true; feature 1 is larger there, and the others are noise.</summary>
    public static List<Row> Rows(int count = 90, int seed = 1)
    {
        var random = new Random(seed);
        var rows = new List<Row>();
        for (int i = 0; i < count; i++)
        {
            bool label = i % 3 == 0;
            float[] features = [.. Enumerable.Range(0, FeatureCount).Select(_ => (float)random.NextDouble())];
            features[1] += label ? 0.6f : 0;
            rows.Add(new Row { Label = label, Features = features });
        }
        return rows;
    }

    public static IDataView View(MLContext context, IEnumerable<Row>? rows = null) =>
        context.Data.LoadFromEnumerable(rows ?? Rows());

    /// <summary>Options that train in a moment, and come to something.</summary>
    public static InfomorphicTrainer.Options Options()
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.OutputLayer = null;
        options.OutputLearningRate = 0.05;
        options.LearningRate = 0.02;
        options.NumberOfEpochs = 20;
        return options;
    }

    public static InfomorphicBinaryTrainer Trainer(MLContext context, Action<InfomorphicTrainer.Options>? change = null)
    {
        InfomorphicTrainer.Options options = Options();
        change?.Invoke(options);
        return context.BinaryClassification.Trainers.Infomorphic(options);
    }

    public static Prediction[] Predictions(MLContext context, IDataView scored) =>
        [.. context.Data.CreateEnumerable<Prediction>(scored, reuseRowObject: false)];

    public static Prediction[] Predictions(MLContext context, ITransformer model, IEnumerable<Row>? rows = null) =>
        Predictions(context, model.Transform(View(context, rows)));
}
