using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>The rules by which options that are not set are sized to the data.</summary>
[TestClass]
public class AutomaticSettingsTests
{
    [TestMethod]
    [DataRow(2, 64)]
    [DataRow(1_000, 64)]
    [DataRow(4_000, 128)]
    [DataRow(8_000, 256)]
    [DataRow(16_000, 512)]
    [DataRow(10_000_000, 512)]
    public void A_batch_is_a_thirtieth_of_the_rows_within_limits(int rows, int expected) =>
        Assert.AreEqual(expected, new AutomaticSettings(new DataShape(rows, false)).BatchSize);

    [TestMethod]
    [DataRow(39, false, 0)]
    [DataRow(40, false, 0.2)]
    [DataRow(25_000, false, 0.2)]
    [DataRow(50_000, false, 0.1)]
    [DataRow(1_000, true, 0)]
    public void A_fifth_of_the_rows_is_held_out_unless_few_or_others_are_there(
        int rows,
        bool hasValidationRows,
        double expected
    ) => Assert.AreEqual(expected, new AutomaticSettings(new DataShape(rows, hasValidationRows)).ValidationFraction);

    [TestMethod]
    [DataRow(100, 64, 200)]
    [DataRow(1_000, 64, 94)]
    [DataRow(1_000_000, 512, 20)]
    public void Epochs_are_as_many_as_make_the_steps_within_limits(int rows, int batch, int expected) =>
        Assert.AreEqual(expected, new AutomaticSettings(new DataShape(rows, false)).Epochs(batch, 0));

    [TestMethod]
    [DataRow(7, 3, 1)]
    [DataRow(8, 3, 1)]
    [DataRow(16, 6, 1)]
    [DataRow(28, 10, 1)]
    [DataRow(32, 11, 1)]
    [DataRow(64, 22, 2)]
    [DataRow(224, 84, 7)]
    public void Fields_are_a_third_of_an_image(int side, int length, int stride) =>
        Assert.AreEqual(
            new LocalFieldSettings(length, length, stride, stride),
            AutomaticSettings.FieldsOf(new ImageShape(side, side))
        );

    [TestMethod]
    public void Fields_cover_an_image_from_edge_to_edge()
    {
        for (int side = 7; side < 300; side++)
        {
            var image = new ImageShape(side, 28, 3);
            LocalFieldSettings fields = AutomaticSettings.FieldsOf(image)!;
            var grid = new FieldGrid(
                image,
                fields.Height,
                fields.Width,
                fields.VerticalStride,
                fields.HorizontalStride
            );
            Assert.AreEqual(side, fields.Height + (grid.Rows - 1) * fields.VerticalStride, $"{side}");
            Assert.IsTrue(grid.Rows is >= 5 and <= 24, $"{side}: {grid.Rows}");
            Assert.IsTrue(side < 20 || fields.Height / (double)side is > 0.3 and < 0.4, $"{side}: {fields.Height}");
            Assert.IsGreaterThanOrEqualTo(fields.VerticalStride, fields.Height, $"{side}");
            Assert.AreEqual(19, grid.Columns);
        }
    }

    [TestMethod]
    public void Small_images_have_no_fields()
    {
        Assert.IsNull(AutomaticSettings.FieldsOf(new ImageShape(6, 28)));
        Assert.IsNull(AutomaticSettings.FieldsOf(new ImageShape(28, 6)));
    }

    [TestMethod]
    [DataRow(0, 8)]
    [DataRow(1_000, 4)]
    [DataRow(60_000, 6)]
    [DataRow(1_000_000, 8)]
    public void A_field_has_a_neuron_for_every_10000_rows_within_limits(int rows, int expected) =>
        Assert.AreEqual(expected, new AutomaticSettings(new DataShape(rows, false)).HiddenNeuronsOfField);

    [TestMethod]
    [DataRow(1, 0.01)]
    [DataRow(400, 0.005)]
    [DataRow(784, 0.1 / 28)]
    [DataRow(1_000_000, 0.002)]
    public void A_learning_rate_is_a_tenth_of_the_bound_of_fresh_weights_within_limits(int inputs, double expected) =>
        Assert.AreEqual(expected, AutomaticSettings.LearningRate(inputs), 1e-12);

    [TestMethod]
    public void Learning_rates_follow_from_the_inputs_of_the_layers_that_do_not_say_theirs()
    {
        TrainingSettings plain = Problems.Settings(hidden: 400);
        LayerSettings own = plain.HiddenLayers[0];
        LayerSettings automatic = own with { HasAutomaticLearningRate = true };
        TrainingSettings settings = plain with
        {
            HiddenLayers = [automatic, automatic, automatic with { Inputs = [Signal.Layer(1), Signal.Features] }, own],
        };

        TrainingSettings sized = settings.Fitted(features: 500, classes: 3, encoding: null);

        double[] expected = [0.1 / Math.Sqrt(500), 0.005, 0.1 / Math.Sqrt(900), own.Optimizer.LearningRate];
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], sized.HiddenLayers[i].Optimizer.LearningRate, 1e-12);
    }

    [TestMethod]
    public void Epochs_of_a_few_steps_are_evaluated_now_and_then_and_the_last_one_always()
    {
        TrainingHistory history = Problems
            .Train(Problems.Blobs(200, seed: 3), Problems.Settings(epochs: 10) with { EpochsPerEvaluation = 4 })
            .History;

        int[] evaluated = [4, 8, 10];
        CollectionAssert.AreEqual(evaluated, history.Epochs.Select(epoch => epoch.Epoch).ToArray());
        Assert.AreEqual(10, history.BestEpoch);
    }
}
