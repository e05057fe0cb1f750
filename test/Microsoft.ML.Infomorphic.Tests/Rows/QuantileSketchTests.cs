using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class QuantileSketchTests
{
    // Of few values, quantiles are exact: the least value that enough weight does not exceed.
    [TestMethod]
    [DataRow(1, false)]
    [DataRow(2, true)]
    [DataRow(10, false)]
    [DataRow(1000, true)]
    [DataRow(QuantileSketch.LargestBuffer, true)]
    public void Quantiles_of_few_values_are_exact(int count, bool weighted)
    {
        var random = new Random(count);
        (float Value, float Weight)[] rows =
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ => ((float)random.Next(200), weighted ? 0.1f + random.NextSingle() : 1)),
        ];
        float[] quantiles = Of(rows).Quantiles(16);
        double total = rows.Sum(row => (double)row.Weight);
        Assert.HasCount(17, quantiles);
        for (int step = 0; step <= 16; step++)
        {
            double share = total * step / 16 * (1 - 1e-9);
            float expected =
                step == 0
                    ? rows.Min(row => row.Value)
                    : rows.Select(row => row.Value)
                        .Distinct()
                        .Order()
                        .First(value => rows.Where(row => row.Value <= value).Sum(row => (double)row.Weight) >= share);
            Assert.AreEqual(expected, quantiles[step], $"step {step}");
        }
    }

    [TestMethod]
    public void Weight_two_is_a_value_twice_and_the_unit_of_weights_does_not_matter()
    {
        var random = new Random(1);
        (float Value, float Weight)[] rows =
        [
            .. Enumerable.Range(0, 3000).Select(_ => (random.NextSingle(), (float)random.Next(1, 3))),
        ];
        float[] expected = Of(rows).Quantiles(16);
        var repeated = rows.SelectMany(row => Enumerable.Repeat((row.Value, 1f), (int)row.Weight));
        CollectionAssert.AreEqual(expected, Of(repeated).Quantiles(16));
        foreach (float unit in new[] { 1e-6f, 0.3f, 7e5f })
            CollectionAssert.AreEqual(expected, Of(rows.Select(row => (row.Value, row.Weight * unit))).Quantiles(16));
    }

    [TestMethod]
    public void Of_nothing_there_are_no_quantiles() => Assert.IsEmpty(new QuantileSketch().Quantiles(16));

    // 10 million values, in orders that are hard for a sketch, within 1 % of rank, in bounded memory.
    [TestMethod]
    [DoNotParallelize] // memory is measured
    [DataRow("ascending", false)]
    [DataRow("descending", true)]
    [DataRow("random", true)]
    [DataRow("zigzag", false)]
    [DataRow("zigzag", true)]
    public void Quantiles_of_ten_million_values_are_within_one_percent_of_rank(string order, bool weighted)
    {
        const int Count = 10_000_000;
        const int Steps = 64;
        var random = new Random(1);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var sketch = new QuantileSketch(weighted ? QuantileSketch.SmallestBuffer : QuantileSketch.LargestBuffer);
        var weights = new double[Count / 1000 + 1];
        double total = 0;
        for (int i = 0; i < Count; i++)
        {
            int value = order switch
            {
                "ascending" => i,
                "descending" => Count - 1 - i,
                "zigzag" => i % 2 == 0 ? i : Count - i,
                _ => random.Next(Count),
            };

            // Large values weigh more.
            float weight = weighted ? 1 + value / 1000 % 7 + 4f * value / Count : 1;
            sketch.Add(value, weight);
            weights[value / 1000] += weight;
            total += weight;
        }

        float[] quantiles = sketch.Quantiles(Steps);
        long taken = GC.GetTotalMemory(forceFullCollection: true) - before - weights.Length * sizeof(double);
        GC.KeepAlive(sketch);
        Assert.IsLessThan(128 << 10, taken);
        for (int step = 1; step < Steps; step++)
        {
            // Ranks of thousands are 0.01 % of all, and a little more where they weigh more.
            double rank = weights.Take((int)quantiles[step] / 1000).Sum() / total;
            Assert.AreEqual((double)step / Steps, rank, 0.01, $"step {step}");
        }
    }

    private static QuantileSketch Of(IEnumerable<(float Value, float Weight)> rows)
    {
        var sketch = new QuantileSketch();
        foreach ((float value, float weight) in rows)
            sketch.Add(value, weight);
        return sketch;
    }
}
