using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public sealed class InfomorphicPredictionTransformerTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Metrics_are_those_of_MLNETs_scorer()
    {
        IDataView data = Samples.View(_context, Samples.Rows(300, seed: 3));
        InfomorphicPredictionTransformer transformer = Samples.Trainer(_context).Fit(data);

        MulticlassClassificationMetrics expected = _context.MulticlassClassification.Evaluate(
            HostTransformer(transformer, data).Transform(data),
            topKPredictionCount: 2
        );
        MulticlassClassificationMetrics actual = _context.MulticlassClassification.Evaluate(
            transformer.Transform(data),
            topKPredictionCount: 2
        );

        Assert.AreEqual(expected.MicroAccuracy, actual.MicroAccuracy);
        Assert.AreEqual(expected.MacroAccuracy, actual.MacroAccuracy);
        Assert.AreEqual(expected.LogLoss, actual.LogLoss);
        Assert.AreEqual(expected.TopKAccuracy, actual.TopKAccuracy);
        CollectionAssert.AreEqual(expected.PerClassLogLoss.ToArray(), actual.PerClassLogLoss.ToArray());
        CollectionAssert.AreEqual(
            expected.ConfusionMatrix.Counts.SelectMany(row => row).ToArray(),
            actual.ConfusionMatrix.Counts.SelectMany(row => row).ToArray()
        );
    }

    [TestMethod]
    public void MLNETs_cross_validation_takes_the_transformer()
    {
        IDataView data = Samples.View(_context, Samples.Rows(120));
        var folds = _context.MulticlassClassification.CrossValidate(data, Samples.Trainer(_context), 3);

        Assert.HasCount(3, folds);
        foreach (TrainCatalogBase.CrossValidationResult<MulticlassClassificationMetrics> fold in folds)
        {
            Assert.IsInstanceOfType<InfomorphicPredictionTransformer>(fold.Model);
            Assert.AreEqual(
                _context.MulticlassClassification.Evaluate(fold.ScoredHoldOutSet).LogLoss,
                fold.Metrics.LogLoss
            );
            Assert.AreNotEqual(0, fold.Metrics.ConfusionMatrix.Counts.Sum(row => row.Sum()));
        }
    }

    [TestMethod]
    public void Full_and_sparse_rows_score_alike_side_by_side()
    {
        const int Count = 500;
        float[][] full = [.. Enumerable.Range(0, Count).Select(row => Wide.Draw(row, density: row % 11 / 10.0))];
        full[20][7] = float.NaN;
        full[21][0] = float.PositiveInfinity;
        IDataView train = Wide.View(_context, full.Where((_, row) => row is not 20 and not 21), row => false);
        InfomorphicPredictionTransformer transformer = Samples.Trainer(_context).Fit(train);
        float[][] expected = Samples.Scores(transformer.Transform(Wide.View(_context, full, row => false)));

        // All of them, every second one, long stretches, single ones.
        foreach (
            Func<int, bool> isSparse in (Func<int, bool>[])
                [_ => true, row => row % 2 == 0, row => row / 64 % 2 == 1, row => row % 50 == 3]
        )
        {
            IDataView scored = transformer.Transform(Wide.View(_context, full, isSparse));
            CollectionAssert.AreEqual(
                expected.SelectMany(score => score).ToArray(),
                Samples.Scores(scored).SelectMany(score => score).ToArray()
            );
            var labels = scored.GetColumn<uint>("PredictedLabel").ToArray();
            Assert.AreEqual(0u, labels[20]);
            Assert.AreEqual(0u, labels[21]);
        }
    }

    [TestMethod]
    public void One_model_serves_many_threads_that_read_views_sets_of_cursors_and_single_rows()
    {
        List<Samples.Row> rows = Samples.Rows(700);
        IDataView data = _context.Data.Cache(Samples.View(_context, rows));
        InfomorphicPredictionTransformer transformer = Samples.Trainer(_context).Fit(data);
        IDataView scored = transformer.Transform(data);
        float[][] expected = Samples.Scores(scored);

        Parallel.For(
            0,
            24,
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            reader =>
            {
                float[][] scores = (reader % 3) switch
                {
                    0 => Samples.Scores(transformer.Transform(data)),
                    1 => Samples.Scores(scored),
                    _ => One(rows),
                };
                Assert.HasCount(expected.Length, scores);
                for (int row = 0; row < scores.Length; row++)
                    CollectionAssert.AreEqual(expected[row], scores[row]);
            }
        );

        float[][] One(List<Samples.Row> from)
        {
            using PredictionEngine<Wanted, Given> engine = _context.Model.CreatePredictionEngine<Wanted, Given>(
                transformer
            );
            return [.. from.Select(row => engine.Predict(new Wanted { Features = row.Features }).Score)];
        }
    }

    [TestMethod]
    [DataRow("v1/mean-field")]
    [DataRow("v2/feedback")]
    [DataRow("v2/lateral-only")]
    [DataRow("v2/random")]
    public void A_file_with_MLNETs_transformer_scores_alike_in_this_one(string name)
    {
        IDataView data = Samples.View(_context);
        var old =
            (MulticlassPredictionTransformer<InfomorphicModelParameters>)
                _context.Model.Load(
                    Path.Combine(AppContext.BaseDirectory, "Models", name + ".zip"),
                    out DataViewSchema schema
                );
        ScoringSettings scoring = old.Model.ScoringSettings;

        InfomorphicPredictionTransformer now = old.WithScoring(
            scoring.Mode,
            scoring.Samples,
            scoring.Seed,
            scoring.Calibrate
        );

        AssertAlike(now);
        using var stream = new MemoryStream();
        _context.Model.Save(now, schema, stream);
        stream.Position = 0;
        AssertAlike((InfomorphicPredictionTransformer)new MLContext().Model.Load(stream, out _));

        void AssertAlike(InfomorphicPredictionTransformer transformer)
        {
            Schemas.AssertSame(old.Transform(data).Schema, transformer.Transform(data).Schema);
            CollectionAssert.AreEqual(
                Samples.Scores(old.Transform(data)).SelectMany(score => score).ToArray(),
                Samples.Scores(transformer.Transform(data)).SelectMany(score => score).ToArray()
            );
            CollectionAssert.AreEqual(
                old.Transform(data).GetColumn<uint>("PredictedLabel").ToArray(),
                transformer.Transform(data).GetColumn<uint>("PredictedLabel").ToArray()
            );
        }
    }

    [TestMethod]
    public void A_transformer_of_another_kind_is_named()
    {
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, Samples.View(_context));
        string message = Samples.Failure<ArgumentException>(() =>
            new Wrapper(transformer).WithScoring(ScoringMode.MeanField)
        );
        Assert.Contains(nameof(Wrapper), message);
    }

    private MulticlassPredictionTransformer<InfomorphicModelParameters> HostTransformer(
        InfomorphicPredictionTransformer transformer,
        IDataView data
    ) => new(_context, transformer.Model, data.Schema, "Features", "Label");

    private sealed class Wanted
    {
        [VectorType(Samples.FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Given
    {
        public float[] Score { get; set; } = [];
    }

    /// <summary>Rows of many features.</summary>
    private sealed class Wide
    {
        private const int Features = 70;

        [VectorType(Features)]
        [ColumnName("Features")]
        public VBuffer<float> Values { get; set; }

        [KeyType(3)]
        public uint Label { get; set; }

        public static float[] Draw(int row, double density)
        {
            var random = new RandomStream((ulong)row, 1);
            return
            [
                .. Enumerable.Range(0, Features).Select(_ => random.NextUniform() < density ? random.NextUniform() : 0),
            ];
        }

        public static IDataView View(MLContext context, IEnumerable<float[]> rows, Func<int, bool> isSparse) =>
            context.Data.LoadFromEnumerable(
                rows.Select(
                        (row, index) =>
                            new Wide
                            {
                                Values = isSparse(index) ? Sparse(row) : new VBuffer<float>(Features, row),
                                Label = (uint)(index % 3 + 1),
                            }
                    )
                    .ToArray()
            );

        private static VBuffer<float> Sparse(float[] row)
        {
            int[] places = [.. Enumerable.Range(0, Features).Where(feature => row[feature] != 0)];
            return new VBuffer<float>(Features, places.Length, [.. places.Select(place => row[place])], places);
        }
    }

    /// <summary>Someone else's transformer around this library's.</summary>
    [ExcludeFromCodeCoverage]
    private sealed class Wrapper(InfomorphicPredictionTransformer inner)
        : ISingleFeaturePredictionTransformer<InfomorphicModelParameters>
    {
        public InfomorphicModelParameters Model => inner.Model;

        public string FeatureColumnName => inner.FeatureColumnName;

        public DataViewType FeatureColumnType => inner.FeatureColumnType;

        public bool IsRowToRowMapper => false;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inner.GetOutputSchema(inputSchema);

        public IDataView Transform(IDataView input) => inner.Transform(input);

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => throw new NotSupportedException();

        public void Save(ModelSaveContext ctx) => throw new NotSupportedException();
    }
}
