using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The definition, written out: every path gives its bits.
[TestClass]
public unsafe class ScoringWeightsTests
{
    private static readonly int[] s_neuronCounts = [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 127, 130];
    private static readonly int[] s_inputCounts = [1, 2, 3, 4, 5, 7, 8, 9, 64, 131];

    [TestMethod]
    public void Sums_are_the_definitions_for_a_row_without_its_zeros_and_in_tiles()
    {
        var random = new RandomStream(1, 2);
        foreach (int neurons in s_neuronCounts)
        foreach (int inputs in s_inputCounts)
        {
            float[] weights = Draw(random, neurons * inputs, 1);
            float[] biases = Draw(random, neurons, 1);
            float[][] rows =
            [
                .. Enumerable.Range(0, 2 * RowTile.Rows).Select(row => Draw(random, inputs, row % 3 * 0.5f)),
            ];
            var interleaved = new InterleavedWeights(weights, biases, inputs);
            int[] all = [.. Enumerable.Range(0, inputs)];
            AssertSums(interleaved, rows, neurons, row => Define(weights, biases, row, _ => all));
            foreach (float[] row in rows)
            {
                float[] sums = new float[neurons];
                int[] indices = [.. all.Where(i => row[i] != 0)];
                interleaved.Aggregate(indices, [.. indices.Select(i => row[i])], sums);
                CollectionAssert.AreEqual(Define(weights, biases, row, _ => all), sums);
            }
        }
    }

    [TestMethod]
    public void Sums_over_drawn_inputs_are_the_definitions()
    {
        var random = new RandomStream(5, 6);
        foreach (int neurons in s_neuronCounts)
        foreach (int connections in new[] { 1, 3, 100 })
        {
            const int Inputs = 50;
            float[] weights = Draw(random, neurons * connections, 1);
            float[] biases = Draw(random, neurons, 1);
            int[] peers = [.. weights.Select(_ => random.NextInteger(Inputs))];
            float[][] rows = [.. Enumerable.Range(0, 2 * RowTile.Rows).Select(_ => Draw(random, Inputs, 1))];
            AssertSums(
                new DrawnWeights(weights, peers, biases, Inputs),
                rows,
                neurons,
                row => Define(weights, biases, row, neuron => peers.AsSpan(neuron * connections, connections).ToArray())
            );
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Sums_over_fields_are_the_definitions(bool shared)
    {
        const int Inputs = 50;
        var random = new RandomStream(9, 10);
        foreach (int fields in new[] { 1, 2, 3, 4, 5, 13 })
        foreach (int neurons in new[] { 1, 3, 8, 9, 20 })
        foreach (int size in new[] { 1, 3, 40 })
        {
            int[] places = [.. Enumerable.Range(0, fields * size).Select(_ => random.NextInteger(Inputs))];
            float[] weights = Draw(random, (shared ? 1 : fields) * neurons * size, 1);
            float[] biases = Draw(random, (shared ? 1 : fields) * neurons, 1);
            float[][] rows = [.. Enumerable.Range(0, 2 * RowTile.Rows).Select(_ => Draw(random, Inputs, 1))];
            float[] Repeat(float[] numbers) =>
                shared ? [.. Enumerable.Repeat(numbers, fields).SelectMany(all => all)] : numbers;
            AssertSums(
                new FieldWeights(weights, biases, places, size, neurons, Inputs),
                rows,
                fields * neurons,
                row =>
                    Define(
                        Repeat(weights),
                        Repeat(biases),
                        row,
                        neuron => places.AsSpan(neuron / neurons * size, size).ToArray()
                    )
            );
        }
    }

    [TestMethod]
    public void A_neighbour_that_is_not_finite_changes_nothing()
    {
        var random = new RandomStream(7, 8);
        float[] weights = Draw(random, 9 * 5, 1);
        float[] biases = Draw(random, 9, 1);
        float[][] rows = [.. Enumerable.Range(0, RowTile.Rows).Select(_ => Draw(random, 5, 1))];
        rows[3][2] = float.NaN;
        int[] all = [.. Enumerable.Range(0, 5)];
        AssertSums(new InterleavedWeights(weights, biases, 5), rows, 9, row => Define(weights, biases, row, _ => all));
    }

    [TestMethod]
    public void Lengths_that_do_not_fit_are_refused()
    {
        var packed = new InterleavedWeights([1, 2], [3], 2);
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[3], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[2], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([2], [1f], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([0, 1], [1f], new float[1]));
        var fields = new FieldWeights([1, 2], [3], [0, 2, 1, 2], 2, 1, 3);
        Assert.ThrowsExactly<ArgumentException>(() => fields.Aggregate(new float[2], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => fields.Aggregate(new float[3], new float[1]));
    }

    // Of rows alone and of tiles; nothing is written beside the sums.
    private static void AssertSums(IScoringWeights weights, float[][] rows, int neurons, Func<float[], float[]> define)
    {
        const int Padding = 3;
        int inputs = rows[0].Length;
        int inputStride = (inputs + Padding) * RowTile.Rows;
        int sumStride = (neurons + Padding) * RowTile.Rows;
        int tiles = rows.Length / RowTile.Rows;
        var tiled = new AlignedArray<float>(tiles * inputStride);
        var tiledSums = new AlignedArray<float>(tiles * sumStride);
        tiled.Span.Fill(float.NaN);
        tiledSums.Span.Fill(float.NaN);
        for (int row = 0; row < rows.Length; row++)
        for (int input = 0; input < inputs; input++)
            tiled.Span[row / RowTile.Rows * inputStride + input * RowTile.Rows + row % RowTile.Rows] = rows[row][input];
        weights.Aggregate(tiled.Pointer, inputStride, tiledSums.Pointer, sumStride, tiles);
        for (int row = 0; row < rows.Length; row++)
        {
            float[] expected = define(rows[row]);
            float[] sums = new float[neurons];
            weights.Aggregate(rows[row], sums);
            CollectionAssert.AreEqual(expected, sums);
            float[] all = new float[neurons + Padding];
            RowTile.Gather(tiledSums.Pointer + row / RowTile.Rows * sumStride + row % RowTile.Rows, all);
            CollectionAssert.AreEqual(expected, all[..neurons]);
            Assert.IsTrue(all[neurons..].All(float.IsNaN));
        }

        GC.KeepAlive(tiled);
        GC.KeepAlive(tiledSums);
    }

    private static float[] Define(float[] weights, float[] biases, float[] row, Func<int, int[]> inputsOf)
    {
        float[] sums = new float[biases.Length];
        int connections = weights.Length / biases.Length;
        for (int neuron = 0; neuron < sums.Length; neuron++)
        {
            int[] inputs = inputsOf(neuron);
            float sum = 0;
            for (int k = 0; k < connections; k++)
                sum = MathF.FusedMultiplyAdd(row[inputs[k]], weights[neuron * connections + k], sum);
            sums[neuron] = sum + biases[neuron];
        }

        return sums;
    }

    private static float[] Draw(RandomStream random, int count, float density) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextUniform() < density ? 2 * random.NextUniform() - 1 : 0)];
}
