using System.Numerics;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class AugmenterTests
{
    private static readonly ImageShape[] s_shapes =
    [
        new(7, 5),
        new(4, 6, 3),
        new(4, 6, 3, Interleaved: true),
        new(1, 8),
        new(6, 1, 2),
        new(1, 1),
    ];

    // Every pixel of the image by how near it is, in double precision. Values are of size 1, and a sum of four products in
    // single precision is off by some 10⁻⁷; places are computed in double precision on both sides.
    [TestMethod]
    public void A_change_is_that_of_the_specification()
    {
        var random = new Random(1);
        foreach (ImageShape shape in s_shapes)
            for (int i = 0; i < 40; i++)
            {
                var change = new ImageChange(
                    random.Next(-3, 4),
                    random.Next(-3, 4),
                    i % 3 == 0 ? 0 : (2 * random.NextDouble() - 1) * Math.PI,
                    i % 4 == 0 ? 1 : 0.5 + random.NextDouble(),
                    i % 2 == 0
                );
                float[] source = [.. Enumerable.Range(0, (int)shape.Size).Select(_ => random.NextSingle() - 0.5f)];
                float[] changed = Apply(shape, change, source);
                double[] expected = Specification(shape, change, source);
                for (int k = 0; k < changed.Length; k++)
                    Assert.AreEqual(expected[k], changed[k], 1e-6, $"{shape}, {change}, number {k}");
            }
    }

    [TestMethod]
    public void Worked_by_hand()
    {
        var shape = new ImageShape(3, 3);
        float[] source = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        var nothing = new ImageChange(0, 0, 0, 1, false);

        CollectionAssert.AreEqual(source, Apply(shape, nothing, source));
        CollectionAssert.AreEqual(
            (float[])[1, 1, 2, 4, 4, 5, 7, 7, 8],
            Apply(shape, nothing with { Right = 1 }, source)
        );
        CollectionAssert.AreEqual(
            (float[])[7, 8, 9, 7, 8, 9, 7, 8, 9],
            Apply(shape, nothing with { Down = -2 }, source)
        );
        CollectionAssert.AreEqual(
            (float[])[3, 2, 1, 6, 5, 4, 9, 8, 7],
            Apply(shape, nothing with { IsFlipped = true }, source)
        );

        // Mirrored first, then moved.
        CollectionAssert.AreEqual(
            (float[])[3, 3, 2, 6, 6, 5, 9, 9, 8],
            Apply(shape, nothing with { IsFlipped = true, Right = 1 }, source)
        );

        // A quarter turn clockwise; and twice the size, where a corner shows what was half as far from the centre.
        AssertNear([7, 4, 1, 8, 5, 2, 9, 6, 3], Apply(shape, nothing with { Angle = Math.PI / 2 }, source));
        AssertNear([3, 3.5f, 4, 4.5f, 5, 5.5f, 6, 6.5f, 7], Apply(shape, nothing with { Scale = 2 }, source));
    }

    [TestMethod]
    public void What_is_drawn_is_uniform_within_its_limits()
    {
        const int Rows = 20_000;
        var augmenter = new Augmenter(
            new ImageAugmentation(2, 1, Rotation: 30, Zoom: 0.2, HorizontalFlip: true),
            new ImageShape(4, 4),
            16,
            seed: 1
        );
        ImageChange[] changes = [.. Enumerable.Range(0, Rows).Select(row => augmenter.Draw(row, epoch: 3))];

        // Shares of n draws have a standard deviation of at most 0.5/√n; five of them.
        double tolerance = 2.5 / Math.Sqrt(Rows);
        AssertShares(changes.Select(change => change.Down), [-2, -1, 0, 1, 2], tolerance);
        AssertShares(changes.Select(change => change.Right), [-1, 0, 1], tolerance);
        AssertShares(changes.Select(change => change.IsFlipped), [false, true], tolerance);
        AssertShares(
            changes.Select(change => (int)Math.Floor(change.Angle / Math.PI * 180 / 15)),
            [-2, -1, 0, 1],
            tolerance
        );
        AssertShares(changes.Select(change => (int)Math.Floor((change.Scale - 1) / 0.1)), [-2, -1, 0, 1], tolerance);

        // What is drawn together is independent: a flip says nothing of the shift.
        AssertShares(
            changes.Where(change => change.IsFlipped).Select(change => change.Down),
            [-2, -1, 0, 1, 2],
            2 * tolerance
        );
    }

    [TestMethod]
    public void Rows_epochs_and_seeds_differ_and_are_the_same_again()
    {
        var augmentation = new ImageAugmentation(Rotation: 10);
        var shape = new ImageShape(2, 2);
        var augmenter = new Augmenter(augmentation, shape, 4, seed: 1);
        ImageChange first = augmenter.Draw(0, 1);

        Assert.AreEqual(first, new Augmenter(augmentation, shape, 4, seed: 1).Draw(0, 1));
        Assert.AreNotEqual(first, augmenter.Draw(1, 1));
        Assert.AreNotEqual(first, augmenter.Draw(0, 2));
        Assert.AreNotEqual(first, new Augmenter(augmentation, shape, 4, seed: 2).Draw(0, 1));
        Assert.AreEqual(
            new ImageChange(0, 0, 0, 1, false),
            new Augmenter(new ImageAugmentation(), shape, 4, 1).Draw(0, 1)
        );
    }

    [TestMethod]
    public void Features_that_are_no_such_image_are_refused()
    {
        var augmentation = new ImageAugmentation(1, 1);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new Augmenter(augmentation, null, 4, 1)).Message,
            "set Image"
        );
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => new Augmenter(augmentation, new(2, 2), 5, 1)).Message,
            "there are 5 features"
        );
    }

    private static float[] Apply(ImageShape shape, ImageChange change, float[] source)
    {
        float[] changed = new float[source.Length];
        new Augmenter(new ImageAugmentation(), shape, source.Length, 1).Apply(change, source, changed);
        return changed;
    }

    // q = M · R(−a) · (p − d) / s, with rows downward as the imaginary part; tents of one pixel around the place.
    private static double[] Specification(ImageShape shape, ImageChange change, float[] source)
    {
        double[] changed = new double[source.Length];
        var centre = new Complex((shape.Width - 1) / 2.0, (shape.Height - 1) / 2.0);
        for (int row = 0; row < shape.Height; row++)
        for (int column = 0; column < shape.Width; column++)
        {
            var moved = new Complex(column - change.Right, row - change.Down);
            Complex from = (moved - centre) * Complex.FromPolarCoordinates(1 / change.Scale, -change.Angle);
            if (change.IsFlipped)
                from = -Complex.Conjugate(from);
            from += centre;
            double x = Math.Clamp(from.Real, 0, shape.Width - 1);
            double y = Math.Clamp(from.Imaginary, 0, shape.Height - 1);
            for (int channel = 0; channel < shape.Channels; channel++)
            for (int otherRow = 0; otherRow < shape.Height; otherRow++)
            for (int otherColumn = 0; otherColumn < shape.Width; otherColumn++)
                changed[shape.IndexOf(row, column, channel)] +=
                    Math.Max(0, 1 - Math.Abs(y - otherRow))
                    * Math.Max(0, 1 - Math.Abs(x - otherColumn))
                    * source[shape.IndexOf(otherRow, otherColumn, channel)];
        }

        return changed;
    }

    private static void AssertNear(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-6f, $"number {i}");
    }

    private static void AssertShares<T>(IEnumerable<T> drawn, T[] values, double tolerance)
        where T : notnull
    {
        T[] all = [.. drawn];
        Dictionary<T, int> counts = all.CountBy(value => value).ToDictionary();
        CollectionAssert.AreEquivalent(values, counts.Keys.ToArray());
        foreach (T value in values)
            Assert.AreEqual(1.0 / values.Length, (double)counts[value] / all.Length, tolerance, $"{value}");
    }
}
