using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class LearningRateScheduleTests
{
    private static readonly LabeledRows s_rows = Problems.Blobs(250, features: DeepSetups.Features);

    [TestMethod]
    public void A_cosine_falls_from_one_to_nearly_zero()
    {
        TrainingSettings settings = Problems.Settings(epochs: 4) with
        {
            LearningRateSchedule = LearningRateSchedule.Cosine,
        };
        double half = Math.Sqrt(0.5) / 2;

        Assert.AreEqual(1, settings.RateFactor(1), 1e-15);
        Assert.AreEqual(0.5 + half, settings.RateFactor(2), 1e-15);
        Assert.AreEqual(0.5, settings.RateFactor(3), 1e-15);
        Assert.AreEqual(0.5 - half, settings.RateFactor(4), 1e-15);
        Assert.AreEqual(1, Problems.Settings(epochs: 4).RateFactor(4));
    }

    // Three batches of 100 rows at most in an epoch; bottom up, two hidden layers and the output layer.
    [TestMethod]
    [DataRow(LayerOrder.Together, 1)]
    [DataRow(LayerOrder.BottomUp, 3)]
    public void Steps_of_an_epoch_have_its_share_of_the_rates_in_every_stage(LayerOrder order, int stages)
    {
        TrainingSettings settings = DeepSetups.Settings(DeepSetups.Fields, epochs: 2) with
        {
            LearningRateSchedule = LearningRateSchedule.Cosine,
            Order = order,
        };
        var shares = new List<double>();

        _ = Train(settings, (states, of, maximum) => new Recorder(new CpuTrainingEngine(states, of, maximum), shares));

        int hidden = settings.HiddenLayers.Count;
        Assert.AreEqual(order == LayerOrder.Together ? 1 : hidden + 1, stages);
        double[] stage = [1, 1, 1, 0.5, 0.5, 0.5];
        double[] expected = [.. Enumerable.Repeat(stage, stages).SelectMany(of => of)];
        Assert.HasCount(expected.Length, shares);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], shares[i], 1e-15, $"step {i + 1}");
    }

    // As without a schedule; see TensorTrainingEngineTests for the tolerance.
    [TestMethod]
    public void Devices_follow_the_schedule_as_the_cpu_does()
    {
        var smooth = new AdamSettings(0.1, 0.001)
        {
            Beta1 = 0,
            Beta2 = 0,
            Epsilon = 1,
        };
        TrainingSettings constant = DeepSetups.Settings(DeepSetups.Fields, 2).WithOptimizers(smooth, smooth) with
        {
            Standardization = Standardization.Global,
        };
        TrainingSettings falling = constant with { LearningRateSchedule = LearningRateSchedule.Cosine };

        float[] cpu = Train(falling, NetworkTrainer.EngineFor(ComputeDevice.Cpu));
        float[] device = Train(
            falling,
            (states, of, maximum) =>
                new TensorTrainingEngine(states, of, maximum.Rows, new torch.Device(DeviceType.CPU))
        );

        for (int i = 0; i < cpu.Length; i++)
            Assert.AreEqual(cpu[i], device[i], 1e-6f, $"weight {i}");
        CollectionAssert.AreNotEqual(cpu, Train(constant, NetworkTrainer.EngineFor(ComputeDevice.Cpu)));
    }

    [TestMethod]
    public void The_schedule_is_an_option_that_the_model_remembers()
    {
        var context = new MLContext(1);
        InfomorphicTrainer.Options options = Samples.Options();
        options.LearningRateSchedule = LearningRateSchedule.Cosine;
        IDataView data = Samples.View(context);
        InfomorphicPredictionTransformer trained = context
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(data);
        using var file = new MemoryStream();
        context.Model.Save(trained, data.Schema, file);

        var loaded = (InfomorphicPredictionTransformer)new MLContext(2).Model.Load(file, out _);

        Assert.AreEqual(LearningRateSchedule.Cosine, loaded.Model.TrainingSettings.LearningRateSchedule);
        Assert.AreEqual(
            LearningRateSchedule.Constant,
            Samples.Trainer(context).Fit(data).Model.TrainingSettings.LearningRateSchedule
        );
        options.LearningRateSchedule = (LearningRateSchedule)7;
        StringAssert.StartsWith(
            Assert
                .ThrowsExactly<ArgumentOutOfRangeException>(() =>
                    context.MulticlassClassification.Trainers.Infomorphic(options)
                )
                .Message,
            "LearningRateSchedule must be one of Constant, Cosine, and is 7."
        );
    }

    [TestMethod]
    public void Networks_whose_rates_fall_together_are_trained_for_as_many_epochs()
    {
        TrainingSettings three = Problems.Settings(epochs: 3);
        TrainingSettings four = Problems.Settings(epochs: 4);
        Assert.IsTrue(three.CanTrainWith(four, out _));
        Assert.IsFalse(
            (three with { LearningRateSchedule = LearningRateSchedule.Cosine }).CanTrainWith(
                four with
                {
                    LearningRateSchedule = LearningRateSchedule.Cosine,
                },
                out string? reason
            )
        );
        StringAssert.Contains(reason, "number of epochs that learning rates fall in");
    }

    private static float[] Train(
        TrainingSettings settings,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine
    ) =>
        Problems.WeightsOf(
            NetworkTrainer
                .TrainMany(s_rows, null, [new TrainingRequest(settings, new TrainingCallbacks())], createEngine)[0]
                .GetResult()
                .Network
        );

    /// <summary>An engine that notes what learning rates are multiplied by.</summary>
    private sealed class Recorder(TrainingEngine engine, List<double> shares) : WrappedEngine(engine)
    {
        public override void Step(
            LabeledRows rows,
            ReadOnlySpan<int> batch,
            params ReadOnlySpan<InformationStatistics> statistics
        )
        {
            shares.Add(RateFactor);
            base.Step(rows, batch, statistics);
        }
    }
}
