using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The definition, written out: every path gives its bits.
[TestClass]
public unsafe class PackedWeightsTests
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
                .. Enumerable.Range(0, 2 * Panel.Rows).Select(row => Draw(random, inputs, row % 3 * 0.5f)),
            ];
            int padding = 3;
            var packed = new PackedWeights(weights, biases, inputs, inputs + padding);

            int sumRows = (neurons + 7) / 8 * 8;
            var panels = new AlignedArray<float>(2 * (inputs + padding) * Panel.Rows);
            panels.Span.Fill(float.NaN);
            var panelSums = new AlignedArray<float>(2 * sumRows * Panel.Rows);
            for (int panel = 0; panel < 2; panel++)
                Pack(rows.AsSpan(panel * Panel.Rows), inputs, panels.Pointer + panel * (inputs + padding) * Panel.Rows);
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
                        (row / Panel.Rows * sumRows + neuron) * Panel.Rows + row % Panel.Rows
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
            float[][] rows = [.. Enumerable.Range(0, Panel.Rows).Select(_ => Draw(random, Inputs, 1))];
            var panel = new AlignedArray<float>(Inputs * Panel.Rows);
            Pack(rows, Inputs, panel.Pointer);
            var panelSums = new AlignedArray<float>(neurons * Panel.Rows);
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
                    sums[neuron] = panelSums.Span[neuron * Panel.Rows + row];
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
        float[][] rows = [.. Enumerable.Range(0, Panel.Rows).Select(_ => Draw(random, 5, 1))];
        rows[3][2] = float.NaN;
        var panel = new AlignedArray<float>(5 * Panel.Rows);
        Pack(rows, 5, panel.Pointer);
        var sums = new AlignedArray<float>(16 * Panel.Rows);
        new PackedWeights(weights, biases, 5, 5).Aggregate(panel.Pointer, 1, sums.Pointer);
        for (int row = 0; row < rows.Length; row++)
        for (int neuron = 0; neuron < 9; neuron++)
            Assert.AreEqual(Define(weights, biases, rows[row])[neuron], sums.Span[neuron * Panel.Rows + row]);
    }

    [TestMethod]
    public void Lengths_that_do_not_fit_are_refused()
    {
        var packed = new PackedWeights([1, 2], [3], 2, 2);
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[3], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate(new float[2], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([2], [1f], new float[1]));
        Assert.ThrowsExactly<ArgumentException>(() => packed.Aggregate([0, 1], [1f], new float[1]));
    }

    private static void Pack(ReadOnlySpan<float[]> rows, int inputs, float* panel)
    {
        float[] flat = new float[Panel.Rows * inputs];
        for (int row = 0; row < Panel.Rows; row++)
            rows[row].CopyTo(flat, row * inputs);
        fixed (float* first = flat)
            Panel.Pack(first, inputs, inputs, panel);
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
