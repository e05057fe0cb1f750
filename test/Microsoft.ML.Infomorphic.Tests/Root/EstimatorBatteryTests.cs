using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>
/// What ML.NET's own estimator test checks, and more, on several kinds of data and before and after saving. What single
/// features promise is in <see cref="InfomorphicTrainerTests"/>.
/// </summary>
[TestClass]
public class EstimatorBatteryTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(Data.Dense)]
    [DataRow(Data.Sparse)]
    [DataRow(Data.Weighted)]
    [DataRow(Data.MissingValues)]
    public void Estimator_transformer_and_reloaded_transformer_agree(Data kind)
    {
        IDataView data = Make(kind);
        EstimatorChecks.Check(
            _context,
            Trainer(kind),
            data,
            invalid: _context.Transforms.DropColumns("Features").Fit(data).Transform(data)
        );
    }

    [TestMethod]
    [DataRow(Data.Dense)]
    [DataRow(Data.Sparse)]
    public void A_longer_pipeline_agrees_with_its_reloaded_self(Data kind)
    {
        IDataView data = _context.Transforms.DropColumns("Label").Fit(Make(kind)).Transform(Make(kind));
        IEstimator<ITransformer> pipeline = _context
            .Transforms.Conversion.MapValueToKey("Label", "Color")
            .Append(_context.Transforms.NormalizeMinMax("Features"))
            .AppendCacheCheckpoint(_context)
            .Append(Trainer(kind))
            .Append(_context.Transforms.Conversion.MapKeyToValue("Name", "PredictedLabel"))
            .Append(_context.Transforms.CopyColumns("Copy", "Score"));

        EstimatorChecks.Check(
            _context,
            pipeline,
            data,
            invalid: _context.Transforms.DropColumns("Color").Fit(data).Transform(data)
        );
    }

    [TestMethod]
    public void Every_selection_of_columns_and_every_cursor_of_a_set_gives_the_same_values()
    {
        IDataView data = Samples.View(_context, Samples.Rows(300));
        IDataView scored = Samples.Transformer(_context, data).Transform(data);
        Dictionary<long, string> expected = EstimatorChecks.Read(scored, scored.Schema);

        Assert.HasCount(300, expected);
        for (int parity = 0; parity < 2; parity++)
            EstimatorChecks.AssertPart(scored, [.. scored.Schema.Where(column => column.Index % 2 == parity)]);
        foreach (DataViewSchema.Column column in scored.Schema)
            EstimatorChecks.AssertPart(scored, [column]);

        foreach (int cursors in (int[])[1, 2, 5])
        {
            var rows = new Dictionary<long, string>();
            foreach (DataViewRowCursor cursor in scored.GetRowCursorSet(scored.Schema, cursors))
                using (cursor)
                    foreach ((long position, string row) in EstimatorChecks.Read(cursor, [.. scored.Schema]))
                        rows.Add(position, row);
            CollectionAssert.AreEquivalent(expected, rows, $"{cursors} cursors");
        }
    }

    [TestMethod]
    public void Prediction_engines_in_parallel_give_the_same_scores()
    {
        IDataView rows = _context.Data.LoadFromEnumerable(Samples.Rows(50));
        var model = _context
            .Transforms.Conversion.MapValueToKey("Label", "Color")
            .Append(Samples.Trainer(_context))
            .Append(_context.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(rows);
        float[][] expected = Samples.Scores(model.Transform(rows));

        Parallel.For(
            0,
            8,
            _ =>
            {
                // An engine is for one thread, a model for all.
                using var engine = _context.Model.CreatePredictionEngine<Samples.Row, Samples.Prediction>(model);
                List<Samples.Row> input = Samples.Rows(50);
                for (int i = 0; i < input.Count; i++)
                    CollectionAssert.AreEqual(expected[i], engine.Predict(input[i]).Score);
            }
        );
    }

    [TestMethod]
    public void Two_models_in_one_process_do_not_touch_each_other()
    {
        IDataView data = Samples.View(_context);
        InfomorphicTrainer.Options other = Samples.Options();
        other.Seed = 2;
        other.NumberOfHiddenNeurons = 7;
        float[][] alone = Scores(Samples.Options());
        float[][] otherAlone = Scores(other);

        float[][][] together = new float[4][][];
        Parallel.For(0, 4, i => together[i] = Scores(i % 2 == 0 ? Samples.Options() : other));

        Assert.AreNotEqual(alone[0][0], otherAlone[0][0]);
        for (int i = 0; i < together.Length; i++)
            AssertSame(i % 2 == 0 ? alone : otherAlone, together[i]);

        float[][] Scores(InfomorphicTrainer.Options options)
        {
            var context = new MLContext(1);
            IDataView view = Samples.View(context);
            return Samples.Scores(
                context.MulticlassClassification.Trainers.Infomorphic(options).Fit(view).Transform(view)
            );
        }
    }

    [TestMethod]
    public void Fitting_again_gives_the_same_model_also_in_a_pipeline()
    {
        IDataView rows = _context.Data.LoadFromEnumerable(Samples.Rows());
        var pipeline = _context.Transforms.Conversion.MapValueToKey("Label", "Color").Append(Samples.Trainer(_context));

        AssertSame(
            Samples.Scores(pipeline.Fit(rows).Transform(rows)),
            Samples.Scores(pipeline.Fit(rows).Transform(rows))
        );
    }

    [TestMethod]
    public void A_context_that_is_cancelled_before_it_trains_does_not_train()
    {
        IDataView data = Samples.View(_context);
        InfomorphicTrainer trainer = Samples.Trainer(_context);
        _context.CancelExecution();

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(data));
    }

    public enum Data
    {
        Dense,
        Sparse,
        Weighted,
        MissingValues,
    }

    private InfomorphicTrainer Trainer(Data kind)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.ExampleWeightColumnName = kind == Data.Weighted ? "Weight" : null;
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }

    private IDataView Make(Data kind)
    {
        List<Samples.Row> rows = Samples.Rows();
        if (kind == Data.MissingValues)
            rows[7].Features[1] = float.NaN;
        for (int i = 0; i < rows.Count; i++)
            rows[i].Weight = 1 + i % 3;
        IDataView data = Samples.View(_context, rows);
        if (kind != Data.Sparse)
            return data;
        data = Apply(data, _context.Transforms.Categorical.OneHotHashEncoding("Hot", "Color", numberOfBits: 8));
        return Apply(data, _context.Transforms.Concatenate("Features", "Features", "Hot"));
    }

    private static IDataView Apply(IDataView data, IEstimator<ITransformer> estimator) =>
        estimator.Fit(data).Transform(data);

    private static void AssertSame(float[][] expected, float[][] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i], $"row {i}");
    }
}
