using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public class InfomorphicTrainerTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(ScoringMode.MeanField)]
    [DataRow(ScoringMode.Thresholded)]
    [DataRow(ScoringMode.Sampled)]
    public void The_trainer_keeps_its_promises_about_columns(ScoringMode scoring)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Scoring = scoring;
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        IDataView text = Samples.View(_context);

        AssertPromises(trainer, text);
        AssertPromises(trainer, WithNumbersAsKeyValues(text));
        AssertPromises(trainer, WithoutKeyValues(text));
    }

    [TestMethod]
    public void The_annotations_of_trained_columns_are_complete()
    {
        IDataView data = Samples.View(_context);

        DataViewSchema schema = Samples.Trainer(_context).Fit(data).Transform(data).Schema;

        CollectionAssert.IsSubsetOf(
            new[] { "SlotNames", "TrainingLabelValues", "ScoreColumnSetId", "ScoreColumnKind", "ScoreValueKind" },
            schema["Score"].Annotations.Schema.Select(column => column.Name).ToArray()
        );
        CollectionAssert.Contains(
            schema["PredictedLabel"].Annotations.Schema.Select(column => column.Name).ToArray(),
            "KeyValues"
        );
        VBuffer<ReadOnlyMemory<char>> names = default;
        schema["Score"].GetSlotNames(ref names);
        CollectionAssert.AreEqual(
            new[] { "red", "green", "blue" },
            names.DenseValues().Select(name => name.ToString()).ToArray()
        );
    }

    [TestMethod]
    public void Scores_are_the_same_whatever_columns_are_read()
    {
        IDataView data = Samples.View(_context);
        IDataView scored = Samples.Trainer(_context).Fit(data).Transform(data);
        float[][] expected = Samples.Scores(scored);
        uint[] labels;
        using (DataViewRowCursor cursor = scored.GetRowCursor(scored.Schema))
        {
            ValueGetter<VBuffer<float>> score = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            ValueGetter<uint> label = cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]);
            var all = new List<uint>();
            VBuffer<float> scores = default;
            for (int i = 0; cursor.MoveNext(); i++)
            {
                score(ref scores);
                CollectionAssert.AreEqual(expected[i], scores.DenseValues().ToArray());
                uint value = 0;
                label(ref value);
                all.Add(value);
            }
            labels = [.. all];
        }

        CollectionAssert.AreEqual(labels, scored.GetColumn<uint>("PredictedLabel").ToArray());
    }

    [TestMethod]
    public void Learns()
    {
        IDataView train = Samples.View(_context, Samples.Rows(600));
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(
            numberOfHiddenNeurons: 20,
            numberOfEpochs: 30,
            batchSize: 100,
            learningRate: 0.01
        );

        MulticlassClassificationMetrics metrics = _context.MulticlassClassification.Evaluate(
            trainer.Fit(train).Transform(Samples.View(_context, Samples.Rows(300, seed: 2)))
        );

        // The classes are separable; a third would be chance.
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);
        Assert.IsLessThan(Math.Log(3), metrics.LogLoss);
    }

    [TestMethod]
    [DataRow(HiddenLayerKind.Infomorphic, ContextSignal.Label, false)]
    [DataRow(HiddenLayerKind.Infomorphic, ContextSignal.None, true)]
    [DataRow(HiddenLayerKind.Infomorphic, ContextSignal.Feedback, true)]
    [DataRow(HiddenLayerKind.Random, ContextSignal.Label, true)]
    [DataRow(HiddenLayerKind.None, ContextSignal.Label, true)]
    public void Every_setup_trains_saves_loads_and_goes_on(HiddenLayerKind kind, ContextSignal signal, bool lateral)
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context);
        InfomorphicTrainer.Options options = Samples.Options();
        (options.HiddenLayer, options.Context, options.LateralInput) = (kind, signal, lateral);
        options.Scoring = ScoringMode.Sampled;
        InfomorphicTrainer trainer = context.MulticlassClassification.Trainers.Infomorphic(options);

        InfomorphicPredictionTransformer model = trainer.Fit(data);

        using var stream = new MemoryStream();
        context.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        ITransformer loaded = context.Model.Load(stream, out _);
        float[][] expected = Samples.Scores(model.Transform(data));
        float[][] scores = Samples.Scores(loaded.Transform(data));
        for (int i = 0; i < scores.Length; i++)
            CollectionAssert.AreEqual(expected[i], scores[i]);
        Assert.HasCount(2 * options.NumberOfEpochs!.Value, trainer.Fit(data, model.Model).Model.History.Epochs);
        options.HiddenLayer = HiddenLayerKind.Infomorphic;
        (options.Context, options.LateralInput) = (ContextSignal.Label, true);
        StringAssert.StartsWith(
            Samples.Failure<InvalidOperationException>(() =>
                context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data, model.Model)
            ),
            "The model to go on from has "
        );
    }

    [TestMethod]
    public void MLNET_cross_validates_the_trainer()
    {
        IDataView data = Samples.View(_context, Samples.Rows(90));

        var results = _context.MulticlassClassification.CrossValidate(data, Samples.Trainer(_context), 3);

        Assert.HasCount(3, results);
        Assert.IsTrue(results.All(result => double.IsFinite(result.Metrics.LogLoss)));
    }

    [TestMethod]
    public void The_seed_of_the_options_wins_and_that_of_the_context_is_enough()
    {
        InfomorphicTrainer.Options seeded = Samples.Options();
        InfomorphicTrainer.Options unseeded = Samples.Options();
        unseeded.Seed = null;

        CollectionAssert.AreEqual(Weights(new MLContext(1), seeded), Weights(new MLContext(2), seeded));
        CollectionAssert.AreEqual(Weights(new MLContext(1), unseeded), Weights(new MLContext(1), unseeded));
        CollectionAssert.AreNotEqual(Weights(new MLContext(1), unseeded), Weights(new MLContext(2), unseeded));
        CollectionAssert.AreNotEqual(Weights(new MLContext(), unseeded), Weights(new MLContext(), unseeded));

        static float[] Weights(MLContext context, InfomorphicTrainer.Options options)
        {
            IDataView data = Samples.View(context);
            return FirstWeights(context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data).Model);
        }
    }

    [TestMethod]
    [DataRow(ContextSignal.Label)]
    [DataRow(ContextSignal.Feedback)]
    public void Rows_are_presented_twice_where_no_number_is_given(ContextSignal signal)
    {
        IDataView data = Samples.View(_context);
        (float[] weights, float[][] scores) = Train(null);
        (float[] weightsOfTwo, float[][] scoresOfTwo) = Train(2);
        (float[] weightsOfThree, _) = Train(3);

        CollectionAssert.AreEqual(weights, weightsOfTwo);
        for (int i = 0; i < scores.Length; i++)
            CollectionAssert.AreEqual(scores[i], scoresOfTwo[i]);
        CollectionAssert.AreNotEqual(weights, weightsOfThree);

        (float[], float[][]) Train(int? presentations)
        {
            InfomorphicTrainer.Options options = Samples.Options();
            options.Context = signal;
            options.NumberOfPresentations = presentations;
            options.Scoring = ScoringMode.Sampled;
            var model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
            Assert.AreEqual(presentations ?? 2, model.Model.Network.Presentations);
            return (Problems.WeightsOf(model.Model.Network), Samples.Scores(model.Transform(data)));
        }
    }

    [TestMethod]
    public void A_trainer_gives_the_same_model_again()
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Seed = null;
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        IDataView data = Samples.View(_context);

        CollectionAssert.AreEqual(FirstWeights(trainer.Fit(data).Model), FirstWeights(trainer.Fit(data).Model));
    }

    // Every row is there twice, once with the class after its own: which of them is learned, their weights decide.
    [TestMethod]
    [DataRow(1f, 0.02f)]
    [DataRow(0.02f, 1f)]
    public void Rows_count_as_much_as_the_weight_column_says(float own, float other)
    {
        List<Samples.Row> rows = Samples.Rows();
        foreach (Samples.Row row in rows)
            row.Weight = own;
        string[] colors = [.. rows.Select(row => row.Color)];
        rows.AddRange(
            Samples
                .Rows()
                .Select(
                    (row, i) =>
                        new Samples.Row
                        {
                            Color = colors[(i + 1) % Samples.ClassCount],
                            Features = row.Features,
                            Weight = other,
                        }
                )
        );
        IDataView data = Samples.View(_context, rows);
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = 40;
        options.Encoding = FeatureEncodingKind.None;
        options.ExampleWeightColumnName = "Weight";
        var model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);

        uint[] labels = [.. data.GetColumn<uint>("Label")];
        uint[] predicted = [.. model.Transform(data).GetColumn<uint>("PredictedLabel")];
        int[] weighty = [.. Enumerable.Range(0, rows.Count).Where(row => rows[row].Weight == 1)];
        Assert.IsGreaterThan(0.9, weighty.Average(row => labels[row] == predicted[row] ? 1.0 : 0));
    }

    [TestMethod]
    public void Sparse_data_give_the_model_of_full_data()
    {
        // A one-hot column of 256 numbers, sparse; and the same in full.
        IDataView sparse = Samples.View(_context);
        sparse = Append(sparse, _context.Transforms.Categorical.OneHotHashEncoding("Hot", "Color", numberOfBits: 8));
        sparse = Append(sparse, _context.Transforms.Concatenate("Features", "Features", "Hot"));
        IDataView full = Append(
            sparse,
            _context.Transforms.CustomMapping<Wide, Wide>((from, to) => to.Features = [.. from.Features], null)
        );

        Assert.IsFalse(sparse.GetColumn<VBuffer<float>>("Features").First().IsDense);
        Assert.IsTrue(full.GetColumn<VBuffer<float>>("Features").First().IsDense);
        CollectionAssert.AreEqual(
            FirstWeights(Samples.Trainer(_context).Fit(sparse).Model),
            FirstWeights(Samples.Trainer(_context).Fit(full).Model)
        );
    }

    [TestMethod]
    public void Epochs_are_measured_on_validation_data()
    {
        IDataView data = Samples.View(_context);
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = 200;
        options.EarlyStoppingRounds = 2;
        options.RestoreBestEpoch = true;

        TrainingHistory history = _context
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(data, Samples.View(_context, Confused()))
            .Model.History;

        Assert.IsLessThan(200, history.Epochs.Count);
        Assert.IsTrue(history.Epochs.All(epoch => epoch.ValidationAccuracy is >= 0 and <= 1));
        Assert.AreEqual(
            history.Epochs.Min(epoch => epoch.ValidationLogLoss),
            history.Epochs[history.BestEpoch - 1].ValidationLogLoss
        );

        // Every fourth row has the label of the next: there is no learning them by heart.
        static IEnumerable<Samples.Row> Confused()
        {
            List<Samples.Row> rows = Samples.Rows(seed: 2);
            for (int i = 3; i + 1 < rows.Count; i += 4) // the first of each class is as it was: keys are in the order of rows
                rows[i].Color = rows[i + 1].Color;
            return rows;
        }
    }

    [TestMethod]
    public void Early_stopping_and_the_best_epoch_need_validation_data()
    {
        InfomorphicTrainer.Options stopping = Samples.Options();
        stopping.EarlyStoppingRounds = 2;
        InfomorphicTrainer.Options best = Samples.Options();
        best.RestoreBestEpoch = true;

        Assert.AreEqual(
            "EarlyStoppingRounds needs validation rows: use Fit(trainData, validationData), or set ValidationFraction.",
            FailureOfFit(stopping)
        );
        Assert.AreEqual(
            "RestoreBestEpoch needs validation rows: use Fit(trainData, validationData), or set ValidationFraction.",
            FailureOfFit(best)
        );

        string FailureOfFit(InfomorphicTrainer.Options options) =>
            Samples.Failure<InvalidOperationException>(() =>
                _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(Samples.View(_context))
            );
    }

    [TestMethod]
    public void Training_goes_on_from_an_earlier_model()
    {
        IDataView data = Samples.View(_context);
        InfomorphicTrainer trainer = Samples.Trainer(_context);
        InfomorphicModelParameters first = trainer.Fit(data).Model;
        float[] before = [.. FirstWeights(first)];

        InfomorphicModelParameters second = trainer.Fit(data, first).Model;
        InfomorphicModelParameters third = trainer.Fit(data, data, second).Model;

        CollectionAssert.AreEqual(before, FirstWeights(first), "The earlier model has changed.");
        CollectionAssert.AreNotEqual(before, FirstWeights(second));
        CollectionAssert.AreNotEqual(FirstWeights(second), FirstWeights(third));
        Assert.HasCount(6, second.History.Epochs);
    }

    [TestMethod]
    public void Training_goes_on_from_a_fitting_model_only()
    {
        IDataView data = Samples.View(_context);
        InfomorphicModelParameters model = Samples.Trainer(_context).Fit(data).Model;
        InfomorphicTrainer.Options larger = Samples.Options();
        larger.NumberOfHiddenNeurons = 6;
        IDataView wide = Append(data, _context.Transforms.Concatenate("Features", "Features", "Weight"));
        IDataView twoClasses = Samples.View(_context, Samples.Rows().Where(row => row.Color != "blue"));

        Assert.AreEqual(
            "The model to go on from has 5 neurons in its hidden layer 1, and the options ask for 6.",
            Samples.Failure<InvalidOperationException>(() =>
                _context.MulticlassClassification.Trainers.Infomorphic(larger).Fit(data, model)
            )
        );
        Assert.AreEqual(
            "The model to go on from has 4 features, and the training data has 5.",
            Samples.Failure<InvalidOperationException>(() => Samples.Trainer(_context).Fit(wide, model))
        );
        Assert.AreEqual(
            "The validation data has 2 classes, and the training data has 3.",
            Samples.Failure<InvalidOperationException>(() => Samples.Trainer(_context).Fit(data, twoClasses))
        );
    }

    [TestMethod]
    public void Training_stops_where_the_context_is_cancelled()
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = 1_000_000;
        int epochs = 0;
        options.EpochEnded = _ =>
        {
            if (++epochs == 3)
                _context.CancelExecution();
        };
        IDataView data = Samples.View(_context);
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(data));
        Assert.AreEqual(3, epochs);

        // Nothing is left behind: another context trains on as if nothing had been.
        var other = new MLContext(1);
        IDataView same = Samples.View(other);
        CollectionAssert.AreEqual(
            FirstWeights(Samples.Trainer(other).Fit(same).Model),
            FirstWeights(Samples.Trainer(new MLContext(1)).Fit(same).Model)
        );
    }

    [TestMethod]
    public void Training_stops_where_its_token_is_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = 1_000_000;
        options.CancellationToken = cancellation.Token;
        int epochs = 0;
        options.EpochEnded = _ =>
        {
            if (++epochs == 3)
                cancellation.Cancel();
        };
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);

        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.Fit(Samples.View(_context)));
        Assert.AreEqual(3, epochs);
    }

    [TestMethod]
    public void The_trainer_logs_what_it_does()
    {
        IDataView data = Samples.View(_context);
        var epochs = new List<EpochRecord>();
        InfomorphicTrainer.Options options = Samples.Options();
        options.EpochEnded = epochs.Add;
        InfomorphicModelParameters? model = null;

        List<string> messages = Samples.Messages(
            _context,
            () => model = _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data).Model
        );

        Assert.HasCount(3, epochs);
        CollectionAssert.AreEqual(epochs, model!.History.Epochs.ToArray());
        Assert.IsTrue(
            messages.Any(message =>
                message.StartsWith(
                    "Info: Training 5 hidden neurons on 60 instances with 4 features and 3 classes, on cpu; goal: ",
                    StringComparison.Ordinal
                )
            )
        );
        Assert.IsTrue(messages.Any(message => message.StartsWith("Trace: Epoch 3 of 3: ", StringComparison.Ordinal)));
        Assert.IsTrue(
            messages.Any(message => message.StartsWith("Info: Features are standardised", StringComparison.Ordinal))
        );
    }

    [TestMethod]
    public void Rows_with_missing_values_are_skipped_and_the_others_learned_from()
    {
        List<Samples.Row> rows = Samples.Rows();
        rows[3].Features[0] = float.NaN;
        IDataView data = Samples.View(_context, rows);

        List<string> messages = Samples.Messages(_context, () => Samples.Trainer(_context).Fit(data));

        CollectionAssert.Contains(
            messages,
            "Warning: Skipped 1 instances with missing features during training (column 'Features')"
        );
    }

    [TestMethod]
    public void The_trainer_learns_from_constant_features_and_from_fewer_rows_than_a_batch()
    {
        List<Samples.Row> rows = Samples.Rows(6);
        rows.ForEach(row => row.Features = [1, 1, 1, 1]);
        IDataView data = Samples.View(_context, rows);

        float[][] scores = Samples.Scores(Samples.Trainer(_context).Fit(data).Transform(data));

        foreach (float[] score in scores)
            Assert.AreEqual(1, score.Sum(), 1e-5); // softmax of three in single precision
    }

    [TestMethod]
    public void A_column_that_is_missing_or_is_not_what_it_should_be_is_named()
    {
        IDataView data = Samples.View(_context);
        IDataView unknownSize = Append(
            data,
            _context.Transforms.CustomMapping<Wide, Variable>((from, to) => to.Features = from.Features, null)
        );

        AssertFails(_context.Transforms.DropColumns("Label"), "Could not find label column 'Label'");
        AssertFails(_context.Transforms.CopyColumns("Label", "Color"), "label column 'Label'");
        AssertFails(_context.Transforms.CopyColumns("Label", "Weight"), "label column 'Label'");
        AssertFails(_context.Transforms.DropColumns("Features"), "Could not find feature column 'Features'");
        AssertFails(_context.Transforms.CopyColumns("Features", "Weight"), "feature column 'Features'");
        AssertFails(_context.Transforms.CopyColumns("Features", "Color"), "feature column 'Features'");
        AssertFailsOn(unknownSize, "feature column 'Features'");
        InfomorphicTrainer.Options weighted = Samples.Options();
        weighted.ExampleWeightColumnName = "Absent";
        AssertFailsOn(data, "Could not find weight column 'Absent'", weighted);
        weighted.ExampleWeightColumnName = "Color";
        AssertFailsOn(data, "weight column 'Color'", weighted);

        void AssertFails(IEstimator<ITransformer> change, string sentence) =>
            AssertFailsOn(Append(data, change), sentence);

        void AssertFailsOn(IDataView view, string sentence, InfomorphicTrainer.Options? options = null)
        {
            InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(
                options ?? Samples.Options()
            );
            StringAssert.Contains(
                Samples.Failure<ArgumentOutOfRangeException>(() =>
                    trainer.GetOutputSchema(SchemaShape.Create(view.Schema))
                ),
                sentence
            );
            StringAssert.Contains(Samples.Failure<ArgumentOutOfRangeException>(() => trainer.Fit(view)), sentence);
        }
    }

    [TestMethod]
    public void Data_of_one_class_are_refused()
    {
        IDataView one = Samples.View(_context, Samples.Rows().Where(row => row.Color == "red"));
        StringAssert.Contains(
            Samples.Failure<ArgumentOutOfRangeException>(() => Samples.Trainer(_context).Fit(one)),
            "The label column 'Label' has only one class"
        );

        IDataView oneOfThree = _context.Data.FilterRowsByKeyColumnFraction(Samples.View(_context), "Label", 0, 0.3);
        StringAssert.EndsWith(
            Samples.Failure<InvalidOperationException>(() => Samples.Trainer(_context).Fit(oneOfThree)),
            "valid training instances have the same label, and a classifier needs at least two classes."
        );
    }

    [TestMethod]
    public void Data_whose_rows_all_have_missing_values_are_refused_with_the_reason()
    {
        List<Samples.Row> rows = Samples.Rows();
        rows.ForEach(row => row.Features[1] = float.NaN);

        Assert.AreEqual(
            "No valid training instances found, all instances have missing features (column 'Features').",
            Samples.Failure<InvalidOperationException>(() =>
                Samples.Trainer(_context).Fit(Samples.View(_context, rows))
            )
        );
    }

    [TestMethod]
    public void An_absent_CUDA_device_is_named()
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.Device = "cuda:99";

        StringAssert.StartsWith(
            Samples.Failure<InvalidOperationException>(() =>
                _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(Samples.View(_context))
            ),
            "Device is 'cuda:99', and "
        );
    }

    private void AssertPromises(InfomorphicTrainer trainer, IDataView data)
    {
        SchemaShape promised = trainer.GetOutputSchema(SchemaShape.Create(data.Schema));
        InfomorphicPredictionTransformer transformer = trainer.Fit(data);
        using var stream = new MemoryStream();
        _context.Model.Save(transformer, data.Schema, stream);
        ITransformer loaded = new MLContext().Model.Load(
            new MemoryStream(stream.ToArray()),
            out DataViewSchema loadedSchema
        );

        DataViewSchema schema = transformer.GetOutputSchema(data.Schema);
        Schemas.AssertSame(promised, SchemaShape.Create(schema));
        Schemas.AssertSame(schema, transformer.Transform(data).Schema);
        Schemas.AssertSame(schema, ((ITransformer)transformer).GetRowToRowMapper(data.Schema).OutputSchema);
        Schemas.AssertSame(schema, loaded.GetOutputSchema(data.Schema));
        Schemas.AssertSame(schema, loaded.Transform(data).Schema);
        Schemas.AssertSame(data.Schema, loadedSchema);
        float[][] scores = Samples.Scores(transformer.Transform(data));
        float[][] loadedScores = Samples.Scores(loaded.Transform(data));
        for (int i = 0; i < scores.Length; i++)
            CollectionAssert.AreEqual(scores[i], loadedScores[i]);
    }

    private IDataView WithNumbersAsKeyValues(IDataView data)
    {
        IDataView numbers = Append(
            data,
            _context.Transforms.CustomMapping<Colored, Numbered>((from, to) => to.Number = from.Color.Length, null)
        );
        return Append(numbers, _context.Transforms.Conversion.MapValueToKey("Label", "Number"));
    }

    private IDataView WithoutKeyValues(IDataView data) =>
        Append(
            data,
            _context.Transforms.CustomMapping<Colored, Keyed>(
                (from, to) => to.Label = (uint)from.Color.Length - 2,
                null
            )
        );

    private static IDataView Append(IDataView data, IEstimator<ITransformer> estimator) =>
        estimator.Fit(data).Transform(data);

    private static float[] FirstWeights(InfomorphicModelParameters model) =>
        model.Network.HiddenLayers[0].Sources[0].Weights;

    private sealed class Colored
    {
        public string Color { get; set; } = "";
    }

    private sealed class Numbered
    {
        public float Number { get; set; }
    }

    private sealed class Keyed
    {
        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class Wide
    {
        [VectorType(Samples.FeatureCount + 256)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Variable
    {
        [VectorType]
        public float[] Features { get; set; } = [];
    }
}
