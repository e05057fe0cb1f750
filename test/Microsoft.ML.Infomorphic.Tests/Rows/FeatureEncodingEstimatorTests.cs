using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class FeatureEncodingEstimatorTests
{
    private const int RowCount = 1000;

    // Dense, constant, binary, one-hot, three values, counts of a rare word, zero in three rows of four.
    private static float[] Slots(Random random, int row) =>
        [
            random.NextSingle(),
            3,
            random.Next(2),
            row % 5 == 0 ? 1 : 0,
            random.Next(3),
            row % 20 == 0 ? random.Next(1, 9) : 0,
            row % 4 == 0 ? random.NextSingle() : 0,
        ];

    [TestMethod]
    public void Each_slot_gets_what_suits_it()
    {
        FeatureEncoding encoding = Estimate(Table(Slots), FeatureEncodingKind.Auto);
        int[] knots = [.. Enumerable.Range(0, 7).Select(feature => encoding.KnotsOf(feature).Count)];
        CollectionAssert.AreEqual(new[] { 17, 0, 0, 0, 3, 0, 5 }, knots);
        CollectionAssert.AreEqual(new float[] { 0, 1, 2 }, encoding.KnotsOf(4).ToArray());
    }

    [TestMethod]
    public void Asked_for_all_that_vary_are_encoded()
    {
        FeatureEncoding encoding = Estimate(Table(Slots), FeatureEncodingKind.PiecewiseLinear);
        int[] knots = [.. Enumerable.Range(0, 7).Select(feature => encoding.KnotsOf(feature).Count)];
        CollectionAssert.AreEqual(new[] { 17, 0, 2, 2, 3, 2, 5 }, knots);
        Assert.IsTrue(Estimate(Table(Slots), FeatureEncodingKind.None).IsIdentity);
    }

    [TestMethod]
    public void Knots_are_weighted_quantiles()
    {
        LabeledRows rows = Problems.Blobs(500, weighted: true);
        FeatureEncoding encoding = Estimate(rows, FeatureEncodingKind.Auto);
        double total = rows.Weights!.Sum(weight => (double)weight);
        for (int feature = 0; feature < 5; feature++)
        {
            IReadOnlyList<float> knots = encoding.KnotsOf(feature);
            Assert.HasCount(17, knots);
            for (int step = 0; step <= 16; step++)
            {
                double below = Enumerable
                    .Range(0, rows.RowCount)
                    .Where(i => Problems.FeaturesOf(rows, i)[feature] <= knots[step])
                    .Sum(i => (double)rows.Weights![i]);
                Assert.AreEqual(step / 16.0, below / total, 1.5 / 300);
            }
        }
    }

    // Pixels as in MNIST: of one range, in many columns, each like its neighbours; or an image by its shape.
    [TestMethod]
    public void Pixels_get_none()
    {
        LabeledRows many = Table((random, _) => Smooth(random, 8 * 8));
        Assert.IsTrue(Estimate(many, FeatureEncodingKind.Auto).IsIdentity);
        LabeledRows few = Table((random, _) => Smooth(random, 16));
        Assert.IsFalse(Estimate(few, FeatureEncodingKind.Auto).IsIdentity, "16 columns of one range are a table's");
        Assert.IsTrue(
            Estimate(few, FeatureEncodingKind.Auto, hasImage: true).IsIdentity,
            "and an image's by its shape"
        );
    }

    [TestMethod]
    [DataRow(256, 16)]
    [DataRow(257, 8)]
    [DataRow(1024, 4)]
    [DataRow(1025, 0)]
    public void Many_features_get_fewer_components(int features, int expected)
    {
        LabeledRows rows = Table(
            (random, _) => [.. Enumerable.Range(0, features).Select(_ => random.NextSingle())],
            60
        );
        FeatureEncoding encoding = Estimate(rows, FeatureEncodingKind.Auto);
        Assert.AreEqual(expected * features, encoding.ComponentCount);
        Assert.IsGreaterThanOrEqualTo(
            encoding.EncodedCount - features,
            FeatureEncodingEstimator.MostAdded(features, FeatureEncodingKind.Auto, MissingValues.Skip, false)
        );
    }

    [TestMethod]
    public void Missing_values_are_replaced_by_the_mean_of_the_others()
    {
        LabeledRows rows = Table((random, row) => [row % 3 == 0 ? float.NaN : row % 7, random.NextSingle(), float.NaN]);
        FeatureEncoding encoding = FeatureEncodingEstimator.Estimate(
            rows,
            new FeatureMoments(rows),
            FeatureEncodingKind.Auto,
            MissingValues.Indicate,
            hasImage: false
        );
        double mean = Enumerable.Range(0, RowCount).Where(row => row % 3 != 0).Average(row => row % 7);
        Assert.AreEqual(mean, encoding.Substitutes![0], 1e-6);
        Assert.AreEqual(0f, encoding.Substitutes[2], "of a feature that is always missing");
        CollectionAssert.AreEqual(new[] { 0, 2 }, encoding.IndicatedFeatures.ToArray());
        Assert.AreEqual(0f, encoding.KnotsOf(0)[0]);
        Assert.AreEqual(6f, encoding.KnotsOf(0)[^1]);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(
            new FeatureMoments(rows),
            Standardization.Auto,
            hasImage: false
        );
        Assert.AreEqual(mean, scaling.Offsets[0], 1e-6);
        Assert.AreEqual(2f, scaling.Scales[0], 0.01);
    }

    [TestMethod]
    public void Ranges_that_single_precision_cannot_span_get_none()
    {
        LabeledRows rows = Table(
            (random, _) => [random.Next(3) * float.MaxValue - float.MaxValue, random.NextSingle()]
        );
        FeatureEncoding encoding = Estimate(rows, FeatureEncodingKind.PiecewiseLinear);
        Assert.IsEmpty(encoding.KnotsOf(0));
        Assert.HasCount(17, encoding.KnotsOf(1));
    }

    // The same block by block: encoded where they are streamed, too.
    [TestMethod]
    public void Rows_are_encoded_whenever_they_are_copied()
    {
        LabeledRows rows = Problems.Blobs(50);
        FeatureEncoding encoding = Estimate(rows, FeatureEncodingKind.Auto);
        RowSource encoded = EncodedRows.Of(rows, encoding);
        Assert.AreEqual(encoding.EncodedCount, encoded.FeatureCount);
        float[] actual = new float[encoded.FeatureCount];
        float[] expected = new float[encoded.FeatureCount];
        foreach (RowBatch batch in encoded.All.Batches(7))
        foreach (int row in batch.Indices.Span)
        {
            encoding.Encode(Problems.FeaturesOf(rows, row), expected);
            batch.Rows.Features.CopyRow(row, actual);
            CollectionAssert.AreEqual(expected, actual);
        }

        Assert.AreSame(rows, EncodedRows.Of(rows, FeatureEncoding.None(5)));
    }

    private static float[] Smooth(Random random, int count)
    {
        float[] row = new float[count];
        float level = random.Next(256);
        for (int i = 0; i < count; i++)
            row[i] = level = Math.Clamp(level + random.Next(-40, 41), 0, 255);
        return row;
    }

    private static FeatureEncoding Estimate(LabeledRows rows, FeatureEncodingKind kind, bool hasImage = false) =>
        FeatureEncodingEstimator.Estimate(rows, new FeatureMoments(rows), kind, MissingValues.Skip, hasImage);

    private static LabeledRows Table(Func<Random, int, float[]> row, int rows = RowCount)
    {
        var random = new Random(1);
        float[][] values = [.. Enumerable.Range(0, rows).Select(i => row(random, i))];
        return new LabeledRows(
            new DenseFeatureMatrix(rows, values[0].Length, [.. values.SelectMany(features => features)]),
            new int[rows],
            null,
            2
        );
    }
}
