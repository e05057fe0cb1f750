using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;
using Options = Microsoft.ML.Infomorphic.InfomorphicTrainer.Options;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Training that goes on with the optimiser of an earlier one.</summary>
[TestClass]
public sealed class OptimizerStateTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(OutputLayerKind.Infomorphic, Standardization.PerFeature, 1)]
    [DataRow(OutputLayerKind.Softmax, Standardization.None, 1)]
    [DataRow(OutputLayerKind.Softmax, Standardization.PerFeature, 3)]
    public void Two_epochs_and_two_more_are_four_to_the_bit_where_the_optimisers_state_is_kept(
        OutputLayerKind output,
        Standardization standardization,
        int networks
    )
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer four = Fit(OptionsOf(4), data);
        InfomorphicPredictionTransformer two = Fit(OptionsOf(2), data);
        InfomorphicPredictionTransformer kept = Fit(OptionsOf(2, keep: true), data);
        string path = Path.GetTempFileName();
        try
        {
            _context.Model.SaveWhole(kept, data.Schema, path);
            var loaded = (InfomorphicPredictionTransformer)_context.Model.LoadWhole(path, out _);
            InfomorphicPredictionTransformer further = Fit(OptionsOf(2, keep: true), data, loaded);
            AssertSame(four, further, areSame: true);
            AssertSame(four, Fit(OptionsOf(2), data, two), areSame: false);
            Assert.AreEqual(4, further.Model.History.LastEpoch);

            // And on, in pieces of one epoch.
            InfomorphicPredictionTransformer five = Fit(OptionsOf(1, keep: true), data, further);
            AssertSame(Fit(OptionsOf(6), data), Fit(OptionsOf(1), data, five), areSame: true);
        }
        finally
        {
            File.Delete(path);
        }

        Options OptionsOf(int epochs, bool keep = false)
        {
            Options options = Samples.Options();
            options.NumberOfEpochs = epochs;
            options.OutputLayer = output;
            options.Standardization = standardization;
            options.NumberOfNetworks = networks;
            options.LearningRateSchedule = LearningRateSchedule.Constant;
            options.ValidationFraction = 0;
            options.KeepOptimizerState = keep;
            return options;
        }
    }

    [TestMethod]
    public void A_model_that_keeps_no_state_is_written_as_before_and_one_that_does_is_larger()
    {
        IDataView data = Samples.View(_context);
        Options options = Samples.Options();
        InfomorphicPredictionTransformer without = Fit(options, data);
        options.KeepOptimizerState = true;
        InfomorphicPredictionTransformer with = Fit(options, data);
        AssertSame(without, with, areSame: true);
        Assert.IsNull(without.Model.Contents.Trained[0].Optimizer);
        OptimizerState state = with.Model.WithScoring(new ScoringSettings()).Contents.Trained[0].Optimizer!;
        Assert.AreEqual(with.Model.History.BestEpoch, state.Epochs);
        Assert.AreEqual(
            Bytes(without.Model.Contents).Length
                + sizeof(ulong)
                + 2 * sizeof(int)
                + state.Matrices.Sum(matrix => sizeof(int) + sizeof(float) * matrix.Length),
            Bytes(with.Model.Contents).Length
        );
    }

    [TestMethod]
    public void States_of_several_networks_are_read_as_they_were_written_and_damage_is_refused()
    {
        Options options = Samples.Options();
        options.NumberOfNetworks = 2;
        options.KeepOptimizerState = true;
        ModelContents contents = Fit(options, Samples.View(_context)).Model.Contents;
        byte[] bytes = Bytes(contents);
        ModelContents read = Read(bytes);
        Assert.IsTrue(read.Settings.KeepsOptimizerState);
        foreach ((TrainingResult expected, TrainingResult actual) in contents.Trained.Zip(read.Trained))
        {
            Assert.AreEqual(expected.Optimizer!.Steps, actual.Optimizer!.Steps);
            Assert.AreEqual(expected.Optimizer.Epochs, actual.Optimizer.Epochs);
            Assert.HasCount(expected.Optimizer.Matrices.Count, actual.Optimizer.Matrices);
            foreach ((float[] one, float[] other) in expected.Optimizer.Matrices.Zip(actual.Optimizer.Matrices))
                CollectionAssert.AreEqual(one, other);
        }

        for (int cut = bytes.Length - 1; cut > 0; cut -= 101)
        {
            byte[] damaged = bytes[..cut];
            Assert.Throws<Exception>(() => Read(damaged));
        }

        static ModelContents Read(byte[] bytes) =>
            ModelFormat.Read(new MemoryStream(bytes), bytes.Length, ModelFormat.Version5);
    }

    private static byte[] Bytes(ModelContents contents)
    {
        using var stream = new MemoryStream();
        ModelFormat.Write(stream, contents);
        return stream.ToArray();
    }

    [TestMethod]
    public void A_batch_with_new_classes_begins_with_a_fresh_optimiser()
    {
        Options options = Samples.Options();
        options.KeepOptimizerState = true;
        List<Samples.Row> rows = Samples.Rows();
        IDataView first = _context
            .Transforms.Conversion.MapValueToKey("Label", nameof(Samples.Row.Color))
            .Fit(View(rows.Where(row => row.Color != "red")))
            .Transform(View(rows.Where(row => row.Color != "red")));
        IDataView all = _context
            .Transforms.Conversion.MapValueToKey("Label", nameof(Samples.Row.Color))
            .Fit(View(rows))
            .Transform(View(rows));
        InfomorphicPredictionTransformer model = Fit(options, all, Fit(options, first));
        Assert.AreEqual(3, model.Model.Network.ClassCount);
        Assert.AreEqual(options.NumberOfEpochs, model.Model.Contents.Trained[0].Optimizer!.Epochs);

        IDataView View(IEnumerable<Samples.Row> some) => _context.Data.LoadFromEnumerable(some);
    }

    [TestMethod]
    public void Layers_one_after_another_keep_no_state_and_the_message_names_the_option()
    {
        Options options = Samples.Options();
        options.LayerOrder = LayerOrder.BottomUp;
        options.KeepOptimizerState = true;
        Assert.Contains(
            nameof(Options.KeepOptimizerState),
            Assert.Throws<Exception>(() => Fit(options, Samples.View(_context))).Message
        );
    }

    [TestMethod]
    [DoNotParallelize]
    public void The_state_of_one_engine_is_that_of_the_other()
    {
        LabeledRows rows = Problems.Blobs(64);
        TrainingSettings settings = Problems.Settings(epochs: 2) with { KeepsOptimizerState = true };
        TrainingResult cpu = Train(null);
        TrainingResult device = Train(
            (states, shared, shape) =>
                new TensorTrainingEngine(states, shared, shape.Rows, new torch.Device(DeviceType.CPU))
        );
        Assert.AreEqual(cpu.Optimizer!.Steps, device.Optimizer!.Steps);
        for (int i = 0; i < cpu.Optimizer.Matrices.Count; i++)
        for (int j = 0; j < cpu.Optimizer.Matrices[i].Length; j++)
            Assert.AreEqual(cpu.Optimizer.Matrices[i][j], device.Optimizer.Matrices[i][j], 1e-3);

        TrainingResult Train(Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine>? engine) =>
            NetworkTrainer
                .TrainMany(
                    new RowsInMemory(rows),
                    null,
                    [new TrainingRequest(settings, new TrainingCallbacks())],
                    ComputeDevice.Cpu,
                    createEngine: engine
                )[0]
                .GetResult();
    }

    private static void AssertSame(
        InfomorphicPredictionTransformer expected,
        InfomorphicPredictionTransformer actual,
        bool areSame
    )
    {
        for (int network = 0; network < expected.Model.Networks.Count; network++)
        {
            float[] weights = Problems.WeightsOf(expected.Model.Networks[network]);
            Assert.AreEqual(areSame, weights.SequenceEqual(Problems.WeightsOf(actual.Model.Networks[network])));
        }
    }

    private InfomorphicPredictionTransformer Fit(
        Options options,
        IDataView data,
        InfomorphicPredictionTransformer? earlier = null
    )
    {
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        return earlier is null ? trainer.Fit(data) : trainer.Fit(data, earlier.Model);
    }
}
