using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Options = InfomorphicTrainer.Options;

/// <summary>Data that there is little to learn from are learned from with all defaults, and what is worth knowing is said.</summary>
[TestClass]
public sealed class OddDataTests
{
    private readonly MLContext _context = new(1);

    public sealed class KeyedRow
    {
        [KeyType(10)]
        public uint Label { get; set; }

        [VectorType(2)]
        public float[] Features { get; set; } = [];
    }

    [TestMethod]
    public void Classes_without_rows_are_said_and_never_predicted()
    {
        var random = new Random(1);
        IDataView data = _context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, 120)
                .Select(i => new KeyedRow
                {
                    Label = (uint)(2 + i % 3),
                    Features = [i % 3 + random.NextSingle() / 2, random.NextSingle()],
                })
                .ToList()
        );

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(data);

        const string Sentence =
            "7 of 10 classes of the label column 'Label' have no training row, and will never be predicted: 1, 2, 6, 7, 8 and 2 more.";
        CollectionAssert.Contains(messages, "Warning: " + Sentence);
        CollectionAssert.Contains(model.Model.History.Warnings.ToArray(), Sentence);
        uint[] predicted = [.. model.Transform(data).GetColumn<uint>("PredictedLabel")];
        Assert.IsTrue(predicted.All(label => label is 3 or 4 or 5));
        AssertProbabilities(model, data);
    }

    [TestMethod]
    public void A_class_of_one_row_is_said()
    {
        List<Samples.Row> rows = Samples.Rows(121);
        rows[^1].Color = "white";

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(Samples.View(_context, rows));

        CollectionAssert.Contains(
            messages,
            "Warning: 1 of 4 classes of the label column 'Label' has one training row, from which little is learned and on which nothing is checked: white."
        );
        AssertProbabilities(model, Samples.View(_context, rows));
    }

    [TestMethod]
    public void Two_rows_are_learned_by_heart()
    {
        IDataView data = Samples.View(_context, Samples.Rows(2));

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(data);

        Assert.AreEqual(1, Metrics(model, data).MicroAccuracy);
        CollectionAssert.Contains(
            messages,
            "Warning: 2 of 2 classes of the label column 'Label' have one training row, from which little is learned and on which nothing is checked: red, green."
        );
    }

    [TestMethod]
    public void Constant_features_are_said_and_change_no_prediction()
    {
        List<Samples.Row> rows = Samples.Rows(90);
        foreach (Samples.Row row in rows)
            row.Features[3] = 7;
        IDataView data = Samples.View(_context, rows);

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(data);

        CollectionAssert.Contains(messages, "Info: 1 of 4 features has one value in all rows, and can say nothing.");
        Assert.IsGreaterThan(0.95, Metrics(model, data).MicroAccuracy);
    }

    [TestMethod]
    public void A_column_of_one_category_is_a_constant()
    {
        IDataView data = Samples.View(_context, Samples.Rows(90));
        IDataView prepared = _context
            .Transforms.CustomMapping<Samples.Row, Category>((_, to) => to.Country = "NL", null)
            .Append(_context.Transforms.Categorical.OneHotEncoding("Country"))
            .Append(_context.Transforms.Concatenate("Features", "Features", "Country"))
            .Fit(data)
            .Transform(data);

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(prepared);

        CollectionAssert.Contains(messages, "Info: 1 of 5 features has one value in all rows, and can say nothing.");
        Assert.IsGreaterThan(0.95, Metrics(model, prepared).MicroAccuracy);
    }

    [TestMethod]
    public void From_noise_nothing_is_learned_and_that_is_said()
    {
        IDataView data = Noise(1);

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(data);

        string warning = model.Model.History.Warnings.Single();
        StringAssert.StartsWith(warning, "The network has learned nothing");
        CollectionAssert.Contains(messages, "Warning: " + warning);
        Assert.IsLessThan(Math.Log(2) + 0.03, Metrics(model, Noise(2)).LogLoss);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void A_class_that_is_never_predicted_is_said_for_each_network(int networks)
    {
        // The rare rows are like the others: their share is all that can be learned of them, while red and green differ.
        var random = new Random(1);
        List<Samples.Row> rows = Samples.Rows(400);
        foreach (Samples.Row row in rows.Where(row => row.Color == "blue"))
            row.Color = random.Next(2) == 0 ? "red" : "green";
        for (int i = 0; i < rows.Count; i += 20)
            rows[i].Color = "rare";

        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(Samples.View(_context, rows), networks);

        const string Sentence =
            "1 of 3 classes have validation rows and are not predicted for any of them: rare. Where rare classes matter more than their shares, weigh classes.";
        for (int i = 0; i < networks; i++)
        {
            CollectionAssert.AreEqual(new[] { Sentence }, model.Model.Histories[i].Warnings.ToArray());
            string prefix = networks == 1 ? "" : FormattableString.Invariant($"Network {i + 1} of {networks}: ");
            CollectionAssert.Contains(messages, $"Warning: {prefix}{Sentence}");
        }
    }

    [TestMethod]
    public void What_is_as_it_should_be_is_not_warned_of()
    {
        (InfomorphicPredictionTransformer model, List<string> messages) = Fit(
            Samples.View(_context, Samples.Rows(200))
        );

        Assert.IsEmpty(model.Model.History.Warnings);
        Assert.IsFalse(messages.Any(message => message.StartsWith("Warning", StringComparison.Ordinal)));
    }

    private sealed class Category
    {
        public string Country { get; set; } = "";
    }

    public sealed class NoiseRow
    {
        public bool Class { get; set; }

        [VectorType(300)]
        public float[] Features { get; set; } = [];
    }

    private IDataView Noise(int seed)
    {
        var random = new Random(seed);
        IDataView data = _context.Data.LoadFromEnumerable(
            Enumerable
                .Range(0, 500)
                .Select(i => new NoiseRow
                {
                    Class = i % 2 == 0,
                    Features = [.. Enumerable.Range(0, 300).Select(_ => (float)Problems.Gaussian(random))],
                })
                .ToList()
        );
        return _context.Transforms.Conversion.MapValueToKey("Label", "Class").Fit(data).Transform(data);
    }

    private (InfomorphicPredictionTransformer, List<string>) Fit(IDataView data, int networks = 1)
    {
        InfomorphicPredictionTransformer? model = null;
        var options = new Options
        {
            Seed = 1,
            NumberOfThreads = 2,
            NumberOfNetworks = networks,
        };
        List<string> messages = Samples.Messages(
            _context,
            () => model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data)
        );
        return (model!, messages);
    }

    private MulticlassClassificationMetrics Metrics(InfomorphicPredictionTransformer model, IDataView data) =>
        _context.MulticlassClassification.Evaluate(model.Transform(data));

    private static void AssertProbabilities(InfomorphicPredictionTransformer model, IDataView data)
    {
        foreach (float[] scores in Samples.Scores(model.Transform(data)))
            Assert.AreEqual(1, scores.Sum(), 1e-4);
    }
}
