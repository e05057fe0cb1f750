using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>What is chosen where the features are a table of numbers and the options leave the hidden layer open.</summary>
[TestClass]
public class TableDefaultsTests
{
    private const int FeatureCount = 11;
    private const string Grouped =
        "Info: 200 hidden neurons are in groups of 10, each on 6 of 11 features drawn at random; where their number is set, each sees all.";

    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    public sealed class ShortRow
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(7)]
        public float[] Features { get; set; } = [];
    }

    [TestMethod]
    public void Neurons_see_random_halves_of_the_features_and_the_log_says_so()
    {
        InfomorphicModelParameters? model = null;

        List<string> messages = Samples.Messages(_context, () => model = Fit(Options(), Numbers()));

        AssertHalves(model!);
        CollectionAssert.Contains(messages, Grouped);
        Assert.IsInstanceOfType<RandomSubsetSettings>(model!.TrainingSettings!.HiddenLayers[0].Connections);
    }

    [TestMethod]
    public void A_model_of_halves_is_gone_on_from_with_them()
    {
        InfomorphicTrainer.Options options = Options();
        InfomorphicModelParameters first = Fit(options, Numbers());

        InfomorphicModelParameters next = Trainer(options).Fit(Numbers(), first).Model;

        AssertHalves(next);
        CollectionAssert.AreEqual(Halves(first).Inputs, Halves(next).Inputs);
        Assert.AreEqual(2 * first.History.LastEpoch, next.History.LastEpoch);
    }

    [TestMethod]
    public void A_model_whose_neurons_see_all_is_gone_on_from_with_options_that_leave_it_open()
    {
        InfomorphicTrainer.Options options = Options();
        options.NumberOfHiddenNeurons = 100; // as many as there are where nothing is said
        InfomorphicModelParameters first = Fit(options, Numbers());

        InfomorphicModelParameters next = Trainer(Options()).Fit(Numbers(), first).Model;

        AssertSeesAll(first, 100);
        AssertSeesAll(next, 100);
    }

    [TestMethod]
    public void Networks_of_an_ensemble_draw_halves_of_their_own()
    {
        InfomorphicTrainer.Options options = Options();
        options.NumberOfNetworks = 2;

        InfomorphicModelParameters model = Fit(options, Numbers());

        int[][] drawn = [.. model.Networks.Select(network => Halves(network.HiddenLayers[0]).Inputs)];
        CollectionAssert.AreNotEqual(drawn[0], drawn[1]);
    }

    [TestMethod]
    public void Neurons_see_all_where_their_number_is_set_or_features_are_few_or_have_no_encoding()
    {
        InfomorphicTrainer.Options numbered = Options();
        numbered.NumberOfHiddenNeurons = 12;
        AssertSeesAll(Fit(numbered, Numbers()), 12);

        InfomorphicTrainer.Options plain = Options();
        plain.Encoding = FeatureEncodingKind.None;
        AssertSeesAll(Fit(plain, Numbers()), 100);

        IDataView few = _context.Data.LoadFromEnumerable(
            Rows().Select(row => new ShortRow { Label = row.Label, Features = row.Features[..7] }).ToArray()
        );
        InfomorphicModelParameters? model = null;
        List<string> messages = Samples.Messages(_context, () => model = Fit(Options(), few));
        AssertSeesAll(model!, 100);
        CollectionAssert.Contains(messages, "Info: 100 hidden neurons see all features.");
    }

    [TestMethod]
    [DataRow(100, 9, 20, 5)]
    [DataRow(300, 1024, 60, 512)]
    [DataRow(101, 8, 21, 4)]
    public void There_are_twice_as_many_neurons_in_groups_of_ten_on_halves(
        int neurons,
        int features,
        int groups,
        int inputs
    ) =>
        Assert.AreEqual(
            new RandomSubsetSettings(groups, inputs),
            AutomaticSettings.SubsetsOf(neurons, WithKnots(features))
        );

    [TestMethod]
    public void Few_features_and_very_many_have_no_subsets()
    {
        Assert.IsNull(AutomaticSettings.SubsetsOf(100, WithKnots(7)));
        Assert.IsNull(AutomaticSettings.SubsetsOf(100, WithKnots(1025)));
        Assert.IsNull(AutomaticSettings.SubsetsOf(100, FeatureEncoding.None(20)));
    }

    // Of the 11 features, some are zero in most rows.
    [TestMethod]
    [DataRow(0, "each by its own mean and standard deviation")]
    [DataRow(
        4,
        "each by its own mean and standard deviation, but for 4 of 11, which come to one magnitude and keep their zeros"
    )]
    [DataRow(11, "each to one magnitude, and keep their zeros")]
    public void The_log_says_which_features_keep_their_zeros(int rare, string how)
    {
        Row[] rows = Rows();
        for (int i = 0; i < rows.Length; i++)
        for (int feature = 0; feature < rare; feature++)
            if ((i + feature) % 20 != 0)
                rows[i].Features[feature] = 0;

        List<string> messages = Samples.Messages(
            _context,
            () => _ = Fit(Options(), _context.Data.LoadFromEnumerable(rows))
        );

        CollectionAssert.Contains(messages, $"Info: Features are standardised {how} (chosen from the data).");
    }

    private static FeatureEncoding WithKnots(int features) =>
        new([.. Enumerable.Repeat<IReadOnlyList<float>>([0, 1, 2], features)]);

    private static void AssertHalves(InfomorphicModelParameters model)
    {
        SubsetConnected halves = Halves(model);
        Assert.AreEqual(20, halves.GroupCount);
        Assert.AreEqual(10, halves.NeuronsPerGroup);
        Assert.AreEqual(model.Encoding.EncodedCount * 6 / FeatureCount, halves.ConnectionsPerNeuron);
    }

    private static void AssertSeesAll(InfomorphicModelParameters model, int neurons)
    {
        InfomorphicLayer layer = model.Network.HiddenLayers[0];
        Assert.AreEqual(neurons, layer.NeuronCount);
        Assert.IsInstanceOfType<AllConnected>(layer.Sources[0].Projections[0].Connectivity);
    }

    private static SubsetConnected Halves(InfomorphicModelParameters model) => Halves(model.Network.HiddenLayers[0]);

    private static SubsetConnected Halves(InfomorphicLayer layer) =>
        (SubsetConnected)layer.Sources[0].Projections[0].Connectivity;

    private static InfomorphicTrainer.Options Options() =>
        new()
        {
            NumberOfEpochs = 2,
            Seed = 1,
            Device = "cpu",
            NumberOfThreads = 1,
        };

    private InfomorphicTrainer Trainer(InfomorphicTrainer.Options options) =>
        _context.MulticlassClassification.Trainers.Infomorphic(options);

    private InfomorphicModelParameters Fit(InfomorphicTrainer.Options options, IDataView data) =>
        Trainer(options).Fit(data).Model;

    private IDataView Numbers() => _context.Data.LoadFromEnumerable(Rows());

    private static Row[] Rows()
    {
        var random = new Random(1);
        return
        [
            .. Enumerable
                .Range(0, 200)
                .Select(i => new Row
                {
                    Label = (uint)(i % 2),
                    Features =
                    [
                        .. Enumerable.Range(0, FeatureCount).Select(_ => random.NextSingle() + (i % 2 == 0 ? 0.2f : 0)),
                    ],
                }),
        ];
    }
}
