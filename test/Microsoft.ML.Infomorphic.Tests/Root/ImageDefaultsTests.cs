using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>What is chosen where the features are an image and the options leave the hidden layer open.</summary>
[TestClass]
public class ImageDefaultsTests
{
    private const int Side = 10;

    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(Side, Side)]
        public float[] Features { get; set; } = [];
    }

    public sealed class FlatRow
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(Side * Side)]
        public float[] Features { get; set; } = [];
    }

    [TestMethod]
    public void Images_get_fields_and_the_log_says_so()
    {
        InfomorphicModelParameters? model = null;

        List<string> messages = Samples.Messages(_context, () => model = Fit(Options(), Images()));

        LocalFields fields = FieldsOf(model!)!;
        Assert.AreEqual(new FieldGrid(new ImageShape(Side, Side), 4, 4, 1, 1), fields.Grid);
        Assert.AreEqual(4, fields.NeuronsPerGroup);
        CollectionAssert.AreEqual(
            (Signal[])[Signal.Features, Signal.Layer(0)],
            model!.Network.OutputLayer.Sources[0].Projections.Select(projection => projection.Signal).ToArray()
        );
        CollectionAssert.Contains(
            messages,
            "Info: The features are an image of 10 × 10 × 1, and each hidden neuron sees a field of 4 × 4 of it; LocalFieldsOnImages = false has each of them see all."
        );
    }

    [TestMethod]
    public void A_model_with_fields_is_gone_on_from_with_them()
    {
        InfomorphicTrainer.Options options = Options();
        InfomorphicModelParameters first = Fit(options, Images());

        InfomorphicModelParameters next = Trainer(options).Fit(Images(), first).Model;

        Assert.AreEqual(FieldsOf(first)!.Grid, FieldsOf(next)!.Grid);
        Assert.AreEqual(4, FieldsOf(next)!.NeuronsPerGroup);
    }

    [TestMethod]
    public void An_image_by_its_option_gets_fields_as_well()
    {
        InfomorphicTrainer.Options options = Options();
        options.Image = new ImageShape(Side, Side);

        Assert.IsNotNull(FieldsOf(Fit(options, FlatImages())));
    }

    // 160 rows to learn from have the fewest neurons that there are.
    [TestMethod]
    public void An_option_turns_fields_off()
    {
        InfomorphicTrainer.Options hundred = Options();
        hundred.NumberOfHiddenNeurons = 100;
        float[] expected = Problems.WeightsOf(Fit(hundred, Images()).Network);
        InfomorphicTrainer.Options off = Options();
        off.LocalFieldsOnImages = false;
        InfomorphicModelParameters model = Fit(off, Images());

        Assert.IsNull(FieldsOf(model));
        CollectionAssert.AreEqual(expected, Problems.WeightsOf(model.Network));
    }

    [TestMethod]
    public void Who_says_what_the_layer_is_gets_it()
    {
        foreach (
            Action<InfomorphicTrainer.Options> change in (Action<InfomorphicTrainer.Options>[])
                [
                    options => options.NumberOfHiddenNeurons = 6,
                    options => options.HiddenLayers = [new HiddenLayerOptions { NumberOfNeurons = 6 }],
                    options => options.HiddenLayer = HiddenLayerKind.Random,
                    options => options.Encoding = FeatureEncodingKind.PiecewiseLinear,
                    options => options.MissingValues = MissingValues.Indicate,
                ]
        )
        {
            InfomorphicTrainer.Options options = Options();
            change(options);
            Assert.IsNull(FieldsOf(Fit(options, Images())));
        }
    }

    private static LocalFields? FieldsOf(InfomorphicModelParameters model) =>
        model.Network.HiddenLayers[0].Sources[0].Projections[0].Connectivity as LocalFields;

    private static InfomorphicTrainer.Options Options() =>
        new()
        {
            NumberOfEpochs = 2,
            Seed = 1,
            Device = "cpu",
        };

    private InfomorphicTrainer Trainer(InfomorphicTrainer.Options options) =>
        _context.MulticlassClassification.Trainers.Infomorphic(options);

    private InfomorphicModelParameters Fit(InfomorphicTrainer.Options options, IDataView data) =>
        Trainer(options).Fit(data).Model;

    private IDataView Images() =>
        _context.Data.LoadFromEnumerable(Rows().Select(row => new Row { Label = row.Label, Features = row.Features }));

    private IDataView FlatImages() => _context.Data.LoadFromEnumerable(Rows());

    // Noise, with a bright corner in one of the classes.
    private static IEnumerable<FlatRow> Rows()
    {
        var random = new Random(1);
        for (int i = 0; i < 200; i++)
        {
            float[] features = [.. Enumerable.Range(0, Side * Side).Select(_ => random.NextSingle())];
            features[0] += 2 * (i % 2);
            yield return new FlatRow { Label = (uint)(i % 2), Features = features };
        }
    }
}
