using Microsoft.ML.Infomorphic.Training;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training;

// Steps of Adam move weights by up to the learning rate, with relative errors of some 10⁻⁷ each, added to weights of
// size 1 that are rounded to 6·10⁻⁸ at every step: 12 steps stay within 10⁻⁶.
[TestClass]
public class ParameterTests
{
    private const int Steps = 12;
    private const double Precision = 1e-6;
    private static readonly AdamSettings s_settings = new(0.02, 0.01);

    [TestMethod]
    public void Steps_at_every_width_are_those_of_Adam_in_double_precision()
    {
        for (int columns = 1; columns <= 70; columns++)
        {
            var random = new Random(columns);
            using var parameter = new Parameter(3, columns);
            double[][] weights = Fill(parameter, random);
            double[][] m = [.. weights.Select(row => new double[columns])];
            double[][] v = [.. weights.Select(row => new double[columns])];
            for (int step = 1; step <= Steps; step++)
            {
                DrawGradient(parameter, random);
                for (int row = 0; row < 3; row++)
                {
                    for (int i = 0; i < columns; i++)
                    {
                        // Kingma and Ba, algorithm 1; the loss is −G + ½λ‖w‖².
                        double g = -parameter.Gradient[row][i] + s_settings.WeightDecay * weights[row][i];
                        m[row][i] = 0.9 * m[row][i] + 0.1 * g;
                        v[row][i] = 0.999 * v[row][i] + 0.001 * g * g;
                        double mHat = m[row][i] / (1 - Math.Pow(0.9, step));
                        double vHat = v[row][i] / (1 - Math.Pow(0.999, step));
                        weights[row][i] -= s_settings.LearningRate * mHat / (Math.Sqrt(vHat) + 1e-8);
                    }

                    parameter.Update(row, s_settings, step);
                }
            }

            for (int row = 0; row < 3; row++)
            for (int i = 0; i < columns; i++)
                Assert.AreEqual(weights[row][i], parameter.Value[row][i], Precision);
        }
    }

    [TestMethod]
    public void A_share_of_the_rate_makes_the_step_of_a_smaller_rate()
    {
        using var one = new Parameter(1, 37);
        using var other = new Parameter(1, 37);
        _ = Fill(one, new Random(3));
        _ = Fill(other, new Random(3));
        for (int step = 1; step <= Steps; step++)
        {
            DrawGradient(one, new Random(step));
            DrawGradient(other, new Random(step));
            one.Update(0, s_settings, step, rateFactor: 0.25);
            other.Update(0, s_settings with { LearningRate = s_settings.LearningRate / 4 }, step);
            CollectionAssert.AreEqual(other.Value[0].ToArray(), one.Value[0].ToArray());
        }
    }

    [TestMethod]
    public void Steps_are_those_of_libtorch()
    {
        var random = new Random(7);
        using var parameter = new Parameter(4, 37);
        _ = Fill(parameter, random);
        using var weights = new TorchSharp.Modules.Parameter(parameter.Value.Tensor.clone());
        using var adam = torch.optim.Adam([weights], s_settings.LearningRate, weight_decay: s_settings.WeightDecay);
        for (int step = 1; step <= Steps; step++)
        {
            DrawGradient(parameter, random);
            weights.grad = -parameter.Gradient.Tensor;
            adam.step();
            for (int row = 0; row < 4; row++)
                parameter.Update(row, s_settings, step);
        }

        float[] expected = [.. weights.data<float>()];
        float[] actual = parameter.Value.ToArray();
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], Precision);
    }

    // Without gradient and weight decay nothing moves, and the ε keeps 0/0 away.
    [TestMethod]
    public void Without_gradient_nothing_moves()
    {
        using var parameter = new Parameter(1, 20);
        _ = Fill(parameter, new Random(1));
        float[] before = parameter.Value.ToArray();
        for (int step = 1; step <= 3; step++)
            parameter.Update(0, new AdamSettings(0.1, 0), step);
        CollectionAssert.AreEqual(before, parameter.Value.ToArray());
    }

    [TestMethod]
    public void A_step_moves_one_neuron_alone()
    {
        using var parameter = new Parameter(3, 20);
        _ = Fill(parameter, new Random(1));
        DrawGradient(parameter, new Random(2));
        float[] before = parameter.Value.ToArray();
        parameter.Update(1, s_settings, 1);
        float[] after = parameter.Value.ToArray();
        CollectionAssert.AreEqual(before[..20], after[..20]);
        CollectionAssert.AreEqual(before[40..], after[40..]);
        Assert.IsTrue(before[20..40].Zip(after[20..40]).All(pair => pair.First != pair.Second));
    }

    [TestMethod]
    public void Steps_allocate_nothing()
    {
        using var parameter = new Parameter(1, 37);
        parameter.Update(0, s_settings, 1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 2; step < 50; step++)
            parameter.Update(0, s_settings, step);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static double[][] Fill(Parameter parameter, Random random)
    {
        int columns = parameter.Value.Columns;
        double[][] weights = new double[parameter.Value.Rows][];
        for (int row = 0; row < weights.Length; row++)
        {
            weights[row] = new double[columns];
            for (int i = 0; i < columns; i++)
                weights[row][i] = parameter.Value[row][i] = 2 * random.NextSingle() - 1;
        }

        return weights;
    }

    private static void DrawGradient(Parameter parameter, Random random)
    {
        for (int row = 0; row < parameter.Gradient.Rows; row++)
            foreach (ref float gradient in parameter.Gradient[row])
                gradient = (2 * random.NextSingle() - 1) * (random.Next(2) == 0 ? 1 : 1e-3f);
    }
}
