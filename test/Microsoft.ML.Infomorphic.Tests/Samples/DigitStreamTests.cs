using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public class DigitStreamTests
{
    [TestMethod]
    [DataRow(0)]
    [DataRow(2)]
    public void Digits_arrive_in_pairs_and_every_image_once(int kept)
    {
        DigitImage[] images = [.. Enumerable.Range(0, 410).Select(i => new DigitImage { Label = i % 10 })];

        DigitBatch[] batches = [.. DigitStream.Batches(images, kept)];

        Assert.HasCount(DigitStream.BatchCount, batches);
        Assert.AreEqual(
            "0 1, 2 3, 4 5, 6 7, 8 9, 0 1",
            string.Join(", ", batches.Take(6).Select(batch => string.Join(' ', batch.Digits)))
        );
        CollectionAssert.AreEquivalent(
            images,
            batches.SelectMany(batch => batch.Images.Where(image => batch.Digits.Contains(image.Label))).ToArray()
        );
        int[] again = [.. batches.Select(batch => batch.Images.Count(image => !batch.Digits.Contains(image.Label)))];
        CollectionAssert.AreEqual(
            new[] { 0, 2 * kept, 4 * kept, 6 * kept, 8 * kept, 8 * kept },
            again.Take(6).ToArray()
        );
        Assert.AreEqual(8 * kept, again[^1]);
    }
}
