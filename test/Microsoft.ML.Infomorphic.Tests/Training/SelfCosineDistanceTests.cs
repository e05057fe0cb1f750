using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class SelfCosineDistanceTests
{
    [TestMethod]
    [DataRow(new[] { 1f, 0 }, new[] { 1f, 1 }, 0.29289321881345254)] // 1 − 1/√2
    [DataRow(new[] { 1f, 0 }, new[] { 0f, 7 }, 1.0)]
    [DataRow(new[] { 1f, 2 }, new[] { -2f, -4 }, 2.0)]
    [DataRow(new[] { 0.1f, 0.2f }, new[] { 0.4f, 0.8f }, 0.0)] // length does not matter
    public void Distances_are_the_ones_worked_by_hand(float[] before, float[] now, double expected) =>
        Assert.AreEqual(expected, SelfCosineDistance.Distance(before, now), 1e-15);

    // 1 − cos φ = φ²/2 (1 − φ²/12 …), which 1 less the cosine would have without a digit.
    [TestMethod]
    public void Small_angles_keep_their_digits() =>
        Assert.AreEqual(0.5e-18, SelfCosineDistance.Distance([1, 0], [1, 1e-9f]), 1e-24);

    // Eq. 3 from the weights of trainings that end after one epoch and after two.
    [TestMethod]
    public void The_history_has_the_median_over_the_hidden_neurons()
    {
        LabeledRows rows = Problems.Blobs(300);
        TrainingSettings settings = Problems.Settings(hidden: 6, epochs: 2) with
        {
            Standardization = Standardization.None,
        };
        TrainingResult result = Problems.Train(rows, settings);
        float[] before = FieldsOf(Problems.Train(rows, settings with { Epochs = 1 }));
        float[] now = FieldsOf(result);
        double[] distances =
        [
            .. before.Chunk(5).Zip(now.Chunk(5), (w, v) => 1 - Dot(w, v) / Math.Sqrt(Dot(w, w) * Dot(v, v))).Order(),
        ];

        Assert.AreEqual(
            (distances[2] + distances[3]) / 2,
            result.History.Epochs[1].HiddenLayers[0].SelfCosineDistance,
            1e-12
        );
        Assert.IsGreaterThan(1e-4, result.History.Epochs[0].HiddenLayers[0].SelfCosineDistance);

        static float[] FieldsOf(TrainingResult result) => result.Network.HiddenLayers[0].Sources[0].Weights;
        static double Dot(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
    }

    [TestMethod]
    [DataRow(Setups.Random)]
    [DataRow(Setups.Readout)]
    public void Neurons_that_do_not_learn_do_not_turn(string setup)
    {
        EpochRecord epoch = Problems.Train(Problems.Blobs(100), Setups.Settings(setup, epochs: 1)).History.Epochs[0];
        Assert.HasCount(setup == Setups.Readout ? 0 : 1, epoch.HiddenLayers);
        Assert.IsTrue(epoch.Layers.All(layer => double.IsNaN(layer.SelfCosineDistance)));
    }
}
