using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Trainings whose rows are changed in each epoch.</summary>
[TestClass]
public class AugmentationTests
{
    private const int Side = 16;
    private static readonly ImageAugmentation s_augmentation = new(1, 2, 10, 0.1, HorizontalFlip: true);

    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        [KeyType(3)]
        public uint Label { get; set; }

        [VectorType(Side, Side)]
        public float[] Features { get; set; } = [];
    }

    public sealed class FlatRow
    {
        [KeyType(3)]
        public uint Label { get; set; }

        [VectorType(Side * Side)]
        public float[] Features { get; set; } = [];
    }

    // 1.5 MiB of rows, and a budget of 1.
    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Streamed_rows_are_changed_as_those_in_memory_are(LayerOrder order)
    {
        InfomorphicModelParameters expected = Fit(order, s_augmentation, budget: null);
        InfomorphicModelParameters? actual = null;

        List<string> messages = Samples.Messages(_context, () => actual = Fit(order, s_augmentation, budget: 1));

        CollectionAssert.AreEqual(Problems.WeightsOf(expected.Network), Problems.WeightsOf(actual!.Network));
        Assert.HasCount(1, messages.Where(message => message.Contains("is streamed in blocks")));
        CollectionAssert.Contains(
            messages,
            "Info: The images of training rows are changed in each epoch: moved up or down by up to 1 pixels, moved left or right by up to 2 pixels, turned by up to 10°, zoomed by up to 10 %, mirrored or not."
        );
    }

    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Images_that_are_changed_by_nothing_train_the_network_of_those_that_are_not_changed(LayerOrder order)
    {
        float[] without = Problems.WeightsOf(Fit(order, null, null).Network);

        CollectionAssert.AreEqual(without, Problems.WeightsOf(Fit(order, new ImageAugmentation(), null).Network));
        CollectionAssert.AreNotEqual(without, Problems.WeightsOf(Fit(order, s_augmentation, null).Network));
    }

    // Rows of two epochs as the engine gets them: those of the specification, of each batch in its order.
    [TestMethod]
    public void Engines_learn_from_changed_rows_and_evaluate_rows_as_they_are()
    {
        LabeledRows rows = Problems.Blobs(250, features: DeepSetups.Features);
        TrainingSettings settings = Settings(epochs: 2);
        Recorder? recorder = null;

        _ = Train(
            rows,
            settings,
            (states, of, maximum) => recorder = new Recorder(new CpuTrainingEngine(states, of, maximum))
        );

        var augmenter = new Augmenter(s_augmentation, settings.Image, DeepSetups.Features, settings.Seed);
        Assert.HasCount(500, recorder!.Learned);
        for (int i = 0; i < 500; i++)
        {
            (int row, float[] features) = recorder.Learned[i];
            float[] expected = new float[DeepSetups.Features];
            augmenter.Apply(augmenter.Draw(row, 1 + i / 250), Problems.FeaturesOf(rows, row), expected);
            CollectionAssert.AreEqual(expected, features, $"row {row}");
        }

        Assert.AreNotEqual(0, recorder.Evaluated.Count);
        foreach ((int row, float[] features) in recorder.Evaluated)
            CollectionAssert.AreEqual(Problems.FeaturesOf(rows, row), features);
    }

    // Weights of size 1 after 6 steps that do not jump; see TensorTrainingEngineTests for the tolerance.
    [TestMethod]
    [DataRow(LayerOrder.Together)]
    [DataRow(LayerOrder.BottomUp)]
    public void Devices_learn_from_the_rows_that_the_cpu_learns_from(LayerOrder order)
    {
        LabeledRows rows = Problems.Blobs(250, features: DeepSetups.Features);
        TrainingSettings settings = Settings(epochs: 2) with { Order = order };

        float[] cpu = Train(rows, settings, NetworkTrainer.EngineFor(ComputeDevice.Cpu));
        float[] device = Train(
            rows,
            settings,
            (states, of, maximum) =>
                new TensorTrainingEngine(states, of, maximum.Rows, new torch.Device(DeviceType.CPU))
        );

        for (int i = 0; i < cpu.Length; i++)
            Assert.AreEqual(cpu[i], device[i], 1e-6f, $"weight {i}");
    }

    [TestMethod]
    public void The_model_says_how_its_images_were_changed()
    {
        InfomorphicPredictionTransformer trained = Trainer(LayerOrder.Together, s_augmentation, null)
            .Fit(View(Images()));
        using var file = new MemoryStream();
        _context.Model.Save(trained, View(Images()).Schema, file);

        var loaded = (InfomorphicPredictionTransformer)new MLContext(2).Model.Load(file, out _);

        Assert.AreEqual(s_augmentation, loaded.Model.TrainingSettings.Augmentation);
        Assert.AreEqual(new ImageShape(Side, Side), loaded.Model.TrainingSettings.Image);
    }

    [TestMethod]
    public void Features_without_the_shape_of_an_image_are_refused()
    {
        IDataView flat = _context.Data.LoadFromEnumerable(
            Images().Select(row => new FlatRow { Label = row.Label, Features = row.Features })
        );
        var options = new InfomorphicTrainer.Options { Augmentation = s_augmentation, Seed = 1 };

        Assert.AreEqual(
            "Augmentation changes images, and the features have no image's shape: set Image, or read a column with the dimensions of an image.",
            Failure(options)
        );
        options.Image = new ImageShape(8, 8);
        Assert.AreEqual("Image: an image of 8 × 8 × 1 has 64 numbers, and there are 256 features.", Failure(options));

        string Failure(InfomorphicTrainer.Options of) =>
            Samples.Failure<InvalidOperationException>(() =>
                _context.MulticlassClassification.Trainers.Infomorphic(of).Fit(flat)
            );
    }

    [TestMethod]
    [DataRow(-1, 0, 0.0, 0.0, "Augmentation: images are moved by at least 0 pixels, and not by -1.")]
    [DataRow(0, 0, 181.0, 0.0, "Augmentation: images are turned by 0 to 180 degrees, and not by 181.")]
    [DataRow(0, 0, double.NaN, 0.0, "Augmentation: images are turned by 0 to 180 degrees, and not by NaN.")]
    [DataRow(0, 0, 0.0, 0.75, "Augmentation: images are zoomed by a share of 0 to 0.5, and not by 0.75.")]
    public void Limits_out_of_range_are_refused(int vertical, int horizontal, double rotation, double zoom, string why)
    {
        var options = new InfomorphicTrainer.Options
        {
            Augmentation = new ImageAugmentation(vertical, horizontal, rotation, zoom),
        };
        ArgumentOutOfRangeException exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            _context.MulticlassClassification.Trainers.Infomorphic(options)
        );
        StringAssert.StartsWith(exception.Message, why);
    }

    private static TrainingSettings Settings(int epochs)
    {
        var smooth = new AdamSettings(0.1, 0.001)
        {
            Beta1 = 0,
            Beta2 = 0,
            Epsilon = 1,
        };
        return DeepSetups.Settings(DeepSetups.Fields, epochs).WithOptimizers(smooth, smooth) with
        {
            Image = new ImageShape(6, 6),
            Standardization = Standardization.Global,
            Augmentation = s_augmentation,
        };
    }

    private static float[] Train(
        LabeledRows rows,
        TrainingSettings settings,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine
    ) =>
        Problems.WeightsOf(
            NetworkTrainer
                .TrainMany(rows, null, [new TrainingRequest(settings, new TrainingCallbacks())], createEngine)[0]
                .GetResult()
                .Network
        );

    private InfomorphicModelParameters Fit(LayerOrder order, ImageAugmentation? augmentation, int? budget) =>
        Trainer(order, augmentation, budget).Fit(View(Images())).Model;

    private InfomorphicTrainer Trainer(LayerOrder order, ImageAugmentation? augmentation, int? budget) =>
        _context.MulticlassClassification.Trainers.Infomorphic(
            new InfomorphicTrainer.Options
            {
                HiddenLayers =
                [
                    new HiddenLayerOptions { NumberOfNeurons = 2, Connections = new LocalFieldSettings(8, 8, 8, 8) },
                ],
                OutputLayerInputs = [Signal.Layer(0)],
                LayerOrder = order,
                Augmentation = augmentation,
                MemoryBudget = budget,
                NumberOfEpochs = 2,
                BatchSize = 50,
                ValidationFraction = 0.2,
                Seed = 1,
                Device = "cpu",
            }
        );

    private IDataView View(IEnumerable<Row> rows) => _context.Data.LoadFromEnumerable(rows);

    // A bright bar at a height that is the class's.
    private static List<Row> Images()
    {
        var random = new Random(1);
        var rows = new List<Row>();
        for (int i = 0; i < 1500; i++)
        {
            uint label = (uint)(i % 3);
            float[] features = [.. Enumerable.Range(0, Side * Side).Select(_ => random.NextSingle())];
            for (int column = 0; column < Side; column++)
                features[(3 + 4 * (int)label) * Side + column] += 1;
            rows.Add(new Row { Label = label, Features = features });
        }

        return rows;
    }

    /// <summary>An engine that notes the rows that it gets.</summary>
    private sealed class Recorder(TrainingEngine engine) : WrappedEngine(engine)
    {
        public List<(int Row, float[] Features)> Learned { get; } = [];

        public List<(int Row, float[] Features)> Evaluated { get; } = [];

        public override void Step(
            LabeledRows rows,
            ReadOnlySpan<int> batch,
            params ReadOnlySpan<InformationStatistics> statistics
        )
        {
            Note(Learned, rows, batch);
            base.Step(rows, batch, statistics);
        }

        public override void Evaluate(
            LabeledRows rows,
            ReadOnlySpan<int> batch,
            ReadOnlySpan<int> networks,
            Action<int, TensorMatrix> receive
        )
        {
            Note(Evaluated, rows, batch);
            base.Evaluate(rows, batch, networks, receive);
        }

        private static void Note(List<(int, float[])> noted, LabeledRows rows, ReadOnlySpan<int> batch)
        {
            foreach (int row in batch)
                noted.Add((row, Problems.FeaturesOf(rows, row)));
        }
    }
}
