using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Sums of up to 70 products of numbers below 1 in single precision: each addition rounds a sum of at most 70, so that
// 70 · 70 · 6·10⁻⁸ bounds the error of L; over rows the sums are of up to 400 numbers. In practice errors are a
// hundredth of that; 2·10⁻⁵ is allowed.
[TestClass]
public class SparseProductsTests
{
    private const double Precision = 2e-5;
    private const int Neurons = 80;

    [TestMethod]
    [DataRow(1)]
    [DataRow(15)]
    [DataRow(127)]
    [DataRow(128)]
    [DataRow(129)]
    [DataRow(256)]
    [DataRow(400)]
    public unsafe void Products_are_those_of_loops_in_double_precision(int rows)
    {
        var random = new Random(rows);
        int stride = rows + 3;
        float[] outputs = [.. Enumerable.Range(0, Neurons * stride).Select(_ => random.Next(2) == 0 ? 1f : -1f)];
        foreach (int connections in new[] { 1, 2, 17, 70 })
        {
            int[] peers = [.. Enumerable.Range(0, connections).Select(_ => random.Next(Neurons))];
            float[] weights = [.. peers.Select(_ => 2 * random.NextSingle() - 1)];
            float[] gradients = [.. Enumerable.Range(0, rows).Select(_ => 2 * random.NextSingle() - 1)];
            float[] sums = [.. Enumerable.Repeat(99f, rows + 1)];
            float[] weightGradients = [.. Enumerable.Repeat(99f, connections)];
            fixed (float* y = outputs)
                for (int tile = 0; tile < SparseProducts.TileCount(rows); tile++)
                {
                    SparseProducts.Aggregate(weights, peers, y, stride, tile, sums.AsSpan(0, rows));
                    SparseProducts.Differentiate(gradients, peers, y, stride, tile, weightGradients);
                }

            for (int row = 0; row < rows; row++)
            {
                double expected = 0;
                for (int k = 0; k < connections; k++)
                    expected += (double)weights[k] * outputs[peers[k] * stride + row];
                Assert.AreEqual(expected, sums[row], Precision);
            }

            for (int k = 0; k < connections; k++)
            {
                double expected = 0;
                for (int row = 0; row < rows; row++)
                    expected += (double)gradients[row] * outputs[peers[k] * stride + row];
                Assert.AreEqual(expected, weightGradients[k], Precision);
            }

            Assert.AreEqual(99, sums[rows], "nothing is written behind the rows");
        }
    }
}
