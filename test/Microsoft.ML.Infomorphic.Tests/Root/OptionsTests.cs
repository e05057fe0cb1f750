using System.Reflection;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

[TestClass]
public class OptionsTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(nameof(Options.NumberOfHiddenNeurons), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfHiddenNeurons), -5, "must be at least 1, and is -5.")]
    [DataRow(nameof(Options.NumberOfEpochs), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.BatchSize), 1, "must be at least 2, and is 1.")]
    [DataRow(nameof(Options.MaximumLateralConnections), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfPresentations), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfPresentations), 17, "must be at most 16, and is 17.")]
    [DataRow(
        nameof(Options.NumberOfPresentations),
        1,
        "is 1, and hidden neurons that listen to each other or to a layer above need 2 or more."
    )]
    [DataRow(nameof(Options.NumberOfBins), 1, "must be at least 2, and is 1.")]
    [DataRow(nameof(Options.NumberOfBins), 65, "must be at most 64, and is 65.")]
    [DataRow(nameof(Options.BinningRange), 0.0, "must be positive and finite, and is 0.")]
    [DataRow(nameof(Options.BinningRange), double.PositiveInfinity, "must be positive and finite, and is Infinity.")]
    [DataRow(nameof(Options.Alpha1), double.NaN, "must be finite, and is NaN.")]
    [DataRow(nameof(Options.Alpha2), double.NegativeInfinity, "must be finite, and is -Infinity.")]
    [DataRow(nameof(Options.Beta1), double.NaN, "must be finite, and is NaN.")]
    [DataRow(nameof(Options.Beta2), double.NaN, "must be finite, and is NaN.")]
    [DataRow(nameof(Options.LearningRate), 0.0, "must be positive and finite, and is 0.")]
    [DataRow(nameof(Options.LearningRate), -0.5, "must be positive and finite, and is -0.5.")]
    [DataRow(nameof(Options.LearningRate), double.NaN, "must be positive and finite, and is NaN.")]
    [DataRow(nameof(Options.WeightDecay), -1.0, "must be finite and not negative, and is -1.")]
    [DataRow(nameof(Options.OutputLearningRate), 0.0, "must be positive and finite, and is 0.")]
    [DataRow(nameof(Options.OutputWeightDecay), double.NaN, "must be finite and not negative, and is NaN.")]
    [DataRow(nameof(Options.FirstMomentDecay), 1.0, "must be at least 0 and less than 1, and is 1.")]
    [DataRow(nameof(Options.OutputSecondMomentDecay), -0.1, "must be at least 0 and less than 1, and is -0.1.")]
    [DataRow(nameof(Options.Epsilon), 0.0, "must be positive and finite, and is 0.")]
    [DataRow(nameof(Options.BivariateK), double.NaN, "must be finite, and is NaN.")]
    [DataRow(nameof(Options.HiddenLayer), (HiddenLayerKind)7, "must be one of Infomorphic, Random, None, and is 7.")]
    [DataRow(nameof(Options.Context), (ContextSignal)7, "must be one of Label, Feedback, None, LayerAbove, and is 7.")]
    [DataRow(nameof(Options.Binning), (BinningKind)7, "must be one of Fixed, Adaptive, and is 7.")]
    [DataRow(nameof(Options.EarlyStoppingRounds), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfNetworks), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfScoringSamples), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfScoringSamples), 10_001, "must be at most 10000, and is 10001.")]
    [DataRow(nameof(Options.MemoryBudget), 0, "must be at least 1, and is 0.")]
    [DataRow(nameof(Options.NumberOfThreads), -1, "must be at least 1, and is -1.")]
    [DataRow(nameof(Options.NumberOfThreads), 1025, "must be at most 1024, and is 1025.")]
    [DataRow(
        nameof(Options.Standardization),
        (Standardization)9,
        "must be one of Auto, Global, PerFeature, None, and is 9."
    )]
    [DataRow(nameof(Options.Scoring), (ScoringMode)(-1), "must be one of MeanField, Thresholded, Sampled, and is -1.")]
    [DataRow(
        nameof(Options.Device),
        "tpu",
        "must be \"auto\", \"cpu\", \"cuda\" or \"cuda:\" and an index, and is \"tpu\"."
    )]
    [DataRow(
        nameof(Options.Device),
        null,
        "must be \"auto\", \"cpu\", \"cuda\" or \"cuda:\" and an index, and is \"\"."
    )]
    public void An_option_out_of_range_is_refused(string option, object? value, string sentence)
    {
        var options = new Options();
        typeof(Options).GetField(option)!.SetValue(options, value);

        Assert.AreEqual($"{option} {sentence} (Parameter '{option}')", Failure(options));
    }

    [TestMethod]
    [DataRow("{F}{C} + {F}{X}")]
    [DataRow("0.5{F}{C} +")]
    [DataRow("opt_9_100_tpe")]
    [DataRow("")]
    [DataRow(null)]
    public void A_goal_that_does_not_parse_is_refused_with_the_option_and_the_place(string? goal)
    {
        string message = Failure(new Options { Goal = goal! });

        StringAssert.StartsWith(message, "Goal: The goal does not parse at position ");
        StringAssert.EndsWith(message, "(Parameter 'Goal')");
    }

    [TestMethod]
    public void A_goal_for_another_number_of_sources_is_refused()
    {
        StringAssert.Contains(
            Failure(new Options { Goal = "context/opt_2_100" }),
            "is over the sources FC, and one over FCL was expected."
        );
        StringAssert.Contains(
            Failure(new Options { OutputGoal = "opt_1_100_tpe" }),
            "OutputGoal: The goal does not parse at position 1: the published goal opt_1_100_tpe is over the sources FCL"
        );
        StringAssert.StartsWith(Failure(new Options { OutputGoal = "{F}{L}" }), "OutputGoal: The goal does not parse");
    }

    [TestMethod]
    public void Options_that_contradict_each_other_are_named()
    {
        Refused(
            new Options { Goal = "context/opt_2_100" },
            "Goal: The goal does not parse at position 1: the published goal context/opt_2_100 is over the sources FC, and one over FCL was expected. Context and LateralInput decide the sources. (Parameter 'Goal')"
        );
        Refused(
            new Options { LateralInput = false, Goal = "opt_1_100_tpe" },
            "Goal: The goal does not parse at position 1: the published goal opt_1_100_tpe is over the sources FCL, and one over FC was expected. Context and LateralInput decide the sources. (Parameter 'Goal')"
        );
        Refused(
            new Options { LateralInput = false, Context = ContextSignal.None },
            "Context is None and LateralInput is false, and hidden neurons that learn need one of them. (Parameter 'Context')"
        );
        Refused(
            new Options { HiddenLayer = HiddenLayerKind.None, Context = ContextSignal.Feedback },
            "Context is Feedback, which hidden neurons hear that learn, and HiddenLayer is None. (Parameter 'Context')"
        );
        Refused(
            new Options { HiddenLayer = HiddenLayerKind.Random, Goal = "opt_1_100_tpe" },
            "Goal is for hidden neurons that learn, and HiddenLayer is Random. (Parameter 'Goal')"
        );
        Refused(
            new Options { NumberOfHiddenNeurons = 30, MaximumLateralConnections = 31 },
            "MaximumLateralConnections is 31, more than the 30 hidden neurons; take at most NumberOfHiddenNeurons, or Int32.MaxValue to connect all to all. (Parameter 'MaximumLateralConnections')"
        );
        Refused(
            new Options { LateralInput = false, MaximumLateralConnections = 10 },
            "MaximumLateralConnections is for hidden neurons that listen to each other, and LateralInput is false. (Parameter 'MaximumLateralConnections')"
        );
        Refused(
            new Options { LateralInput = false, NumberOfPresentations = 2 },
            "NumberOfPresentations is 2, and must be 1 where hidden neurons listen neither to each other nor to a layer above. (Parameter 'NumberOfPresentations')"
        );
        Refused(
            new Options { HiddenLayer = HiddenLayerKind.Random, NumberOfPresentations = 3 },
            "NumberOfPresentations is 3, and must be 1 where hidden neurons listen neither to each other nor to a layer above. (Parameter 'NumberOfPresentations')"
        );
        Refused(
            new Options
            {
                LateralInput = false,
                Context = ContextSignal.Feedback,
                NumberOfPresentations = 1,
            },
            "NumberOfPresentations is 1, and hidden neurons that listen to each other or to a layer above need 2 or more. (Parameter 'NumberOfPresentations')"
        );
        Refused(
            new Options { LateralInput = false, Alpha1 = 0.2 },
            "Alpha1 is for hidden neurons with context and lateral input; those with one of them have BivariateK and BivariateBeta. (Parameter 'Alpha1')"
        );
        Refused(
            new Options { BivariateK = 0.5 },
            "BivariateK is for hidden neurons with context or lateral input alone; choose so with Context or LateralInput. (Parameter 'BivariateK')"
        );
        Refused(
            new Options { Binning = BinningKind.Adaptive, BinningRange = 10 },
            "BinningRange is for fixed bins, and here they are adaptive: set Binning to Fixed. (Parameter 'BinningRange')"
        );

        void Refused(Options options, string sentence) => Assert.AreEqual(sentence, Failure(options));
    }

    [TestMethod]
    [DataRow(ContextSignal.Label, true, "FCL", "opt_1_100_tpe")]
    [DataRow(ContextSignal.Feedback, true, "FCL", "opt_1_100_tpe")]
    [DataRow(ContextSignal.Label, false, "FC", "context/opt_2_100")]
    [DataRow(ContextSignal.None, true, "FL", "lateral/opt_2_100")]
    public void The_goal_and_the_neurons_follow_the_sources(
        ContextSignal context,
        bool lateral,
        string sources,
        string goal
    )
    {
        TrainingSettings settings = new Options { Context = context, LateralInput = lateral }.ToTrainingSettings(
            _context,
            seed: 7
        );

        settings.Validate();
        Assert.AreEqual(sources, settings.HiddenLayers[0].Sources);
        Assert.AreEqual(GoalFunction.Parse(goal, sources), settings.HiddenLayers[0].Goal);
        Assert.AreEqual(
            sources == "FCL" ? new ModulatedActivation() : new BivariateActivation(),
            settings.HiddenLayers[0].Activation
        );
        Assert.AreEqual(new Binning(20, 20), settings.HiddenLayers[0].Binning);
    }

    [TestMethod]
    [DataRow(null, 100)]
    [DataRow(7, 7)]
    [DataRow(30, 30)]
    [DataRow(int.MaxValue, int.MaxValue)]
    public void Lateral_connections_are_at_most_100_or_as_many_as_asked_for(int? asked, int expected)
    {
        var options = new Options { NumberOfHiddenNeurons = 30, MaximumLateralConnections = asked };

        Assert.AreEqual(expected, options.ToTrainingSettings(_context, seed: 7).HiddenLayers[0].LateralConnections);
    }

    [TestMethod]
    [DataRow(true, ContextSignal.Label, null, 2)]
    [DataRow(true, ContextSignal.None, 2, 2)]
    [DataRow(false, ContextSignal.Feedback, 16, 16)]
    [DataRow(false, ContextSignal.Label, null, 1)]
    [DataRow(false, ContextSignal.Label, 1, 1)]
    public void Rows_are_presented_as_often_as_asked_for(bool lateral, ContextSignal context, int? asked, int expected)
    {
        TrainingSettings settings = new Options
        {
            LateralInput = lateral,
            Context = context,
            NumberOfPresentations = asked,
        }.ToTrainingSettings(_context, seed: 7);

        settings.Validate();
        FeatureScaling scaling = new(Standardization.None, [0, 0], [1, 1]);
        using NetworkState state = NetworkState.Create(settings, scaling, 3);
        Assert.AreEqual(expected, state.ToNetwork([1, 1, 1]).Presentations);
    }

    [TestMethod]
    public void Adaptive_bins_cover_the_largest_magnitude()
    {
        var options = new Options { Binning = BinningKind.Adaptive, NumberOfBins = 9 };

        Assert.AreEqual(
            new Binning(9, 1, Adaptive: true),
            options.ToTrainingSettings(_context, seed: 7).HiddenLayers[0].Binning
        );
    }

    [TestMethod]
    public void Every_option_of_the_neurons_and_of_their_optimisers_is_heeded()
    {
        TrainingSettings settings = new Options
        {
            LateralInput = false,
            BivariateK = 0.5,
            BivariateBeta = 3,
            BinningRange = 7,
            NumberOfBins = 9,
            FirstMomentDecay = 0.1,
            SecondMomentDecay = 0.2,
            Epsilon = 0.3,
            OutputFirstMomentDecay = 0.4,
            OutputSecondMomentDecay = 0.5,
            OutputEpsilon = 0.6,
        }.ToTrainingSettings(_context, seed: 7);

        Assert.AreEqual(new BivariateActivation(0.5, 3), settings.HiddenLayers[0].Activation);
        Assert.AreEqual(new Binning(9, 7), settings.HiddenLayers[0].Binning);
        Assert.AreEqual(new AdamSettings(0.01, 0.00035, 0.1, 0.2, 0.3), settings.HiddenLayers[0].Optimizer);
        Assert.AreEqual(new AdamSettings(0.01, 0.003, 0.4, 0.5, 0.6), settings.Output.Optimizer);
    }

    [TestMethod]
    public void A_trainer_without_column_names_is_refused()
    {
        Refused(nameof(Options.LabelColumnName), new Options { LabelColumnName = null! });
        Refused(nameof(Options.LabelColumnName), new Options { LabelColumnName = "" });
        Refused(nameof(Options.FeatureColumnName), new Options { FeatureColumnName = null! });
        Refused(nameof(Options.FeatureColumnName), new Options { FeatureColumnName = "" });
        Refused(nameof(Options.ExampleWeightColumnName), new Options { ExampleWeightColumnName = "" });

        void Refused(string option, Options options) =>
            Assert.AreEqual(
                $"{option} is missing: it is the name of a column. (Parameter '{option}')",
                Failure(options)
            );
    }

    // What single precision cannot hold, or no training could come to anything with.
    [TestMethod]
    [DataRow(nameof(Options.Epsilon), 1e-320, "must be from 1E-30 to 1E+30, and is 1E-320.")]
    [DataRow(nameof(Options.OutputEpsilon), 1e-46, "must be from 1E-30 to 1E+30, and is 1E-46.")]
    [DataRow(nameof(Options.LearningRate), 1e39, "must be from 1E-30 to 1E+30, and is 1E+39.")]
    [DataRow(nameof(Options.OutputWeightDecay), 1e300, "must be at most 1E+30, and is 1E+300.")]
    [DataRow(nameof(Options.BinningRange), 1e-200, "must be from 1E-30 to 1E+30, and is 1E-200.")]
    [DataRow(nameof(Options.Alpha1), 1e300, "must be from -1000000 to 1000000, and is 1E+300.")]
    [DataRow(nameof(Options.Beta2), -1e38, "must be from -1000000 to 1000000, and is -1E+38.")]
    [DataRow(
        nameof(Options.Goal),
        "1e308{F}{C}{L}",
        "has a coefficient of magnitude 1E+308, and must have none above 1000000: what counts are their ratios."
    )]
    [DataRow(
        nameof(Options.OutputGoal),
        "{F}{C} - 2e20{F}",
        "has a coefficient of magnitude 2E+20, and must have none above 1000000: what counts are their ratios."
    )]
    [DataRow(nameof(Options.NumberOfThreads), 100_000, "must be at most 1024, and is 100000.")]
    public void A_value_that_would_come_to_nothing_is_refused(string option, object value, string sentence)
    {
        var options = new Options();
        typeof(Options).GetField(option)!.SetValue(options, value);

        Assert.AreEqual($"{option} {sentence} (Parameter '{option}')", Failure(options));
    }

    [TestMethod]
    public void Options_without_effect_are_said()
    {
        Says(
            new Options
            {
                HiddenLayer = HiddenLayerKind.None,
                NumberOfHiddenNeurons = 10,
                WeightDecay = 0.5,
            },
            "NumberOfHiddenNeurons is 10 and has no effect: HiddenLayer is None",
            "WeightDecay is 0.5 and has no effect: HiddenLayer is None"
        );
        Says(
            new Options
            {
                HiddenLayer = HiddenLayerKind.Random,
                NumberOfHiddenNeurons = 10,
                NumberOfBins = 7,
            },
            "NumberOfBins is 7 and has no effect: HiddenLayer is Random"
        );
        Says(new Options { NumberOfHiddenNeurons = 10, NumberOfBins = 7 });
        Says(
            new Options { Goal = "0{F}{C}", OutputGoal = "{F}{C} - {F}{C}" },
            "Goal has coefficients of 0 alone: the neurons have nothing to learn",
            "OutputGoal has coefficients of 0 alone: the neurons have nothing to learn"
        );
        Says(
            new Options { HiddenLayers = [new(), new() { Goal = "0" }] },
            "HiddenLayers[1].Goal has coefficients of 0 alone: the neurons have nothing to learn"
        );

        void Says(Options options, params string[] sentences) =>
            CollectionAssert.AreEqual(
                sentences,
                options.WithoutEffect(options.ToTrainingSettings(_context, seed: 1)).ToArray()
            );
    }

    [TestMethod]
    public void A_trainer_without_options_or_a_catalog_is_refused()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => Create(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => InfomorphicCatalog.Infomorphic(null!, new Options()));
    }

    [TestMethod]
    public void The_papers_options_are_the_defaults_of_the_layer_below()
    {
        TrainingSettings settings = Options.Paper().ToTrainingSettings(_context, seed: 7);

        Assert.AreEqual(
            new TrainingSettings
            {
                HiddenLayers = [new LayerSettings { Goal = settings.HiddenLayers[0].Goal }],
                Output = new OutputLayerSettings { Goal = settings.Output.Goal },
                Seed = 7,
            },
            settings
        );
    }

    [TestMethod]
    public void Both_overloads_have_the_same_defaults()
    {
        var options = new Options();
        ParameterInfo[] parameters =
        [
            .. typeof(InfomorphicCatalog)
                .GetMethods()
                .Single(method => method.Name == "Infomorphic" && method.GetParameters().Length > 2)
                .GetParameters()
                .Skip(1),
        ];

        foreach (ParameterInfo parameter in parameters)
        {
            string field = char.ToUpperInvariant(parameter.Name![0]) + parameter.Name[1..];
            Assert.AreEqual(typeof(Options).GetField(field)!.GetValue(options), parameter.DefaultValue, field);
        }
    }

    [TestMethod]
    public void A_negative_seed_is_a_seed_as_good_as_any()
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Seed = -1;

        Assert.AreEqual(uint.MaxValue, options.ToTrainingSettings(_context, 0).Seed);
    }

    private string Failure(Options options) => Samples.Failure<ArgumentOutOfRangeException>(() => Create(options));

    private InfomorphicTrainer Create(Options options) =>
        _context.MulticlassClassification.Trainers.Infomorphic(options);
}
