using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class GoalSpaceTests
{
    [TestMethod]
    public void All_weights_of_every_published_goal_come_back()
    {
        foreach (GoalPreset preset in GoalFunctions.All)
        {
            GoalSpace space = GoalSpace.From(preset.Goal).FreeAll(-1, 1);

            Assert.HasCount(preset.Goal.Gamma.Count, space.Parameters);
            Assert.IsTrue(space.TryGetValues(preset.Goal, out IReadOnlyList<double>? values, out _));
            Assert.AreEqual(preset.Goal, GoalAt(space, values));
        }
    }

    [TestMethod]
    public void Weights_that_are_not_free_stay()
    {
        GoalSpace space = GoalSpace
            .From(GoalFunctions.FourTerms)
            .Free(-2, 2, "{F}{C}", "{F}{L}")
            .Free(-0.1, 0.1, GoalSpace.ResidualEntropy);

        CollectionAssert.AreEqual(
            new[] { "{F}{C}", "{F}{L}", "H_res" },
            space.Parameters.Select(p => p.Name).ToArray()
        );
        Assert.AreEqual(-0.1, space.Parameters[2].Low);
        Assert.AreEqual(
            GoalFunction.Parse("0.33{F}{C}{L} + 0.5{F}{C} + 2{F}{L} - {FC}{FL} + 0.05H_res"),
            GoalAt(space, [0.5, 2, 0.05])
        );
    }

    [TestMethod]
    public void Tied_weights_are_equal()
    {
        GoalSpace space = GoalSpace
            .From(GoalFunctions.Heuristic)
            .Free(-1, 1, "{F}{CL}", "{C}{FL}", "{L}{FC}")
            .Tie("{F}{CL}", "{C}{FL}")
            .Tie("{C}{FL}", "{L}{FC}");

        RealParameter parameter = Assert.ContainsSingle(space.Parameters);
        Assert.AreEqual("{F}{CL}={C}{FL}={L}{FC}", parameter.Name);
        Assert.AreEqual(GoalFunction.Parse("{F}{C} + 0.5{F}{CL} + 0.5{C}{FL} + 0.5{L}{FC}"), GoalAt(space, [0.5]));
        Assert.IsFalse(space.TryGetValues(GoalFunctions.OptimizedTpe1, out _, out string? reason));
        Assert.Contains("fixes it at", reason);
    }

    [TestMethod]
    public void Symmetric_goals_do_not_change_when_sources_change_places()
    {
        GoalSpace space = GoalSpace.From(GoalFunction.Parse("0", "FCL")).FreeAll(-1, 1).TieSymmetric('C', 'L');

        // Of 18 antichains 8 are their own images: {F}{C}{L}, {C}{L}, {F}{CL}, {F}, {FC}{FL}{CL}, {FC}{FL}, {CL}, {FCL}.
        Assert.HasCount(8 + 5 + 1, space.Parameters);
        double[] values = [.. space.Parameters.Select((_, i) => (i + 1) / 20.0)];
        GoalFunction goal = GoalAt(space, values);
        GoalFunction exchanged = GoalFunction.Parse(
            goal.ToString().Replace('C', '#').Replace('L', 'C').Replace('#', 'L')
        );
        Assert.AreEqual(goal, exchanged);
        Assert.IsTrue(space.TryGetValues(goal, out IReadOnlyList<double>? read, out _));
        CollectionAssert.AreEqual(values, read.ToArray());
    }

    [TestMethod]
    public void A_goal_that_is_not_in_the_space_is_refused_with_the_reason()
    {
        GoalSpace space = GoalSpace
            .From(GoalFunctions.Heuristic)
            .Free(0, 0.5, "{F}{C}")
            .Free(-1, 1, "{F}", "{C}")
            .Tie("{F}", "{C}");

        AssertReason("fixes it at 0", "{F}{L}");
        AssertReason("outside the search space's range from 0 to 0.5", "{F}{C}");
        AssertReason("ties {C} to {F}", "0.5{F}{C} + 0.5{F}");
        Assert.IsFalse(space.TryGetValues(GoalFunctions.Output, out _, out string? reason));
        Assert.Contains("over the sources FC", reason);

        void AssertReason(string part, string goal)
        {
            Assert.IsFalse(space.TryGetValues(GoalFunction.Parse(goal), out _, out string? reason));
            Assert.Contains(part, reason);
        }
    }

    [TestMethod]
    public void Fixed_weights_are_part_of_the_fingerprint()
    {
        GoalSpace space = GoalSpace.From(GoalFunctions.Heuristic).Free(-1, 1, "{F}{L}", "{F}");
        GoalSpace[] spaces =
        [
            space,
            GoalSpace.From(GoalFunctions.FourTerms).Free(-1, 1, "{F}{L}", "{F}"),
            space.Free(-1, 0.5, "{F}"),
            space.Tie("{F}{L}", "{F}"),
            space.Fix("{F}"),
            space.FixAt("{F}", 0.25),
            space.FixAt("{FC}", 0.25),
        ];
        Assert.HasCount(spaces.Length, spaces.Select(s => s.Fingerprint).Distinct());
        Assert.AreEqual(space.Fingerprint, space.FixAt("{F}", 0.5).Free(-1, 1, "{F}").Fingerprint);
    }

    [TestMethod]
    public void A_goal_space_that_is_wrong_is_refused_in_one_sentence()
    {
        GoalSpace space = GoalSpace.From(GoalFunctions.FourTerms);

        AssertSays("must be below its upper bound", () => space.FreeAll(1, -1));
        AssertSays("The goal has no atom {X}", () => space.Free(-1, 1, "{X}"));
        AssertSays("The goal has no atom {F}{F}", () => space.Free(-1, 1, "{F}{F}"));
        AssertSays("needs at least two atoms", () => space.Tie("{F}"));
        AssertSays("are tied, but fixed at 1 and -1", () => space.Tie("{F}{C}", "{F}{L}"));
        AssertSays("are tied, but fixed at", () => space.FreeAll(-1, 1).Tie("{F}{C}", "{F}{L}").Fix("{F}{C}"));
        AssertSays("can change places", () => space.TieSymmetric('C', 'X'));
        AssertSays("can change places", () => space.TieSymmetric('C', 'C'));
        AssertSays("finite", () => space.FixAt("{F}", double.NaN));
    }

    private static GoalFunction GoalAt(GoalSpace space, IReadOnlyList<double> values)
    {
        IReadOnlyList<RealParameter> parameters = space.Parameters;
        return space.GoalAt(name => values[parameters.Index().Single(p => p.Item.Name == name).Index]);
    }

    private static void AssertSays(string part, Action action) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(action).Message);

    [TestMethod]
    public void All_atoms_may_be_free_without_the_residual_entropy()
    {
        GoalSpace space = GoalSpace.From(GoalFunctions.OptimizedTpe1).FreeAtoms(-1, 1);
        Assert.HasCount(18, space.Parameters);
        Assert.AreEqual(0.035001249394734923, space.GoalAt(_ => 0.5).Gamma[^1]);
    }

    // The weight of a group of tied atoms is that of all of them.
    [TestMethod]
    public void Tied_weights_reward_what_their_atoms_do_together()
    {
        static ParameterOrientation Of(GoalSpace space) =>
            TrainerSpace.Empty.WithGoal(space.RewardInformation()).ToSearchSpace().Orientations!.Single();

        GoalSpace free = GoalSpace.From(GoalFunctions.Heuristic).FreeAtoms(-1, 1);
        ParameterOrientation all = Of(free);
        Assert.AreEqual(1, all.Weights.Sum(), 0.05); // shares of the whole information
        ParameterOrientation tied = Of(free.Tie("{F}", "{F}{L}").Fix("{FCL}"));
        Assert.HasCount(16, tied.Parameters);
        Assert.AreEqual(
            all.Weights[2] + all.Weights[7],
            tied.Weights[tied.Parameters.ToList().IndexOf("{F}{L}={F}")],
            1e-12
        );
        foreach (GoalFunction goal in new[] { GoalFunctions.ContextHeuristic, GoalFunctions.LateralHeuristic })
            Assert.AreEqual(1, Of(GoalSpace.From(goal).FreeAll(-1, 1)).Weights.Sum(), 0.05);
        Assert.AreEqual(0, Of(free.Free(-1, 1, "H_res")).Weights[^1]);
        Assert.AreNotEqual(free.Fingerprint, free.RewardInformation().Fingerprint);
        Assert.IsNull(TrainerSpace.Empty.WithGoal(free).ToSearchSpace().Orientations);
    }

    // What two sources have in common, or one of them alone, is that of three summed over what the third has to do with it.
    [TestMethod]
    public void What_untrained_neurons_know_of_two_sources_is_what_they_know_of_three_summed()
    {
        Dictionary<string, double> of3 = Shares(GoalFunctions.Heuristic);
        Dictionary<string, double> context = Shares(GoalFunctions.ContextHeuristic);
        double common = of3["{F}{C}{L}"] + of3["{F}{C}"];
        Assert.AreEqual(common, context["{F}{C}"], 0.011);
        Assert.AreEqual(of3["{F}{L}"] + of3["{F}{CL}"] + of3["{F}"], context["{F}"], 0.011);
        Assert.AreEqual(of3["{C}{L}"] + of3["{C}{FL}"] + of3["{C}"], context["{C}"], 0.011);
        Assert.AreEqual(
            of3["{L}{FC}"] + of3["{FC}{FL}{CL}"] + of3["{FC}{FL}"] + of3["{FC}{CL}"] + of3["{FC}"],
            context["{FC}"],
            0.011
        );
        Dictionary<string, double> lateral = Shares(GoalFunctions.LateralHeuristic);
        Assert.AreEqual(of3["{F}{C}{L}"] + of3["{F}{L}"], lateral["{F}{L}"], 0.011);
        Assert.AreEqual(of3["{F}{C}"] + of3["{F}{CL}"] + of3["{F}"], lateral["{F}"], 0.011);
        Assert.AreEqual(of3["{C}{L}"] + of3["{L}{FC}"] + of3["{L}"], lateral["{L}"], 0.011);
        Assert.AreEqual(
            of3["{C}{FL}"] + of3["{FC}{FL}{CL}"] + of3["{FC}{FL}"] + of3["{FL}{CL}"] + of3["{FL}"],
            lateral["{FL}"],
            0.011
        );

        static Dictionary<string, double> Shares(GoalFunction goal)
        {
            ParameterOrientation orientation = TrainerSpace
                .Empty.WithGoal(GoalSpace.From(goal).FreeAtoms(-1, 1).RewardInformation())
                .ToSearchSpace()
                .Orientations!.Single();
            return orientation
                .Parameters.Zip(orientation.Weights)
                .ToDictionary(pair => pair.First, pair => pair.Second);
        }
    }
}
