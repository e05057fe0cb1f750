using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class NetworkTrainerTests
{
    private static readonly LabeledRows s_train = Problems.Blobs(600);
    private static readonly LabeledRows s_test = Problems.Blobs(300, seed: 2);

    // The best classifier errs on 0.5 %; one that knows one of three axes alone is right on two thirds. 95 % needs all.
    [TestMethod]
    [DataRow(100)]
    [DataRow(5)]
    public void Blobs_are_learned(int lateral)
    {
        TrainingResult result = Problems.Train(s_train, Problems.Settings(epochs: 30).WithLateral(lateral));
        Assert.IsGreaterThan(0.95, Problems.Accuracy(result.Network, s_test));
        Assert.HasCount(30, result.History.Epochs);
        Assert.AreEqual(180, result.History.Steps);
        Assert.AreEqual(30, result.History.BestEpoch);
        EpochRecord last = result.History.Epochs[^1];
        Assert.AreEqual(Problems.Accuracy(result.Network, s_train), last.TrainingAccuracy, 0.02);
        Assert.IsGreaterThan(
            result.History.Epochs[0].HiddenLayers[0].Goal,
            last.HiddenLayers[0].Goal,
            "the goal rises"
        );
        Assert.HasCount(19, last.HiddenLayers[0].Atoms);
        Assert.HasCount(5, last.OutputLayer.Atoms);
        Assert.IsNull(last.ValidationAccuracy);
        Assert.AreEqual(
            last.HiddenLayers[0].Goal,
            last.HiddenLayers[0].Atoms.Zip(GoalFunctions.OptimizedTpe1.Gamma, (atom, gamma) => atom * gamma).Sum(),
            1e-9
        );
    }

    // The best classifier errs on 0.5 % of the rows, chance on 67 %. Twelve random projections of five features lose some.
    [TestMethod]
    [DataRow(Setups.Context, 0.96)]
    [DataRow(Setups.Lateral, 0.96)]
    [DataRow(Setups.Feedback, 0.96)]
    [DataRow(Setups.BivariateFeedback, 0.96)]
    [DataRow(Setups.Random, 0.85)]
    [DataRow(Setups.Readout, 0.96)]
    public void Every_setup_learns_blobs(string setup, double least)
    {
        LabeledRows unseen = Problems.Blobs(600, seed: 2);
        TrainingResult result = Problems.Train(Problems.Blobs(600), Setups.Settings(setup), unseen);
        EpochRecord last = result.History.Epochs[^1];
        Assert.IsGreaterThanOrEqualTo(least, Problems.Accuracy(result.Network, unseen));
        Assert.IsGreaterThanOrEqualTo(least, last.ValidationAccuracy!.Value);
        bool learns = setup is not (Setups.Random or Setups.Readout);
        Assert.HasCount(setup == Setups.Readout ? 0 : 1, last.HiddenLayers);
        foreach (LayerProgress hidden in last.HiddenLayers)
        {
            Assert.AreEqual(!learns, double.IsNaN(hidden.Goal));
            Assert.AreEqual(learns, hidden.Atoms.Count > 0);
        }
    }

    [TestMethod]
    public void The_heuristic_goal_learns_blobs_too()
    {
        TrainingSettings settings = Problems
            .Settings(epochs: 30)
            .WithHidden(layer => layer with { Goal = GoalFunctions.Heuristic });
        Assert.IsGreaterThan(0.9, Problems.Accuracy(Problems.Train(s_train, settings).Network, s_test));
    }

    [TestMethod]
    [DataRow(100)]
    [DataRow(3)]
    public void Weights_are_the_same_for_any_number_of_threads(int lateral)
    {
        TrainingSettings settings = Problems.Settings(epochs: 3).WithLateral(lateral);
        float[] one = Weights(settings with { Threads = 1 });
        CollectionAssert.AreEqual(one, Weights(settings with { Threads = 2 }));
        CollectionAssert.AreEqual(one, Weights(settings with { Threads = 3 }));
        CollectionAssert.AreEqual(one, Weights(settings));
        CollectionAssert.AreNotEqual(one, Weights(settings with { Seed = 2 }));

        static float[] Weights(TrainingSettings settings) =>
            Problems.WeightsOf(Problems.Train(s_train, settings).Network);
    }

    [TestMethod]
    public void Weights_of_rows_matter_by_their_ratios_alone()
    {
        TrainingSettings settings = Problems.Settings(epochs: 2);
        float[] Weights(float? weight) =>
            Problems.WeightsOf(
                Problems
                    .Train(
                        s_train with
                        {
                            Weights = weight is float w ? [.. Enumerable.Repeat(w, s_train.RowCount)] : null,
                        },
                        settings
                    )
                    .Network
            );
        CollectionAssert.AreEqual(Weights(null), Weights(1));
        CollectionAssert.AreEqual(Weights(null), Weights(8));
    }

    // A class whose rows weigh next to nothing is not learned, one that weighs a lot is.
    [TestMethod]
    public void Heavy_rows_win()
    {
        // Two classes at the same place: whichever weighs more is predicted.
        LabeledRows rows = Problems.Blobs(300, features: 2);
        int[] labels = [.. Enumerable.Range(0, 300).Select(i => rows.Labels[i] == 2 ? 2 : i % 2)];
        float[] weights = [.. labels.Select(label => label == 0 ? 10f : 1f)];
        InfomorphicNetwork network = Problems
            .Train(rows with { Labels = labels, Weights = weights }, Problems.Settings())
            .Network;
        var scorer = new NetworkScorer(network, new ScoringSettings());
        int[] predicted = [.. Enumerable.Range(0, 300).Select(row => Problems.Predict(scorer, rows, row))];
        Assert.IsGreaterThan(predicted.Count(label => label == 1), predicted.Count(label => label == 0));
    }

    [TestMethod]
    public void Training_stops_early_and_keeps_the_best_epoch()
    {
        var messages = new List<string>();
        TrainingSettings settings = Problems.Settings(epochs: 60) with
        {
            EarlyStoppingRounds = 4,
            RestoreBestEpoch = true,
        };
        TrainingResult result = Problems.Train(
            s_train,
            settings,
            s_test,
            callbacks: new TrainingCallbacks { Info = messages.Add }
        );
        TrainingHistory history = result.History;
        Assert.IsLessThan(60, history.Epochs.Count);
        Assert.AreEqual(history.BestEpoch + 4, history.Epochs.Count);
        Assert.AreEqual(
            history.Epochs.Min(epoch => epoch.ValidationLogLoss),
            history.Epochs[history.BestEpoch - 1].ValidationLogLoss
        );
        Assert.Contains(
            $"Stopped after epoch {history.Epochs.Count}: the validation log-loss has not fallen since epoch {history.BestEpoch}.",
            messages
        );
        Assert.Contains($"Kept the weights of epoch {history.BestEpoch}.", messages);

        // The same as a training that ended there.
        InfomorphicNetwork ended = Problems.Train(s_train, Problems.Settings(epochs: history.BestEpoch)).Network;
        CollectionAssert.AreEqual(Problems.WeightsOf(ended), Problems.WeightsOf(result.Network));
    }

    [TestMethod]
    public void Validation_rows_do_not_change_the_weights()
    {
        TrainingSettings settings = Problems.Settings(epochs: 3);
        TrainingResult with = Problems.Train(s_train, settings, s_test);
        CollectionAssert.AreEqual(
            Problems.WeightsOf(Problems.Train(s_train, settings).Network),
            Problems.WeightsOf(with.Network)
        );
        Assert.IsTrue(with.History.Epochs.All(epoch => epoch.ValidationAccuracy is >= 0 and <= 1));
        Assert.IsTrue(with.History.Epochs.All(epoch => epoch.ValidationLogLoss > 0));
    }

    // Tensors alive are counted over the whole process: no other test may run.
    [TestMethod]
    [DoNotParallelize]
    public void Cancellation_leaves_nothing_behind()
    {
        TrainingSettings settings = Problems.Settings(epochs: 3);
        float[] expected = Problems.WeightsOf(Problems.Train(s_train, settings).Network);
        int threads = torch.get_num_threads();
        long before = torch.Tensor.TotalCount;
        foreach (int calls in new[] { 1, 2, 8, 20 })
        {
            int left = calls;
            var callbacks = new TrainingCallbacks
            {
                CheckAlive = () =>
                {
                    if (--left == 0)
                        throw new OperationCanceledException();
                },
            };
            Assert.ThrowsExactly<OperationCanceledException>(() =>
                Problems.Train(s_train, settings with { Threads = 1 }, callbacks: callbacks)
            );
            Assert.AreEqual(before, torch.Tensor.TotalCount);
        }

        Assert.AreEqual(threads, torch.get_num_threads());
        CollectionAssert.AreEqual(expected, Problems.WeightsOf(Problems.Train(s_train, settings).Network));
        Assert.AreEqual(before, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void A_class_without_rows_is_never_predicted()
    {
        InfomorphicNetwork network = Problems.Train(s_train with { ClassCount = 5 }, Problems.Settings()).Network;
        var scorer = new NetworkScorer(network, new ScoringSettings());
        float[] probabilities = new float[5];
        for (int row = 0; row < s_test.RowCount; row++)
        {
            scorer.Score(Problems.FeaturesOf(s_test, row), probabilities);
            Assert.IsLessThan(1e-6f, probabilities[3] + probabilities[4]);
        }

        Assert.IsGreaterThan(0.9, Problems.Accuracy(network, s_test));
    }

    [TestMethod]
    public void Going_on_keeps_what_was_learned()
    {
        InfomorphicNetwork first = Problems.Train(s_train, Problems.Settings(epochs: 30)).Network;
        TrainingResult second = Problems.Train(s_train, Problems.Settings(epochs: 2), initial: first);
        Assert.IsGreaterThan(Problems.Accuracy(first, s_test) - 0.03, Problems.Accuracy(second.Network, s_test));
        Assert.AreEqual(first.FeatureScaling.Kind, second.Network.FeatureScaling.Kind);
        CollectionAssert.AreNotEqual(Problems.WeightsOf(first), Problems.WeightsOf(second.Network));
    }

    // A class that had no row before has some now.
    [TestMethod]
    public void Going_on_learns_a_class_that_had_no_rows_before()
    {
        int[] known = [.. Enumerable.Range(0, 600).Where(row => s_train.Labels[row] != 2)];
        var without = new LabeledRows(
            new DenseFeatureMatrix(known.Length, 5, [.. known.SelectMany(row => Problems.FeaturesOf(s_train, row))]),
            [.. known.Select(row => s_train.Labels[row])],
            null,
            3
        );
        InfomorphicNetwork first = Problems.Train(without, Problems.Settings()).Network;
        InfomorphicNetwork second = Problems.Train(s_train, Problems.Settings(epochs: 30), initial: first).Network;
        Assert.IsGreaterThan(0.9, Problems.Accuracy(second, s_test));
        Assert.IsGreaterThan(0.9, Problems.Accuracy(second, s_test, calibrate: false));
    }

    [TestMethod]
    public void A_batch_may_be_larger_than_the_data()
    {
        TrainingSettings settings = Problems.Settings(epochs: 60) with { BatchSize = 100_000 };
        TrainingResult result = Problems.Train(s_train, settings);
        Assert.AreEqual(60, result.History.Steps);
        Assert.IsGreaterThan(0.9, Problems.Accuracy(result.Network, s_test));
        CollectionAssert.AreEqual(
            Problems.WeightsOf(result.Network),
            Problems.WeightsOf(Problems.Train(s_train, settings with { BatchSize = 600 }).Network)
        );
    }

    [TestMethod]
    public void A_last_batch_of_one_row_does_no_harm()
    {
        TrainingSettings settings = Problems.Settings(epochs: 30) with { BatchSize = 599 };
        TrainingResult result = Problems.Train(s_train, settings);
        Assert.AreEqual(60, result.History.Steps);
        Assert.IsTrue(Problems.WeightsOf(result.Network).All(float.IsFinite));
    }

    // A neuron tells two classes apart: they are 4√2 standard deviations apart, and half of the rows are of each.
    [TestMethod]
    public void One_hidden_neuron_is_enough_for_two_classes()
    {
        LabeledRows train = Problems.Blobs(400, classes: 2);
        TrainingResult result = Problems.Train(train, Problems.Settings(hidden: 1, epochs: 30));
        Assert.IsGreaterThan(0.95, Problems.Accuracy(result.Network, Problems.Blobs(400, seed: 2, classes: 2)));
    }

    // One feature, two classes, 4 standard deviations apart: the best threshold errs on Φ(−2) = 2.3 %.
    [TestMethod]
    public void One_feature_is_enough()
    {
        LabeledRows train = Problems.Blobs(400, classes: 2, features: 1);
        InfomorphicNetwork network = Problems.Train(train, Problems.Settings(epochs: 30)).Network;
        Assert.IsGreaterThan(0.93, Problems.Accuracy(network, train));
    }

    [TestMethod]
    public void Constant_features_do_no_harm()
    {
        LabeledRows constant = Constant(s_train);
        InfomorphicNetwork network = Problems.Train(constant, Problems.Settings(epochs: 30)).Network;
        Assert.IsGreaterThan(0.9, Problems.Accuracy(network, Constant(s_test)));

        var nothing = new LabeledRows(new DenseFeatureMatrix(30, 2, new float[60]), [.. s_train.Labels[..30]], null, 3);
        Assert.IsTrue(
            Problems.WeightsOf(Problems.Train(nothing, Problems.Settings(epochs: 2)).Network).All(float.IsFinite)
        );

        static LabeledRows Constant(LabeledRows rows) =>
            rows with
            {
                Features = new DenseFeatureMatrix(
                    rows.RowCount,
                    7,
                    [
                        .. Enumerable
                            .Range(0, rows.RowCount)
                            .SelectMany(row => Problems.FeaturesOf(rows, row).Concat([1e6f, 0f])),
                    ]
                ),
            };
    }

    [TestMethod]
    public void Sparse_rows_train_like_dense_ones()
    {
        float[][] dense = [.. Enumerable.Range(0, 600).Select(row => Problems.FeaturesOf(s_train, row))];
        foreach (float[] row in dense)
            for (int i = 0; i < row.Length; i++)
                if (row[i] < 0)
                    row[i] = 0;
        int[][] indices = [.. dense.Select(row => Enumerable.Range(0, 5).Where(i => row[i] != 0).ToArray())];
        float[][] values = [.. dense.Select(row => row.Where(value => value != 0).ToArray())];
        TrainingSettings settings = Problems.Settings(epochs: 2);
        CollectionAssert.AreEqual(
            Problems.WeightsOf(
                Problems
                    .Train(
                        s_train with
                        {
                            Features = new DenseFeatureMatrix(600, 5, [.. dense.SelectMany(row => row)]),
                        },
                        settings
                    )
                    .Network
            ),
            Problems.WeightsOf(
                Problems
                    .Train(s_train with { Features = new SparseFeatureMatrix(5, indices, values) }, settings)
                    .Network
            )
        );
    }

    [TestMethod]
    public void Divergence_is_one_clear_error()
    {
        TrainingSettings settings = Problems
            .Settings()
            .WithOptimizers(new AdamSettings(1e38, 0), new AdamSettings(1e38, 0));
        InvalidOperationException exception = Assert.ThrowsExactly<InvalidOperationException>(() =>
            Problems.Train(s_train, settings)
        );
        Assert.StartsWith("Training diverged in epoch", exception.Message);
    }

    [TestMethod]
    public void Contradictions_are_refused()
    {
        TrainingSettings settings = Problems.Settings(epochs: 1);
        Refused(() => Problems.Train(Problems.Blobs(1), settings), "Training needs at least two rows.");
        Refused(() => Problems.Train(Problems.Blobs(10, classes: 1), settings), "Training needs at least two classes.");
        Refused(
            () => Problems.Train(s_train, settings with { RestoreBestEpoch = true }),
            "Early stopping and keeping the best epoch need validation rows."
        );
        Refused(
            () => Problems.Train(s_train, settings, Problems.Blobs(10, features: 4)),
            "The validation rows have 4 features, the training rows 5."
        );
        Refused(
            () => Problems.Train(s_train, settings, Problems.Blobs(10, classes: 2)),
            "The validation rows have 2 classes, the training rows 3."
        );
        InfomorphicNetwork network = Problems.Train(s_train, settings).Network;
        Refused(
            () => Problems.Train(Problems.Blobs(10, features: 4), settings, initial: network),
            "The model to go on from has 5 features, the training rows 4."
        );
        Refused(
            () => Problems.Train(Problems.Blobs(10, classes: 2), settings, initial: network),
            "The model to go on from has 3 classes, the training rows 2."
        );

        static void Refused(Action train, string message) =>
            Assert.StartsWith(message, Assert.ThrowsExactly<ArgumentException>(train).Message);
    }

    [TestMethod]
    [DataRow("Neurons", 0)]
    [DataRow("Epochs", 0)]
    [DataRow("BatchSize", 1)]
    [DataRow("LateralConnections", 0)]
    [DataRow("EarlyStoppingRounds", 0)]
    [DataRow("Threads", -1)]
    public void Settings_out_of_range_are_refused(string name, int value)
    {
        TrainingSettings settings = Problems.Settings().WithHidden(layer => layer with { });
        object changed = typeof(TrainingSettings).GetProperty(name) is null ? settings.HiddenLayers[0] : settings;
        changed.GetType().GetProperty(name)!.SetValue(changed, value);
        ArgumentOutOfRangeException exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            Problems.Train(s_train, settings, s_test)
        );
        Assert.AreEqual(name, exception.ParamName);
    }
}
