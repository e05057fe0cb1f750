using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public sealed class BinaryContributionTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Columns_of_a_pipeline_add_up_to_its_score_before_and_after_saving(int networks)
    {
        IDataView data = BinarySamples.View(_context);
        InfomorphicContributionEstimator estimator = _context.Transforms.InfomorphicContributions(
            BinarySamples.Trainer(_context, options => options.NumberOfNetworks = networks)
        );
        TransformerChain<InfomorphicContributionTransformer> model = estimator.Fit(data);
        using var stream = new MemoryStream();
        _context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(stream, out DataViewSchema schema);
        Schemas.AssertSame(model.GetOutputSchema(data.Schema), loaded.GetOutputSchema(schema));
        Row[] rows = Rows(model.Transform(data));
        Row[] afterwards = Rows(loaded.Transform(data));
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.HasCount(BinarySamples.FeatureCount, rows[i].FeatureContributions);
            Assert.AreEqual(rows[i].Score, rows[i].ContributionBase + rows[i].FeatureContributions.Sum(), 1e-4);
            Assert.AreEqual(rows[0].ContributionBase, rows[i].ContributionBase);
            CollectionAssert.AreEqual(rows[i].FeatureContributions, afterwards[i].FeatureContributions);
            Assert.AreEqual(rows[i].ContributionBase, afterwards[i].ContributionBase);
        }

        // Feature 1 is what tells the classes apart.
        double[] sizes =
        [
            .. Enumerable
                .Range(0, BinarySamples.FeatureCount)
                .Select(feature => (double)rows.Sum(row => Math.Abs(row.FeatureContributions[feature]))),
        ];
        Assert.AreEqual(1, Array.IndexOf(sizes, sizes.Max()));
    }

    [TestMethod]
    public void The_estimator_promises_the_schema_that_its_transformers_deliver()
    {
        IDataView data = BinarySamples.View(_context);
        InfomorphicContributionEstimator estimator = _context.Transforms.InfomorphicContributions(
            BinarySamples.Trainer(_context),
            "Why",
            "From"
        );
        SchemaShape promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        var delivered = SchemaShape.Create(estimator.Fit(data).Transform(data).Schema);
        foreach (string column in new[] { "Why", "From", "Score", "Probability", "PredictedLabel" })
        {
            Assert.IsTrue(promised.TryFindColumn(column, out SchemaShape.Column of), column);
            Assert.IsTrue(delivered.TryFindColumn(column, out SchemaShape.Column actual), column);
            Assert.IsTrue(of.IsCompatibleWith(actual) && actual.IsCompatibleWith(of), column);
        }
    }

    [TestMethod]
    public void A_row_is_explained_for_true_and_with_the_other_sign_for_false()
    {
        IDataView data = BinarySamples.View(_context);
        var trained = BinarySamples.Trainer(_context).Fit(data);
        Row[] rows = Rows(trained.Contributions().Transform(trained.Transform(data)));
        foreach ((int i, BinarySamples.Row row) in BinarySamples.Rows().Index())
        {
            RowExplanation why = trained.Model.ExplainRow(row.Features);
            Assert.AreEqual(rows[i].Score, why.Base[1] + why.Contributions[1].Sum(), 1e-4);
            Assert.AreEqual(-why.Base[1], why.Base[0], 1e-9);
            for (int j = 0; j < BinarySamples.FeatureCount; j++)
            {
                Assert.AreEqual(rows[i].FeatureContributions[j], why.Contributions[1][j], 1e-5);
                Assert.AreEqual(-why.Contributions[1][j], why.Contributions[0][j], 1e-4);
            }
        }
    }

    [TestMethod]
    public void The_hosts_own_transformer_gives_the_contributions_to_the_score()
    {
        IDataView data = BinarySamples.View(_context);
        var trained = BinarySamples.Trainer(_context).Fit(data);
        var host = _context
            .Transforms.CalculateFeatureContribution(
                trained,
                BinarySamples.FeatureCount,
                BinarySamples.FeatureCount,
                normalize: false
            )
            .Fit(data);
        using var stream = new MemoryStream();
        _context.Model.Save(host, data.Schema, stream);
        stream.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(stream, out _);
        float[][] expected = Vectors(trained.Contributions().Transform(data));
        float[][] contributions = Vectors(host.Transform(data));
        float[][] afterwards = Vectors(loaded.Transform(data));
        for (int row = 0; row < expected.Length; row++)
        {
            AssertAlike(expected[row], contributions[row]);
            AssertAlike(expected[row], afterwards[row]);
        }
    }

    [TestMethod]
    public void A_row_with_a_gap_and_a_model_whose_scores_jump_have_no_contributions()
    {
        List<BinarySamples.Row> rows = BinarySamples.Rows();
        rows[3].Features[1] = float.NaN;
        IDataView data = BinarySamples.View(_context, rows);
        var trained = BinarySamples.Trainer(_context).Fit(data);
        float[][] contributions = Vectors(trained.Contributions().Transform(data));
        for (int row = 0; row < rows.Count; row++)
            Assert.IsTrue(contributions[row].All(value => float.IsNaN(value) == (row == 3)));
        Assert.Contains(
            "MeanField",
            Assert
                .ThrowsExactly<InvalidOperationException>(() =>
                    trained.WithScoring(ScoringMode.Sampled).Contributions()
                )
                .Message
        );
    }

    [TestMethod]
    public void A_multiclass_model_has_no_class_true()
    {
        var trained = _context
            .MulticlassClassification.Trainers.Infomorphic(Samples.Options())
            .Fit(Samples.View(_context));
        Assert.Contains(
            "no class true",
            Assert
                .ThrowsExactly<ArgumentOutOfRangeException>(() => trained.Contributions(ContributionClasses.True))
                .Message
        );
    }

    [TestMethod]
    public void Features_are_ranked_from_the_transformer_as_from_the_model()
    {
        IDataView data = BinarySamples.View(_context, BinarySamples.Rows(300));
        var trained = BinarySamples.Trainer(_context).Fit(data);
        FeatureRanking ranking = _context.BinaryClassification.RankInfomorphicFeatures(trained, data);
        Assert.AreEqual("1", ranking.Features[0].Name);
        Assert.IsGreaterThan(0, ranking.Features[0].Information.Low);
        CollectionAssert.AreEqual(new[] { "False", "True" }, ranking.ClassNames.ToArray());
        FeatureRanking ofModel = trained.Model.RankFeatures(data);
        CollectionAssert.AreEqual(
            ranking.Features.Select(feature => feature.Information.Bits).ToArray(),
            ofModel.Features.Select(feature => feature.Information.Bits).ToArray()
        );
    }

    [TestMethod]
    public void Both_features_of_an_exclusive_or_that_is_learned_come_first_and_noise_is_within_its_interval_of_0()
    {
        const int Features = 10;
        var random = new Random(7);
        IDataView train = ExclusiveOr(2_000);
        IDataView test = ExclusiveOr(2_000);
        var trained = _context
            .BinaryClassification.Trainers.Infomorphic(new InfomorphicTrainer.Options { Seed = 1 })
            .Fit(train);
        Assert.IsGreaterThan(0.95, _context.BinaryClassification.Evaluate(trained.Transform(test)).Accuracy);

        FeatureRanking ranking = _context.BinaryClassification.RankInfomorphicFeatures(trained, test);

        CollectionAssert.AreEquivalent(
            new[] { "0", "1" },
            ranking.Features.Take(2).Select(feature => feature.Name).ToArray()
        );
        foreach ((int place, FeatureInformation feature) in ranking.Features.Index())
            Assert.AreEqual(place < 2, feature.Information.Low > 0 || feature.Information.High < 0, feature.Name);

        IDataView ExclusiveOr(int count)
        {
            var schema = SchemaDefinition.Create(typeof(BinarySamples.Row));
            schema[nameof(BinarySamples.Row.Features)].ColumnType = new VectorDataViewType(
                NumberDataViewType.Single,
                Features
            );
            return _context.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(_ => Draw()).ToArray(), schema);
        }

        BinarySamples.Row Draw()
        {
            float[] features = [.. Enumerable.Range(0, Features).Select(_ => (float)Problems.Gaussian(random))];
            return new BinarySamples.Row { Features = features, Label = features[0] > 0 == features[1] > 0 };
        }
    }

    private Row[] Rows(IDataView data) => [.. _context.Data.CreateEnumerable<Row>(data, reuseRowObject: false)];

    // Rows alone and in blocks are added up in another order.
    private static void AssertAlike(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], actual[i], 1e-5);
    }

    private static float[][] Vectors(IDataView data) => [.. data.GetColumn<float[]>("FeatureContributions")];

    private sealed class Row
    {
        public float Score { get; set; }

        public float[] FeatureContributions { get; set; } = [];

        public float ContributionBase { get; set; }
    }
}
