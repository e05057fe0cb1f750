using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public sealed class InfomorphicLayerTransformerTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(0, 5)]
    [DataRow(1, 4)]
    [DataRow(2, Samples.ClassCount)]
    public void Every_layer_gives_the_outputs_of_the_scorer_to_the_bit_before_and_after_saving(int layer, int outputs)
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer trained = Trainer(_context).Fit(data);
        InfomorphicLayerTransformer transformer = trained.LayerOutputs(layer, "Hidden");
        using var stream = new MemoryStream();
        _context.Model.Save(transformer, data.Schema, stream);
        stream.Position = 0;
        var fresh = new MLContext();
        var loaded = (InfomorphicLayerTransformer)fresh.Model.Load(stream, out DataViewSchema schema);

        Assert.AreEqual(layer, loaded.Layer);
        Assert.AreEqual("Features", loaded.FeatureColumnName);
        Assert.AreEqual("Hidden", loaded.OutputColumnName);
        Schemas.AssertSame(transformer.GetOutputSchema(data.Schema), loaded.GetOutputSchema(schema));
        float[] expected = Expected(trained.Model, Samples.Rows().Select(row => row.Features), layer);
        Assert.HasCount(60 * outputs, expected);
        CollectionAssert.AreEqual(expected, Outputs(transformer.Transform(data), "Hidden"));
        CollectionAssert.AreEqual(expected, Outputs(loaded.Transform(Samples.View(fresh)), "Hidden"));
        using PredictionEngine<Samples.Row, Outcome> engine = fresh.Model.CreatePredictionEngine<Samples.Row, Outcome>(
            loaded
        );
        CollectionAssert.AreEqual(expected, Samples.Rows().SelectMany(row => engine.Predict(row).Hidden).ToArray());
    }

    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void Layers_of_every_kind_give_full_and_sparse_rows_the_same_outputs_and_rows_with_gaps_none(string setup)
    {
        InfomorphicModelParameters model = Deep(setup);
        float[][] rows = [.. Enumerable.Range(0, 40).Select(Image.Draw)];
        rows[20][7] = float.NaN;
        rows[21][35] = float.PositiveInfinity;
        for (int layer = 0; layer < model.Network.Layers.Count; layer++)
        {
            var transformer = new InfomorphicLayerTransformer(_context, model, layer, "Pixels", "Hidden");
            float[] expected = Expected(model, rows, layer);
            int count = model.Network.Layers[layer].OutputCount;

            CollectionAssert.AreEqual(expected, Outputs(transformer.Transform(Image.View(_context, rows, _ => false))));
            CollectionAssert.AreEqual(expected, Outputs(transformer.Transform(Image.View(_context, rows, _ => true))));
            CollectionAssert.AreEqual(
                expected,
                Outputs(transformer.Transform(Image.View(_context, rows, row => row % 2 == 0)))
            );
            for (int i = 0; i < expected.Length; i++)
                if (i / count is 20 or 21)
                    Assert.IsTrue(float.IsNaN(expected[i]));
                else
                    Assert.IsInRange(-1, 1, expected[i]);
        }
    }

    [TestMethod]
    public void Slots_are_named_by_layer_cell_and_neuron()
    {
        InfomorphicModelParameters pooled = Deep(DeepSetups.PooledFields);

        string[] cells = Slots(pooled, 0);
        Assert.HasCount(16, cells);
        Assert.AreEqual("hidden 1: cell 0, neuron 0", cells[0]);
        Assert.AreEqual("hidden 1: cell 2, neuron 3", cells[11]);
        Assert.AreEqual("hidden 2: neuron 1", Slots(pooled, 1)[1]);
        CollectionAssert.AreEqual(
            new[] { "output: neuron 0", "output: neuron 1", "output: neuron 2" },
            Slots(pooled, 2)
        );

        string[] Slots(InfomorphicModelParameters model, int layer)
        {
            var transformer = new InfomorphicLayerTransformer(_context, model, layer, "Pixels", "Hidden");
            DataViewSchema schema = Image.View(_context, [Image.Draw(0)], _ => false).Schema;
            VBuffer<ReadOnlyMemory<char>> names = default;
            transformer.GetOutputSchema(schema)["Hidden"].GetSlotNames(ref names);
            return [.. names.DenseValues().Select(name => name.ToString())];
        }
    }

    [TestMethod]
    [DataRow("Hidden")]
    [DataRow("Features")]
    public void The_estimator_promises_the_schema_that_its_transformer_delivers(string column)
    {
        IDataView data = Samples.View(_context);
        InfomorphicLayerEstimator estimator = _context.Transforms.InfomorphicLayer(Trainer(_context), 1, column);
        SchemaShape promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));

        InfomorphicLayerTransformer transformer = estimator.Fit(data);

        Schemas.AssertSame(promised, SchemaShape.Create(transformer.GetOutputSchema(data.Schema)));
        Schemas.AssertSame(transformer.GetOutputSchema(data.Schema), transformer.Transform(data).Schema);
        IRowToRowMapper mapper = ((ITransformer)transformer).GetRowToRowMapper(data.Schema);
        Schemas.AssertSame(transformer.GetOutputSchema(data.Schema), mapper.OutputSchema);
        CollectionAssert.AreEqual(
            new[] { "Features" },
            mapper.GetDependencies([mapper.OutputSchema[column]]).Select(input => input.Name).ToArray()
        );
    }

    [TestMethod]
    public void A_pipeline_goes_on_with_a_layer_and_is_saved_and_loaded()
    {
        IDataView rows = _context.Data.LoadFromEnumerable(Samples.Rows(300));
        var pipeline = _context
            .Transforms.Conversion.MapValueToKey("Label", "Color")
            .Append(_context.Transforms.InfomorphicLayer(Trainer(_context), outputColumnName: "Hidden"))
            .Append(_context.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: "Hidden"));
        SchemaShape promised = pipeline.GetOutputSchema(SchemaShape.Create(rows.Schema));

        var model = pipeline.Fit(rows);

        IDataView scored = model.Transform(rows);
        Schemas.AssertSame(promised, SchemaShape.Create(scored.Schema));
        Assert.IsGreaterThan(0.8, _context.MulticlassClassification.Evaluate(scored).MicroAccuracy);
        using var stream = new MemoryStream();
        _context.Model.Save(model, rows.Schema, stream);
        stream.Position = 0;
        var fresh = new MLContext();
        IDataView again = fresh.Model.Load(stream, out _).Transform(fresh.Data.LoadFromEnumerable(Samples.Rows(300)));
        CollectionAssert.AreEqual(
            Samples.Scores(scored).SelectMany(score => score).ToArray(),
            Samples.Scores(again).SelectMany(score => score).ToArray()
        );
    }

    [TestMethod]
    public void Data_are_saved_with_the_transform_and_loaded()
    {
        IDataView data = Samples.View(_context);
        IDataView transformed = Samples.Transformer(_context, data).LayerOutputs(0).Transform(data);
        using var stream = new MemoryStream();
        using (RepositoryWriter writer = RepositoryWriter.CreateNew(stream, _context))
        {
            ModelSaveContext.SaveModel(writer, (ICanSaveModel)transformed, "Data");
            writer.Commit();
        }

        stream.Position = 0;
        using RepositoryReader reader = RepositoryReader.Open(stream, _context);
        ModelLoadContext.LoadModel<IDataTransform, SignatureLoadDataTransform>(
            _context,
            out IDataTransform loaded,
            reader,
            "Data",
            data
        );
        Schemas.AssertSame(transformed.Schema, loaded.Schema);
        CollectionAssert.AreEqual(Outputs(transformed, "LayerOutputs"), Outputs(loaded, "LayerOutputs"));
    }

    [TestMethod]
    public void One_transformer_serves_threads_that_read_views_and_single_rows()
    {
        List<Samples.Row> rows = Samples.Rows(400);
        IDataView data = Samples.View(_context, rows);
        InfomorphicLayerTransformer transformer = Trainer(_context).Fit(data).LayerOutputs(1, "Hidden");
        float[] expected = Expected(transformer.Model, rows.Select(row => row.Features), 1);

        Parallel.For(
            0,
            6,
            new ParallelOptions { MaxDegreeOfParallelism = 2 },
            reader =>
            {
                if (reader % 2 == 0)
                {
                    CollectionAssert.AreEqual(expected, Outputs(transformer.Transform(data)));
                    return;
                }

                using PredictionEngine<Samples.Row, Outcome> engine = _context.Model.CreatePredictionEngine<
                    Samples.Row,
                    Outcome
                >(transformer);
                CollectionAssert.AreEqual(expected, rows.SelectMany(row => engine.Predict(row).Hidden).ToArray());
            }
        );
    }

    [TestMethod]
    public void A_cancelled_context_trains_nothing_and_still_gives_the_outputs_of_what_was_trained()
    {
        IDataView data = Samples.View(_context);
        InfomorphicLayerEstimator estimator = _context.Transforms.InfomorphicLayer(
            Trainer(_context),
            outputColumnName: "Hidden"
        );
        InfomorphicLayerTransformer transformer = estimator.Fit(data);
        _context.CancelExecution();

        Assert.ThrowsExactly<OperationCanceledException>(() => estimator.Fit(data));
        using PredictionEngine<Samples.Row, Outcome> engine = new MLContext().Model.CreatePredictionEngine<
            Samples.Row,
            Outcome
        >(transformer);
        Samples.Row row = Samples.Rows()[0];
        CollectionAssert.AreEqual(Expected(transformer.Model, [row.Features], 0), engine.Predict(row).Hidden);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Nothing_is_allocated_for_a_row(bool isSparse)
    {
        float[][] rows = [.. Enumerable.Range(0, 3).Select(Image.Draw)];
        IDataView transformed = new InfomorphicLayerTransformer(
            _context,
            Deep(DeepSetups.Skips),
            1,
            "Pixels",
            "Hidden"
        ).Transform(Image.View(_context, rows, _ => isSparse));
        using DataViewRowCursor cursor = transformed.GetRowCursorSet([transformed.Schema["Hidden"]], 1)[0];
        ValueGetter<VBuffer<float>> getter = cursor.GetGetter<VBuffer<float>>(transformed.Schema["Hidden"]);
        VBuffer<float> outputs = default;
        Assert.IsTrue(cursor.MoveNext());
        Read(100);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Read(1000);

        Assert.IsLessThan(1000, GC.GetAllocatedBytesForCurrentThread() - before);

        void Read(int times)
        {
            for (int i = 0; i < times; i++)
                getter(ref outputs);
        }
    }

    [TestMethod]
    public void What_does_not_fit_is_said_in_one_sentence()
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer trained = Samples.Transformer(_context, data);
        InfomorphicLayerTransformer transformer = trained.LayerOutputs(0);

        Assert.AreEqual(
            "There is no layer 2: the number of layers is 2, and the output layer is layer 1. (Parameter 'layer')",
            Samples.Failure<ArgumentOutOfRangeException>(() => trained.LayerOutputs(2))
        );
        Assert.AreEqual(
            "There is no layer -1: the number of layers is 3, and the output layer is layer 2. (Parameter 'layer')",
            Samples.Failure<ArgumentOutOfRangeException>(() =>
                _context.Transforms.InfomorphicLayer(Trainer(_context), -1)
            )
        );
        Assert.Contains(
            "outputColumnName",
            Samples.Failure<ArgumentException>(() => trained.LayerOutputs(0, outputColumnName: ""))
        );
        Assert.Contains(
            "outputColumnName",
            Samples.Failure<ArgumentException>(() =>
                _context.Transforms.InfomorphicLayer(Trainer(_context), 0, outputColumnName: "")
            )
        );
        IDataView without = _context.Transforms.DropColumns("Features").Fit(data).Transform(data);
        Assert.Contains(
            "The data has no feature column 'Features'",
            Samples.Failure<ArgumentOutOfRangeException>(() => transformer.Transform(without))
        );
        IDataView other = _context.Transforms.Concatenate("Features", "Features", "Weight").Fit(data).Transform(data);
        Assert.Contains(
            "must be a vector of the 4 features that the model was trained on, and is Vector<Single, 5>",
            Samples.Failure<ArgumentOutOfRangeException>(() => transformer.GetOutputSchema(other.Schema))
        );
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            _context.Transforms.InfomorphicLayer(Trainer(_context)).GetOutputSchema(SchemaShape.Create(without.Schema))
        );
    }

    [TestMethod]
    public void A_file_with_a_layer_that_is_not_there_is_refused()
    {
        IDataView data = Samples.View(_context);
        InfomorphicModelParameters model = Samples.Transformer(_context, data).Model;
        using var stream = new MemoryStream();
        _context.Model.Save(new InfomorphicLayerTransformer(_context, model, 2, "Features", "Hidden"), null, stream);
        stream.Position = 0;

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(stream, out _));
        while (exception.InnerException is Exception inner)
            exception = inner;
        Assert.AreEqual(
            "There is no layer 2: the number of layers is 2, and the output layer is layer 1.",
            exception.Message
        );
    }

    private static InfomorphicTrainer Trainer(MLContext context)
    {
        var options = new InfomorphicTrainer.Options
        {
            HiddenLayers =
            [
                new HiddenLayerOptions { NumberOfNeurons = 5 },
                new HiddenLayerOptions { NumberOfNeurons = 4 },
            ],
            NumberOfEpochs = 3,
            BatchSize = 16,
            Seed = 1,
            Device = "cpu",
        };
        return context.MulticlassClassification.Trainers.Infomorphic(options);
    }

    // A network of several hidden layers that was never trained.
    private InfomorphicModelParameters Deep(string setup)
    {
        TrainingSettings settings = DeepSetups.Settings(setup);
        float[] scales = new float[DeepSetups.Features];
        Array.Fill(scales, 2f);
        var scaling = new FeatureScaling(Standardization.Global, new float[DeepSetups.Features], scales);
        using NetworkState state = NetworkState.Create(settings, scaling, Samples.ClassCount);
        ModelContents contents = Samples.Contents();
        return new InfomorphicModelParameters(
            _context,
            new ModelContents(state.ToNetwork([1, -1, 1]), contents.History, settings, new ScoringSettings())
        );
    }

    private static float[] Expected(InfomorphicModelParameters model, IEnumerable<float[]> rows, int layer)
    {
        var scorer = new NetworkScorer(model.Network, new ScoringSettings(), model.Encoding);
        return
        [
            .. rows.SelectMany(row =>
            {
                float[] outputs = new float[model.Network.Layers[layer].OutputCount];
                scorer.LayerOutputs(row, layer, outputs);
                return outputs;
            }),
        ];
    }

    private static float[] Outputs(IDataView view, string column = "Hidden") =>
        [.. view.GetColumn<VBuffer<float>>(column).SelectMany(outputs => outputs.DenseValues())];

    private sealed class Outcome
    {
        public float[] Hidden { get; set; } = [];
    }

    /// <summary>Rows of the features that networks of several layers have in these tests.</summary>
    private sealed class Image
    {
        [VectorType(DeepSetups.Features)]
        public VBuffer<float> Pixels { get; set; }

        public static float[] Draw(int row)
        {
            var random = new RandomStream((ulong)row, 1);
            return
            [
                .. Enumerable
                    .Range(0, DeepSetups.Features)
                    .Select(_ => random.NextUniform() < 0.5 ? 0 : (float)random.NextUniform()),
            ];
        }

        public static IDataView View(MLContext context, IEnumerable<float[]> rows, Func<int, bool> isSparse) =>
            context.Data.LoadFromEnumerable(
                rows.Select((row, index) => new Image { Pixels = isSparse(index) ? Sparse(row) : new(row.Length, row) })
                    .ToArray()
            );

        private static VBuffer<float> Sparse(float[] row)
        {
            int[] places = [.. Enumerable.Range(0, row.Length).Where(feature => row[feature] != 0)];
            return new VBuffer<float>(row.Length, places.Length, [.. places.Select(place => row[place])], places);
        }
    }
}
