using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class RandomStreamTests
{
    [TestMethod]
    public void A_streams_words_are_those_of_consecutive_counters()
    {
        var random = new RandomStream(seed: 9, stream: 3);
        for (uint counter = 0; counter < 3; counter++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(counter, 0, 3, uint.MaxValue, 9);
            Assert.AreEqual(w0, random.NextWord());
            Assert.AreEqual(w1, random.NextWord());
            Assert.AreEqual(w2, random.NextWord());
            Assert.AreEqual(w3, random.NextWord());
        }
    }

    // Counts of 70,000 draws among 7: 10,000 ± 93 each; χ² has 6 degrees of freedom and exceeds 30 once in 25,000 times.
    [TestMethod]
    public void Integers_are_uniform_below_their_bound()
    {
        var random = new RandomStream(1, 0);
        int[] counts = new int[7];
        for (int i = 0; i < 70_000; i++)
            counts[random.NextInteger(7)]++;
        Assert.IsLessThan(30, counts.Sum(count => Math.Pow(count - 10_000, 2) / 10_000));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(1 << 30)]
    [DataRow(int.MaxValue)]
    public void Integers_stay_below_their_bound(int bound)
    {
        var random = new RandomStream(2, 0);
        for (int i = 0; i < 1000; i++)
        {
            int drawn = random.NextInteger(bound);
            Assert.IsTrue(drawn >= 0 && drawn < bound);
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(1000)]
    public void A_shuffle_is_a_permutation(int count)
    {
        int[] items = [.. Enumerable.Range(0, count)];
        new RandomStream(3, 0).Shuffle(items);
        CollectionAssert.AreEqual(Enumerable.Range(0, count).ToArray(), items.Order().ToArray());
        if (count == 1000)
            Assert.IsLessThan(10, items.Index().Count(pair => pair.Index == pair.Item)); // 1 on average
    }

    // Each of the 6 orders of 3 items: 10,000 ± 91 of 60,000; χ² with 5 degrees of freedom.
    [TestMethod]
    public void A_shuffle_gives_every_order_equally_often()
    {
        var random = new RandomStream(4, 0);
        var counts = new Dictionary<(int, int, int), int>();
        for (int i = 0; i < 60_000; i++)
        {
            int[] items = [0, 1, 2];
            random.Shuffle(items);
            (int, int, int) order = (items[0], items[1], items[2]);
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }

        Assert.HasCount(6, counts);
        Assert.IsLessThan(28, counts.Values.Sum(count => Math.Pow(count - 10_000, 2) / 10_000));
    }

    [TestMethod]
    public void A_seed_gives_the_same_sequence_again_and_another_stream_another()
    {
        uint[] First(ulong seed, uint stream)
        {
            var random = new RandomStream(seed, stream);
            return [.. Enumerable.Range(0, 20).Select(_ => random.NextWord())];
        }

        CollectionAssert.AreEqual(First(5, 1), First(5, 1));
        CollectionAssert.AreNotEqual(First(5, 1), First(5, 2));
        CollectionAssert.AreNotEqual(First(5, 1), First(6, 1));
    }
}
