using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class OutputSignsTests
{
    [TestMethod]
    public void Neurons_that_fire_less_for_their_own_class_are_inverted()
    {
        // Class 0 in the right code, class 1 in the inverted one, class 2 without rows.
        int[] signs = Decide(
            [0, 0, 1, 1],
            null,
            [
                [2, 1, -1, -2],
                [3, 2, 1, 0.5f],
                [1, 1, -1, -1],
            ]
        );
        CollectionAssert.AreEqual(new[] { 1, -1, 0 }, signs);
    }

    // A majority class whose neuron fires for most rows, and rightly so: its mean over all rows is above one half.
    [TestMethod]
    public void A_class_of_most_rows_is_not_inverted_for_its_size()
    {
        int[] signs = Decide(
            [0, 0, 0, 0, 1],
            null,
            [
                [1, 1, 1, 1, -1],
                [-1, -1, -1, -1, 1],
            ]
        );
        CollectionAssert.AreEqual(new[] { 1, 1 }, signs);
    }

    [TestMethod]
    public void Rows_count_by_their_weight()
    {
        int[] labels = [0, 0, 1, 1];
        float[][] output =
        [
            [-3, 3, 0, 0],
            [0, 0, 3, -3],
        ];
        CollectionAssert.AreEqual(new[] { 1, 1 }, Decide(labels, [0.1f, 10, 10, 0.1f], output));
        CollectionAssert.AreEqual(new[] { -1, -1 }, Decide(labels, [10, 0.1f, 0.1f, 10], output));
    }

    [TestMethod]
    public void Means_over_batches_are_means_over_all_rows()
    {
        var signs = new OutputSigns(2);
        LabeledRows rows = Rows([0, 0, 1], null, 2);
        Add(
            signs,
            rows,
            [0],
            [
                [-2],
                [0],
            ]
        );
        Add(
            signs,
            rows,
            [1, 2],
            [
                [5, 0],
                [0, 0],
            ]
        ); // own class: σ(−2) + σ(5) over two, against σ(0)
        CollectionAssert.AreEqual(new[] { 1, 1 }, signs.Decide());
    }

    [TestMethod]
    public void One_class_alone_keeps_its_sign()
    {
        CollectionAssert.AreEqual(
            new[] { 1, 0 },
            Decide(
                [0, 0],
                null,
                [
                    [-1, -2],
                    [0, 0],
                ]
            )
        );
    }

    private static int[] Decide(int[] labels, float[]? weights, float[][] output)
    {
        var signs = new OutputSigns(output.Length);
        Add(signs, Rows(labels, weights, output.Length), [.. Enumerable.Range(0, labels.Length)], output);
        return signs.Decide();
    }

    private static void Add(OutputSigns signs, LabeledRows rows, int[] batch, float[][] output)
    {
        using var matrix = new TensorMatrix(output.Length, batch.Length);
        matrix.CopyFrom([.. output.SelectMany(row => row)]);
        signs.Add(rows, batch, matrix);
    }

    private static LabeledRows Rows(int[] labels, float[]? weights, int classes) =>
        new(new DenseFeatureMatrix(labels.Length, 1, new float[labels.Length]), labels, weights, classes);
}
