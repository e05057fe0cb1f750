using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The definition, written out: every path gives its bits.
[TestClass]
public class PackedWeightsTests
{
    private static readonly int[] s_neuronCounts = [1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 127, 128, 129, 160, 200];
    private static readonly int[] s_inputCounts = [1, 2, 7, 8, 9, 64, 131];

    [TestMethod]
    public void Sums_of_a_row_are_the_definitions()
    {
        var random = new RandomStream(1, 2);
        foreach (int neurons in s_neuronCounts)
        foreach (int inputs in s_inputCounts)
        foreach (double density in new[] { 0, 0.3, 1 })
        {
            (float[] weights, float[] biases) = Draw(random, neurons, inputs);
            float[] row = DrawRows(random, 1, inputs, density);
            var packed = new PackedWeights(weights, biases);
            int[] indices = new int[inputs];
            float[] values = new float[inputs];
            int count = PackedWeights.Compress(row, indices, values);
            float[] sums = new float[packed.Stride];
            packed.Multiply(indices.AsSpan(0, count), values, sums);

            Assert.AreEqual(row.Count(x => x != 0), count);
            CollectionAssert.AreEqual(Define(weights, biases, row), sums[..neurons]);
            Assert.IsTrue(sums.Skip(neurons).All(sum => sum == 0));
        }
    }

    [TestMethod]
    public void Sums_of_a_group_are_those_of_its_rows()
    {
        var random = new RandomStream(3, 4);
        foreach (int neurons in s_neuronCounts)
        foreach (int inputs in s_inputCounts)
        foreach (int rowCount in new[] { 1, 3, 8 })
        foreach (double density in new[] { 0, 0.1, 1 })
        {
            (float[] weights, float[] biases) = Draw(random, neurons, inputs);
            float[] rows = DrawRows(random, rowCount, inputs, density);
            var packed = new PackedWeights(weights, biases);
            int[] indices = new int[inputs];
            float[] values = new float[inputs * PackedWeights.GroupRows];
            int count = PackedWeights.CompressGroup(rows, rowCount, inputs, indices, values);
            float[] sums = new float[PackedWeights.GroupRows * packed.Stride];
            packed.MultiplyGroup(indices.AsSpan(0, count), values, sums);

            for (int row = 0; row < rowCount; row++)
                CollectionAssert.AreEqual(
                    Define(weights, biases, rows.AsSpan(row * inputs, inputs)),
                    sums.AsSpan(row * packed.Stride, neurons).ToArray()
                );
        }
    }

    [TestMethod]
    public void A_group_without_any_input_has_the_biases()
    {
        var packed = new PackedWeights(new float[3 * 5], [1, 2, 3]);
        float[] values = new float[5 * PackedWeights.GroupRows];
        int count = PackedWeights.CompressGroup(new float[2 * 5], 2, 5, new int[5], values);
        float[] sums = new float[PackedWeights.GroupRows * packed.Stride];
        packed.MultiplyGroup([], [], sums);

        Assert.AreEqual(0, count);
        CollectionAssert.AreEqual(new float[] { 1, 2, 3 }, sums[..3]);
    }

    [TestMethod]
    public void Too_little_room_is_refused()
    {
        var packed = new PackedWeights(new float[6], [1, 2, 3]);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => packed.Multiply([0], [1], new float[31]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => packed.Multiply([0, 1], [1], new float[32]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => packed.MultiplyGroup([0], [1], new float[256]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => packed.MultiplyGroup([], [], new float[255]));
    }

    private static float[] Define(float[] weights, float[] biases, ReadOnlySpan<float> row)
    {
        float[] sums = new float[biases.Length];
        for (int neuron = 0; neuron < sums.Length; neuron++)
        {
            float sum = 0;
            for (int input = 0; input < row.Length; input++)
                sum = MathF.FusedMultiplyAdd(row[input], weights[neuron * row.Length + input], sum);
            sums[neuron] = sum + biases[neuron];
        }

        return sums;
    }

    private static (float[] Weights, float[] Biases) Draw(RandomStream random, int neurons, int inputs) =>
        (DrawRows(random, neurons, inputs, 1), DrawRows(random, 1, neurons, 1));

    private static float[] DrawRows(RandomStream random, int rows, int inputs, double density)
    {
        float[] values = new float[rows * inputs];
        foreach (ref float value in values.AsSpan())
            value = random.NextUniform() < density ? 2 * random.NextUniform() - 1 : 0;
        return values;
    }
}
