using System.Globalization;
using System.Reflection;
using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Tuning;
using Microsoft.ML.SearchSpace.Option;
using Parameter = Microsoft.ML.SearchSpace.Parameter;

namespace Microsoft.ML.Infomorphic.AutoML.Tests;

[TestClass]
public sealed class InfomorphicSweepableEstimatorTests
{
    private static readonly TrainerSpace s_space = TrainerSpace
        .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1))
        .With(TrainerOption.LearningRate, 1e-4, 0.1, logarithmic: true)
        .With(TrainerOption.NumberOfBins, 5, 30);

    [TestMethod]
    public void The_space_is_AutoMLs_with_real_numbers_real_and_whole_ones_whole()
    {
        var context = new MLContext(seed: 1);
        InfomorphicSweepableEstimator estimator = context.Auto().Infomorphic(s_space, Rows.Trainer());

        Assert.HasCount(21, estimator.SearchSpace);
        Assert.HasCount(20, estimator.SearchSpace.Values.OfType<UniformDoubleOption>());
        var weight = (UniformDoubleOption)estimator.SearchSpace["002 {F}{L}"];
        Assert.AreEqual((-1.0, 1.0, false), (weight.Min, weight.Max, weight.LogBase));
        Assert.IsTrue(((UniformDoubleOption)estimator.SearchSpace["019 LearningRate"]).LogBase);
        Assert.IsInstanceOfType<UniformIntOption>(estimator.SearchSpace["020 NumberOfBins"]);
    }

    [TestMethod]
    public void Keys_keep_the_order_of_the_paper_by_any_rule()
    {
        var estimator = new InfomorphicSweepableEstimator(s_space);
        string[] names = [.. s_space.ToSearchSpace().Parameters.Select(p => p.Name)];
        foreach (StringComparer rule in new[] { StringComparer.Ordinal, StringComparer.CurrentCulture })
            CollectionAssert.AreEqual(names, estimator.SearchSpace.Keys.Order(rule).Select(key => key[4..]).ToArray());
        Assert.AreEqual("{F}{C}{L}", names[0]);
    }

    [TestMethod]
    public void AutoML_begins_with_the_trainers_options_not_with_the_lower_bounds()
    {
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.LearningRate = 0.003;
        trainer.NumberOfBins = 17;
        var estimator = new InfomorphicSweepableEstimator(s_space, trainer);
        InfomorphicTrainer.Options own = estimator.OptionsAt(estimator.Parameter);
        Assert.AreEqual(GoalFunction.Parse("opt_1_100_tpe"), GoalFunction.Parse(own.Goal));
        Assert.AreEqual((0.003, 17, 4), (own.LearningRate!.Value, own.NumberOfBins, own.NumberOfHiddenNeurons!.Value));

        InfomorphicTrainer.Options sampled = estimator.OptionsAt(
            estimator.SearchSpace.SampleFromFeatureSpace(estimator.SearchSpace.Default)
        );
        Assert.AreEqual(0.003, sampled.LearningRate!.Value, 1e-15);
        CollectionAssert.AreEqual(
            GoalFunction.Parse(own.Goal).Gamma.Select(v => Math.Round(v, 12)).ToArray(),
            GoalFunction.Parse(sampled.Goal).Gamma.Select(v => Math.Round(v, 12)).ToArray()
        );
    }

    [TestMethod]
    public void Options_outside_the_space_are_no_start_and_every_corner_of_the_space_is_taken()
    {
        InfomorphicTrainer.Options outside = Rows.Trainer();
        outside.LearningRate = 5;
        var estimator = new InfomorphicSweepableEstimator(s_space, outside);
        Assert.IsEmpty(estimator.StartingPoints);
        Assert.AreEqual(Math.Sqrt(1e-5), estimator.OptionsAt(estimator.Parameter).LearningRate!.Value, 1e-12);
        foreach (double corner in new[] { 0.0, 1.0, 0.3 })
        {
            double[] features = [.. Enumerable.Repeat(corner, estimator.SearchSpace.FeatureSpaceDim)];
            Parameter parameter = estimator.SearchSpace.SampleFromFeatureSpace(features);
            InfomorphicTrainer.Options options = estimator.OptionsAt(parameter);
            Assert.AreEqual(1e-4 * Math.Pow(1e3, corner), options.LearningRate!.Value, 1e-12);
            foreach (double weight in GoalFunction.Parse(options.Goal).Gamma)
                Assert.AreEqual(2 * corner - 1, weight, 1e-9);
        }
    }

    [TestMethod]
    public void Layers_have_keys_of_their_own_and_options_that_trials_do_not_share()
    {
        TrainerSpace space = Rows.TwoLayers;
        var estimator = new InfomorphicSweepableEstimator(space, Rows.Layers());
        string[] names = [.. space.ToSearchSpace().Parameters.Select(p => p.Name)];
        foreach (StringComparer rule in new[] { StringComparer.Ordinal, StringComparer.CurrentCulture })
            CollectionAssert.AreEqual(names, estimator.SearchSpace.Keys.Order(rule).Select(key => key[4..]).ToArray());
        Assert.IsInstanceOfType<UniformIntOption>(estimator.SearchSpace["025 layer 2 NumberOfNeurons"]);
        Assert.IsGreaterThan(2, estimator.StartingPoints.Count);

        Parameter parameter = estimator.SearchSpace.SampleFromFeatureSpace(estimator.SearchSpace.Default);
        parameter["000 layer 1 {F}{C}{L}"] = Parameter.FromDouble(0.25);
        parameter["025 layer 2 NumberOfNeurons"] = Parameter.FromInt(6);
        InfomorphicTrainer.Options first = estimator.OptionsAt(parameter);
        InfomorphicTrainer.Options second = estimator.OptionsAt(estimator.Parameter);
        Assert.AreEqual(0.25, GoalFunction.Parse(first.HiddenLayers![0].Goal).Gamma[0]);
        Assert.AreEqual(
            GoalFunctions.DefaultFor("FCL").Gamma[0],
            GoalFunction.Parse(second.HiddenLayers![0].Goal).Gamma[0]
        );
        Assert.AreEqual((6, 5), (first.HiddenLayers[1].NumberOfNeurons, second.HiddenLayers[1].NumberOfNeurons));
        Assert.AreNotSame(first.HiddenLayers[0], second.HiddenLayers[0]);

        StringAssert.StartsWith(
            Assert.Throws<ArgumentException>(() => new InfomorphicSweepableEstimator(space, Rows.Trainer())).Message,
            "The search space has the goal of hidden layer 1, and HiddenLayers is null"
        );
    }

    [TestMethod]
    public void A_choice_is_one_of_its_values_in_words()
    {
        TrainerSpace space = TrainerSpace
            .Empty.WithChoice(options => options.Goal, "heuristic", "opt_1_100_tpe")
            .WithChoice(options => options.NumberOfEpochs, 2, 3, 5);
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        trainer.Goal = "opt_1_100_tpe";
        var estimator = new InfomorphicSweepableEstimator(space, trainer);
        var goals = (ChoiceOption)estimator.SearchSpace["000 Goal"];
        CollectionAssert.AreEqual(
            new[] { "heuristic", "opt_1_100_tpe" },
            goals.Choices.Select(choice => choice.AsType<string>()).ToArray()
        );
        Assert.AreEqual("opt_1_100_tpe", estimator.OptionsAt(estimator.Parameter).Goal);
        Parameter parameter = estimator.SearchSpace.SampleFromFeatureSpace(estimator.SearchSpace.Default);
        Assert.AreEqual(("opt_1_100_tpe", 3), GoalAndEpochs(estimator.OptionsAt(parameter)));
        parameter["000 Goal"] = Parameter.FromString("heuristic");
        Assert.AreEqual(("heuristic", 3), GoalAndEpochs(estimator.OptionsAt(parameter)));

        // AutoML's own tuners draw each as often as another.
        int[] drawn =
        [
            .. Enumerable
                .Range(0, 300)
                .Select(i =>
                    estimator
                        .OptionsAt(estimator.SearchSpace.SampleFromFeatureSpace([0.25, (i + 0.5) / 300]))
                        .NumberOfEpochs!.Value
                ),
        ];
        CollectionAssert.AreEqual(
            new[] { (2, 100), (3, 100), (5, 100) },
            drawn.GroupBy(epochs => epochs).Select(group => (group.Key, group.Count())).ToArray()
        );

        parameter["000 Goal"] = Parameter.FromString("nonsense");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => estimator.OptionsAt(parameter)).Message,
            "is no choice of the parameter 000 Goal"
        );

        static (string, int) GoalAndEpochs(InfomorphicTrainer.Options options) =>
            (options.Goal, options.NumberOfEpochs!.Value);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void AutoML_begins_with_every_whole_number_that_the_trainer_has(bool logarithmic)
    {
        TrainerSpace space = TrainerSpace.Empty.With(TrainerOption.NumberOfHiddenNeurons, 1, 100, logarithmic);
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        for (int neurons = 1; neurons < 100; neurons++)
        {
            trainer.NumberOfHiddenNeurons = neurons;
            var estimator = new InfomorphicSweepableEstimator(space, trainer);
            Parameter parameter = estimator.SearchSpace.SampleFromFeatureSpace(estimator.SearchSpace.Default);
            Assert.AreEqual(neurons, estimator.OptionsAt(parameter).NumberOfHiddenNeurons);
        }
    }

    [TestMethod]
    public void Of_opposite_goals_a_tuner_draws_the_one_that_rewards_information_in_every_layer()
    {
        TrainerSpace space = TrainerSpace
            .Empty.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAtoms(-1, 1).RewardInformation(), 0)
            .With(TrainerOption.NumberOfHiddenNeurons, 3, 6, layer: 0)
            .WithGoal(GoalSpace.From(GoalFunctions.ContextOptimized2).FreeAtoms(-1, 1).RewardInformation(), 1);
        var estimator = new InfomorphicSweepableEstimator(space, Rows.Layers());
        var pipeline = new Microsoft.ML.SearchSpace.SearchSpace
        {
            ["_pipeline_"] = new Microsoft.ML.SearchSpace.SearchSpace { ["e2"] = estimator.SearchSpace },
        };
        var tuner = new AskTellTuner(pipeline, (flat, direction) => new RandomTuner(flat, direction, seed: 1));
        var settings = new TrialSettings();

        IReadOnlyList<ParameterOrientation> own = space.ToSearchSpace().Orientations!;
        IReadOnlyList<ParameterOrientation> turned = tuner.Tuner.Space.Orientations!;
        Assert.HasCount(2, turned);
        foreach ((ParameterOrientation one, ParameterOrientation other) in own.Zip(turned))
        {
            CollectionAssert.AreEqual(
                one.Parameters.ToArray(),
                other.Parameters.Select(name => name["_pipeline_/e2/000 ".Length..]).ToArray()
            );
            CollectionAssert.AreEqual(one.Weights.ToArray(), other.Weights.ToArray());
        }
        for (int trial = 0; trial < 20; trial++)
        {
            settings.TrialId = trial;
            InfomorphicTrainer.Options options = estimator.OptionsAt(tuner.Propose(settings)["_pipeline_"]["e2"]);
            ParameterPoint point = space.GetPoint(options);
            foreach (ParameterOrientation one in own)
                Assert.IsGreaterThanOrEqualTo(
                    0.0,
                    one.Parameters.Zip(one.Weights, (name, weight) => weight * point[name]).Sum()
                );
        }

        // Whoever fixes a weight in AutoML's space has goals of either kind.
        estimator.SearchSpace.Remove("000 layer 1 {F}{C}{L}");
        Assert.HasCount(
            1,
            new AskTellTuner(pipeline, (flat, direction) => new RandomTuner(flat, direction, seed: 1))
                .Tuner
                .Space
                .Orientations!
        );
    }

    // A thousand keys take a digit more, or their order would not be that of the parameters.
    [TestMethod]
    public void Keys_of_a_thousand_parameters_are_in_order()
    {
        TrainerSpace space = Enumerable
            .Range(0, 60)
            .Aggregate(
                TrainerSpace.Empty,
                (all, layer) => all.WithGoal(GoalSpace.From(GoalFunctions.Heuristic).FreeAll(-1, 1), layer)
            );
        var trainer = new InfomorphicTrainer.Options
        {
            HiddenLayers = [.. Enumerable.Range(0, 60).Select(_ => new HiddenLayerOptions())],
        };
        var estimator = new InfomorphicSweepableEstimator(space, trainer);
        CollectionAssert.AreEqual(
            space.ToSearchSpace().Parameters.Select(p => p.Name).ToArray(),
            estimator.SearchSpace.Keys.Order(StringComparer.Ordinal).Select(key => key[5..]).ToArray()
        );
    }

    [TestMethod]
    public void Missing_and_NaN_parameters_are_refused_by_name()
    {
        var estimator = new InfomorphicSweepableEstimator(s_space);
        Parameter parameter = estimator.SearchSpace.SampleFromFeatureSpace(estimator.SearchSpace.Default);
        parameter["003 {C}{L}"] = Parameter.FromDouble(double.NaN);
        Assert.AreEqual(
            "The parameter 003 {C}{L} must be a number, and is NaN.",
            Assert.ThrowsExactly<ArgumentException>(() => estimator.OptionsAt(parameter)).Message
        );
        parameter.Remove("003 {C}{L}");
        Assert.AreEqual(
            "The parameter 003 {C}{L} is missing.",
            Assert.ThrowsExactly<ArgumentException>(() => estimator.OptionsAt(parameter)).Message
        );
        StringAssert.StartsWith(
            Assert
                .ThrowsExactly<ArgumentException>(() => new InfomorphicSweepableEstimator(TrainerSpace.Empty))
                .Message,
            "The search space is empty: free a weight"
        );
    }

    [TestMethod]
    public void The_trainer_stops_with_the_context_that_it_was_built_from()
    {
        var main = new MLContext(seed: 1);
        IDataView rows = Rows.Create(main, 1, 60);
        rows = Rows.Preprocessing(main).Fit(rows).Transform(rows);
        var trial = new MLContext(seed: 1);
        InfomorphicTrainer.Options trainer = Rows.Trainer();
        int epochs = 0;
        trainer.NumberOfEpochs = 1000;
        trainer.EpochEnded = _ =>
        {
            if (++epochs == 2)
                typeof(MLContext)
                    .GetMethod("CancelExecution", BindingFlags.Instance | BindingFlags.NonPublic)! // as AutoML does
                    .Invoke(trial, null);
        };
        var estimator = new InfomorphicSweepableEstimator(s_space, trainer);
        IEstimator<ITransformer> built = estimator.BuildFromOption(trial, estimator.Parameter);
        Assert.Throws<OperationCanceledException>(() => built.Fit(rows));
        Assert.AreEqual(2, epochs);
        Assert.AreEqual("Target", estimator.LabelColumnName.ToString(CultureInfo.InvariantCulture));
    }
}
