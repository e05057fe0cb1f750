using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class HeldOutLearningTests
{
    private static readonly LabeledRows s_rows = Problems.Blobs(330);

    private static TrainingSettings Settings(bool learns) =>
        Setups.Settings(Setups.Full, epochs: 6) with
        {
            ValidationFraction = 0.1,
            RestoreBestEpoch = true,
            LearnsHeldOutRows = learns,
        };

    [TestMethod]
    [DataRow(40, 0.2, 40)]
    [DataRow(40, 0.5, 40)]
    [DataRow(40, 0.1, 20)]
    [DataRow(3, 0.05, 1)]
    public void The_more_is_held_out_the_longer_it_takes(int keptEpoch, double share, int expected) =>
        Assert.AreEqual(expected, HeldOutLearning.Epochs(keptEpoch, share));

    // Step by step, as the class says: all rows, shuffled anew in every pass, from the weights of the best epoch.
    [TestMethod]
    public void The_network_goes_on_from_the_kept_epoch_with_all_rows_and_falling_rates()
    {
        TrainingSettings settings = Settings(learns: false);
        TrainingResult kept = Problems.Train(s_rows, settings);
        using NetworkState state = NetworkState.From(kept.Network, settings);
        int heldOut = RowSplit.Of(s_rows, settings.ValidationFraction, settings.Seed).HeldOut.Length;
        int epochs = HeldOutLearning.Epochs(kept.History.BestEpoch, heldOut / 330.0);
        int perEpoch = (330 + settings.BatchSize - 1) / settings.BatchSize;
        int[] order = [.. Enumerable.Range(0, 330)];
        var random = new RandomStream(settings.Seed, RandomStreams.HeldOutLearning);
        using (var engine = new CpuTrainingEngine(state, settings, settings.BatchSize))
            for (int step = 0; step < epochs * perEpoch; step++)
            {
                int start = step % perEpoch * settings.BatchSize;
                if (start == 0)
                    random.Shuffle(order);
                engine.RateFactor = 1 - (double)step / (epochs * perEpoch);
                engine.Step(s_rows, order.AsSpan(start, Math.Min(settings.BatchSize, 330 - start)));
            }

        TrainingResult actual = Problems.Train(s_rows, Settings(learns: true));

        InfomorphicNetwork expected = state.ToNetwork([.. Enumerable.Repeat(1, s_rows.ClassCount)]);
        float[] weights = WeightsOf(actual.Network, 0);

        // Rounding differs, as this state's weights come from a saved network; what is learned is ten times the bound and more.
        Assert.IsLessThanOrEqualTo(
            1e-4,
            WeightsOf(expected, 0).Zip(weights, (one, other) => Math.Abs(one - other)).Max()
        );
        Assert.IsGreaterThanOrEqualTo(
            1e-3,
            WeightsOf(kept.Network, 0).Zip(weights, (one, other) => Math.Abs(one - other)).Max()
        );
        Assert.AreEqual(kept.History.Steps + epochs * perEpoch, actual.History.Steps);
        Assert.AreEqual(kept.History.BestEpoch, actual.History.BestEpoch);
    }

    // What the layers above are judged by must not have been learned from below.
    [TestMethod]
    public void From_the_bottom_up_the_last_layer_alone_learns_the_rows_that_were_held_out()
    {
        TrainingResult kept = Problems.Train(s_rows, Settings(learns: false) with { Order = LayerOrder.BottomUp });
        TrainingResult actual = Problems.Train(s_rows, Settings(learns: true) with { Order = LayerOrder.BottomUp });

        CollectionAssert.AreEqual(WeightsOf(kept.Network, 0), WeightsOf(actual.Network, 0));
        CollectionAssert.AreNotEqual(WeightsOf(kept.Network, 1), WeightsOf(actual.Network, 1));
    }

    [TestMethod]
    public void Rows_of_their_own_are_never_learned_from()
    {
        LabeledRows validation = Problems.Blobs(100, seed: 2);

        CollectionAssert.AreEqual(
            WeightsOf(Problems.Train(s_rows, Settings(learns: false), validation).Network, 0),
            WeightsOf(Problems.Train(s_rows, Settings(learns: true), validation).Network, 0)
        );
    }

    // One row that is far out, and was held out until then.
    [TestMethod]
    public void Weights_that_diverge_are_said()
    {
        TrainingSettings settings = Settings(learns: true) with { Standardization = Standardization.None };
        int row = RowSplit.Of(s_rows, settings.ValidationFraction, settings.Seed).HeldOut[0];
        int features = s_rows.Features.FeatureCount;
        var changed = new float[330 * features];
        for (int i = 0; i < 330; i++)
            s_rows.Features.CopyRow(i, changed.AsSpan(i * features, features));
        changed.AsSpan(row * features, features).Fill(3e38f);
        LabeledRows rows = s_rows with { Features = new DenseFeatureMatrix(330, features, changed) };

        var exception = Assert.ThrowsExactly<InvalidOperationException>(() => Problems.Train(rows, settings));

        Assert.StartsWith("Training diverged while it learned from the rows held out: ", exception.Message);
        _ = Problems.Train(rows, settings with { LearnsHeldOutRows = false });
    }

    [TestMethod]
    public void It_can_be_ended()
    {
        bool hasBegun = false;
        int polls = 0;
        var callbacks = new TrainingCallbacks
        {
            Info = message => hasBegun |= message.StartsWith("Goes on from there", StringComparison.Ordinal),
            CheckAlive = () =>
            {
                if (hasBegun && ++polls == 2)
                    throw new OperationCanceledException("ended");
            },
        };

        TrainingOutcome[] outcomes =
        [
            .. NetworkTrainer.TrainMany(
                s_rows,
                null,
                [
                    new TrainingRequest(Settings(learns: true), callbacks),
                    new TrainingRequest(Settings(learns: true), new TrainingCallbacks()),
                ],
                ComputeDevice.Cpu
            ),
        ];

        Assert.AreEqual("ended", Assert.ThrowsExactly<OperationCanceledException>(outcomes[0].GetResult).Message);
        Assert.AreEqual(2, polls);
        CollectionAssert.AreEqual(
            WeightsOf(Problems.Train(s_rows, Settings(learns: true)).Network, 0),
            WeightsOf(outcomes[1].GetResult().Network, 0)
        );
    }

    private static float[] WeightsOf(InfomorphicNetwork network, int layer) =>
        [.. network.Layers[layer].Sources.SelectMany(source => source.Projections).SelectMany(of => of.Weights)];
}
