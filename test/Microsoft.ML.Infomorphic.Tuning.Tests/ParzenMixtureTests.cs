namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class ParzenMixtureTests
{
    private static readonly SearchSpace s_mixed = new(
        new RealParameter("x", -2, 3),
        new IntegerParameter("n", 1, 4),
        new IntegerParameter("m", 1, 8, logarithmic: true),
        new ChoiceParameter("kind", "a", "b", "c")
    );

    public static IEnumerable<object[]> Counts =>
        [
            [0],
            [1],
            [3],
            [25],
            [26],
            [40],
        ];

    [TestMethod]
    [DynamicData(nameof(Counts))]
    public void The_density_integrates_to_one(int observations)
    {
        ParzenMixture mixture = Mixture(observations);
        const int Steps = 200;
        double sum = 0;
        for (int step = 0; step < Steps; step++)
            foreach (double[] rest in DiscreteValues())
                sum += Math.Exp(mixture.LogDensity(Point((step + 0.5) / Steps, rest))) / Steps;

        Assert.AreEqual(1, sum, 1e-4); // the midpoint rule's error
    }

    [TestMethod]
    [DynamicData(nameof(Counts))]
    public void Samples_are_as_frequent_as_the_density_says(int observations)
    {
        ParzenMixture mixture = Mixture(observations);
        var random = new TuningRandom(1, RandomPurpose.Candidates, 0);
        const int Count = 8_000;
        double below = 0;
        double kind = 0;
        double whole = 0;
        for (int i = 0; i < Count; i++)
        {
            ParameterPoint point = mixture.Sample(random);
            below += point["x"] < 0 ? 1.0 / Count : 0;
            kind += point["kind"] == 1 ? 1.0 / Count : 0;
            whole += point["n"] == 2 && point["m"] > 3 ? 1.0 / Count : 0;
        }

        const double Tolerance = 5 * 0.5 / 89; // five standard deviations
        Assert.AreEqual(Mass(p => p["x"] < 0), below, Tolerance);
        Assert.AreEqual(Mass(p => p["kind"] == 1), kind, Tolerance);
        Assert.AreEqual(Mass(p => p["n"] == 2 && p["m"] > 3), whole, Tolerance);

        double Mass(Func<ParameterPoint, bool> condition)
        {
            const int Steps = 100;
            double sum = 0;
            for (int step = 0; step < Steps; step++)
                foreach (double[] rest in DiscreteValues())
                    if (Point((step + 0.5) / Steps, rest) is ParameterPoint point && condition(point))
                        sum += Math.Exp(mixture.LogDensity(point)) / Steps;
            return sum;
        }
    }

    [TestMethod]
    public void The_density_of_one_observation_is_the_one_worked_by_hand()
    {
        var space = new SearchSpace(new RealParameter("x", 0, 1));
        var mixture = new ParzenMixture(space, [space.CreatePoint(0.5)], new TpeOptions());

        // ½ N(½; ½, 0.333²) on [0, 1] + ½ N(½; ½, 1²) on [0, 1]: the bandwidth is 1 / (n + 2), above 0.1.
        const double H = 1.0 / 3;
        double kernel = 1 / (Math.Sqrt(2 * Math.PI) * H * (2 * 0.9331927987311419 - 1)); // Φ(1.5)
        double prior = 1 / (Math.Sqrt(2 * Math.PI) * (2 * 0.6914624612740131 - 1)); // Φ(0.5)
        Assert.AreEqual(Math.Log((kernel + prior) / 2), mixture.LogDensity(space.CreatePoint(0.5)), 1e-12);
    }

    [TestMethod]
    public void Old_observations_weigh_less()
    {
        var space = new SearchSpace(new RealParameter("x", 0, 1));
        // 75 new ones at 0.8; the same number of old ones at 0.2.
        ParameterPoint[] points = [.. Enumerable.Range(0, 150).Select(i => space.CreatePoint(i < 75 ? 0.2 : 0.8))];
        var mixture = new ParzenMixture(space, points, new TpeOptions());

        double ratio = Math.Exp(
            mixture.LogDensity(space.CreatePoint(0.8)) - mixture.LogDensity(space.CreatePoint(0.2))
        );
        Assert.IsTrue(ratio is > 2 and < 4, $"{ratio}");
    }

    private static ParzenMixture Mixture(int observations)
    {
        var random = new TuningRandom(3, RandomPurpose.Uniform, 0);
        ParameterPoint[] points =
        [
            .. Enumerable
                .Range(0, observations)
                .Select(_ =>
                    ParameterPoint.FromUnit(
                        s_mixed,
                        [.. s_mixed.Parameters.Select(_ => Math.Sqrt(random.NextUniform()))]
                    )
                ),
        ];
        return new ParzenMixture(s_mixed, points, new TpeOptions());
    }

    private static IEnumerable<double[]> DiscreteValues() =>
        from n in Enumerable.Range(1, 4)
        from m in Enumerable.Range(1, 8)
        from kind in Enumerable.Range(0, 3)
        select new double[] { n, m, kind };

    private static ParameterPoint Point(double place, double[] rest) => s_mixed.CreatePoint([-2 + 5 * place, .. rest]);
}
