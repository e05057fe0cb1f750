namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class ParameterImportanceTests
{
    private static readonly SearchSpace s_space = new(
        new RealParameter("none", -1, 1),
        new RealParameter("strong", -1, 1),
        new RealParameter("weak", 1e-3, 1, logarithmic: true),
        new ChoiceParameter("kind", "a", "b", "c"),
        new IntegerParameter("n", 1, 9)
    );

    [TestMethod]
    [DataRow(OptimizationDirection.Minimize)]
    [DataRow(OptimizationDirection.Maximize)]
    public void Importance_ranks_parameters_by_what_they_do(OptimizationDirection direction)
    {
        IReadOnlyList<ParameterImportance> found = ParameterImportance.Compute(
            s_space,
            Trials(direction, p => 4 * p["strong"] + 0.3 * Math.Log10(p["weak"]) + (p["kind"] == 1 ? 2 : 0))
        );

        CollectionAssert.AreEqual(new[] { "strong", "kind", "weak" }, found.Take(3).Select(i => i.Name).ToArray());
        Assert.AreEqual(1, found.Sum(i => i.Value), 1e-9);
        Assert.IsGreaterThan(0.6, found[0].Value);
        Assert.IsLessThan(0.03, found[^1].Value);
        Assert.HasCount(5, found);
    }

    [TestMethod]
    public void Importance_is_the_same_each_time()
    {
        Trial[] trials = Trials(OptimizationDirection.Minimize, p => p["n"] * p["strong"]);

        CollectionAssert.AreEqual(
            ParameterImportance.Compute(s_space, trials, 3).ToArray(),
            ParameterImportance.Compute(s_space, trials, 3).ToArray()
        );
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(0.547619)] // no number of single precision: its rounding is no difference
    public void Importance_is_zero_where_values_do_not_differ(double value) =>
        Assert.IsTrue(
            ParameterImportance
                .Compute(s_space, Trials(OptimizationDirection.Minimize, _ => value))
                .All(i => i.Value == 0)
        );

    [TestMethod]
    public void Importance_does_not_depend_on_the_scale_of_values()
    {
        Trial[] trials = Trials(OptimizationDirection.Minimize, p => p["n"] * p["strong"]);
        Trial[] shifted = Trials(OptimizationDirection.Minimize, p => 1000 + 1e-6 * p["n"] * p["strong"]);
        foreach (
            (ParameterImportance one, ParameterImportance other) in ParameterImportance
                .Compute(s_space, trials)
                .Zip(ParameterImportance.Compute(s_space, shifted))
        )
        {
            Assert.AreEqual(one.Name, other.Name);
            Assert.AreEqual(one.Value, other.Value, 0.02); // 10 of the 16 digits are left of the shifted values
        }
    }

    [TestMethod]
    public void Importance_needs_completed_trials()
    {
        var tuner = new RandomTuner(s_space, OptimizationDirection.Minimize, 1);
        tuner.Ask(10);
        tuner.Tell(0, 1);
        foreach (int trial in Enumerable.Range(1, 5))
            tuner.Prune(trial, trial); // at an early epoch, which says nothing about the last one

        Assert.AreEqual(
            "Parameter importance needs at least 4 completed trials, and there are 1. (Parameter 'trials')",
            Assert.Throws<ArgumentException>(() => ParameterImportance.Compute(s_space, tuner.Trials)).Message
        );
    }

    private static Trial[] Trials(OptimizationDirection direction, Func<ParameterPoint, double> objective)
    {
        var tuner = new RandomTuner(s_space, direction, 1);
        foreach (Trial trial in tuner.Ask(200))
            if (trial.Number % 10 == 0)
                tuner.Fail(trial.Number);
            else
                tuner.Tell(trial.Number, objective(trial.Point));
        return [.. tuner.Trials];
    }
}
