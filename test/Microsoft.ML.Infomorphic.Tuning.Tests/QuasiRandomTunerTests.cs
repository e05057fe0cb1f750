namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class QuasiRandomTunerTests
{
    [TestMethod]
    [DataRow(0, 2)]
    [DataRow(1, 3)]
    [DataRow(2, 5)]
    [DataRow(18, 67)]
    public void Every_block_of_points_has_one_in_each_interval(int dimension, int prime)
    {
        QuasiRandomTuner tuner = Create(19, 5);
        for (int size = prime; size <= 5000; size *= prime)
        for (int block = 0; block < 2; block++)
        {
            int[] counts = new int[size];
            for (int i = 0; i < size; i++)
                counts[(int)(tuner.Place(block * size + i, dimension) * size)]++;
            Assert.IsTrue(counts.All(count => count == 1), $"base {prime}, {size} points");
        }
    }

    [TestMethod]
    public void The_points_integrate_better_than_independent_ones()
    {
        const int Points = 1000;
        double quasi = 0;
        double independent = 0;
        for (ulong seed = 0; seed < 20; seed++)
        {
            quasi += SquaredError(Create(8, seed));
            independent += SquaredError(new RandomTuner(Box(8), OptimizationDirection.Minimize, seed));
        }
        Assert.IsLessThan(independent / 10, quasi);

        // ∏ (1 + (x − ½) / 2) over the unit cube is 1.
        static double SquaredError(Tuner tuner) =>
            Math.Pow(
                tuner
                    .Ask(Points)
                    .Average(t => t.Point.Values.Aggregate(1.0, (product, x) => product * (1 + (x - 0.5) / 2))) - 1,
                2
            );
    }

    [TestMethod]
    public void Enqueued_points_are_no_part_of_the_sequence()
    {
        QuasiRandomTuner tuner = Create(2, 1);
        QuasiRandomTuner other = Create(2, 1);
        other.Enqueue(other.Space.CreatePoint(0.5, 0.5));

        Assert.AreEqual(tuner.Ask().Point, other.Ask().Point);
    }

    private static QuasiRandomTuner Create(int dimensions, ulong seed) =>
        new(Box(dimensions), OptimizationDirection.Minimize, seed);

    private static SearchSpace Box(int dimensions) =>
        new([.. Enumerable.Range(0, dimensions).Select(i => new RealParameter($"x{i}", 0, 1))]);
}
