using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public unsafe class SoftmaxTests
{
    [TestMethod]
    public void Probabilities_are_those_of_the_definition_alone_and_in_tiles()
    {
        var random = new RandomStream(5, 6);
        foreach (int classes in new[] { 1, 2, 10, 16, 17, 40 })
        foreach (float range in new[] { 0, 1, 30, 500 })
        {
            float[][] rows =
            [
                .. Enumerable
                    .Range(0, RowTile.Rows)
                    .Select(_ => Enumerable.Range(0, classes).Select(_ => range * random.NextUniform()).ToArray()),
            ];
            var tile = new AlignedArray<float>(classes * RowTile.Rows);
            for (int row = 0; row < RowTile.Rows; row++)
            for (int k = 0; k < classes; k++)
                tile.Span[k * RowTile.Rows + row] = rows[row][k];
            Softmax.NormalizeTile(tile.Pointer, classes);

            for (int row = 0; row < RowTile.Rows; row++)
            {
                double[] powers = [.. rows[row].Select(score => Math.Exp(score - (double)rows[row].Max()))];
                float[] probabilities = new float[classes];
                Softmax.Normalize(rows[row], probabilities);
                for (int k = 0; k < classes; k++)
                {
                    // Differences of scores are rounded; below the least normal number there is that number.
                    double precision = (1e-6 + 6e-8 * range) * probabilities[k] + 2e-38;
                    Assert.AreEqual(powers[k] / powers.Sum(), probabilities[k], precision);
                    Assert.AreEqual(probabilities[k], tile.Span[k * RowTile.Rows + row]);
                }

                Softmax.Normalize(rows[row], rows[row]);
                CollectionAssert.AreEqual(probabilities, rows[row]);
            }
        }
    }
}
