using System.Reflection;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
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

    private static readonly TrainerOption[] s_ofLayers =
    [
        .. Enum.GetValues<TrainerOption>()
            .Except([TrainerOption.BatchSize, TrainerOption.OutputLearningRate, TrainerOption.OutputWeightDecay]),
    ];

    // The goals of two of three layers, which have other sources, and options of two.
    private static readonly TrainerSpace s_layers = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2).FreeAll(-1, 1), layer: 2)
        .WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), layer: 0)
        .With(TrainerOption.NumberOfHiddenNeurons, 10, 300, layer: 1)
        .With(TrainerOption.BatchSize, 64, 4096, logarithmic: true)
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true, layer: 2)
        .With(TrainerOption.MaximumLateralConnections, 1, 200, layer: 0);

    [TestMethod]
    public void The_trainers_defaults_come_back()
    {
        var options = InfomorphicTrainer.Options.Paper();
        Assert.IsTrue(s_everything.TryGetPoint(options, out ParameterPoint? point, out _));
        Assert.IsTrue(s_everything.TryGetPoint(new(), out ParameterPoint? sized, out _)); // what follows from the data is the paper's
        Assert.AreEqual(point, sized);
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
        Assert.AreEqual(GoalFunctions.Output, GoalFunction.Parse(applied.OutputGoal, "FC"));
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
    public void Every_parameter_sets_its_own_option()
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
    public void More_lateral_connections_than_there_are_neurons_are_all_there_can_be()
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
    public void Parameters_of_layers_are_named_by_their_layer_and_ordered_from_the_features_up()
    {
        SearchSpace space = s_layers.ToSearchSpace();
        CollectionAssert.AreEqual(
            (string[])
                [
                    .. s_layers.LayerGoals[0].Parameters.Select(p => $"layer 1 {p.Name}"),
                    .. s_layers.LayerGoals[2].Parameters.Select(p => $"layer 3 {p.Name}"),
                    "layer 2 NumberOfNeurons",
                    "BatchSize",
                    "layer 3 LearningRate",
                    "layer 1 MaximumLateralConnections",
                ],
            space.Parameters.Select(p => p.Name).ToArray()
        );
        Assert.IsNull(s_layers.Goal);
        CollectionAssert.AreEqual(new[] { 0, 2 }, s_layers.LayerGoals.Keys.ToArray());
        Assert.AreEqual(GoalFunctions.ContextOptimized2, s_layers.LayerGoals[2].Start);
        Assert.HasCount(
            space.Parameters.Count,
            s_layers.With(TrainerOption.LearningRate, 1e-3, 0.1, layer: 2).ToSearchSpace().Parameters
        );
    }

    [TestMethod]
    public void A_points_layers_give_the_point_and_belong_to_it_alone()
    {
        var tuner = new RandomTuner(s_layers.ToSearchSpace(), OptimizationDirection.Maximize, 1);
        InfomorphicTrainer.Options trainer = Layers();
        IReadOnlyList<HiddenLayerOptions> own = trainer.HiddenLayers!;
        for (int i = 0; i < 20; i++)
        {
            ParameterPoint point = tuner.Ask().Point;
            InfomorphicTrainer.Options options = Layers();
            IReadOnlyList<HiddenLayerOptions> given = options.HiddenLayers!;
            s_layers.Apply(point, options);
            foreach ((int layer, HiddenLayerOptions one) in given.Index())
            {
                AssertSame(own[layer], one); // what was given stays as it is
                Assert.AreNotSame(one, options.HiddenLayers![layer]);
            }
            Assert.AreEqual(new InfomorphicTrainer.Options().Goal, options.Goal);
            Assert.AreEqual(point["layer 2 NumberOfNeurons"], options.HiddenLayers![1].NumberOfNeurons);
            Assert.AreEqual(point["BatchSize"], options.BatchSize!.Value);
            CollectionAssert.AreEqual(own[1].Inputs!.ToArray(), options.HiddenLayers[1].Inputs!.ToArray());
            Assert.AreEqual(own[1].Connections, options.HiddenLayers[1].Connections);
            if (point["layer 1 MaximumLateralConnections"] > own[0].NumberOfNeurons) // all, then
                continue;
            Assert.IsTrue(s_layers.TryGetPoint(options, out ParameterPoint? read, out string? reason), reason);
            Assert.AreEqual(point, read);
        }
        AssertSame(Layers().HiddenLayers![0], own[0]);
    }

    [TestMethod]
    public void Every_parameter_of_a_layer_sets_its_own_option_of_that_layer()
    {
        foreach (TrainerOption option in s_ofLayers)
        foreach (int layer in new[] { 0, 1 })
        {
            TrainerSpace space = TrainerSpace.Empty.With(option, 3, 5, layer: layer);
            var options = new InfomorphicTrainer.Options { HiddenLayers = [new(), new()] };
            space.Apply(space.ToSearchSpace().CreatePoint(4), options);
            var expected = new HiddenLayerOptions();
            FieldInfo field = typeof(HiddenLayerOptions).GetField(
                option == TrainerOption.NumberOfHiddenNeurons ? "NumberOfNeurons" : option.ToString()
            )!;
            bool isWhole = field.FieldType == typeof(int) || field.FieldType == typeof(int?);
            field.SetValue(expected, isWhole ? 4 : (object)4.0);
            AssertSame(expected, options.HiddenLayers[layer]);
            AssertSame(new HiddenLayerOptions(), options.HiddenLayers[1 - layer]);
        }
    }

    [TestMethod]
    public void Layers_that_the_trainer_takes_by_default_are_a_starting_point()
    {
        InfomorphicTrainer.Options options = Layers();
        Assert.IsTrue(s_layers.TryGetPoint(options, out ParameterPoint? own, out string? reason), reason);
        InfomorphicTrainer.Options applied = Layers();
        s_layers.Apply(own, applied);
        Assert.AreEqual(GoalFunctions.DefaultFor("FCL"), GoalFunction.Parse(applied.HiddenLayers![0].Goal));
        Assert.AreEqual("auto", applied.HiddenLayers[1].Goal);
        Assert.AreEqual(GoalFunctions.DefaultFor("FC"), GoalFunction.Parse(applied.HiddenLayers[2].Goal, "FC"));
        Assert.AreEqual(50, applied.HiddenLayers[0].MaximumLateralConnections); // null: all of fewer than 100

        // Published goals over three sources go to the first layer, those over F and C to the third.
        IReadOnlyList<ParameterPoint> presets = s_layers.GetPresetPoints(options);
        (GoalFunction, GoalFunction)[] goals =
        [
            .. presets.Select(p =>
                (
                    s_layers.LayerGoals[0].GoalAt(name => p[$"layer 1 {name}"]),
                    s_layers.LayerGoals[2].GoalAt(name => p[$"layer 3 {name}"])
                )
            ),
        ];
        CollectionAssert.AreEqual(
            GoalFunctions
                .All.Where(preset => s_layers.LayerGoals.Values.Any(g => g.TryGetValues(preset.Goal, out _, out _)))
                .Select(preset =>
                    preset.Goal.Sources == "FCL"
                        ? (preset.Goal, GoalFunctions.DefaultFor("FC"))
                        : (GoalFunctions.DefaultFor("FCL"), preset.Goal)
                )
                .Distinct()
                .ToArray(),
            goals
        );

        // Layers of the same sources have them together.
        GoalSpace all = GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1);
        TrainerSpace alike = TrainerSpace.Empty.WithGoal(all, 0).WithGoal(all, 1);
        var two = new InfomorphicTrainer.Options { HiddenLayers = [new(), new()] };
        Assert.IsTrue(alike.TryGetPoint(GoalFunctions.Heuristic, two, out ParameterPoint? both, out reason), reason);
        CollectionAssert.Contains(alike.GetPresetPoints(two).ToArray(), both);
        alike.Apply(both, two);
        Assert.IsTrue(two.HiddenLayers.All(l => GoalFunction.Parse(l.Goal).Equals(GoalFunctions.Heuristic)));
    }

    [TestMethod]
    public void The_fingerprint_tells_layers_apart()
    {
        GoalSpace goal = GoalSpace.From(GoalFunctions.Heuristic).Free(-1, 1, "{F}{C}");
        TrainerSpace[] spaces =
        [
            TrainerSpace.Empty.WithGoal(goal),
            TrainerSpace.Empty.WithGoal(goal, 0),
            TrainerSpace.Empty.WithGoal(goal, 1),
            TrainerSpace.Empty.WithGoal(goal, 1).WithGoal(GoalSpace.From(GoalFunctions.Heuristic), 0),
            TrainerSpace.Empty.WithGoal(goal, 1).WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2), 0),
            TrainerSpace.Empty.With(TrainerOption.Alpha1, 0, 1),
            TrainerSpace.Empty.With(TrainerOption.Alpha1, 0, 1, layer: 0),
            TrainerSpace.Empty.With(TrainerOption.Alpha1, 0, 1, layer: 1),
        ];
        Assert.HasCount(spaces.Length, spaces.Select(s => s.Fingerprint).Distinct());
    }

    [TestMethod]
    public void Parameters_that_layers_do_not_have_are_refused_in_one_sentence()
    {
        TrainerSpace rate = TrainerSpace.Empty.With(TrainerOption.LearningRate, 0.001, 0.1, layer: 2);
        TrainerSpace goal = TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 2);
        var short1 = new InfomorphicTrainer.Options();
        var two = new InfomorphicTrainer.Options { HiddenLayers = [new(), new()] };
        var random = new InfomorphicTrainer.Options
        {
            HiddenLayers = [new(), new(), new HiddenLayerOptions { Learns = false }],
        };
        AssertNot(
            goal,
            short1,
            "The search space has the goal of hidden layer 3, and HiddenLayers is null: give the trainer a list of layers, or search without a layer."
        );
        AssertNot(
            TrainerSpace.Empty.With(TrainerOption.LearningRate, 0.001, 0.1),
            two,
            "The search space has LearningRate of a network of one hidden layer, and HiddenLayers has the layers: search it layer by layer."
        );
        AssertNot(rate, two, "The search space has LearningRate of hidden layer 3, and there are 2 hidden layers.");
        AssertNot(rate, random, "The search space has LearningRate of hidden layer 3, whose neurons do not learn.");
        AssertNot(goal, random, "The search space has the goal of hidden layer 3, whose neurons do not learn.");
        AssertNot(
            goal,
            Layers(),
            "The goal that is searched of hidden layer 3 is over the sources FCL, and its neurons have FC: Context and LateralInput decide the sources."
        );
        AssertNot(
            TrainerSpace.Empty.With(TrainerOption.NumberOfHiddenNeurons, 1, 5, layer: 0),
            new InfomorphicTrainer.Options { HiddenLayers = [null!] },
            "HiddenLayers[0] is null."
        );
        TrainerSpace sizes = TrainerSpace.Empty.With(TrainerOption.NumberOfHiddenNeurons, 1, 5, layer: 2);
        Assert.IsFalse(sizes.TryGetPoint(random, out _, out string? reason));
        Assert.AreEqual("NumberOfNeurons of hidden layer 3 is 100, outside its range in the search space.", reason);
        sizes.Apply(sizes.ToSearchSpace().CreatePoint(4), random); // random neurons have a number, too
        Assert.AreEqual(4, random.HiddenLayers[2].NumberOfNeurons);
        Assert.IsFalse(
            TrainerSpace
                .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).Free(-1, 1, "H_res"), 1)
                .TryGetPoint(two, out _, out reason)
        );
        Assert.StartsWith("In hidden layer 2: The goal's weight of ", reason);

        AssertSays(
            "The search space has the goal of a network of one hidden layer and LearningRate of hidden layer 3: search either the one or the other.",
            () => rate.WithGoal(GoalSpace.From(GoalFunctions.Heuristic))
        );
        AssertSays(
            "BatchSize is no option of a hidden layer: search it without a layer.",
            () => rate.With(TrainerOption.BatchSize, 2, 5, layer: 0)
        );
        AssertSays("takes a NumberOfNeurons", () => rate.With(TrainerOption.NumberOfHiddenNeurons, 0, 5, layer: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => rate.With(TrainerOption.Alpha1, 0, 5, layer: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => rate.WithGoal(GoalSpace.From(GoalFunctions.Heuristic), -1));

        static void AssertNot(TrainerSpace space, InfomorphicTrainer.Options options, string sentence)
        {
            Assert.IsFalse(space.TryGetPoint(options, out _, out string? reason));
            Assert.AreEqual(sentence, reason);
            Assert.IsEmpty(space.GetPresetPoints(options));
            AssertSays(sentence, () => space.Apply(FirstPoint(space), options));
        }

        static ParameterPoint FirstPoint(TrainerSpace space) =>
            new RandomTuner(space.ToSearchSpace(), OptimizationDirection.Maximize, 1).Ask().Point;
    }

    // Studies on disk are resumed by these.
    [TestMethod]
    public void Spaces_without_layers_have_the_names_and_fingerprints_that_they_always_had()
    {
        SearchSpace space = s_everything.ToSearchSpace();
        Assert.AreEqual("0bbea0db00e5b3c39dc3d616a55d01cf", s_everything.Fingerprint);
        Assert.AreEqual("7d7c5c1e0efc94fa5b0e9385a33d062e", space.Fingerprint);
        Assert.AreEqual(
            "{FCL}, H_res, output {F}, output {C}, NumberOfHiddenNeurons, BatchSize",
            string.Join(", ", space.Parameters.Skip(17).Take(6).Select(p => p.Name))
        );
    }

    [TestMethod]
    public void A_trainer_space_that_is_wrong_is_refused_in_one_sentence()
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

    // Layers whose sources are F, C and L; F and L; F and C.
    private static InfomorphicTrainer.Options Layers() =>
        new()
        {
            HiddenLayers =
            [
                new HiddenLayerOptions { NumberOfNeurons = 50, Alpha1 = 0.2 },
                new HiddenLayerOptions
                {
                    Context = ContextSignal.None,
                    Inputs = [Signal.Features, Signal.Layer(0)],
                    Connections = new RandomSubsetSettings(2, 3),
                    BivariateK = 0.8,
                },
                new HiddenLayerOptions { LateralInput = false },
            ],
        };

    private static void AssertSame(HiddenLayerOptions expected, HiddenLayerOptions actual)
    {
        foreach (System.Reflection.FieldInfo field in typeof(HiddenLayerOptions).GetFields())
            if (field.Name != nameof(HiddenLayerOptions.Inputs))
                Assert.AreEqual(field.GetValue(expected), field.GetValue(actual), field.Name);
    }

    private static object? ValueOf(HiddenLayerOptions layer, TrainerOption option) =>
        typeof(HiddenLayerOptions).GetField(option.ToString())?.GetValue(layer);

    private static double ValueOf(InfomorphicTrainer.Options options, TrainerOption option) =>
        Convert.ToDouble(
            typeof(InfomorphicTrainer.Options).GetField(option.ToString())!.GetValue(options) ?? 100,
            System.Globalization.CultureInfo.InvariantCulture
        );

    private static void AssertSays(string part, Action action) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(action).Message);

    private static readonly IReadOnlyList<HiddenLayerOptions>[] s_shapes =
    [
        [new() { NumberOfNeurons = 50 }],
        [new() { NumberOfNeurons = 30, Alpha1 = 0.2 }, new() { NumberOfNeurons = 20 }],
    ];

    private static readonly TrainerSpace s_choices = TrainerSpace
        .Empty.WithChoice(options => options.Encoding, FeatureEncodingKind.None, FeatureEncodingKind.Auto)
        .WithChoice(options => options.NumberOfEpochs, 10, 20, null)
        .WithChoice(options => options.HiddenLayers, s_shapes)
        .With(TrainerOption.NumberOfHiddenNeurons, 10, 100, layer: 0)
        .WithChoice(0, layer => layer.Goal, "heuristic", "opt_1_100_tpe");

    [TestMethod]
    public void Choices_are_set_at_a_point_and_the_options_give_the_point()
    {
        SearchSpace space = s_choices.ToSearchSpace();
        CollectionAssert.AreEqual(
            new[] { "layer 1 NumberOfNeurons", "Encoding", "NumberOfEpochs", "HiddenLayers", "layer 1 Goal" },
            space.Parameters.Select(parameter => parameter.Name).ToArray()
        );
        CollectionAssert.AreEqual(
            new[] { "10", "20", "null" },
            ((ChoiceParameter)space.Parameters[2]).Choices.ToArray()
        );
        CollectionAssert.AreEqual(
            new[]
            {
                "[{ NumberOfNeurons = 50 }]",
                "[{ Alpha1 = 0.2, NumberOfNeurons = 30 }, { NumberOfNeurons = 20 }]",
            },
            ((ChoiceParameter)space.Parameters[3]).Choices.ToArray()
        );
        var options = new InfomorphicTrainer.Options { BatchSize = 77 };
        s_choices.Apply(space.CreatePoint(12, 1, 2, 1, 1), options);
        Assert.AreEqual(
            (FeatureEncodingKind.Auto, null, 77),
            (options.Encoding, options.NumberOfEpochs, options.BatchSize)
        );
        CollectionAssert.AreEqual(
            new[] { 12, 20 },
            options.HiddenLayers!.Select(layer => layer.NumberOfNeurons).ToArray()
        );
        Assert.AreEqual(("opt_1_100_tpe", 0.2), (options.HiddenLayers![0].Goal, options.HiddenLayers[0].Alpha1));
        Assert.AreEqual(30, s_shapes[1][0].NumberOfNeurons); // a list of its own

        var tuner = new RandomTuner(
            TrainerSpace
                .Empty.WithChoice(o => o.Encoding, FeatureEncodingKind.None, FeatureEncodingKind.Auto)
                .WithChoice(o => o.NumberOfEpochs, 10, 20, null)
                .ToSearchSpace(),
            OptimizationDirection.Maximize,
            1
        );
        TrainerSpace whole = TrainerSpace
            .Empty.WithChoice(o => o.Encoding, FeatureEncodingKind.None, FeatureEncodingKind.Auto)
            .WithChoice(o => o.NumberOfEpochs, 10, 20, null);
        for (int i = 0; i < 20; i++)
        {
            ParameterPoint point = tuner.Ask().Point;
            whole.Apply(point, options);
            Assert.AreEqual(point, whole.GetPoint(options));
        }
        options.NumberOfEpochs = 30;
        AssertSays(
            "The options are no point of the search space: NumberOfEpochs is 30, which is none of its choices in the search space.",
            () => whole.GetPoint(options)
        );
        AssertSays(
            "The search space has Goal of hidden layer 2, and there is 1 hidden layer.",
            () =>
                s_choices
                    .WithChoice(1, layer => layer.Goal, "heuristic", "opt_1_100_tpe")
                    .Apply(
                        s_choices
                            .WithChoice(1, layer => layer.Goal, "heuristic", "opt_1_100_tpe")
                            .ToSearchSpace()
                            .CreatePoint(12, 1, 2, 0, 1, 0),
                        new InfomorphicTrainer.Options()
                    )
        );
    }

    [TestMethod]
    public void An_option_is_searched_in_one_way_the_last_that_was_said()
    {
        TrainerSpace range = TrainerSpace.Empty.With(TrainerOption.BatchSize, 64, 512);
        TrainerSpace choice = TrainerSpace.Empty.WithChoice(options => options.BatchSize, 64, 512);
        Assert.AreEqual(choice.Fingerprint, range.WithChoice(options => options.BatchSize, 64, 512).Fingerprint);
        Assert.AreEqual(range.Fingerprint, choice.With(TrainerOption.BatchSize, 64, 512).Fingerprint);
        TrainerSpace goal = TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1));
        TrainerSpace named = TrainerSpace.Empty.WithChoice(options => options.Goal, "heuristic", "opt_1_100_tpe");
        Assert.AreEqual(
            named.Fingerprint,
            goal.WithChoice(options => options.Goal, "heuristic", "opt_1_100_tpe").Fingerprint
        );
        Assert.IsNull(goal.WithChoice(options => options.Goal, "heuristic", "opt_1_100_tpe").Goal);
        Assert.AreEqual(
            goal.Fingerprint,
            named.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1)).Fingerprint
        );
        Assert.AreNotEqual(
            named.Fingerprint,
            named.WithChoice(options => options.Goal, "heuristic", "naive").Fingerprint
        );
        Assert.AreNotEqual(range.Fingerprint, choice.Fingerprint);
    }

    [TestMethod]
    public void Choices_that_are_none_are_refused_in_one_sentence()
    {
        AssertSays(
            "NumberOfThreads does not change what is learned: set it in the trainer's options.",
            () => TrainerSpace.Empty.WithChoice(options => options.NumberOfThreads, 1, 2)
        );
        AssertSays(
            "is no option: write one field of the options",
            () => TrainerSpace.Empty.WithChoice(options => options.BatchSize + 1, 1, 2)
        );
        AssertSays(
            "is no option: write one field of the options",
            () => TrainerSpace.Empty.WithChoice(options => options.HiddenLayers![0].Alpha1, 1, 2)
        );
        AssertSays(
            "The parameter BatchSize needs at least 2 choices, and has 1.",
            () => TrainerSpace.Empty.WithChoice(options => options.BatchSize, 64)
        );
        AssertSays(
            "The choices of the parameter BatchSize must be different.",
            () => TrainerSpace.Empty.WithChoice(options => options.BatchSize, 64, 64)
        );
        AssertSays(
            "search either the one or the other",
            () =>
                TrainerSpace
                    .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
                    .WithChoice(0, layer => layer.Learns, true, false)
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            TrainerSpace.Empty.WithChoice(-1, layer => layer.Learns, true, false)
        );
    }

    [TestMethod]
    public void Goals_are_points_by_their_names_and_formulas()
    {
        TrainerSpace space = TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1));
        var options = new InfomorphicTrainer.Options();
        Assert.AreEqual(
            GoalFunctions.OptimizedCmaEs2,
            space.Goal!.GoalAt(name => space.GetPoint("opt_2_100_cmaes", options)[name])
        );
        Assert.AreEqual(0.5, space.GetPoint("0.5{F}{C} - {F}{L}", options)["{F}{C}"]);
        Assert.AreEqual("auto", options.Goal);
        TrainerSpace named = TrainerSpace.Empty.WithChoice(o => o.Goal, "heuristic", "opt_1_100_tpe");
        Assert.AreEqual(1, named.GetPoint("opt_1_100_tpe", options)["Goal"]);
        AssertSays("Goal is naive, which is none of its choices", () => named.GetPoint("naive", options));
        AssertSays("The options are no point of the search space: ", () => space.GetPoint("opt_9", options));
        AssertSays(
            "The goal's weight of {F}{C} is 2, outside the search space's range from -1 to 1.",
            () => space.GetPoint("2{F}{C}", options)
        );
        var layers = new InfomorphicTrainer.Options { HiddenLayers = [new(), new()] };
        TrainerSpace second = TrainerSpace.Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), 1);
        Assert.AreEqual(1, second.GetPoint("heuristic", layers)["layer 2 {F}{C}"]);
    }

    [TestMethod]
    public void Random_goals_of_every_layer_reward_information_by_themselves()
    {
        GoalSpace goal = GoalSpace.From(GoalFunctions.Heuristic).FreeAtoms(-1, 1).RewardInformation();
        TrainerSpace space = TrainerSpace.Empty.WithGoal(goal, 0).WithGoal(goal, 1);
        IReadOnlyList<ParameterOrientation> orientations = space.ToSearchSpace().Orientations!;
        Assert.HasCount(2, orientations);
        Assert.AreEqual("layer 2 {F}{C}{L}", orientations[1].Parameters[0]);
        Assert.AreNotEqual(
            TrainerSpace
                .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAtoms(-1, 1), 0)
                .WithGoal(goal, 1)
                .Fingerprint,
            space.Fingerprint
        );
        var tuner = new RandomTuner(space.ToSearchSpace(), OptimizationDirection.Maximize, 1);
        for (int i = 0; i < 50; i++)
        {
            ParameterPoint point = tuner.Ask().Point;
            foreach (ParameterOrientation orientation in orientations)
                Assert.IsGreaterThanOrEqualTo(
                    0,
                    orientation.Parameters.Zip(orientation.Weights, (name, weight) => weight * point[name]).Sum()
                );
        }
    }
}
