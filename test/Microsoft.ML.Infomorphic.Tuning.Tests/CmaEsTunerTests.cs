using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class CmaEsTunerTests
{
    [TestMethod]
    public void The_tuner_adapts_as_cmaes_does()
    {
        using var document = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reference", "cmaes.json"))
        );
        var strategy = new CovarianceMatrixAdaptation([0.5, 0.5, 0.5, 0.5, 0.5], 1.0 / 6, 8, new double[5]);
        foreach (JsonElement generation in document.RootElement.GetProperty("generations").EnumerateArray())
        {
            double[][] samples = generation.GetProperty("samples").Deserialize<double[][]>()!;
            double[] losses = generation.GetProperty("losses").Deserialize<double[]>()!;
            double[][] ranked = [.. samples.Zip(losses).OrderBy(p => p.Second).Select(p => p.First)];
            strategy.Update(ranked, losses.Min(), losses.Max());

            // Sums in another order differ in the last digits; a wrong term or constant would in the first ones.
            AssertClose(generation.GetProperty("mean").Deserialize<double[]>()!, strategy.Mean);
            Assert.AreEqual(generation.GetProperty("sigma").GetDouble(), strategy.Sigma, 1e-12);
            double[][] covariance = generation.GetProperty("covariance").Deserialize<double[][]>()!;
            for (int i = 0; i < 5; i++)
                AssertClose(covariance[i], [.. Enumerable.Range(0, 5).Select(j => strategy.Covariance[i, j])]);
        }
        Assert.AreEqual(6, strategy.Generation);
    }

    [TestMethod]
    [DataRow(1, 4)]
    [DataRow(2, 6)]
    [DataRow(10, 10)]
    [DataRow(19, 12)]
    public void The_population_grows_with_the_logarithm_of_the_dimension(int dimensions, int lambda) =>
        Assert.AreEqual(lambda, new CmaEsTuner(Box(dimensions, 1), OptimizationDirection.Minimize, 1).BatchSize);

    [TestMethod]
    [DataRow(1, 300)]
    [DataRow(2, 400)]
    [DataRow(5, 900)]
    [DataRow(19, 4000)]
    public void The_tuner_converges_on_the_sphere(int dimensions, int evaluations) =>
        Assert.IsLessThan(
            1e-9,
            Minimize(
                new CmaEsTuner(Box(dimensions, 1), OptimizationDirection.Minimize, 1),
                evaluations,
                ObjectiveFunctions.Sphere
            )
        );

    [TestMethod]
    public void The_tuner_learns_the_ellipsoids_axes() =>
        Assert.IsLessThan(
            1e-9,
            Minimize(new CmaEsTuner(Box(7, 1), OptimizationDirection.Minimize, 1), 4000, ObjectiveFunctions.Ellipsoid)
        );

    [TestMethod]
    public void The_tuner_follows_Rosenbrocks_valley() =>
        Assert.IsLessThan(
            1e-9,
            Minimize(new CmaEsTuner(Box(5, 2), OptimizationDirection.Minimize, 2), 5000, ObjectiveFunctions.Rosenbrock)
        );

    [TestMethod]
    public void Restarts_with_a_growing_population_leave_local_optima()
    {
        var options = new CmaEsOptions { RestartGrowth = 2 };
        var restarting = new CmaEsTuner(Box(3, 5.12), OptimizationDirection.Minimize, 1, options);
        double best = Minimize(restarting, 15000, ObjectiveFunctions.Rastrigin);

        Assert.IsGreaterThanOrEqualTo(1, restarting.Restarts);
        Assert.AreEqual(7 << restarting.Restarts, restarting.BatchSize);
        Assert.IsLessThan(1e-6, best);
        Assert.AreEqual(restarting.Save(), Tuner.Load(restarting.Save()).Save());
        Assert.AreEqual(restarting.Ask().Point, Tuner.Load(SaveWithoutLast(restarting)).Ask().Point);
    }

    [TestMethod]
    public void Without_restarts_the_tuner_keeps_going_when_it_has_converged()
    {
        var tuner = new CmaEsTuner(Box(2, 1), OptimizationDirection.Minimize, 1);
        Minimize(tuner, 3000, ObjectiveFunctions.Sphere);

        Assert.AreEqual(0, tuner.Restarts);
        Assert.IsTrue(tuner.Ask().Point.Values.All(double.IsFinite));
    }

    [TestMethod]
    public void A_constant_objective_does_not_break_the_tuner()
    {
        var tuner = new CmaEsTuner(
            Box(3, 1),
            OptimizationDirection.Maximize,
            1,
            new CmaEsOptions { RestartGrowth = 2 }
        );
        Minimize(tuner, 1000, _ => 0.5);

        Assert.IsGreaterThanOrEqualTo(1, tuner.Restarts);
    }

    [TestMethod]
    public void The_tuner_finds_whole_numbers()
    {
        var space = new SearchSpace([.. Enumerable.Range(0, 4).Select(i => new IntegerParameter($"n{i}", -20, 30))]);
        var tuner = new CmaEsTuner(space, OptimizationDirection.Minimize, 1);

        Assert.AreEqual(0, Minimize(tuner, 600, x => x.Index().Sum(p => Math.Pow(p.Item - 7 * p.Index + 3, 2))));
    }

    [TestMethod]
    public void The_tuner_begins_at_the_initial_mean()
    {
        var options = new CmaEsOptions { InitialMean = [0.5, -0.25], InitialStepSize = 1e-6 };
        Trial first = new CmaEsTuner(Box(2, 1), OptimizationDirection.Minimize, 1, options).Ask();

        Assert.AreEqual(0.5, first.Point.Values[0], 1e-4);
        Assert.AreEqual(-0.25, first.Point.Values[1], 1e-4);
    }

    [TestMethod]
    public void A_generation_waits_for_values_of_half_of_it()
    {
        var tuner = new CmaEsTuner(Box(2, 1), OptimizationDirection.Minimize, 1);
        foreach (Trial trial in tuner.Ask(6))
            tuner.Fail(trial.Number);
        foreach (Trial trial in tuner.Ask(2))
            tuner.Tell(trial.Number, 1);
        Assert.AreEqual(0, tuner.Generation);

        tuner.Tell(tuner.Ask().Number, 1);
        Assert.AreEqual(1, tuner.Generation);
    }

    [TestMethod]
    public void Late_values_count_for_the_best_alone()
    {
        var tuner = new CmaEsTuner(Box(2, 1), OptimizationDirection.Minimize, 1);
        IReadOnlyList<Trial> asked = tuner.Ask(7);
        foreach (Trial trial in asked.Take(6))
            tuner.Tell(trial.Number, trial.Number);
        var twin = (CmaEsTuner)Tuner.Load(tuner.Save());
        tuner.Tell(6, -5);
        twin.Fail(6);

        Assert.AreEqual(6, tuner.Best!.Number);
        Assert.AreEqual(twin.Ask().Point, tuner.Ask().Point);
    }

    [TestMethod]
    public void Choices_and_options_out_of_range_are_refused()
    {
        var space = new SearchSpace(new RealParameter("x", 0, 1), new ChoiceParameter("kind", "a", "b"));

        Assert.AreEqual(
            "CMA-ES cannot search the choice kind, which has no order: fix it, or take the TPE tuner.",
            Assert.Throws<ArgumentException>(() => new CmaEsTuner(space, OptimizationDirection.Minimize, 1)).Message
        );
        foreach (
            CmaEsOptions options in new CmaEsOptions[]
            {
                new() { PopulationSize = 3 },
                new() { InitialStepSize = 0 },
                new() { InitialStepSize = double.NaN },
                new() { RestartGrowth = 0.5 },
                new() { InitialMean = [0] },
                new() { InitialMean = [0, 7] },
            }
        )
            Assert.Throws<ArgumentException>(() =>
                new CmaEsTuner(Box(2, 1), OptimizationDirection.Minimize, 1, options)
            );
    }

    private static string SaveWithoutLast(Tuner tuner)
    {
        var copy = new CmaEsTuner(tuner.Space, tuner.Direction, tuner.Seed, new CmaEsOptions { RestartGrowth = 2 });
        copy.Replay(tuner.Events.SkipLast(1));
        return copy.Save();
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-12);
    }

    private static SearchSpace Box(int dimensions, double bound) =>
        new([.. Enumerable.Range(0, dimensions).Select(i => new RealParameter($"x{i:00}", -bound, bound))]);

    private static double Minimize(Tuner tuner, int evaluations, Func<IReadOnlyList<double>, double> objective)
    {
        for (int i = 0; i < evaluations; i++)
        {
            Trial trial = tuner.Ask();
            tuner.Tell(trial.Number, objective(trial.Point.Values));
        }
        return tuner.Best!.Value!.Value;
    }
}
