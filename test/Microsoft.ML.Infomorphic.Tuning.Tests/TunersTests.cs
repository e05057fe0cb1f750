using MathNet.Numerics.Statistics;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>What every tuner must do, and what those that learn must reach.</summary>
[TestClass]
public class TunersTests
{
    private const string Random = "random";
    private const string QuasiRandom = "quasi-random";
    private const string Tpe = "TPE";
    private const string CmaEs = "CMA-ES";
    private const string CmaEsWithRestarts = "CMA-ES with restarts";

    public static IEnumerable<object[]> All =>
        [
            [Random],
            [QuasiRandom],
            [Tpe],
            [CmaEs],
            [CmaEsWithRestarts],
        ];

    public static IEnumerable<object[]> LearnersOnObjectives =>
        from tuner in new[] { Tpe, CmaEs, CmaEsWithRestarts }
        from objective in new[] { "sphere", "ellipsoid", "Rosenbrock", "Rastrigin" }
        from dimensions in new[] { 2, 7, 19 }
        select new object[] { tuner, objective, dimensions };

    [TestMethod]
    [DynamicData(nameof(LearnersOnObjectives))]
    public void Learners_beat_random_search(string tuner, string objective, int dimensions)
    {
        (Func<IReadOnlyList<double>, double> function, double bound) = Objective(objective);
        SearchSpace space = Box(dimensions, bound);

        double[] learned = [.. Seeds(5).Select(seed => Minimize(Create(tuner, space, seed), 100, function))];
        double[] random = [.. Seeds(5).Select(seed => Minimize(Create(Random, space, seed), 100, function))];

        Assert.IsLessThan(random.Median(), learned.Median());
    }

    [TestMethod]
    [DataRow(Tpe)]
    [DataRow(CmaEs)]
    public void Learners_beat_random_search_under_noise(string tuner)
    {
        SearchSpace space = Box(5, 1);
        double[] learned = [.. Seeds(5).Select(seed => WithNoise(Create(tuner, space, seed)))];
        double[] random = [.. Seeds(5).Select(seed => WithNoise(Create(Random, space, seed)))];

        Assert.IsLessThan(random.Median(), learned.Median());

        // The mean of the last values without their noise: not the luckiest one.
        static double WithNoise(Tuner t)
        {
            var noise = new TuningRandom(t.Seed, (RandomPurpose)99, 0);
            double[] values = new double[200];
            for (int i = 0; i < values.Length; i++)
            {
                Trial trial = t.Ask();
                values[i] = ObjectiveFunctions.Sphere(trial.Point.Values);
                t.Tell(trial.Number, values[i] + 0.1 * noise.NextNormal());
            }
            return values[^20..].Average();
        }
    }

    [TestMethod]
    [DataRow(Tpe)]
    [DataRow(CmaEs)]
    public void Learners_beat_random_search_with_parallel_workers(string tuner)
    {
        SearchSpace space = Box(7, 1);
        double[] learned = [.. Seeds(5).Select(seed => WithWorkers(Create(tuner, space, seed)))];
        double[] random = [.. Seeds(5).Select(seed => WithWorkers(Create(Random, space, seed)))];

        Assert.IsLessThan(random.Median(), learned.Median());

        // Eight trials are out at any time; which of them ends next is random.
        static double WithWorkers(Tuner t)
        {
            var order = new TuningRandom(t.Seed, (RandomPurpose)99, 0);
            List<Trial> running = [.. t.Ask(8)];
            for (int i = 0; i < 150; i++)
            {
                int next = order.NextInteger(running.Count);
                t.Tell(running[next].Number, ObjectiveFunctions.Sphere(running[next].Point.Values));
                running[next] = t.Ask();
            }
            return t.Best!.Value!.Value;
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Proposals_are_within_bounds_even_where_the_optimum_is_outside(string tuner)
    {
        SearchSpace space = Box(6, 1);
        Tuner t = Create(tuner, space, 3);
        double best = Minimize(t, tuner == Tpe ? 200 : 800, x => x.Sum(v => Math.Pow(v - 2, 2)));

        Assert.IsTrue(t.Trials.All(trial => trial.Point.Values.All(v => v is >= -1 and <= 1)));
        if (tuner is CmaEs or CmaEsWithRestarts)
            Assert.AreEqual(6, best, 0.05); // the corner (1, …, 1)
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Maximizing_is_minimizing_the_negative(string tuner)
    {
        SearchSpace space = Box(4, 1);
        Tuner down = Create(tuner, space, 5, OptimizationDirection.Minimize);
        Tuner up = Create(tuner, space, 5, OptimizationDirection.Maximize);
        for (int i = 0; i < 60; i++)
        {
            Trial a = down.Ask();
            Trial b = up.Ask();
            Assert.AreEqual(a.Point, b.Point);
            double value = ObjectiveFunctions.Sphere(a.Point.Values);
            down.Tell(a.Number, value);
            up.Tell(b.Number, -value);
        }
        Assert.AreEqual(down.Best!.Number, up.Best!.Number);
        Assert.AreEqual(down.Trials.Min(t => t.Value), down.Best.Value);
        Assert.AreEqual(up.Trials.Max(t => t.Value), up.Best.Value);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Failed_and_nan_trials_do_no_harm(string tuner)
    {
        SearchSpace space = Box(5, 1);
        double[] hurt = [.. Seeds(5).Select(seed => Run(Create(tuner, space, seed)))];
        double[] random =
        [
            .. Seeds(5).Select(seed => Minimize(Create(Random, space, seed + 100), 200, ObjectiveFunctions.Sphere)),
        ];

        if (tuner is not (Random or QuasiRandom))
            Assert.IsLessThan(random.Median(), hurt.Median());

        static double Run(Tuner t)
        {
            for (int i = 0; i < 200; i++)
            {
                Trial trial = t.Ask();
                if (i % 4 == 1)
                    t.Fail(trial.Number);
                else if (i % 4 == 3)
                    t.Tell(
                        trial.Number,
                        (i % 12) switch
                        {
                            3 => double.NaN,
                            7 => double.NegativeInfinity,
                            _ => double.PositiveInfinity,
                        }
                    );
                else
                    t.Tell(trial.Number, ObjectiveFunctions.Sphere(trial.Point.Values));
            }
            Assert.AreEqual(100, t.Trials.Count(trial => trial.State == TrialState.Failed));
            Assert.IsTrue(t.Trials.All(trial => (trial.State == TrialState.Failed) == (trial.Value is null)));
            return t.Best!.Value!.Value;
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Pruned_trials_teach_and_are_never_the_best(string tuner)
    {
        SearchSpace space = Box(5, 1);
        double[] pruned = [.. Seeds(5).Select(seed => Run(Create(tuner, space, seed)))];
        double[] random =
        [
            .. Seeds(5).Select(seed => Minimize(Create(Random, space, seed + 100), 200, ObjectiveFunctions.Sphere)),
        ];

        if (tuner is not (Random or QuasiRandom))
            Assert.IsLessThan(random.Median(), pruned.Median());

        // Of four trials the third tells what it had when it ended, and the fourth nothing.
        static double Run(Tuner t)
        {
            for (int i = 0; i < 200; i++)
            {
                Trial trial = t.Ask();
                double value = ObjectiveFunctions.Sphere(trial.Point.Values);
                if (i % 4 == 2)
                    t.Prune(trial.Number, value);
                else if (i % 4 == 3)
                    t.Prune(trial.Number, i % 8 == 3 ? null : double.NaN);
                else
                    t.Tell(trial.Number, value);
            }
            Trial[] ended = [.. t.Trials.Where(trial => trial.State == TrialState.Pruned)];
            Assert.HasCount(100, ended);
            Assert.AreEqual(50, ended.Count(trial => trial.Value is null));
            double best = t.Trials.Where(trial => trial.State == TrialState.Completed).Min(trial => trial.Value!.Value);
            Assert.AreEqual((TrialState.Completed, best), (t.Best!.State, t.Best.Value!.Value));
            AssertSameFuture(Tuner.Load(t.Save()), t);
            return t.Trials.Min(trial => trial.Value)!.Value;
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void A_pruned_trials_value_counts_like_a_told_one(string tuner)
    {
        SearchSpace space = Box(4, 1);
        Tuner told = Create(tuner, space, 8);
        Tuner pruned = Create(tuner, space, 8);
        for (int i = 0; i < 60; i++)
        {
            Trial trial = told.Ask();
            Assert.AreEqual(trial.Point, pruned.Ask().Point);
            double value = ObjectiveFunctions.Sphere(trial.Point.Values);
            told.Tell(trial.Number, value);
            pruned.Prune(trial.Number, value);
        }
        Assert.IsNotNull(told.Best);
        Assert.IsNull(pruned.Best);
    }

    [TestMethod]
    public void Pruned_trials_without_values_do_not_keep_tpe_at_its_random_start()
    {
        SearchSpace space = Box(5, 1);
        Tuner random = Create(Random, space, 3);
        var tpe = new TpeTuner(space, OptimizationDirection.Minimize, 3, new TpeOptions { StartupTrials = 10 });
        for (int i = 0; i < 10; i++)
        {
            Assert.AreEqual(random.Ask().Point, tpe.Ask().Point);
            if (i == 0)
                tpe.Tell(i, ObjectiveFunctions.Sphere(tpe.Trials[i].Point.Values));
            else
                tpe.Prune(i, null);
        }
        Assert.AreNotEqual(random.Ask().Point, tpe.Ask().Point);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Where_all_trials_fail_a_tuner_goes_on(string tuner)
    {
        Tuner t = Create(tuner, Box(3, 1), 1);
        for (int i = 0; i < 60; i++)
            t.Tell(t.Ask().Number, double.NaN);

        Assert.IsNull(t.Best);
        Assert.HasCount(60, t.Trials.Select(trial => trial.Point).Distinct());
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Where_a_region_fails_a_tuner_finds_the_best_of_the_rest(string tuner)
    {
        Tuner t = Create(tuner, Box(2, 1), 1);
        double best = Minimize(t, 150, x => x[0] < 0 ? double.NaN : Math.Pow(x[0] - 0.1, 2) + Math.Pow(x[1], 2));

        Assert.IsLessThan(0.05, best);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void A_tuner_resumes_exactly_at_any_point(string tuner)
    {
        SearchSpace space = Box(3, 1);
        Tuner t = Create(tuner, space, 7);
        var workload = new TuningRandom(11, (RandomPurpose)99, 0);
        for (int i = 0; i < 120; i++)
        {
            Act(t, workload);
            if (i % 7 != 0)
                continue;

            Tuner loaded = Tuner.Load(t.Save());
            Tuner replayed = Create(tuner, space, 7);
            replayed.Replay(t.Events);
            foreach (Tuner copy in new[] { loaded, replayed })
            {
                Assert.AreEqual(t.GetType(), copy.GetType());
                Assert.AreEqual(t.Save(), copy.Save());
                CollectionAssert.AreEqual(t.Trials.ToArray(), copy.Trials.ToArray());
                Assert.AreEqual(t.Best, copy.Best);
                AssertSameFuture(Tuner.Load(t.Save()), copy);
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Asking_again_in_the_recorded_order_gives_the_recorded_points(string tuner)
    {
        SearchSpace space = Box(3, 1);
        Tuner t = Create(tuner, space, 7);
        var workload = new TuningRandom(12, (RandomPurpose)99, 0);
        for (int i = 0; i < 150; i++)
            Act(t, workload);

        Tuner fresh = Create(tuner, space, 7);
        foreach (TunerEvent recorded in t.Events)
            if (recorded.Kind == TunerEventKind.Asked)
                CollectionAssert.AreEqual(recorded.Values!.ToArray(), fresh.Ask().Point.Values);
            else
                fresh.Replay(recorded);
        Assert.AreEqual(t.Save(), fresh.Save());
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void The_order_of_a_batch_does_not_matter(string tuner)
    {
        Tuner forward = Create(tuner, Box(4, 1), 3);
        Tuner backward = Create(tuner, Box(4, 1), 3);
        for (int batch = 0; batch < 8; batch++)
        {
            int count = Math.Max(4, forward.BatchSize);
            IReadOnlyList<Trial> asked = forward.Ask(count);
            CollectionAssert.AreEqual(asked.ToArray(), backward.Ask(count).ToArray());
            foreach (Trial trial in asked)
                forward.Tell(trial.Number, ObjectiveFunctions.Rastrigin(trial.Point.Values));
            foreach (Trial trial in asked.Reverse())
                backward.Tell(trial.Number, ObjectiveFunctions.Rastrigin(trial.Point.Values));
        }
        Assert.AreEqual(forward.Ask().Point, backward.Ask().Point);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Seeds_differ_and_repeat(string tuner)
    {
        SearchSpace space = Box(3, 1);
        ParameterPoint first = Create(tuner, space, 1).Ask().Point;

        Assert.AreEqual(first, Create(tuner, space, 1).Ask().Point);
        Assert.AreNotEqual(first, Create(tuner, space, 2).Ask().Point);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Workers_that_ask_at_once_get_different_points(string tuner)
    {
        Tuner t = Create(tuner, Box(3, 1), 1);
        Minimize(t, 40, ObjectiveFunctions.Sphere);

        Assert.HasCount(20, t.Ask(20).Select(trial => trial.Point).Distinct());
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Enqueued_points_count_for_the_best(string tuner)
    {
        SearchSpace space = Box(2, 1);
        Tuner t = Create(tuner, space, 1);
        Trial enqueued = t.Enqueue(space.CreatePoint(0.25, -0.5));
        t.Tell(enqueued.Number, -1);
        Minimize(t, 50, ObjectiveFunctions.Sphere);

        Assert.IsTrue(t.Trials[0].Enqueued);
        Assert.AreEqual(0, t.Best!.Number);
        Assert.AreEqual(space.CreatePoint(0.25, -0.5), t.Best.Point);
    }

    [TestMethod]
    [DataRow(Random)]
    [DataRow(QuasiRandom)]
    [DataRow(Tpe)]
    public void Mixed_spaces_are_searched(string tuner)
    {
        var space = new SearchSpace(
            new RealParameter("x", -1, 1),
            new RealParameter("rate", 1e-5, 1, logarithmic: true),
            new IntegerParameter("n", 1, 9),
            new IntegerParameter("m", 1, 1000, logarithmic: true),
            new ChoiceParameter("kind", "a", "b", "c", "d")
        );
        Tuner t = Create(tuner, space, 4);
        double best = Minimize(
            t,
            200,
            x =>
                Math.Pow(x[0] - 0.3, 2)
                + Math.Pow(Math.Log10(x[1]) + 3, 2)
                + Math.Pow((x[2] - 7) / 4, 2)
                + Math.Pow(Math.Log10(x[3]) - 1, 2)
                + (x[4] == 2 ? 0 : 1)
        );

        foreach (Trial trial in t.Trials)
            for (int i = 0; i < 5; i++)
                Assert.IsTrue(space.Parameters[i].Contains(trial.Point.Values[i]));
        Assert.AreEqual(4, t.Trials.Select(trial => trial.Point.GetChoice("kind")).Distinct().Count());
        Assert.AreEqual(9, t.Trials.Select(trial => trial.Point["n"]).Distinct().Count());
        if (tuner == Tpe)
        {
            Assert.AreEqual("c", t.Best!.Point.GetChoice("kind"));
            Assert.IsLessThan(0.15, best);
        }
        AssertSameFuture(Tuner.Load(t.Save()), t);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Values_and_points_that_do_not_fit_are_refused(string tuner)
    {
        SearchSpace space = Box(2, 1);
        Tuner t = Create(tuner, space, 1);
        t.Tell(t.Ask().Number, 1);
        t.Fail(t.Ask().Number);
        string before = t.Save();

        AssertSays("Trial 0 is not running: it has been completed already.", () => t.Tell(0, 1));
        AssertSays("Trial 1 is not running: it has failed already.", () => t.Fail(1));
        AssertSays("There is no trial 7.", () => t.Tell(7, 1));
        AssertSays("Trial 0 is not running: it has been completed already.", () => t.Prune(0, 1));
        AssertSays("There is no trial -1.", () => t.Fail(-1));
        AssertSays("another search space", () => t.Enqueue(Box(3, 1).CreatePoint(0, 0, 0)));
        AssertSays("2 is next, and 5 was recorded", () => t.Replay(new TunerEvent(TunerEventKind.Asked, 5, [0, 0])));
        AssertSays(
            "not allowed for the parameter x01",
            () => t.Replay(new TunerEvent(TunerEventKind.Asked, 2, [0, 3]))
        );
        AssertSays("has no point", () => t.Replay(new TunerEvent(TunerEventKind.Enqueued, 2)));
        Assert.AreEqual(before, t.Save());
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void A_tuner_refuses_to_load_what_it_did_not_save(string tuner)
    {
        Tuner t = Create(tuner, Box(2, 1), 1);
        t.Tell(t.Ask().Number, 1);
        string saved = t.Save();

        AssertSays<FormatException>("newer version", () => Tuner.Load(saved.Replace("\"Version\":1", "\"Version\":2")));
        AssertSays<FormatException>(
            "no tuner with the name other",
            () => Tuner.Load(saved.Replace($"\"Tuner\":\"{NameOf(t)}\"", "\"Tuner\":\"other\""))
        );
        foreach (
            string broken in new[]
            {
                "",
                "x",
                "null",
                "[]",
                "{}",
                saved[..^5],
                saved.Replace("\"Trial\":0", "\"Trial\":4"),
            }
        )
            AssertSays<FormatException>("The text is not a saved tuner", () => Tuner.Load(broken));
    }

    private static string NameOf(Tuner tuner) =>
        tuner switch
        {
            TpeTuner => "TPE",
            CmaEsTuner => "CMA-ES",
            QuasiRandomTuner => "quasi-random",
            _ => "random",
        };

    private static Tuner Create(
        string tuner,
        SearchSpace space,
        ulong seed,
        OptimizationDirection direction = OptimizationDirection.Minimize
    ) =>
        tuner switch
        {
            Random => new RandomTuner(space, direction, seed),
            QuasiRandom => new QuasiRandomTuner(space, direction, seed),
            Tpe => new TpeTuner(space, direction, seed),
            CmaEs => new CmaEsTuner(space, direction, seed),
            CmaEsWithRestarts => new CmaEsTuner(space, direction, seed, new CmaEsOptions { RestartGrowth = 2 }),
            _ => throw new ArgumentException(tuner),
        };

    private static (Func<IReadOnlyList<double>, double>, double Bound) Objective(string name) =>
        name switch
        {
            "sphere" => (ObjectiveFunctions.Sphere, 1),
            "ellipsoid" => (ObjectiveFunctions.Ellipsoid, 1),
            "Rosenbrock" => (ObjectiveFunctions.Rosenbrock, 2),
            _ => (ObjectiveFunctions.Rastrigin, 5.12),
        };

    private static SearchSpace Box(int dimensions, double bound) =>
        new([.. Enumerable.Range(0, dimensions).Select(i => new RealParameter($"x{i:00}", -bound, bound))]);

    private static IEnumerable<ulong> Seeds(int count) => Enumerable.Range(1, count).Select(i => (ulong)i);

    private static double Minimize(Tuner tuner, int evaluations, Func<IReadOnlyList<double>, double> objective)
    {
        for (int i = 0; i < evaluations; i++)
        {
            Trial trial = tuner.Ask();
            tuner.Tell(trial.Number, objective(trial.Point.Values));
        }
        return tuner.Best!.Value!.Value;
    }

    // What several workers might do: ask, tell out of order, fail, enqueue.
    private static void Act(Tuner tuner, TuningRandom workload)
    {
        Trial[] running = [.. tuner.Trials.Where(t => t.State == TrialState.Running)];
        int action = workload.NextInteger(20);
        if (running.Length == 0 || (action < 8 && running.Length < 6))
            tuner.Ask();
        else if (action == 8)
            tuner.Enqueue(tuner.Space.CreatePoint([.. tuner.Space.Parameters.Select(_ => workload.NextUniform())]));
        else
        {
            Trial trial = running[workload.NextInteger(running.Length)];
            if (action == 9)
                tuner.Fail(trial.Number);
            else
                tuner.Tell(trial.Number, ObjectiveFunctions.Sphere(trial.Point.Values));
        }
    }

    private static void AssertSameFuture(Tuner expected, Tuner actual)
    {
        // The second one stays as it is for others.
        Tuner copy = Tuner.Load(actual.Save());
        for (int i = 0; i < 12; i++)
        {
            Trial trial = expected.Ask();
            CollectionAssert.AreEqual(trial.Point.Values, copy.Ask().Point.Values);
            expected.Tell(trial.Number, trial.Point.Values.Sum());
            copy.Tell(trial.Number, trial.Point.Values.Sum());
        }
    }

    private static void AssertSays(string part, Action action) => AssertSays<ArgumentException>(part, action);

    private static void AssertSays<T>(string part, Action action)
        where T : Exception => Assert.Contains(part, Assert.Throws<T>(action).Message);
}
