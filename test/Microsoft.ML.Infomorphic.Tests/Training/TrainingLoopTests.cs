using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>A group's trials are what they would be alone.</summary>
[TestClass]
public class TrainingLoopTests
{
    private static readonly LabeledRows s_train = Problems.Blobs(330);
    private static readonly LabeledRows s_validation = Problems.Blobs(150, seed: 2);

    public static IEnumerable<object[]> SetupsAndThreads { get; } =
        Setups.All.SelectMany(setup => new object[][] { [.. setup, 1], [.. setup, 2] });

    // 330 rows in batches of 100: the last one of an epoch is smaller. With two threads, of three trials two have a thread
    // each, and both work on the third one.
    [TestMethod]
    [DynamicData(nameof(SetupsAndThreads))]
    public void Trials_are_those_of_single_trainings_to_the_last_bit(string setup, int threads)
    {
        TrainingSettings[] trials = Variants(Setups.Settings(setup, epochs: 4) with { Threads = threads });
        IReadOnlyList<TrainingOutcome> outcomes = TrainMany(trials);
        Assert.HasCount(trials.Length, outcomes);
        foreach ((TrainingSettings settings, TrainingOutcome outcome) in trials.Zip(outcomes))
            AssertSame(Problems.Train(s_train, settings, s_validation), outcome.GetResult());
    }

    [TestMethod]
    [DataRow(Setups.Full)]
    [DataRow(Setups.Lateral)]
    public void Trials_with_drawn_connections_and_without_validation_are_those_of_single_trainings(string setup)
    {
        TrainingSettings[] trials = Variants(Setups.Settings(setup, epochs: 3).WithLateral(4) with { Threads = 2 });
        LabeledRows weighted = Problems.Blobs(210, weighted: true);
        IReadOnlyList<TrainingOutcome> outcomes = NetworkTrainer.TrainMany(
            weighted,
            null,
            [.. trials.Select(settings => new TrainingRequest(settings, new TrainingCallbacks()))],
            ComputeDevice.Cpu
        );
        foreach ((TrainingSettings settings, TrainingOutcome outcome) in trials.Zip(outcomes))
            AssertSame(Problems.Train(weighted, settings), outcome.GetResult());
    }

    // The second trial is ended in an epoch, the third one after one, and neither hurts the others, who then have fewer
    // neighbours than threads.
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_trial_that_is_ended_leaves_the_others_as_they_are(int threads)
    {
        TrainingSettings[] trials = Variants(Setups.Settings(Setups.Full, epochs: 5) with { Threads = threads });
        int polls = 0;
        IReadOnlyList<TrainingOutcome> outcomes = NetworkTrainer.TrainMany(
            s_train,
            s_validation,
            [
                new TrainingRequest(trials[0], new TrainingCallbacks()),
                new TrainingRequest(
                    trials[1],
                    new TrainingCallbacks { CheckAlive = () => End(++polls == 9, "polled") }
                ),
                new TrainingRequest(
                    trials[2],
                    new TrainingCallbacks { EpochEnded = epoch => End(epoch.Epoch == 3, "pruned") }
                ),
            ],
            ComputeDevice.Cpu
        );
        AssertSame(Problems.Train(s_train, trials[0], s_validation), outcomes[0].GetResult());
        Assert.AreEqual("polled", Assert.ThrowsExactly<TimeoutException>(outcomes[1].GetResult).Message);
        Assert.AreEqual(9, polls);
        Assert.AreEqual("pruned", Assert.ThrowsExactly<TimeoutException>(outcomes[2].GetResult).Message);

        static void End(bool now, string why)
        {
            if (now)
                throw new TimeoutException(why);
        }
    }

    // Trials end after different epochs, and keep the weights of different ones.
    [TestMethod]
    public void Every_trial_stops_early_by_itself()
    {
        TrainingSettings[] trials =
        [
            .. Variants(Setups.Settings(Setups.Full, epochs: 14) with { Threads = 2 })
                .Select(
                    (settings, i) =>
                        settings with
                        {
                            EarlyStoppingRounds = i == 0 ? null : i,
                            RestoreBestEpoch = i != 2,
                            Epochs = 8 + 2 * i,
                        }
                ),
        ];
        IReadOnlyList<TrainingOutcome> outcomes = TrainMany(trials);
        TrainingResult[] results = [.. outcomes.Select(outcome => outcome.GetResult())];
        Assert.IsGreaterThan(1, results.Select(result => result.History.Epochs.Count).Distinct().Count());
        foreach ((TrainingSettings settings, TrainingResult result) in trials.Zip(results))
            AssertSame(Problems.Train(s_train, settings, s_validation), result);
    }

    [TestMethod]
    public void A_trial_that_diverges_fails_alone()
    {
        TrainingSettings settings = Setups.Settings(Setups.Full, epochs: 2) with { Threads = 1 };
        IReadOnlyList<TrainingOutcome> outcomes = TrainMany([
            settings.WithHidden(layer => layer with { Optimizer = layer.Optimizer with { LearningRate = 1e38 } }),
            settings,
        ]);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<InvalidOperationException>(outcomes[0].GetResult).Message,
            "Training diverged in epoch 1"
        );
        AssertSame(Problems.Train(s_train, settings, s_validation), outcomes[1].GetResult());
    }

    [TestMethod]
    public void Trials_of_other_shapes_are_refused()
    {
        TrainingSettings settings = Setups.Settings(Setups.Full);
        ArgumentException failure = Assert.ThrowsExactly<ArgumentException>(() =>
            TrainMany([settings, settings.WithHidden(layer => layer with { Neurons = 13 })])
        );
        StringAssert.StartsWith(
            failure.Message,
            "Networks that are trained together have the same number of hidden neurons, and here it is 12 and 13."
        );
        Assert.ThrowsExactly<ArgumentException>(() => TrainMany([settings, settings with { Seed = 2 }]));
        Assert.ThrowsExactly<ArgumentException>(() => TrainMany([settings, settings with { Presentations = 3 }]));
        Assert.ThrowsExactly<ArgumentException>(() => TrainMany([]));
        Assert.IsTrue(Variants(settings).All(other => settings.CanTrainWith(other, out _)));
    }

    // On tensors, a group differs from single trainings by rounding alone, and so little that hardly a row changes its bin:
    // the first epoch of four batches ends at the same weights but for 2·10⁻³ of a learning rate of 0.02.
    [TestMethod]
    [DataRow(Setups.Full, 100)]
    [DataRow(Setups.Full, 4)]
    [DataRow(Setups.Context, 100)]
    [DataRow(Setups.Lateral, 4)]
    [DataRow(Setups.Feedback, 100)]
    [DataRow(Setups.BivariateFeedback, 100)]
    [DataRow(Setups.FeedbackOfThree, 4)]
    [DataRow(Setups.Random, 100)]
    [DataRow(Setups.Readout, 100)]
    public void Trials_on_tensors_are_single_trainings_but_for_rounding(string setup, int lateral)
    {
        TrainingSettings[] trials = Variants(
            Setups.Settings(setup, epochs: 2).WithLateral(lateral) with
            {
                Threads = 1,
            }
        );

        // The second one leaves after the first epoch.
        IReadOnlyList<TrainingOutcome> outcomes = OnTensors([
            new TrainingRequest(trials[0], new TrainingCallbacks()),
            new TrainingRequest(
                trials[1],
                new TrainingCallbacks { EpochEnded = _ => throw new TimeoutException("pruned") }
            ),
            new TrainingRequest(trials[2], new TrainingCallbacks()),
        ]);
        Assert.ThrowsExactly<TimeoutException>(outcomes[1].GetResult);
        foreach (int i in new[] { 0, 2 })
        {
            TrainingResult alone = OnTensors([new TrainingRequest(trials[i], new TrainingCallbacks())])[0].GetResult();
            TrainingResult inGroup = outcomes[i].GetResult();
            float[] expected = Problems.WeightsOf(alone.Network);
            float[] actual = Problems.WeightsOf(inGroup.Network);
            for (int j = 0; j < expected.Length; j++)
                Assert.AreEqual(expected[j], actual[j], 4e-5);
            for (int epoch = 0; epoch < 2; epoch++)
            {
                foreach (
                    (LayerProgress one, LayerProgress other) in alone
                        .History.Epochs[epoch]
                        .Layers.Zip(inGroup.History.Epochs[epoch].Layers)
                )
                    Assert.AreEqual(one.Goal, other.Goal, 1e-5);
            }
        }
    }

    // Networks of an ensemble draw connections, subsets and samples of their own. The second one leaves after the first epoch.
    [TestMethod]
    [DataRow("drawn lateral connections")]
    [DataRow("random subsets")]
    [DataRow("random subsets of a layer")]
    [DataRow("no drawn connections")]
    public void Networks_of_an_ensemble_on_tensors_are_single_trainings_but_for_rounding(string kind)
    {
        TrainingSettings settings = Setups.Settings(Setups.Full, epochs: 2) with { Threads = 1, Networks = 3 };
        LayerSettings hidden = settings.HiddenLayers[0];
        LayerSettings onSubsets = hidden with { Neurons = 3, Connections = new RandomSubsetSettings(3, 2) };
        settings = settings with
        {
            HiddenLayers = kind switch
            {
                "drawn lateral connections" => [hidden with { LateralConnections = 4 }],
                "random subsets" => [onSubsets],
                "random subsets of a layer" => [hidden, onSubsets],
                _ => [hidden],
            },
        };
        TrainingRequest[] requests =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(network => new TrainingRequest(
                    settings with
                    {
                        Network = network,
                    },
                    network == 1
                        ? new TrainingCallbacks { EpochEnded = _ => throw new TimeoutException("pruned") }
                        : new TrainingCallbacks()
                )),
        ];

        IReadOnlyList<TrainingOutcome> together = OnTensors(requests);

        Assert.ThrowsExactly<TimeoutException>(together[1].GetResult);
        float[][] weights =
        [
            .. new[] { 0, 2 }.Select(network =>
            {
                float[] expected = Problems.WeightsOf(OnTensors([requests[network]])[0].GetResult().Network);
                float[] actual = Problems.WeightsOf(together[network].GetResult().Network);
                for (int i = 0; i < expected.Length; i++)
                    Assert.AreEqual(expected[i], actual[i], 4e-5, $"network {network}");
                return actual;
            }),
        ];
        CollectionAssert.AreNotEqual(weights[0], weights[1]);
    }

    // What costs a GPU time in small steps is the number of operations. In-place ones make no tensor; the others tell how many
    // there are.
    [TestMethod]
    [DataRow(Setups.Full, 100)]
    [DataRow(Setups.Full, 4)]
    [DataRow(Setups.BivariateFeedback, 100)]
    public void A_step_on_tensors_makes_as_many_for_eight_trials_as_for_two(string setup, int lateral)
    {
        TrainingSettings settings = Setups.Settings(setup).WithLateral(lateral);
        long two = TensorsOfAStep(2);
        Assert.AreEqual(two, TensorsOfAStep(8));
        Assert.IsLessThanOrEqualTo(1.25 * TensorsOfAStep(1), two);

        long TensorsOfAStep(int trials)
        {
            FeatureScaling scaling = FeatureScalingEstimator.Estimate(s_train, Standardization.PerFeature);
            NetworkState[] states =
            [
                .. Enumerable
                    .Range(0, trials)
                    .Select(i =>
                        NetworkState.Create(
                            settings.WithHidden(layer =>
                                layer with
                                {
                                    Optimizer = layer.Optimizer with { LearningRate = 0.01 + 0.001 * i },
                                }
                            ),
                            scaling,
                            s_train.ClassCount
                        )
                    ),
            ];
            using var engine = new TensorTrainingEngine(states, settings, 100, torch.CPU);
            int[] batch = [.. Enumerable.Range(0, 100)];
            engine.Step(s_train, batch);
            var statistics = DisposeScopeManager.Statistics.TensorStatistics;
            long before = statistics.CreatedInScopeCount + statistics.CreatedOutsideScopeCount;
            engine.Step(s_train, batch);
            foreach (NetworkState state in states)
                state.Dispose();
            return statistics.CreatedInScopeCount + statistics.CreatedOutsideScopeCount - before;
        }
    }

    private static IReadOnlyList<TrainingOutcome> OnTensors(IReadOnlyList<TrainingRequest> trials) =>
        NetworkTrainer.TrainMany(
            s_train,
            s_validation,
            trials,
            (states, settings, largest) => new TensorTrainingEngine(states, settings, largest.Rows, torch.CPU)
        );

    private static IReadOnlyList<TrainingOutcome> TrainMany(TrainingSettings[] trials) =>
        NetworkTrainer.TrainMany(
            s_train,
            s_validation,
            [.. trials.Select(settings => new TrainingRequest(settings, new TrainingCallbacks()))],
            ComputeDevice.Cpu
        );

    // Three trials that differ in all that may differ but the epochs.
    private static TrainingSettings[] Variants(TrainingSettings settings)
    {
        return
        [
            settings,
            settings.WithHidden(layer =>
                layer with
                {
                    Goal = Scaled(layer.Goal, 0),
                    Optimizer = layer.Optimizer with { LearningRate = 0.01, WeightDecay = 0.001 },
                }
            ),
            settings
                .WithHidden(layer =>
                    layer with
                    {
                        Goal = Scaled(layer.Goal, 0.5),
                        Activation = Other(layer.Activation),
                    }
                )
                .WithOutput(layer => layer with { Optimizer = layer.Optimizer with { LearningRate = 0.02 } }),
        ];

        static GoalFunction? Scaled(GoalFunction? goal, double factor) =>
            goal is null
                ? null
                : GoalFunction.FromGamma(
                    goal.Sources,
                    [.. goal.Gamma.Select((weight, i) => i % 3 == 0 ? weight * factor : weight)]
                );

        static Activation Other(Activation activation) =>
            activation switch
            {
                ModulatedActivation modulated => modulated with { Beta1 = 1.5, Alpha2 = 0.2 },
                BivariateActivation bivariate => bivariate with { K = 0.8 },
                Activation same => same,
            };
    }

    private static void AssertSame(TrainingResult expected, TrainingResult actual)
    {
        CollectionAssert.AreEqual(Problems.WeightsOf(expected.Network), Problems.WeightsOf(actual.Network));
        CollectionAssert.AreEqual(
            expected.Network.Calibration.Slopes.Concat(expected.Network.Calibration.Offsets).ToArray(),
            actual.Network.Calibration.Slopes.Concat(actual.Network.Calibration.Offsets).ToArray()
        );
        Assert.AreEqual(expected.History.BestEpoch, actual.History.BestEpoch);
        Assert.HasCount(expected.History.Epochs.Count, actual.History.Epochs);
        foreach ((EpochRecord one, EpochRecord other) in expected.History.Epochs.Zip(actual.History.Epochs))
        {
            Assert.AreEqual(one.HiddenLayers.Count, other.HiddenLayers.Count);
            foreach ((LayerProgress first, LayerProgress second) in one.Layers.Zip(other.Layers))
            {
                CollectionAssert.AreEqual(first.Atoms.ToArray(), second.Atoms.ToArray());
                Assert.AreEqual(first with { Atoms = [] }, second with { Atoms = [] });
            }

            Assert.AreEqual(WithoutLayers(one), WithoutLayers(other));
        }

        static EpochRecord WithoutLayers(EpochRecord epoch) =>
            epoch with
            {
                Seconds = 0,
                HiddenLayers = [],
                OutputLayer = LayerProgress.None,
            };
    }
}
