using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Small problems, and settings that train on them in a moment.</summary>
internal static class Problems
{
    public const double Separation = 4;

    /// <summary>
    /// Classes of unit Gaussians, the k-th one <see cref="Separation"/> away from the origin along the k-th axis: two
    /// centres are 4√2 = 5.7 standard deviations apart, so that the best classifier errs on about 2 Φ(−2.83) = 0.5 % of
    /// the rows of three classes.
    /// </summary>
    public static LabeledRows Blobs(int rows, int seed = 1, int classes = 3, int features = 5, bool weighted = false)
    {
        var random = new Random(seed);
        float[] values = new float[rows * features];
        int[] labels = new int[rows];
        for (int i = 0; i < rows; i++)
        {
            labels[i] = i % classes;
            for (int feature = 0; feature < features; feature++)
                values[i * features + feature] = (float)(Gaussian(random) + (feature == labels[i] ? Separation : 0));
        }

        float[]? weights = weighted ? [.. labels.Select(_ => 0.5f + random.NextSingle())] : null;
        return new LabeledRows(new DenseFeatureMatrix(rows, features, values), labels, weights, classes);
    }

    public static TrainingSettings Settings(int hidden = 12, int epochs = 15) =>
        new()
        {
            HiddenLayers =
            [
                new LayerSettings
                {
                    Neurons = hidden,
                    Goal = GoalFunctions.OptimizedTpe1,
                    Optimizer = new AdamSettings(0.02, 0.00035),
                },
            ],
            Output = new OutputLayerSettings
            {
                Goal = GoalFunctions.Output,
                Optimizer = new AdamSettings(0.03, 0.00015),
            },
            Epochs = epochs,
            BatchSize = 100,
            Seed = 1,
        };

    public static TrainingResult Train(
        LabeledRows rows,
        TrainingSettings settings,
        LabeledRows? validation = null,
        InfomorphicNetwork? initial = null,
        TrainingCallbacks? callbacks = null
    ) =>
        NetworkTrainer.Train(
            rows,
            validation,
            settings,
            initial,
            ComputeDevice.Cpu,
            callbacks ?? new TrainingCallbacks()
        );

    public static double Accuracy(InfomorphicNetwork network, LabeledRows rows, bool calibrate = true)
    {
        var scorer = new NetworkScorer(network, new ScoringSettings(Calibrate: calibrate));
        int right = 0;
        for (int i = 0; i < rows.RowCount; i++)
            if (Predict(scorer, rows, i) == rows.Labels[i])
                right++;
        return (double)right / rows.RowCount;
    }

    public static int Predict(NetworkScorer scorer, LabeledRows rows, int row)
    {
        float[] probabilities = new float[scorer.Network.ClassCount];
        scorer.Score(FeaturesOf(rows, row), probabilities);
        return Array.IndexOf(probabilities, probabilities.Max());
    }

    public static float[] FeaturesOf(LabeledRows rows, int row)
    {
        float[] features = new float[rows.Features.FeatureCount];
        rows.Features.CopyRow(row, features);
        return features;
    }

    /// <summary>Every weight and bias of a network.</summary>
    public static float[] WeightsOf(InfomorphicNetwork network) =>
        [
            .. network
                .HiddenLayers.Append(network.OutputLayer)
                .SelectMany(layer => layer.Sources)
                .SelectMany(source =>
                    source.Projections.SelectMany(projection => projection.Weights).Concat(source.Biases)
                ),
        ];

    // Box and Muller.
    public static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
