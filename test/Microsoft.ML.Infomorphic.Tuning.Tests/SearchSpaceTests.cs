using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class SearchSpaceTests
{
    private static readonly SearchSpace s_space = new(
        new RealParameter("x", -1, 1),
        new RealParameter("rate", 1e-4, 0.1, logarithmic: true),
        new IntegerParameter("n", 1, 5),
        new IntegerParameter("m", 1, 100, logarithmic: true),
        new ChoiceParameter("kind", "a", "b")
    );

    [TestMethod]
    public void Json_brings_back_an_equal_space()
    {
        SearchSpace read = JsonSerializer.Deserialize<SearchSpace>(JsonSerializer.Serialize(s_space))!;

        Assert.AreEqual(s_space, read);
        Assert.AreEqual(s_space.Fingerprint, read.Fingerprint);
        Assert.AreEqual(s_space.GetHashCode(), read.GetHashCode());
    }

    [TestMethod]
    public void The_fingerprint_stays_the_same_in_every_version() =>
        Assert.AreEqual(ExpectedFingerprint, s_space.Fingerprint);

    [TestMethod]
    public void The_fingerprint_differs_where_anything_differs()
    {
        SearchSpace[] spaces =
        [
            s_space,
            new(new RealParameter("x", -1, 1)),
            new(new RealParameter("y", -1, 1)),
            new(new RealParameter("x", -1, 2)),
            new(new RealParameter("x", 1, 2)),
            new(new RealParameter("x", 1, 2, logarithmic: true)),
            new(new IntegerParameter("x", 1, 2)),
            new(new IntegerParameter("x", 1, 2, logarithmic: true)),
            new(new ChoiceParameter("x", "1", "2")),
            new(new ChoiceParameter("x", "2", "1")),
            new(new ChoiceParameter("x", "1", "2", "3")),
            new(new ChoiceParameter("x", "11:2", "3")),
            new(new RealParameter("x", -1, 1), new RealParameter("y", -1, 1)),
            new(new RealParameter("y", -1, 1), new RealParameter("x", -1, 1)),
        ];
        Assert.HasCount(spaces.Length, spaces.Select(s => s.Fingerprint).Distinct());
        Assert.HasCount(spaces.Length, spaces.Distinct());
    }

    [TestMethod]
    public void A_parameters_places_and_values_fit_together()
    {
        foreach (Parameter parameter in s_space.Parameters)
        {
            for (int i = 0; i <= 1000; i++)
            {
                double value = parameter.FromUnit(i / 1000.0);
                Assert.IsTrue(parameter.Contains(value), $"{parameter.Name}: {value}");
                double place = parameter.ToUnit(value);
                Assert.IsTrue(place is >= 0 and <= 1);
                Assert.AreEqual(value, parameter.FromUnit(place), 1e-12);
            }
            Assert.IsTrue(parameter.Contains(parameter.FromUnit(-0.1)));
            Assert.IsTrue(parameter.Contains(parameter.FromUnit(1.1)));
        }
        Assert.AreEqual(Math.Sqrt(1e-5), s_space.Parameters[1].FromUnit(0.5), 1e-15);
        Assert.AreEqual(10, s_space.Parameters[3].FromUnit(0.57)); // near the root of ½ · 100½, rounded
    }

    [TestMethod]
    public void Whole_numbers_and_choices_have_equal_shares()
    {
        double[] n = [.. Enumerable.Range(0, 1000).Select(i => s_space.Parameters[2].FromUnit((i + 0.5) / 1000))];
        double[] kind = [.. Enumerable.Range(0, 1000).Select(i => s_space.Parameters[4].FromUnit((i + 0.5) / 1000))];

        Assert.IsTrue(n.CountBy(v => v).All(pair => pair.Value == 200));
        Assert.IsTrue(kind.CountBy(v => v).All(pair => pair.Value == 500));
    }

    [TestMethod]
    public void Points_know_their_values()
    {
        ParameterPoint point = s_space.CreatePoint(0.5, 0.01, 3, 50, 1);

        Assert.AreEqual("x = 0.5, rate = 0.01, n = 3, m = 50, kind = b", point.ToString());
        Assert.AreEqual(3, point["n"]);
        Assert.AreEqual("b", point.GetChoice("kind"));
        Assert.AreEqual(point, s_space.CreatePoint(0.5, 0.01, 3, 50, 1));
        Assert.AreNotEqual(point, s_space.CreatePoint(0.5, 0.01, 3, 50, 0));
    }

    [TestMethod]
    public void A_search_space_that_is_wrong_is_refused_in_one_sentence()
    {
        AssertSays("The search space is empty: free at least one parameter.", () => new SearchSpace());
        AssertSays(
            "The lower bound of the parameter x must be below its upper bound, and they are 2 and 1.",
            () => new RealParameter("x", 2, 1)
        );
        AssertSays(
            "The lower bound of the parameter n must be below its upper bound, and they are 3 and 3.",
            () => new IntegerParameter("n", 3, 3)
        );
        AssertSays("must be finite, and are NaN and 1", () => new RealParameter("x", double.NaN, 1));
        AssertSays("must be finite", () => new RealParameter("x", double.MinValue, double.MaxValue));
        AssertSays("must be positive, and is 0", () => new RealParameter("x", 0, 1, logarithmic: true));
        AssertSays("must be positive, and is 0", () => new IntegerParameter("n", 0, 5, logarithmic: true));
        AssertSays("needs at least 2 choices, and has 1", () => new ChoiceParameter("kind", "a"));
        AssertSays("must be different", () => new ChoiceParameter("kind", "a", "a"));
        AssertSays("needs a name", () => new RealParameter(" ", 0, 1));
        AssertSays(
            "two parameters with the name x",
            () => new SearchSpace(new RealParameter("x", 0, 1), new IntegerParameter("x", 0, 1))
        );
        AssertSays("has 5 values and got 2", () => s_space.CreatePoint(0, 1));
        AssertSays("not allowed for the parameter n", () => s_space.CreatePoint(0.5, 0.01, 2.5, 50, 1));
        AssertSays("not allowed for the parameter x", () => s_space.CreatePoint(double.NaN, 0.01, 2, 50, 1));
        AssertSays("no parameter with the name y", () => _ = s_space.CreatePoint(0, 0.01, 2, 50, 1)["y"]);
        AssertSays("is not a choice", () => s_space.CreatePoint(0, 0.01, 2, 50, 1).GetChoice("n"));
    }

    private const string ExpectedFingerprint = "314da32ab8d3f042f6f9ea21a8d12e56";

    private static void AssertSays(string part, Action action) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(action).Message);

    private static readonly SearchSpace s_oriented = new(
        [
            new RealParameter("x", -1, 1),
            new RealParameter("y", 0, 10),
            new RealParameter("z", -1, 1),
            new ChoiceParameter("c", "a", "b"),
        ],
        [new ParameterOrientation(["x", "y"], [1, -0.5])]
    );

    [TestMethod]
    public void Of_a_random_point_and_its_mirror_image_the_one_that_is_preferred_is_proposed()
    {
        SearchSpace plain = new([.. s_oriented.Parameters]);
        foreach (
            (Tuner free, Tuner oriented) in new (Tuner, Tuner)[]
            {
                (
                    new RandomTuner(plain, OptimizationDirection.Minimize, 1),
                    new RandomTuner(s_oriented, OptimizationDirection.Minimize, 1)
                ),
                (
                    new QuasiRandomTuner(plain, OptimizationDirection.Minimize, 1),
                    new QuasiRandomTuner(s_oriented, OptimizationDirection.Minimize, 1)
                ),
                (
                    new TpeTuner(plain, OptimizationDirection.Minimize, 1),
                    new TpeTuner(s_oriented, OptimizationDirection.Minimize, 1)
                ),
            }
        )
        {
            int turned = 0;
            for (int i = 0; i < 100; i++)
            {
                ParameterPoint drawn = free.Ask().Point;
                ParameterPoint proposed = oriented.Ask().Point;
                bool image = drawn["x"] - 0.5 * (drawn["y"] - 5) < 0;
                turned += image ? 1 : 0;
                Assert.AreEqual(image ? -drawn["x"] : drawn["x"], proposed["x"], 1e-12);
                Assert.AreEqual(image ? 10 - drawn["y"] : drawn["y"], proposed["y"], 1e-12);
                Assert.AreEqual((drawn["z"], drawn["c"]), (proposed["z"], proposed["c"]));
            }
            Assert.IsInRange(30, 70, turned);
        }
    }

    [TestMethod]
    public void An_orientation_is_saved_with_the_space_and_tells_it_from_others()
    {
        Tuner tuner = new RandomTuner(s_oriented, OptimizationDirection.Minimize, 1);
        Tuner read = Tuner.Load(tuner.Save());
        Assert.AreEqual(s_oriented, read.Space);
        Assert.AreEqual(tuner.Ask().Point, read.Ask().Point);
        SearchSpace plain = new([.. s_oriented.Parameters]);
        Assert.AreNotEqual(plain, s_oriented);
        Assert.AreNotEqual(plain.Fingerprint, s_oriented.Fingerprint);
        Assert.DoesNotContain("rientation", new RandomTuner(plain, OptimizationDirection.Minimize, 1).Save());
        foreach (
            (string[] names, double[] weights) in new (string[], double[])[]
            {
                (["w"], [1]),
                (["c"], [1]),
                (["x"], []),
                ([], []),
                (["x"], [double.NaN]),
            }
        )
            Assert.Throws<ArgumentException>(() =>
                new SearchSpace(s_oriented.Parameters, [new ParameterOrientation(names, weights)])
            );
    }
}
