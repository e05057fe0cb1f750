using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

[TestClass]
public class StepSignsTests
{
    [TestMethod]
    public void A_sum_of_doubtful_sign_gets_that_of_the_exact_one()
    {
        // 10⁸ + 1 − 10⁸ − ½ is ½, and −½ where 10⁸ + 1 is rounded to single precision.
        StepSigns signs = SignsOf(1, 3, [1e8f, 1, -1e8f], [-0.5f]);
        float[] sums = [-0.5f];

        signs.Correct([1, 1, 1], sums);

        Assert.AreEqual(0.5f, sums[0]);
    }

    [TestMethod]
    public void What_is_exactly_zero_does_not_fire_and_what_is_just_above_does()
    {
        StepSigns signs = SignsOf(2, 2, [3, -2, 1e-30f, 0], [0, 0]);
        float[] sums = [1e-7f, 0];

        signs.Correct([2, 3], sums);
        Assert.AreEqual(0, sums[0]);

        sums[1] = 0;
        signs.Correct([1e-20f, 0], sums);
        Assert.AreEqual(float.Epsilon, sums[1]); // 10⁻⁵⁰
    }

    [TestMethod]
    public void Other_sums_stay_as_they_are()
    {
        StepSigns signs = SignsOf(2, 2, [1, 2, -1, -2], [0.25f, 0]);
        float[] sums = [11, -11]; // and not what they would be

        signs.Correct([1, 1], sums);

        CollectionAssert.AreEqual((float[])[11, -11], sums);
    }

    [TestMethod]
    public void Neurons_are_at_several_positions_and_connected_by_several_projections()
    {
        var fields = new SharedFields(new FieldGrid(new ImageShape(1, 3), 1, 2, 1, 1), 1);
        var signs = new StepSigns(
            [
                new Projection(Signal.Features, fields, [1e8f, 1]),
                new Projection(Signal.Features, new DrawnConnected(1, 3, [2]), [-1e8f]),
            ],
            [-0.5f]
        );
        float[] sums = [-0.5f, 0];

        signs.Correct([1, 1, 1], sums);
        Assert.AreEqual(0.5f, sums[0]); // 10⁸ + 1 − 10⁸ − ½
        Assert.AreEqual(0.5f, sums[1]);

        signs.Correct([1, 0, 1], sums);
        Assert.AreEqual(-0.5f, sums[0]);
        Assert.AreEqual(1 - 1e8f - 0.5f, sums[1]);
    }

    private static StepSigns SignsOf(int neurons, int inputs, float[] weights, float[] biases) =>
        new([new Projection(Signal.Features, new AllConnected(neurons, inputs), weights)], biases);
}
