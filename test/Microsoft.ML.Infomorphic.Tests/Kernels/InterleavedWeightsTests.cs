using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The definition, written out: every path gives its bits.
[TestClass]
public unsafe class InterleavedWeightsTests
{
    private static readonly int[] s_neuronCounts = [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 127, 130];
    private static readonly int[] s_inputCounts = [1, 2, 3, 4, 5, 7, 8, 9, 64, 131];

    [TestMethod]
    public void Sums_are_the_definitions_for_a_row_without_its_zeros_and_in_panels()
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
            int padding = 3;
            var packed = new InterleavedWeights(weights, biases, inputs, inputs + padding);

            int sumRows = (neurons + 7) / 8 * 8;
            var panels = new AlignedArray<float>(2 * (inputs + padding) * RowTile.Rows);
            panels.Span.Fill(float.NaN);
            var panelSums = new AlignedArray<float>(2 * sumRows * RowTile.Rows);
            for (int panel = 0; panel < 2; panel++)
                Pack(
                    rows.AsSpan(panel * RowTile.Rows),
                    inputs,
                    panels.Pointer + panel * (inputs + padding) * RowTile.Rows
                );
            packed.Aggregate(panels.Pointer, 2, panelSums.Pointer);

            for (int row = 0; row < rows.Length; row++)
            {
                float[] expected = Define(weights, biases, rows[row]);
                float[] sums = new float[neurons];
                packed.Aggregate(rows[row], sums);
                CollectionAssert.AreEqual(expected, sums);

                int[] indices = [.. Enumerable.Range(0, inputs).Where(i => rows[row][i] != 0)];
                packed.Aggregate(indices, [.. indices.Select(i => rows[row][i])], sums);
                CollectionAssert.AreEqual(expected, sums);

                for (int neuron = 0; neuron < neurons; neuron++)
                    sums[neuron] = panelSums.Span[
                        (row / RowTile.Rows * sumRows + neuron) * RowTile.Rows + row % RowTile.Rows
                    ];
                CollectionAssert.AreEqual(expected, sums);
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
            var drawn = new DrawnWeights(weights, peers, biases, Inputs);
            float[][] rows = [.. Enumerable.Range(0, RowTile.Rows).Select(_ => Draw(random, Inputs, 1))];
            var panel = new AlignedArray<float>(Inputs * RowTile.Rows);
            Pack(rows, Inputs, panel.Pointer);
            var panelSums = new AlignedArray<float>(neurons * RowTile.Rows);
            drawn.Aggregate(panel.Pointer, Inputs, 1, panelSums.Pointer, neurons);
            for (int row = 0; row < rows.Length; row++)
            {
                float[] expected = new float[neurons];
                for (int neuron = 0; neuron < neurons; neuron++)
                {
                    float sum = 0;
                    for (int i = neuron * connections; i < (neuron + 1) * connections; i++)
                        sum = MathF.FusedMultiplyAdd(weights[i], rows[row][peers[i]], sum);
                    expected[neuron] = sum + biases[neuron];
                }

                float[] sums = new float[neurons];
                drawn.Aggregate(rows[row], sums);
                CollectionAssert.AreEqual(expected, sums);
                for (int neuron = 0; neuron < neurons; neuron++)
                    sums[neuron] = panelSums.Span[neuron * RowTile.Rows + row];
                CollectionAssert.AreEqual(expected, sums);
            }
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
        var panel = new AlignedArray<float>(5 * RowTile.Rows);
        Pack(rows, 5, panel.Pointer);
        var sums = new AlignedArray<float>(16 * RowTile.Rows);
        new InterleavedWeights(weights, biases, 5, 5).Aggregate(panel.Pointer, 1, sums.Pointer);
        for (int row = 0; row < rows.Length; row++)
        for (int neuron = 0; neuron < 9; neuron++)
            Assert.AreEqual(Define(weights, biases, rows[row])[neuron], sums.Span[neuron * RowTile.Rows + row]);
    }

    [TestMethod]
    public void Lengths_that_do_not_fit_are_refused()
    {
        var packed = new InterleavedWeights([1, 2], [3], 2, 2);
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[3], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[2], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([2], [1f], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([0, 1], [1f], new float[1]));
    }

    private static void Pack(ReadOnlySpan<float[]> rows, int inputs, float* panel)
    {
        for (int row = 0; row < RowTile.Rows; row++)
        for (int input = 0; input < inputs; input++)
            panel[input * RowTile.Rows + row] = rows[row][input];
    }

    private static float[] Define(float[] weights, float[] biases, float[] row)
    {
        float[] sums = new float[biases.Length];
        for (int neuron = 0; neuron < sums.Length; neuron++)
        {
            float sum = 0;
            for (int k = 0; k < row.Length; k++)
                sum = MathF.FusedMultiplyAdd(row[k], weights[neuron * row.Length + k], sum);
            sums[neuron] = sum + biases[neuron];
        }

        return sums;
    }

    private static float[] Draw(RandomStream random, int count, float density) =>
        [.. Enumerable.Range(0, count).Select(_ => random.NextUniform() < density ? 2 * random.NextUniform() - 1 : 0)];
}
