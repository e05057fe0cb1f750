using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Sums of up to 70 products of numbers below 1 in single precision, and derivatives of up to 400: as in SparseProductsTests,
// errors are a hundredth of 2·10⁻⁵ in practice.
[TestClass]
public class GroupProductsTests
{
    private const double Precision = 2e-5;
    private const int Inputs = 80;

    // Neurons and connections by fours and what is left of them; rows by 64, by 16, and with padding.
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(1, 15)]
    [DataRow(2, 16)]
    [DataRow(4, 64)]
    [DataRow(5, 81)]
    [DataRow(8, 130)]
    [DataRow(11, 400)]
    public unsafe void Products_are_those_of_loops_in_double_precision(int neurons, int rows)
    {
        var random = new Random(rows);
        int stride = (rows + 15) / 16 * 16 + 16;
        foreach (int connections in (ReadOnlySpan<int>)[1, 3, 4, 17, 70])
        {
            int[] inputs = [.. Enumerable.Range(0, connections).Select(_ => random.Next(Inputs))];
            var heard = new AlignedArray<float>(Inputs * stride);
            var weights = new AlignedArray<float>(neurons * (connections + 3));
            var sums = new AlignedArray<float>((neurons + 1) * stride);
            var gradients = new AlignedArray<float>(neurons * (connections + 3));
            Fill(heard.Span, Inputs, rows, stride);
            Fill(weights.Span, neurons, connections, connections + 3);
            Fill(sums.Span, neurons, rows, stride);
            sums.Span[(neurons * stride)..].Fill(99);
            gradients.Span.Fill(99);
            float[] before = sums.Span.ToArray();
            var of = new PaddedRows(heard.Pointer, stride);
            var values = new PaddedRows(weights.Pointer, connections + 3);
            var results = new PaddedRows(sums.Pointer, stride);

            GroupProducts.Aggregate(values, of, inputs, results, neurons, rows, add: true);
            for (int i = 0; i < neurons; i++)
            for (int row = 0; row < stride; row++)
                Assert.AreEqual(
                    row < rows ? before[i * stride + row] + Sum(i, row) : 0,
                    sums.Span[i * stride + row],
                    Precision
                );

            GroupProducts.Aggregate(values, of, inputs, results, neurons, rows, add: false);
            for (int i = 0; i < neurons; i++)
            for (int row = 0; row < stride; row++)
                Assert.AreEqual(row < rows ? Sum(i, row) : 0, sums.Span[i * stride + row], Precision);
            Assert.IsFalse(
                sums.Span[(neurons * stride)..].ContainsAnyExcept(99f),
                "no other neuron's sums are written to"
            );

            Fill(sums.Span, neurons, rows, stride);
            GroupProducts.Differentiate(
                results,
                of,
                inputs,
                new PaddedRows(gradients.Pointer, connections + 3),
                neurons,
                rows
            );
            for (int i = 0; i < neurons; i++)
            {
                for (int k = 0; k < connections; k++)
                {
                    double expected = 0;
                    for (int row = 0; row < rows; row++)
                        expected += (double)sums.Span[i * stride + row] * heard.Span[inputs[k] * stride + row];
                    Assert.AreEqual(expected, gradients.Span[i * (connections + 3) + k], Precision);
                }

                Assert.AreEqual(
                    99,
                    gradients.Span[i * (connections + 3) + connections],
                    "nothing is written behind the weights"
                );
            }

            // Pointers alone do not keep memory.
            GC.KeepAlive((heard, weights, sums, gradients));

            double Sum(int neuron, int row)
            {
                double sum = 0;
                for (int k = 0; k < connections; k++)
                    sum += (double)weights.Span[neuron * (connections + 3) + k] * heard.Span[inputs[k] * stride + row];
                return sum;
            }
        }

        void Fill(Span<float> matrix, int count, int columns, int width)
        {
            for (int i = 0; i < count; i++)
            {
                Span<float> line = matrix.Slice(i * width, width);
                for (int j = 0; j < columns; j++)
                    line[j] = 2 * random.NextSingle() - 1;
                line[columns..].Clear();
            }
        }
    }
}
