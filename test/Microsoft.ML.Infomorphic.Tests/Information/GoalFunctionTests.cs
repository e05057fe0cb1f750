using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Tests.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Information;

[TestClass]
public class GoalFunctionTests
{
    public static IEnumerable<object[]> Published => GoalFunctions.All.Select(preset => new object[] { preset.Name });

    [TestMethod]
    [DataRow(3, 20)]
    [DataRow(2, 8)]
    public void The_value_is_the_weighted_sum_of_atoms_and_residual_entropy(int sources, int outcomes)
    {
        GoalFunction goal = Goals.Random(sources, seed: 1);
        JointDistribution distribution = Distributions.Draw(sources, outcomes, seed: 2);
        var pid = new PartialInformationDecomposition(distribution);
        double expected =
            goal.Lattice.Antichains.Sum(antichain => goal[antichain] * pid[antichain])
            + goal.ResidualWeight * pid.ResidualEntropy;
        Assert.AreEqual(expected, goal.Evaluate(distribution), 1e-10);
    }

    [TestMethod]
    [DataRow(3, 20)]
    [DataRow(2, 8)]
    public void The_gradient_is_that_of_the_value(int sources, int outcomes)
    {
        GoalFunction goal = Goals.Random(sources, seed: 3);
        JointDistribution distribution = Distributions.Draw(sources, outcomes, seed: 4);
        double[] gradient = goal.Gradient(distribution);
        for (int cell = 0; cell < gradient.Length; cell++)
        {
            const double Step = 1e-6; // the third derivative's share is 10⁻¹² of it, rounding's 10⁻¹⁰
            double Moved(double mass) =>
                goal.Evaluate(
                    JointDistribution.FromProbabilities(
                        distribution.Outcomes.Select(o =>
                            (
                                o.Sources.ToArray(),
                                o.Target,
                                o.Sources.SequenceEqual(distribution.Cells[cell])
                                    ? o.Probability + o.Target * mass
                                    : o.Probability
                            )
                        )
                    )
                );
            Assert.AreEqual((Moved(Step) - Moved(-Step)) / (2 * Step), gradient[cell], 1e-6);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Published))]
    public void Published_goals_are_read_by_name_and_from_their_text(string name)
    {
        Assert.IsTrue(GoalFunctions.TryGet(name, out GoalPreset? preset));
        Assert.AreEqual(preset.Goal, GoalFunction.Parse(name, preset.Goal.Sources));
        Assert.AreEqual(preset.Goal, GoalFunction.Parse(preset.Goal.ToString(), preset.Goal.Sources));
    }

    [TestMethod]
    public void The_default_goal_is_over_the_sources()
    {
        foreach (string sources in new[] { "FCL", "FC", "FL" })
            Assert.AreEqual(sources, GoalFunctions.DefaultFor(sources).Sources);
        string message = Assert.ThrowsExactly<ArgumentException>(() => GoalFunctions.DefaultFor("F")).Message;
        StringAssert.StartsWith(message, "Hidden neurons have the sources FCL, FC or FL, and not \"F\".");
    }
}
