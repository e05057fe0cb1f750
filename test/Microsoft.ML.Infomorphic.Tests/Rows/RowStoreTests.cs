using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class RowStoreTests
{
    // Around the first judgement, a doubling, and chunk borders (rows of 1,000,003 features: 4 rows a chunk).
    [TestMethod]
    [DataRow(1, 3, 1.0)]
    [DataRow(255, 3, 1.0)]
    [DataRow(256, 300, 0.5)]
    [DataRow(257, 300, 0.5)]
    [DataRow(257, 300, 0.01)]
    [DataRow(1025, 300, 0.2)]
    [DataRow(9, 1_000_003, 1.0)]
    [DataRow(9, 1_000_003, 0.00001)]
    public void Gives_back_the_rows_that_were_added(int rows, int features, double density)
    {
        var store = new RowStore(features, 2, hasWeights: false);
        for (int i = 0; i < rows; i++)
            Add(store, Row(i));

        FeatureMatrix matrix = store.ToRows().Features;

        Assert.AreEqual(rows, matrix.RowCount);
        Assert.AreEqual(features, matrix.FeatureCount);
        var expected = new float[features];
        var actual = new float[features];
        for (int i = 0; i < rows; i++)
        {
            Array.Clear(expected);
            Row(i).CopyTo(expected);
            Array.Fill(actual, float.NaN);
            matrix.CopyRow(i, actual);
            Assert.IsTrue(expected.AsSpan().SequenceEqual(actual), $"row {i}");
        }

        VBuffer<float> Row(int i)
        {
            int count = Math.Max(1, (int)(features * density));
            var values = new float[count];
            Array.Fill(values, i + 1f);
            return count == features
                ? new VBuffer<float>(features, values)
                : new VBuffer<float>(features, count, values, [.. Enumerable.Range(features - count, count)]);
        }
    }

    [TestMethod]
    public void Keeps_rows_sparse_where_that_halves_the_memory()
    {
        Assert.IsInstanceOfType<SparseFeatureMatrix>(Matrix(features: 1000, nonZeros: 100));
        Assert.IsInstanceOfType<DenseFeatureMatrix>(Matrix(features: 1000, nonZeros: 400));
        Assert.IsInstanceOfType<DenseFeatureMatrix>(Matrix(features: 8, nonZeros: 1));
    }

    [TestMethod]
    public void Takes_zeros_out_of_rows_that_are_given_in_full()
    {
        var store = new RowStore(1000, 2, hasWeights: false);
        var values = new float[1000];
        values[7] = 3;
        Add(store, new VBuffer<float>(1000, values));

        FeatureMatrix matrix = store.ToRows().Features;

        Assert.IsInstanceOfType<SparseFeatureMatrix>(matrix);
        var row = new float[1000];
        matrix.CopyRow(0, row);
        CollectionAssert.AreEqual(values, row);
    }

    private static FeatureMatrix Matrix(int features, int nonZeros)
    {
        var store = new RowStore(features, 2, hasWeights: false);
        for (int i = 0; i < 600; i++)
            Add(
                store,
                new VBuffer<float>(
                    features,
                    nonZeros,
                    [.. Enumerable.Repeat(1f, nonZeros)],
                    [.. Enumerable.Range(0, nonZeros)]
                )
            );
        return store.ToRows().Features;
    }

    private static void Add(RowStore store, VBuffer<float> row) =>
        Assert.IsTrue(
            store.TryAdd(
                new RowValues
                {
                    Label = 1,
                    Weight = 1,
                    Features = row.GetValues(),
                    IsFull = row.IsDense,
                    Indices = row.IsDense ? default : row.GetIndices(),
                }
            )
        );
}
