using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>The regression on the features that is learned beside a network.</summary>
[TestClass]
public class LinearReadoutTests
{
    private const int Dimensions = 8;
    private const int Classes = 20;

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.25f)]
    [DataRow(1f)]
    public void Mixed_sums_are_the_mean_of_both(float share)
    {
        LabeledRows rows = Problems.Blobs(300);
        TrainingSettings settings = Problems.Settings() with
        {
            Output = new OutputLayerSettings
            {
                Inputs = [Signal.Features, Signal.Layer(0)],
                Goal = null,
                Optimizer = new AdamSettings(0.01, 0.001),
            },
        };
        var scaling = FeatureScalingEstimator.Estimate(rows, Standardization.PerFeature);
        using NetworkState network = NetworkState.Create(settings, scaling, rows.ClassCount);
        var random = new Random(1);
        foreach (Parameter parameter in network.Output.Parameters)
            for (int label = 0; label < rows.ClassCount; label++)
                foreach (ref float weight in parameter.Value[label])
                    weight = random.NextSingle();
        using var line = new LinearReadout(rows, null, RowSplit.Of(rows, 0.2, 1), scaling, settings, () => { });
        using NetworkState alone = NetworkState.Create(settings, scaling, rows.ClassCount);
        for (int layer = 0; layer < 2; layer++)
        for (int i = 0; i < network.Layers[layer].Parameters.Length; i++)
            alone.Layers[layer].Parameters[i].Value.CopyFrom(network.Layers[layer].Parameters[i].Value.ToArray());
        line.Mix(alone.Output, 1);
        float[] ofNetwork = Sums(network);
        float[] ofLine = Sums(alone);

        line.Mix(network.Output, share);

        float[] mixed = Sums(network);
        for (int i = 0; i < mixed.Length; i++)
            Assert.AreEqual((1 - share) * ofNetwork[i] + share * ofLine[i], mixed[i], 1e-4);

        float[] Sums(NetworkState state)
        {
            float[] sums = new float[rows.ClassCount * 10];
            using var engine = new CpuTrainingEngine(state, settings, 10);
            engine.Evaluate(
                rows,
                Enumerable.Range(0, 10).ToArray(),
                [0],
                (_, output) =>
                {
                    for (int label = 0; label < rows.ClassCount; label++)
                        output[label][..10].CopyTo(sums.AsSpan(label * 10));
                }
            );
            return sums;
        }
    }

    [TestMethod]
    public void Classes_that_straight_lines_tell_apart_are_told_apart_as_well_as_by_lines_alone()
    {
        var ml = new MLContext(1);
        IDataView train = ml.Data.LoadFromEnumerable(Clouds().Take(1_000));
        IDataView test = ml.Data.LoadFromEnumerable(Clouds().Skip(1_000));
        var keys = ml.Transforms.Conversion.MapValueToKey("Label").Fit(train);
        (train, test) = (keys.Transform(train), keys.Transform(test));

        var byDefault = Score(new InfomorphicTrainer.Options());
        var lines = Score(
            new InfomorphicTrainer.Options { HiddenLayer = HiddenLayerKind.None, Encoding = FeatureEncodingKind.None }
        );

        Assert.IsGreaterThan(lines.MicroAccuracy - 0.01, byDefault.MicroAccuracy);
        Assert.IsLessThan(lines.LogLoss + 0.02, byDefault.LogLoss);

        MulticlassClassificationMetrics Score(InfomorphicTrainer.Options options) =>
            ml.MulticlassClassification.Evaluate(
                ml.MulticlassClassification.Trainers.Infomorphic(options).Fit(train).Transform(test)
            );
    }

    private static IEnumerable<Cloud> Clouds()
    {
        var random = new Random(1);
        double[] centres = [.. Enumerable.Range(0, Classes * Dimensions).Select(_ => Problems.Gaussian(random))];
        for (int row = 0; row < 4_000; row++)
        {
            int label = random.Next(Classes);
            yield return new Cloud
            {
                Label = label.ToString(System.Globalization.CultureInfo.InvariantCulture),
                Features =
                [
                    .. Enumerable
                        .Range(0, Dimensions)
                        .Select(i => (float)(centres[label * Dimensions + i] + Problems.Gaussian(random))),
                ],
            };
        }
    }

    private sealed class Cloud
    {
        public string Label { get; init; } = "";

        [VectorType(Dimensions)]
        public float[] Features { get; init; } = [];
    }
}
