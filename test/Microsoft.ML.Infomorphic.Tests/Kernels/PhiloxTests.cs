using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class PhiloxTests
{
    // Random123 1.14, tests/kat_vectors, lines "philox4x32 10": counter, key, words.
    [TestMethod]
    [DataRow(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [DataRow(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [DataRow(
        0x243f6a88u,
        0x85a308d3u,
        0x13198a2eu,
        0x03707344u,
        0xa4093822u,
        0x299f31d0u,
        0xd16cfe09u,
        0x94fdccebu,
        0x5001e420u,
        0x24126ea1u
    )]
    public void Random_words_are_the_published_ones(
        uint c0,
        uint c1,
        uint c2,
        uint c3,
        uint k0,
        uint k1,
        uint w0,
        uint w1,
        uint w2,
        uint w3
    ) => Assert.AreEqual((w0, w1, w2, w3), Philox.Generate(c0, c1, c2, c3, (ulong)k1 << 32 | k0));

    // Word j of counter (i, neuron, step) serves row j·q + i with q = ⌈rows/4⌉.
    [TestMethod]
    [DataRow(0u, 0ul, 0ul)]
    [DataRow(7u, 1ul, 42ul)]
    [DataRow(uint.MaxValue, 0x1_0000_0001ul, 0xFEDC_BA98_7654_3210ul)]
    public void Samples_of_every_length_are_those_of_the_scalar_generator(uint neuron, ulong step, ulong key)
    {
        var random = new Random(1);
        for (int rows = 0; rows <= 130; rows++)
        {
            float[] probabilities = [.. Enumerable.Range(0, rows).Select(_ => random.NextSingle())];
            float[] outputs = new float[rows + 1];
            outputs[rows] = 99;
            Philox.Sample(probabilities, outputs.AsSpan(0, rows), neuron, step, key);

            int quarter = (rows + 3) / 4;
            for (int row = 0; row < rows; row++)
            {
                (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
                    (uint)(row % quarter),
                    neuron,
                    (uint)step,
                    (uint)(step >> 32),
                    key
                );
                uint word = (row / quarter) switch
                {
                    0 => w0,
                    1 => w1,
                    2 => w2,
                    _ => w3,
                };
                float uniform = (word >> 8) / 16777216f;
                Assert.AreEqual(uniform < probabilities[row] ? 1f : -1f, outputs[row], $"row {row} of {rows}");
            }

            Assert.AreEqual(99, outputs[rows], "nothing is written behind the rows");
        }
    }

    // 200,000 draws: the standard deviation of the mean of ±1 is at most 1/√200,000 = 0.0022; five of them are 0.011.
    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.001f)]
    [DataRow(0.3f)]
    [DataRow(0.5f)]
    [DataRow(1f)]
    public void Outputs_fire_as_often_as_their_probability_says(float theta)
    {
        float[] probabilities = new float[1000];
        Array.Fill(probabilities, theta);
        float[] outputs = new float[1000];
        double sum = 0;
        for (uint neuron = 0; neuron < 10; neuron++)
        for (ulong step = 0; step < 20; step++)
        {
            Philox.Sample(probabilities, outputs, neuron, step, key: 5);
            Assert.IsTrue(outputs.All(y => y is 1 or -1));
            sum += outputs.Sum();
        }

        double deviation = theta is 0 or 1 ? 0 : 0.011; // 0 never fires, 1 always does
        Assert.AreEqual(2 * theta - 1, sum / 200_000, deviation);
    }

    // Of 4,096 fair draws, two independent rows of them agree in 2,048 ± 32; six standard deviations.
    [TestMethod]
    public void Neurons_steps_and_seeds_draw_independently()
    {
        float[] half = new float[4096];
        Array.Fill(half, 0.5f);
        float[][] draws = new float[4][];
        foreach (
            (int i, (uint neuron, ulong step, ulong key)) in new (uint, ulong, ulong)[]
            {
                (0, 0, 0),
                (1, 0, 0),
                (0, 1, 0),
                (0, 0, 1),
            }.Index()
        )
            Philox.Sample(half, draws[i] = new float[4096], neuron, step, key);
        for (int i = 0; i < draws.Length; i++)
        for (int j = 0; j < i; j++)
            Assert.AreEqual(2048, draws[i].Zip(draws[j]).Count(pair => pair.First == pair.Second), 192.0);
    }

    [TestMethod]
    public void Uniform_numbers_stay_below_one()
    {
        Assert.AreEqual(0, Philox.ToUniform(255));
        Assert.AreEqual(1 - 1 / 16777216f, Philox.ToUniform(uint.MaxValue));
    }
}
