using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class MeanFieldActivationTests
{
    private static readonly ModulatedActivation s_activation = new(0.2, -0.3, 2.5, 1.5);

    // The exponential and a handful of roundings; the output lies in [−1, 1].
    private const float Precision = 2e-6f;

    [TestMethod]
    public void Outputs_are_those_of_the_definition_at_every_length()
    {
        var random = new RandomStream(3, 4);
        var activation = new MeanFieldActivation(s_activation);
        foreach (float range in new[] { 0.1f, 4, 60, 1e6f })
            for (int count = 0; count <= 40; count++)
            {
                float[] f = Draw();
                float[] c = Draw();
                float[] l = Draw();
                float[] again = Draw();
                float[] driven = new float[count];
                float[] first = new float[count];
                float[] second = new float[count];
                activation.Fire(f, c, l, driven, first);
                activation.FireAgain(f, driven, again, second);
                for (int i = 0; i < count; i++)
                {
                    Assert.AreEqual(Define(f[i], c[i], l[i]), first[i], Precision * Math.Max(1, Math.Abs(f[i])));
                    Assert.AreEqual(Define(f[i], c[i], again[i]), second[i], Precision * Math.Max(1, Math.Abs(f[i])));
                }

                float[] Draw() => [.. Enumerable.Range(0, count).Select(_ => range * (2 * random.NextUniform() - 1))];
            }
    }

    [TestMethod]
    public void Tiles_fire_as_single_neurons_do_to_the_bit()
    {
        var random = new RandomStream(5, 6);
        var activation = new MeanFieldActivation(s_activation);
        const int Neurons = 5;
        float[] f = Draw(Neurons * RowTile.Rows);
        float[] c = Draw(Neurons);
        float[] l = Draw(Neurons);
        float[] driven = new float[f.Length];
        float[] y = new float[f.Length];
        activation.FireAlike(f, c, l, driven, y);
        for (int i = 0; i < f.Length; i++)
        {
            float[] alone = new float[1];
            float[] drivenAlone = new float[1];
            activation.Fire([f[i]], [c[i / RowTile.Rows]], [l[i / RowTile.Rows]], drivenAlone, alone);
            Assert.AreEqual(alone[0], y[i]);
            Assert.AreEqual(drivenAlone[0], driven[i]);
        }

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => 8 * random.NextUniform() - 4)];
    }

    [TestMethod]
    public void Spans_of_different_lengths_are_refused() =>
        Assert.ThrowsExactly<ArgumentException>(() =>
            new MeanFieldActivation(s_activation).Fire(
                new float[3],
                new float[3],
                new float[2],
                new float[3],
                new float[3]
            )
        );

    private static float Define(float f, float c, float l)
    {
        var neuron = ScalarActivation.Of(s_activation, f, c, l);
        return (float)(neuron.Theta - neuron.Complement);
    }
}
