using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Networks;

[TestClass]
public class FeatureEncodingTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    [DataRow(4)]
    [DataRow(17)]
    [DataRow(40)]
    public void Rows_are_encoded_as_specified(int knots)
    {
        var random = new Random(knots);
        var encoding = new FeatureEncoding([Knots(random, knots), [], Knots(random, 3), Knots(random, knots)]);
        Assert.AreEqual(4, encoding.FeatureCount);
        Assert.AreEqual(2 * Math.Max(knots - 1, 0) + 2, encoding.ComponentCount);
        float[] encoded = new float[encoding.EncodedCount];
        float[] special = [0, -0f, float.MaxValue, float.MinValue, float.Epsilon, .. encoding.KnotsOf(0)];
        for (int i = 0; i < 500; i++)
        {
            float[] row = [.. Enumerable.Range(0, 4).Select(_ => (float)(random.NextDouble() * 12 - 6))];
            if (i < special.Length)
                Array.Fill(row, special[i]);
            encoding.Encode(row, encoded);
            double[] expected = NaiveEncoding.Encode(encoding, row);
            Assert.HasCount(expected.Length, encoded);
            for (int k = 0; k < expected.Length; k++)
                Assert.AreEqual(expected[k], encoded[k], k < 4 ? 0 : 1e-5, $"row {i}, number {k}");
        }
    }

    [TestMethod]
    public void Missing_values_are_replaced_and_indicated()
    {
        var encoding = new FeatureEncoding(
            [
                [0, 1, 2],
                [],
                [5, 6],
            ],
            [0.5f, 7, 9],
            [0, 1]
        );
        float[] encoded = new float[encoding.EncodedCount];

        encoding.Encode([float.NaN, 3, float.NaN], encoded);
        CollectionAssert.AreEqual(new float[] { 0.5f, 3, 9, 0, 0, 0, 1, 0 }, encoded);
        encoding.Encode([2, float.NaN, 5], encoded);
        CollectionAssert.AreEqual(new float[] { 2, 7, 5, 1, 1, -1, 0, 1 }, encoded);
    }

    [TestMethod]
    public void A_row_may_be_encoded_in_its_place()
    {
        var encoding = new FeatureEncoding([
            [0, 1, 4],
            [],
        ]);
        float[] row = [2.5f, 8, 0, 0];
        encoding.Encode(row.AsSpan(0, 2), row);
        CollectionAssert.AreEqual(new float[] { 2.5f, 8, 1, 0 }, row);
    }

    [TestMethod]
    public void Components_have_a_place()
    {
        var encoding = new FeatureEncoding([
            [0, 1, 4],
            [],
            [1, 2],
        ]);
        Assert.AreEqual((3, 2), encoding.ComponentsOf(0));
        Assert.AreEqual((5, 0), encoding.ComponentsOf(1));
        Assert.AreEqual((5, 1), encoding.ComponentsOf(2));
        Assert.IsFalse(encoding.IsIdentity);
        Assert.IsTrue(FeatureEncoding.None(3).IsIdentity);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => encoding.KnotsOf(3));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => encoding.ComponentsOf(-1));
    }

    [TestMethod]
    public void What_is_no_encoding_is_refused()
    {
        Refuse([], null, null, "at least one feature");
        Refuse(
            [
                [1],
            ],
            null,
            null,
            "at least two"
        );
        Refuse(
            [
                [1, 1],
            ],
            null,
            null,
            "ascending"
        );
        Refuse(
            [
                [2, 1],
            ],
            null,
            null,
            "ascending"
        );
        Refuse(
            [
                [0, float.NaN],
            ],
            null,
            null,
            "finite"
        );
        Refuse(
            [
                [float.MinValue, float.MaxValue],
            ],
            null,
            null,
            "finite distances"
        );
        Refuse(
            [
                [0, 1],
            ],
            [1, 2],
            null,
            "one finite substitute"
        );
        Refuse(
            [
                [0, 1],
            ],
            [float.NaN],
            null,
            "one finite substitute"
        );
        Refuse(
            [
                [0, 1],
            ],
            null,
            [0],
            "need substitutes"
        );
        Refuse(
            [
                [0, 1],
            ],
            [1],
            [1],
            "from 0 to 0"
        );
        Refuse(
            [
                [0, 1],
                [],
            ],
            [1, 2],
            [1, 1],
            "ascending"
        );
        Assert.ThrowsExactly<ArgumentException>(() => FeatureEncoding.None(2).Encode(new float[3], new float[2]));
        Assert.ThrowsExactly<ArgumentException>(() => FeatureEncoding.None(2).Encode(new float[2], new float[3]));

        static void Refuse(float[][] knots, float[]? substitutes, int[]? indicated, string words) =>
            Assert.Contains(
                words,
                Assert
                    .ThrowsExactly<ArgumentException>(() => new FeatureEncoding(knots, substitutes, indicated))
                    .Message
            );
    }

    private static float[] Knots(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 8 - 4)).Distinct().Order()];
}
