using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public sealed class ContributionTests
{
    private static readonly string[] s_columns = ["FeatureContributions", "ContributionBase"];
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(ContributionClasses.Predicted)]
    [DataRow(ContributionClasses.All)]
    public void Columns_are_those_of_the_interface_before_and_after_saving(ContributionClasses classes)
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        InfomorphicContributionTransformer transformer = trained.Contributions(classes);
        using var stream = new MemoryStream();
        _context.Model.Save(transformer, data.Schema, stream);
        stream.Position = 0;
        var fresh = new MLContext();
        var loaded = (InfomorphicContributionTransformer)fresh.Model.Load(stream, out DataViewSchema schema);

        Assert.AreEqual(classes, loaded.Classes);
        Schemas.AssertSame(transformer.GetOutputSchema(data.Schema), loaded.GetOutputSchema(schema));
        float[][] contributions = Vectors(transformer.Transform(data), "FeatureContributions");
        float[][] afterwards = Vectors(loaded.Transform(Samples.View(fresh)), "FeatureContributions");
        foreach ((int i, Samples.Row row) in Samples.Rows().Index())
        {
            RowExplanation expected = trained.Model.ExplainRow(row.Features);
            int predicted = Array.IndexOf([.. expected.Scores], expected.Scores.Max());
            float[] ofRow =
                classes == ContributionClasses.All
                    ? [.. expected.Contributions.SelectMany(ofClass => ofClass)]
                    : [.. expected.Contributions[predicted]];
            Assert.HasCount(ofRow.Length, contributions[i]);
            for (int j = 0; j < ofRow.Length; j++)
                Assert.AreEqual(ofRow[j], contributions[i][j], 1e-5);
            CollectionAssert.AreEqual(contributions[i], afterwards[i]);
        }
    }

    [TestMethod]
    public void Columns_of_a_pipeline_add_up_to_its_scores()
    {
        IDataView data = Samples.View(_context);
        var model = _context
            .Transforms.InfomorphicContributions(Trainer(networks: 2), ContributionClasses.All)
            .Append(_context.Transforms.CopyColumns("Copy", "Score"))
            .Fit(data);
        using var stream = new MemoryStream();
        _context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        IDataView scored = new MLContext().Model.Load(stream, out _).Transform(data);
        float[][] scores = Vectors(scored, "Copy");
        float[][] contributions = Vectors(scored, "FeatureContributions");
        float[][] bases = Vectors(scored, "ContributionBase");
        for (int row = 0; row < scores.Length; row++)
        for (int k = 0; k < Samples.ClassCount; k++)
            Assert.AreEqual(
                Math.Log(scores[row][k]) - Math.Log(scores[row].Where((_, j) => j != k).Sum()),
                bases[row][k] + contributions[row].Skip(k * Samples.FeatureCount).Take(Samples.FeatureCount).Sum(),
                1e-4
            );
    }

    [TestMethod]
    [DataRow(ContributionClasses.Predicted)]
    [DataRow(ContributionClasses.All)]
    public void The_estimator_promises_the_schema_that_its_transformers_deliver(ContributionClasses classes)
    {
        IDataView data = Samples.View(_context);
        InfomorphicContributionEstimator estimator = _context.Transforms.InfomorphicContributions(Trainer(), classes);
        SchemaShape promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        TransformerChain<InfomorphicContributionTransformer> model = estimator.Fit(data);
        DataViewSchema delivered = model.Transform(data).Schema;
        Schemas.AssertSame(model.GetOutputSchema(data.Schema), delivered);
        foreach (string column in s_columns)
        {
            Assert.IsTrue(promised.TryFindColumn(column, out SchemaShape.Column of));
            Assert.IsTrue(SchemaShape.Create(delivered).TryFindColumn(column, out SchemaShape.Column actual));
            Assert.IsTrue(of.IsCompatibleWith(actual) && actual.IsCompatibleWith(of), column);
        }
    }

    [TestMethod]
    public void Slots_are_named_by_class_and_feature()
    {
        IDataView data = Named(out string[] names);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        CollectionAssert.AreEqual(
            names,
            SlotsOf(trained.Contributions().GetOutputSchema(data.Schema)["FeatureContributions"])
        );
        DataViewSchema all = trained.Contributions(ContributionClasses.All).GetOutputSchema(data.Schema);
        CollectionAssert.AreEqual(
            new[] { "red", "green", "blue" }.SelectMany(label => names.Select(name => $"{label}: {name}")).ToArray(),
            SlotsOf(all["FeatureContributions"])
        );
        CollectionAssert.AreEqual(new[] { "red", "green", "blue" }, SlotsOf(all["ContributionBase"]));
    }

    [TestMethod]
    public void The_hosts_own_transformer_gives_the_contributions_to_the_predicted_class()
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        var host = _context
            .Transforms.CalculateFeatureContribution(
                trained,
                Samples.FeatureCount,
                Samples.FeatureCount,
                normalize: false
            )
            .Fit(data);
        float[][] expected = Vectors(trained.Contributions().Transform(data), "FeatureContributions");
        float[][] contributions = Vectors(host.Transform(data), "FeatureContributions");
        using var stream = new MemoryStream();
        _context.Model.Save(host, data.Schema, stream);
        stream.Position = 0;
        float[][] loaded = Vectors(new MLContext().Model.Load(stream, out _).Transform(data), "FeatureContributions");
        for (int row = 0; row < expected.Length; row++)
        {
            AssertAlike(expected[row], contributions[row]);
            AssertAlike(expected[row], loaded[row]);
        }
    }

    [TestMethod]
    public void A_row_with_a_gap_has_no_contributions()
    {
        List<Samples.Row> rows = Samples.Rows();
        rows[3].Features[1] = float.NaN;
        IDataView data = Samples.View(_context, rows);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        IDataView explained = trained.Contributions().Transform(data);
        float[][] contributions = Vectors(explained, "FeatureContributions");
        float[] bases = [.. explained.GetColumn<float>("ContributionBase")];
        for (int row = 0; row < rows.Count; row++)
        {
            Assert.AreEqual(row == 3, float.IsNaN(bases[row]));
            Assert.IsTrue(contributions[row].All(value => float.IsNaN(value) == (row == 3)));
        }
    }

    [TestMethod]
    public void A_model_whose_scores_jump_is_refused_in_one_sentence()
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer sampled = Trainer().Fit(data).WithScoring(ScoringMode.Sampled);
        InvalidOperationException exception = Assert.ThrowsExactly<InvalidOperationException>(() =>
            sampled.Contributions()
        );
        Assert.Contains("MeanField", exception.Message);
        Assert.ThrowsExactly<ArgumentException>(() =>
            Trainer().Fit(data).Model.ExplainRow(new float[Samples.FeatureCount + 1])
        );
    }

    [TestMethod]
    public void Slots_of_a_category_are_ranked_as_one_feature_under_the_name_of_its_column()
    {
        IDataView data = Named(out string[] names);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        FeatureRanking columns = _context.MulticlassClassification.RankInfomorphicFeatures(trained, data);
        CollectionAssert.AreEquivalent(
            new[] { "Shade", "Features0", "Features1", "Features2", "Features3" },
            columns.Features.Select(feature => feature.Name).ToArray()
        );
        CollectionAssert.AreEqual(
            new[] { 0, 1, 2 },
            columns.Features.Single(feature => feature.Name == "Shade").Slots.ToArray()
        );

        // What says the class is of use, what is of more use comes first, and the data view has the same bits.
        Assert.IsGreaterThan(0, columns.Features.Single(feature => feature.Name == "Shade").Information.Low);
        double[] bits = [.. columns.Features.Select(feature => feature.Information.Bits)];
        CollectionAssert.AreEqual(bits.OrderDescending().ToArray(), bits);
        IDataView view = trained.Model.ToDataView(columns);
        CollectionAssert.AreEqual(
            columns.Features.Select(feature => feature.Name).ToArray(),
            view.GetColumn<string>("Feature").ToArray()
        );
        CollectionAssert.AreEqual(
            columns.Features.Select(feature => feature.Information.Bits).ToArray(),
            view.GetColumn<double>("Bits").ToArray()
        );
        CollectionAssert.AreEqual(
            columns.Features.Select(feature => feature.Information.High).ToArray(),
            view.GetColumn<double>("High").ToArray()
        );
        CollectionAssert.AreEqual(new[] { "red", "green", "blue" }, SlotsOf(view.Schema["ByClass"]));
        FeatureRanking slots = _context.MulticlassClassification.RankInfomorphicFeatures(
            trained,
            data,
            settings: new FeatureRankingSettings { EverySlot = true, Neurons = false }
        );
        CollectionAssert.AreEquivalent(names, slots.Features.Select(feature => feature.Name).ToArray());
        Assert.IsNull(trained.Model.ToDataView(slots).Schema.GetColumnOrNull("ByNeuron"));
    }

    [TestMethod]
    public void Receptive_fields_carry_the_names_of_slots()
    {
        IDataView data = Named(out string[] names);
        InfomorphicPredictionTransformer trained = Trainer().Fit(data);
        NetworkInsight insight = _context.MulticlassClassification.ExplainInfomorphic(trained, data);
        CollectionAssert.AreEqual(names, insight.HiddenLayers[0].ReceptiveFieldNames().ToArray());
        CollectionAssert.AreEqual(names, SlotsOf(trained.Model.ToDataView(insight).Schema["ReceptiveField"]));
    }

    // A category that says the class, and four numbers.
    private IDataView Named(out string[] names)
    {
        IDataView data = Samples.View(_context);
        names = ["Shade.red", "Shade.green", "Shade.blue", "Features0", "Features1", "Features2", "Features3"];
        for (int i = 0; i < Samples.FeatureCount; i++)
        {
            int slot = i;
            data = _context
                .Transforms.CustomMapping<Samples.Row, Number>((row, to) => to.Value = row.Features[slot], null)
                .Append(_context.Transforms.CopyColumns($"Features{i}", "Value"))
                .Fit(data)
                .Transform(data);
        }

        return _context
            .Transforms.Categorical.OneHotEncoding("Shade", nameof(Samples.Row.Color))
            .Append(
                _context.Transforms.Concatenate("Features", "Shade", "Features0", "Features1", "Features2", "Features3")
            )
            .Fit(data)
            .Transform(data);
    }

    private InfomorphicTrainer Trainer(int networks = 1) =>
        _context.MulticlassClassification.Trainers.Infomorphic(
            new InfomorphicTrainer.Options
            {
                NumberOfHiddenNeurons = 8,
                NumberOfEpochs = 10,
                NumberOfNetworks = networks,
                Seed = 1,
            }
        );

    // Rows alone and in blocks are added up in another order.
    private static void AssertAlike(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-5);
    }

    private static float[][] Vectors(IDataView data, string column) => [.. data.GetColumn<float[]>(column)];

    private static string[] SlotsOf(DataViewSchema.Column column)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        column.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private sealed class Number
    {
        public float Value { get; set; }
    }
}
