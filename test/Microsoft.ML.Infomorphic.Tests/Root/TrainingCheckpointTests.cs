using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>What <see cref="InfomorphicTrainer.Options.CheckpointReached"/> is shown.</summary>
[TestClass]
public class TrainingCheckpointTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(OutputLayerKind.Softmax, 1)]
    [DataRow(OutputLayerKind.Infomorphic, 1)]
    [DataRow(OutputLayerKind.Softmax, 2)]
    public void The_model_of_a_checkpoint_scores_as_its_epoch_was_evaluated(OutputLayerKind output, int networks)
    {
        IDataView train = Samples.View(_context);
        IDataView validation = Samples.View(_context, Samples.Rows(40, seed: 2));
        var accuracies = new List<double>();
        var checkpoints = new List<TrainingCheckpoint>();
        InfomorphicPredictionTransformer transformer = Trainer(options =>
            {
                options.OutputLayer = output;
                options.NumberOfNetworks = networks;
                options.CheckpointReached = checkpoint =>
                {
                    checkpoints.Add(checkpoint);
                    accuracies.Add(Accuracy(checkpoint.Model, validation));
                };
            })
            .Fit(train, validation);

        IReadOnlyList<EpochRecord> epochs = transformer.Model.History.Epochs;
        Assert.HasCount(epochs.Count, checkpoints);
        for (int i = 0; i < epochs.Count; i++)
        {
            Assert.AreEqual(epochs[i], checkpoints[i].Epoch);
            Assert.HasCount(i + 1, checkpoints[i].History.Epochs);
            Assert.AreEqual(epochs.Count, checkpoints[i].Epochs);
            Assert.AreEqual(epochs[i].ValidationAccuracy!.Value, accuracies[i], 1e-12);
        }
        // A copy, which training did not go on to change.
        Assert.AreEqual(accuracies[0], Accuracy(checkpoints[0].Model, validation));
    }

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Who_looks_does_not_change_what_is_learned(LayerOrder order)
    {
        IDataView train = Samples.View(_context);
        int looks = 0;
        InfomorphicTrainer watched = Trainer(options =>
        {
            options.LayerOrder = order;
            options.CheckpointReached = checkpoint => looks += checkpoint.Model.Network.Layers.Count;
        });
        InfomorphicTrainer alone = Trainer(options => options.LayerOrder = order);

        InfomorphicModelParameters model = watched.Fit(train).Model;

        CollectionAssert.AreEqual(
            Problems.WeightsOf(alone.Fit(train).Model.Network),
            Problems.WeightsOf(model.Network)
        );
        Assert.AreEqual(2 * model.History.Epochs.Count, looks);
    }

    [TestMethod]
    public void A_network_is_not_to_be_had_when_training_has_gone_on()
    {
        TrainingCheckpoint? kept = null;
        Trainer(options => options.CheckpointReached = checkpoint => kept ??= checkpoint).Fit(Samples.View(_context));

        Assert.AreEqual(1, kept!.Epoch.Epoch);
        Assert.Contains(
            "before CheckpointReached returns",
            Assert.ThrowsExactly<InvalidOperationException>(() => kept.Model).Message
        );
    }

    [TestMethod]
    public void An_exception_of_who_looks_ends_the_training() =>
        Assert.ThrowsExactly<TimeoutException>(() =>
            Trainer(options => options.CheckpointReached = _ => throw new TimeoutException())
                .Fit(Samples.View(_context))
        );

    private double Accuracy(InfomorphicModelParameters model, IDataView data)
    {
        var transformer = new InfomorphicPredictionTransformer(_context, model, data.Schema, "Features", "Label");
        return _context.MulticlassClassification.Evaluate(transformer.Transform(data)).MicroAccuracy;
    }

    private InfomorphicTrainer Trainer(Action<InfomorphicTrainer.Options> change)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        change(options);
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }
}
