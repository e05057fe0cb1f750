using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class TrainerSpaceTests
{
    private static readonly TrainerSpace s_everything = Enum.GetValues<TrainerOption>()
        .Aggregate(
            TrainerSpace
                .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
                .WithOutputGoal(GoalSpace.From(GoalFunctions.Output).Free(-1, 1, "{F}", "{C}")),
            (space, option) =>
                option switch
                {
                    TrainerOption.NumberOfHiddenNeurons => space.With(option, 100, 2000, logarithmic: true),
                    TrainerOption.BatchSize => space.With(option, 64, 4096, logarithmic: true),
                    TrainerOption.MaximumLateralConnections => space.With(option, 1, 100),
                    TrainerOption.NumberOfBins => space.With(option, 2, 64),
                    TrainerOption.BinningRange => space.With(option, 1, 40),
                    TrainerOption.WeightDecay or TrainerOption.OutputWeightDecay => space.With(option, 0, 0.01),
                    TrainerOption.LearningRate or TrainerOption.OutputLearningRate => space.With(
                        option,
                        1e-4,
                        0.1,
                        logarithmic: true
                    ),
                    _ => space.With(option, -3, 3),
                }
        );

    [TestMethod]
    public void The_trainers_defaults_come_back()
    {
        var options = new InfomorphicTrainer.Options();
        Assert.IsTrue(s_everything.TryGetPoint(options, out ParameterPoint? point, out _));
        var applied = new InfomorphicTrainer.Options
        {
            NumberOfBins = 7,
            Alpha1 = 9,
            LearningRate = 9,
            BatchSize = 9,
        };
        s_everything.Apply(point, applied);

        foreach (TrainerOption option in Enum.GetValues<TrainerOption>())
            Assert.AreEqual(ValueOf(options, option), ValueOf(applied, option), option.ToString());
        Assert.AreEqual("auto", options.Goal);
        Assert.AreEqual(GoalFunction.Parse("opt_1_100_tpe"), GoalFunction.Parse(applied.Goal));
        Assert.AreEqual(GoalFunction.Parse(options.OutputGoal, "FC"), GoalFunction.Parse(applied.OutputGoal, "FC"));
    }

    [TestMethod]
    public void A_points_options_give_the_point()
    {
        var tuner = new RandomTuner(s_everything.ToSearchSpace(), OptimizationDirection.Maximize, 1);
        for (int i = 0; i < 20; i++)
        {
            ParameterPoint point = tuner.Ask().Point;
            var options = new InfomorphicTrainer.Options();
            s_everything.Apply(point, options);
            Assert.IsTrue(s_everything.TryGetPoint(options, out ParameterPoint? read, out string? reason), reason);
            Assert.AreEqual(point, read);
        }
    }

    public static IEnumerable<object[]> Bivariate =>
        [
            [GoalFunctions.ContextOptimized2, ContextSignal.Label, false],
            [GoalFunctions.LateralOptimized2, ContextSignal.None, true],
        ];

    [TestMethod]
    [DynamicData(nameof(Bivariate))]
    public void Goals_of_two_sources_are_searched_where_hidden_neurons_have_them(
        GoalFunction goal,
        ContextSignal context,
        bool lateralInput
    )
    {
        TrainerSpace space = TrainerSpace.Empty.WithGoal(GoalSpace.From(goal).FreeAll(-1, 1));
        var options = new InfomorphicTrainer.Options { Context = context, LateralInput = lateralInput };
        Assert.IsTrue(space.TryGetPoint(options, out ParameterPoint? own, out string? reason), reason); // "auto"
        space.Apply(own, options);
        Assert.AreEqual(goal, GoalFunction.Parse(options.Goal, goal.Sources));
        CollectionAssert.AreEqual(
            GoalFunctions.All.Where(p => p.Goal.Sources == goal.Sources).Select(p => p.Goal).Distinct().ToArray(),
            space.GetPresetPoints(options).Select(p => space.Goal!.GoalAt(name => p[name])).ToArray()
        );

        // {F}, {C} and {F}{C} would parse over F, C and L, too, and mean something else.
        var trivariate = new InfomorphicTrainer.Options();
        string sentence =
            $"The goal that is searched is over the sources {goal.Sources}, and the hidden neurons have FCL: Context and LateralInput decide the sources.";
        Assert.IsFalse(space.TryGetPoint(goal, trivariate, out _, out string? why));
        Assert.AreEqual(sentence, why);
        AssertSays(sentence, () => space.Apply(own, trivariate));
        AssertSays(
            "HiddenLayer is Random: its neurons have none",
            () => space.Apply(own, new InfomorphicTrainer.Options { HiddenLayer = HiddenLayerKind.Random })
        );
    }

    [TestMethod]
    public void Every_option_sets_its_own()
    {
        foreach (TrainerOption option in Enum.GetValues<TrainerOption>())
        {
            TrainerSpace space = TrainerSpace.Empty.With(option, 3, 5);
            var options = new InfomorphicTrainer.Options();
            double[] before = [.. Enum.GetValues<TrainerOption>().Select(o => ValueOf(options, o))];
            space.Apply(space.ToSearchSpace().CreatePoint(4), options);

            foreach ((int i, TrainerOption other) in Enum.GetValues<TrainerOption>().Index())
                Assert.AreEqual(other == option ? 4 : before[i], ValueOf(options, other), $"{option} changed {other}");
        }
    }

    [TestMethod]
    public void More_lateral_connections_than_neurons_are_all()
    {
        TrainerSpace space = TrainerSpace
            .Empty.With(TrainerOption.NumberOfHiddenNeurons, 10, 100)
            .With(TrainerOption.MaximumLateralConnections, 1, 100);
        var options = new InfomorphicTrainer.Options();
        space.Apply(space.ToSearchSpace().CreatePoint(30, 60), options);

        Assert.AreEqual((30, 30), (options.NumberOfHiddenNeurons, options.MaximumLateralConnections));
    }

    [TestMethod]
    public void Published_goals_become_starting_points()
    {
        TrainerSpace space = TrainerSpace
            .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
            .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true);
        var options = new InfomorphicTrainer.Options();
        foreach (GoalPreset preset in GoalFunctions.All.Where(p => p.SourceCount == 3))
        {
            Assert.IsTrue(
                space.TryGetPoint(preset.Goal, options, out ParameterPoint? point, out string? reason),
                reason
            );
            var applied = new InfomorphicTrainer.Options();
            space.Apply(point, applied);
            Assert.AreEqual(preset.Goal, GoalFunction.Parse(applied.Goal));
        }
        Assert.AreEqual(new InfomorphicTrainer.Options().Goal, options.Goal);
        options.LearningRate = 0.5;
        Assert.IsFalse(space.TryGetPoint(GoalFunctions.Heuristic, options, out _, out string? outside));
        Assert.AreEqual("LearningRate is 0.5, outside its range in the search space.", outside);
    }

    [TestMethod]
    public void The_fingerprint_tells_spaces_apart()
    {
        GoalSpace goal = GoalSpace.From(GoalFunctions.Heuristic).Free(-1, 1, "{F}{C}");
        TrainerSpace[] spaces =
        [
            TrainerSpace.Empty.WithGoal(goal),
            TrainerSpace.Empty.WithGoal(goal.FixAt("{F}", 0.1)),
            TrainerSpace.Empty.WithGoal(goal).With(TrainerOption.Alpha1, 0, 1),
            TrainerSpace.Empty.WithGoal(goal).With(TrainerOption.Alpha1, 0, 2),
            TrainerSpace.Empty.WithGoal(goal).WithOutputGoal(GoalSpace.From(GoalFunctions.Output)),
        ];
        Assert.HasCount(spaces.Length, spaces.Select(s => s.Fingerprint).Distinct());
        Assert.AreEqual(spaces[2].Fingerprint, spaces[3].With(TrainerOption.Alpha1, 0, 1).Fingerprint);
    }

    [TestMethod]
    public void Says_in_one_sentence_what_is_wrong()
    {
        AssertSays("The search space is empty", () => TrainerSpace.Empty.ToSearchSpace());
        AssertSays(
            "The search space is empty",
            () => TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic)).ToSearchSpace()
        );
        AssertSays(
            "over the sources FCL or FC or FL",
            () => TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunction.Parse("{C}", "CL")))
        );
        AssertSays(
            "over the sources FC,",
            () => TrainerSpace.Empty.WithOutputGoal(GoalSpace.From(GoalFunctions.Heuristic))
        );
        AssertSays("takes a NumberOfBins of 2 to 64", () => TrainerSpace.Empty.With(TrainerOption.NumberOfBins, 1, 64));
        AssertSays("is a whole number", () => TrainerSpace.Empty.With(TrainerOption.BatchSize, 2.5, 64));
        AssertSays("must be below", () => TrainerSpace.Empty.With(TrainerOption.Alpha1, 1, 0));
        AssertSays("takes a LearningRate", () => TrainerSpace.Empty.With(TrainerOption.LearningRate, 0, 1));
        AssertSays("takes a Beta1", () => TrainerSpace.Empty.With(TrainerOption.Beta1, double.NaN, 1));
    }

    private static double ValueOf(InfomorphicTrainer.Options options, TrainerOption option) =>
        Convert.ToDouble(
            typeof(InfomorphicTrainer.Options).GetField(option.ToString())!.GetValue(options) ?? 100,
            System.Globalization.CultureInfo.InvariantCulture
        );

    private static void AssertSays(string part, Action action) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(action).Message);
}
