using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class FeatureScalingEstimatorTests
{
    [TestMethod]
    public void Each_feature_gets_its_own_weighted_moments()
    {
        LabeledRows rows = Problems.Blobs(200, weighted: true);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(rows, Standardization.PerFeature);
        Assert.AreEqual(Standardization.PerFeature, scaling.Kind);
        for (int feature = 0; feature < 5; feature++)
        {
            (double mean, double variance) = Moments(rows, feature);
            Assert.AreEqual(mean, scaling.Offsets[feature], 1e-6); // rounded to single precision
            Assert.AreEqual(Math.Sqrt(variance), scaling.Scales[feature], 1e-6);
        }
    }

    // One mean and one standard deviation over all numbers of the matrix, as published for images.
    [TestMethod]
    public void Global_moments_are_those_of_all_values_together()
    {
        LabeledRows rows = Problems.Blobs(200, weighted: true);
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(rows, Standardization.Global);
        double mean = Enumerable.Range(0, 5).Average(feature => Moments(rows, feature).Mean);
        double square = Enumerable
            .Range(0, 5)
            .Average(feature => Moments(rows, feature).Variance + Math.Pow(Moments(rows, feature).Mean, 2));
        Assert.AreEqual(Standardization.Global, scaling.Kind);
        Assert.IsTrue(scaling.Offsets.All(offset => offset == (float)mean || Math.Abs(offset - mean) < 1e-6));
        Assert.IsTrue(scaling.Scales.All(scale => Math.Abs(scale - Math.Sqrt(square - mean * mean)) < 1e-6));
        Assert.AreEqual(1, scaling.Scales.Distinct().Count());
    }

    [TestMethod]
    public void A_row_of_weight_two_is_two_rows()
    {
        float[] values = [1, 7, 3, -2, 0.5f, 4];
        var weighted = new LabeledRows(new DenseFeatureMatrix(3, 2, values), [0, 1, 0], [1, 2, 1], 2);
        var repeated = new LabeledRows(
            new DenseFeatureMatrix(4, 2, [.. values[..4], .. values[2..]]),
            [0, 1, 1, 0],
            null,
            2
        );
        FeatureScaling expected = FeatureScalingEstimator.Estimate(repeated, Standardization.PerFeature);
        FeatureScaling actual = FeatureScalingEstimator.Estimate(weighted, Standardization.PerFeature);
        for (int feature = 0; feature < 2; feature++)
        {
            Assert.AreEqual(expected.Offsets[feature], actual.Offsets[feature], 1e-6f);
            Assert.AreEqual(expected.Scales[feature], actual.Scales[feature], 1e-6f);
        }
    }

    // Far from zero: mean 10⁶, deviation 1, where a sum of squares in single precision would know nothing.
    [TestMethod]
    public void Moments_far_from_zero_keep_their_precision()
    {
        float[] values = [.. Enumerable.Range(0, 1000).Select(i => 1e6f + (i % 2 == 0 ? 1 : -1))];
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(Rows(1, values), Standardization.PerFeature);
        Assert.AreEqual(1e6f, scaling.Offsets[0]);
        Assert.AreEqual(1f, scaling.Scales[0], 1e-6f);
    }

    [TestMethod]
    [DataRow(Standardization.PerFeature)]
    [DataRow(Standardization.Global)]
    [DataRow(Standardization.Auto)]
    public void Constant_features_have_the_scale_one(Standardization kind)
    {
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(Rows(2, [.. Enumerable.Repeat(0.1f, 40)]), kind);
        CollectionAssert.AreEqual(new[] { 1f, 1f }, scaling.Scales);
        CollectionAssert.AreEqual(new[] { 0.1f, 0.1f }, scaling.Offsets);
    }

    // Training divides by scales through their inverses: 1/scale must be a number, too.
    [TestMethod]
    [DataRow(1e-44f)]
    [DataRow(1e-40f)]
    [DataRow(1e-36f)]
    [DataRow(1e30f)]
    public void Scales_and_their_inverses_are_finite(float magnitude)
    {
        float[] values = [.. Enumerable.Range(0, 20).Select(i => magnitude * i)];
        foreach (Standardization kind in new[] { Standardization.PerFeature, Standardization.Global })
        {
            float scale = FeatureScalingEstimator.Estimate(Rows(1, values), kind).Scales[0];
            Assert.IsTrue(scale > 0 && float.IsFinite(scale) && float.IsFinite(1 / scale), $"{scale}");
        }
    }

    [TestMethod]
    public void Features_that_are_not_standardised_stay_as_they_are()
    {
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(Problems.Blobs(10), Standardization.None);
        Assert.AreEqual(Standardization.None, scaling.Kind);
        Assert.IsTrue(scaling.Offsets.All(offset => offset == 0) && scaling.Scales.All(scale => scale == 1));
    }

    // Pixels: all start at 0, many reach far up, margins are constant, and neighbours are alike.
    [TestMethod]
    public void Auto_takes_images_as_one_kind_of_measurement()
    {
        Assert.AreEqual(Standardization.Global, Auto(Marks(100, correlated: true)));
    }

    // As the letters' marks from 0 to 15 are, and answers from 1 to 5.
    [TestMethod]
    public void Auto_does_not_take_equal_ranges_alone_for_an_image()
    {
        LabeledRows few = Marks(16, correlated: true);
        Assert.AreEqual(Standardization.PerFeature, Auto(few));
        Assert.AreEqual(Standardization.PerFeature, Auto(Marks(100, correlated: false)));
        Assert.AreEqual(
            Standardization.Global,
            FeatureScalingEstimator.Estimate(new FeatureMoments(few), Standardization.Auto, hasImage: true).Kind,
            "an image by its shape"
        );
    }

    // Words that are in one row of 1,000 weigh as much, where they are, as those in 50.
    [TestMethod]
    public void Auto_does_not_inflate_rare_features()
    {
        float[] values = new float[1000 * 4];
        for (int i = 0; i < 1000; i++)
        {
            values[4 * i] = i == 0 ? 2 : 0;
            values[4 * i + 1] = i < 50 ? 2 : 0;
            values[4 * i + 2] = i < 20 ? 60 : 0;
            values[4 * i + 3] = i % 10;
        }

        FeatureScaling scaling = FeatureScalingEstimator.Estimate(Rows(4, values), Standardization.Auto);
        Assert.AreEqual(Standardization.PerFeature, scaling.Kind);
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 4.5f }, scaling.Offsets);
        double share = (0.001 + 0.05 + 0.02) / 3;
        double[] expected = [2 * Math.Sqrt(share), 2 * Math.Sqrt(share), 60 * Math.Sqrt(share), Math.Sqrt(8.25)];
        for (int feature = 0; feature < 4; feature++)
            Assert.AreEqual(expected[feature], scaling.Scales[feature], 1e-5 * expected[feature]);

        FeatureScaling asked = FeatureScalingEstimator.Estimate(Rows(4, values), Standardization.PerFeature);
        Assert.AreEqual(0.002f, asked.Offsets[0], 1e-6);
        Assert.AreEqual(2 * Math.Sqrt(0.001 * 0.999), asked.Scales[0], 1e-6, "as it was asked for");
    }

    // Columns: age, income, share, year.
    [TestMethod]
    public void Auto_takes_tables_feature_by_feature()
    {
        var random = new Random(1);
        float[] values =
        [
            .. Enumerable
                .Range(0, 100)
                .SelectMany(_ =>
                    new[]
                    {
                        18 + 60 * random.NextSingle(),
                        1e5f * random.NextSingle(),
                        random.NextSingle(),
                        1950 + random.Next(70),
                    }
                ),
        ];
        Assert.AreEqual(
            Standardization.PerFeature,
            FeatureScalingEstimator.Estimate(Rows(4, values), Standardization.Auto).Kind
        );
        Assert.AreEqual(
            Standardization.PerFeature,
            FeatureScalingEstimator
                .Estimate(Rows(1, [.. values.Where((_, i) => i % 4 == 1)]), Standardization.Auto)
                .Kind,
            "one feature alone"
        );
    }

    private static Standardization Auto(LabeledRows rows) =>
        FeatureScalingEstimator.Estimate(rows, Standardization.Auto).Kind;

    private static LabeledRows Marks(int features, bool correlated)
    {
        var random = new Random(1);
        float[] values = new float[50 * features];
        for (int i = 0; i < 50; i++)
        for (int k = 0, mark = random.Next(16); k < features; k++)
        {
            mark = correlated ? Math.Clamp(mark + random.Next(-2, 3), 0, 15) : random.Next(16);
            if (k % 8 != 0 || !correlated)
                values[i * features + k] = mark;
        }

        return Rows(features, values);
    }

    private static LabeledRows Rows(int features, float[] values) =>
        new(
            new DenseFeatureMatrix(values.Length / features, features, values),
            new int[values.Length / features],
            null,
            2
        );

    private static (double Mean, double Variance) Moments(LabeledRows rows, int feature)
    {
        double[] values =
        [
            .. Enumerable.Range(0, rows.RowCount).Select(i => (double)Problems.FeaturesOf(rows, i)[feature]),
        ];
        double total = rows.Weights!.Sum(weight => (double)weight);
        double mean = values.Zip(rows.Weights!, (value, weight) => value * weight).Sum() / total;
        return (mean, values.Zip(rows.Weights!, (value, weight) => weight * Math.Pow(value - mean, 2)).Sum() / total);
    }
}
