using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class NetworkGrowthTests
{
    public static IEnumerable<object[]> Networks =>
        [
            ["label as context", Problems.Settings(epochs: 2)],
            ["feedback", Setups.Settings(Setups.Feedback)],
            ["softmax regression", Softmax()],
        ];

    [TestMethod]
    [DynamicData(nameof(Networks))]
    public void Scores_of_the_classes_before_are_the_same_bits(string what, TrainingSettings settings)
    {
        LabeledRows rows = Problems.Blobs(90);
        InfomorphicNetwork network = Problems.Train(rows, settings with { Epochs = 2 }).Network;

        InfomorphicNetwork grown = network.WithClasses(5);

        Assert.AreEqual(5, grown.ClassCount, what);
        var before = new NetworkScorer(network, new ScoringSettings());
        var after = new NetworkScorer(grown, new ScoringSettings());
        float[] scores = new float[3];
        float[] grownScores = new float[5];
        for (int row = 0; row < rows.RowCount; row++)
        {
            before.Score(Problems.FeaturesOf(rows, row), scores);
            after.Score(Problems.FeaturesOf(rows, row), grownScores);
            CollectionAssert.AreEqual(scores, grownScores[..3]);
            Assert.IsLessThan(1e-20f, grownScores[3]);
            Assert.IsLessThan(1e-20f, grownScores[4]);
        }

        Assert.AreSame(network, network.WithClasses(3));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => network.WithClasses(2));
    }

    [TestMethod]
    public void Hidden_neurons_hear_the_label_of_a_new_class_with_the_weight_0()
    {
        InfomorphicNetwork network = Problems.Train(Problems.Blobs(90), Problems.Settings(epochs: 2)).Network;

        Projection context = network.WithClasses(5).HiddenLayers[0].Sources[1].Projections[0];

        Projection before = network.HiddenLayers[0].Sources[1].Projections[0];
        for (int neuron = 0; neuron < before.Connectivity.NeuronCount; neuron++)
            CollectionAssert.AreEqual(
                (float[])[.. before.WeightsOf(neuron), 0, 0],
                context.WeightsOf(neuron).ToArray()
            );
    }

    [TestMethod]
    public void A_new_class_of_a_softmax_regression_begins_at_the_mean_of_the_others()
    {
        TrainingSettings settings = Softmax();
        InfomorphicNetwork network = Problems.Train(Problems.Blobs(90), settings).Network;

        using NetworkState state = NetworkState.From(network.WithClasses(4), settings);

        Assert.IsFalse(state.IsKnown(3));
        foreach (Parameter parameter in state.Output.Parameters)
            for (int i = 0; i < parameter.Value[3].Length; i++)
                Assert.AreEqual(
                    Enumerable.Range(0, 3).Average(known => parameter.Value[known][i]),
                    parameter.Value[3][i],
                    1e-6
                );
    }

    private static TrainingSettings Softmax()
    {
        TrainingSettings settings = Problems.Settings(epochs: 2);
        return settings with { Output = settings.Output with { Goal = null } };
    }
}
