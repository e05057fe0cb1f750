using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Validation rows that are taken from the training rows.</summary>
[TestClass]
public class RowSplitTests
{
    [TestMethod]
    [DataRow(0.2)]
    [DataRow(0.5)]
    [DataRow(0.01)]
    public void Every_row_is_on_one_side_and_each_class_has_its_share(double fraction)
    {
        LabeledRows rows = Problems.Blobs(300, seed: 3);

        RowSplit split = RowSplit.Of(rows, fraction, seed: 1);

        CollectionAssert.AreEqual(
            Enumerable.Range(0, 300).ToArray(),
            split.Learned.Concat(split.HeldOut).Order().ToArray()
        );
        Assert.AreEqual(300 * fraction, split.HeldOut.Length, 1);
        for (int k = 0; k < rows.ClassCount; k++)
            Assert.AreEqual(
                rows.Labels.Count(label => label == k) * fraction,
                split.HeldOut.Count(row => rows.Labels[row] == k),
                1
            );
    }

    [TestMethod]
    public void A_class_with_one_row_is_learned_from_and_many_small_classes_add_up_to_the_share()
    {
        int[] labels = [.. Enumerable.Range(0, 100).Select(row => row / 2), 50];
        var rows = new LabeledRows(new DenseFeatureMatrix(101, 1, new float[101]), labels, null, 51);

        RowSplit split = RowSplit.Of(rows, 0.2, seed: 1);

        Assert.Contains(100, split.Learned);
        Assert.AreEqual(20, split.HeldOut.Length, 1);
        Assert.AreEqual(51, split.Learned.Select(row => labels[row]).Distinct().Count());
    }

    [TestMethod]
    public void The_seed_decides_and_a_share_of_nothing_holds_nothing_out()
    {
        LabeledRows rows = Problems.Blobs(300, seed: 3);

        CollectionAssert.AreEqual(RowSplit.Of(rows, 0.2, 1).HeldOut, RowSplit.Of(rows, 0.2, 1).HeldOut);
        CollectionAssert.AreNotEqual(RowSplit.Of(rows, 0.2, 1).HeldOut, RowSplit.Of(rows, 0.2, 2).HeldOut);
        Assert.IsEmpty(RowSplit.Of(rows, 0, 1).HeldOut);
        Assert.HasCount(300, RowSplit.Of(rows, 0, 1).Learned);
    }

    [TestMethod]
    public void Rows_that_are_held_out_change_no_weight()
    {
        LabeledRows rows = Problems.Blobs(300, seed: 3);
        TrainingSettings settings = Problems.Settings() with
        {
            ValidationFraction = 0.2,
            Standardization = Standardization.None,
        };
        int[] heldOut = RowSplit.Of(rows, 0.2, settings.Seed).HeldOut;
        var changed = new float[300 * rows.Features.FeatureCount];
        for (int row = 0; row < 300; row++)
        {
            Span<float> features = changed.AsSpan(row * rows.Features.FeatureCount, rows.Features.FeatureCount);
            rows.Features.CopyRow(row, features);
            if (heldOut.Contains(row))
                features.Reverse();
        }

        float[] weights = HiddenWeights(rows);

        CollectionAssert.AreEqual(
            weights,
            HiddenWeights(rows with { Features = new DenseFeatureMatrix(300, rows.Features.FeatureCount, changed) })
        );

        float[] HiddenWeights(LabeledRows data) =>
            Problems.Train(data, settings).Network.HiddenLayers[0].Sources[0].Projections[0].Weights;
    }
}
