using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Transforms;

namespace Microsoft.ML.Infomorphic.Tests.Root;

using Model = InfomorphicBinaryModelParameters;
using Options = InfomorphicTrainer.Options;
using Transformer = BinaryPredictionTransformer<InfomorphicBinaryModelParameters>;

[TestClass]
public sealed class InfomorphicBinaryTrainerTests
{
    private readonly MLContext _context = new(1);

    public enum Data
    {
        Dense,
        Sparse,
        Weighted,
        MissingValues,
    }

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
            BinarySamples.Trainer(
                _context,
                options => options.ExampleWeightColumnName = kind == Data.Weighted ? "Weight" : null
            ),
            data,
            invalid: _context.Transforms.DropColumns("Features").Fit(data).Transform(data)
        );
    }

    [TestMethod]
    public void A_longer_pipeline_agrees_with_its_reloaded_self()
    {
        IDataView data = BinarySamples.View(_context);
        IEstimator<ITransformer> pipeline = _context
            .Transforms.NormalizeMinMax("Features")
            .AppendCacheCheckpoint(_context)
            .Append(BinarySamples.Trainer(_context))
            .Append(_context.Transforms.CopyColumns("Copy", "Probability"));

        EstimatorChecks.Check(
            _context,
            pipeline,
            data,
            invalid: _context.Transforms.DropColumns("Features").Fit(data).Transform(data)
        );
    }

    [TestMethod]
    public void A_label_of_another_type_is_refused_in_one_sentence()
    {
        IDataView keys = Samples.View(_context);
        IDataView numbers = _context
            .Transforms.Conversion.ConvertType("Label", outputKind: DataKind.Single)
            .Fit(BinarySamples.View(_context))
            .Transform(BinarySamples.View(_context));

        foreach (IDataView data in (IDataView[])[keys, numbers])
        {
            string message = Samples.Failure<ArgumentOutOfRangeException>(() =>
                BinarySamples.Trainer(_context).Fit(data)
            );
            StringAssert.Contains(message, "The label column 'Label' must be Boolean, and is ");
            StringAssert.Contains(message, "mlContext.MulticlassClassification.Trainers.Infomorphic");
        }

        IDataView without = _context.Transforms.DropColumns("Label").Fit(keys).Transform(keys);
        StringAssert.Contains(
            Samples.Failure<ArgumentOutOfRangeException>(() => BinarySamples.Trainer(_context).Fit(without)),
            "'Label'"
        );
    }

    [TestMethod]
    public void The_multiclass_trainer_sends_who_has_a_truth_value_here()
    {
        IDataView data = BinarySamples.View(_context);
        InfomorphicTrainer trainer = Samples.Trainer(_context);

        foreach (
            Action action in (Action[])
                [() => trainer.Fit(data), () => trainer.GetOutputSchema(SchemaShape.Create(data.Schema))]
        )
            StringAssert.Contains(
                Samples.Failure<ArgumentOutOfRangeException>(action),
                "The label column 'Label' must be a key, and is Boolean: train it with mlContext.BinaryClassification.Trainers.Infomorphic, or map it to a key by MapValueToKey."
            );
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(OutputLayerKind.Infomorphic)]
    public void The_score_is_the_log_odds_of_the_probability_and_the_label_its_sign(OutputLayerKind? output)
    {
        Transformer model = BinarySamples
            .Trainer(_context, options => options.OutputLayer = output)
            .Fit(BinarySamples.View(_context));

        BinarySamples.Prediction[] predictions = BinarySamples.Predictions(_context, model);

        Assert.IsTrue(predictions.Any(row => row.PredictedLabel) && predictions.Any(row => !row.PredictedLabel));
        foreach (BinarySamples.Prediction row in predictions)
        {
            Assert.AreEqual(1 / (1 + Math.Exp(-row.Score)), row.Probability, 2e-7); // of single precision
            Assert.AreEqual(row.Score > 0, row.PredictedLabel);
        }
    }

    // A binary network is the one of the classes false and true.
    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Probabilities_are_those_of_the_two_classes_to_the_bit(int networks)
    {
        Options options = BinarySamples.Options();
        options.NumberOfNetworks = networks;
        IDataView data = BinarySamples.View(_context);
        IDataView keys = _context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue
            )
            .Fit(data)
            .Transform(data);
        float[][] expected = Samples.Scores(
            _context.MulticlassClassification.Trainers.Infomorphic(options).Fit(keys).Transform(keys)
        );

        Transformer model = _context.BinaryClassification.Trainers.Infomorphic(options).Fit(data);

        BinarySamples.Prediction[] actual = BinarySamples.Predictions(_context, model);
        CollectionAssert.AreEqual(
            expected.Select(row => row[1]).ToArray(),
            actual.Select(row => row.Probability).ToArray()
        );
        Assert.HasCount(networks, model.Model.Networks);
        CollectionAssert.AreEqual(
            expected.Select(row => LogOdds.Of(row[0], row[1])).ToArray(),
            actual.Select(row => row.Score).ToArray()
        );
    }

    [TestMethod]
    public void Simple_arguments_are_the_options_of_these_names()
    {
        IDataView data = _context
            .Transforms.CopyColumns("Y", "Label")
            .Append(_context.Transforms.CopyColumns("X", "Features"))
            .Append(_context.Transforms.CopyColumns("W", "Weight"))
            .Append(_context.Transforms.DropColumns("Label", "Features", "Weight"))
            .Fit(BinarySamples.View(_context))
            .Transform(BinarySamples.View(_context));

        Transformer model = _context
            .BinaryClassification.Trainers.Infomorphic(
                "Y",
                "X",
                "W",
                numberOfHiddenNeurons: 7,
                goal: "heuristic",
                numberOfEpochs: 2,
                batchSize: 30,
                learningRate: 0.25
            )
            .Fit(data);

        TrainingSettings settings = model.Model.TrainingSettings;
        Assert.AreEqual("X", model.FeatureColumnName);
        Assert.AreEqual(7, settings.HiddenLayers[0].Neurons);
        Assert.AreEqual("{F}{C}", settings.HiddenLayers[0].Goal!.ToString());
        Assert.AreEqual((2, 30), (settings.Epochs, settings.BatchSize));
        Assert.AreEqual(0.25, settings.HiddenLayers[0].Optimizer.LearningRate);
    }

    [TestMethod]
    public void ML_NET_evaluates_the_area_under_the_curve()
    {
        List<BinarySamples.Row> test = BinarySamples.Rows(120, seed: 9);
        Transformer model = BinarySamples.Trainer(_context).Fit(BinarySamples.View(_context));

        CalibratedBinaryClassificationMetrics metrics = _context.BinaryClassification.Evaluate(
            model.Transform(BinarySamples.View(_context, test))
        );

        float[] scores = [.. BinarySamples.Predictions(_context, model, test).Select(row => row.Score)];
        double[] pairs =
        [
            .. from positive in Enumerable.Range(0, test.Count)
            where test[positive].Label
            from negative in Enumerable.Range(0, test.Count)
            where !test[negative].Label
            select scores[positive] > scores[negative] ? 1.0
            : scores[positive] == scores[negative] ? 0.5
            : 0,
        ];
        Assert.AreEqual(pairs.Average(), metrics.AreaUnderRocCurve, 1e-9);
        Assert.IsGreaterThan(0.85, metrics.AreaUnderRocCurve);
        Assert.IsGreaterThan(0.75, metrics.Accuracy);
        Assert.IsGreaterThan(0.1, metrics.LogLossReduction);
    }

    [TestMethod]
    public void ML_NET_cross_validates()
    {
        IReadOnlyList<TrainCatalogBase.CrossValidationResult<CalibratedBinaryClassificationMetrics>> folds =
            _context.BinaryClassification.CrossValidate(
                BinarySamples.View(_context, BinarySamples.Rows(150)),
                BinarySamples.Trainer(_context),
                numberOfFolds: 3
            );

        Assert.HasCount(3, folds);
        Assert.IsGreaterThan(0.8, folds.Average(fold => fold.Metrics.AreaUnderRocCurve));
    }

    [TestMethod]
    public void The_threshold_can_be_changed_and_is_saved()
    {
        Transformer model = BinarySamples.Trainer(_context).Fit(BinarySamples.View(_context));
        float[] scores = [.. BinarySamples.Predictions(_context, model).Select(row => row.Score)];
        float threshold = scores.Order().ElementAt(scores.Length - 6);

        Transformer strict = _context.BinaryClassification.ChangeModelThreshold(model, threshold);

        foreach (ITransformer one in (ITransformer[])[strict, Reload(strict, BinarySamples.View(_context).Schema)])
        {
            BinarySamples.Prediction[] predictions = BinarySamples.Predictions(_context, one);
            CollectionAssert.AreEqual(scores, predictions.Select(row => row.Score).ToArray());
            Assert.AreEqual(5, predictions.Count(row => row.PredictedLabel));
        }
    }

    [TestMethod]
    public void Another_way_of_scoring_keeps_the_threshold()
    {
        Transformer model = _context.BinaryClassification.ChangeModelThreshold(
            BinarySamples.Trainer(_context).Fit(BinarySamples.View(_context)),
            1.5f
        );

        Transformer raw = model.WithScoring(ScoringMode.Thresholded, calibrate: false);

        Assert.AreEqual(1.5f, raw.Threshold);
        Assert.AreEqual(ScoringMode.Thresholded, raw.Model.ScoringSettings.Mode);
        Assert.IsFalse(raw.Model.ScoringSettings.Calibrate);
        Assert.AreEqual(ScoringMode.MeanField, model.Model.ScoringSettings.Mode);
        BinarySamples.Prediction[] before = BinarySamples.Predictions(_context, model);
        BinarySamples.Prediction[] after = BinarySamples.Predictions(_context, raw);
        Assert.IsTrue(before.Zip(after).Any(pair => pair.First.Score != pair.Second.Score));
        foreach (BinarySamples.Prediction row in after)
            Assert.AreEqual(row.Score > 1.5f, row.PredictedLabel);
    }

    [TestMethod]
    [DataRow("Platt")]
    [DataRow("Isotonic")]
    [DataRow("Naive")]
    public void The_calibrators_of_ML_NET_go_on_top(string kind)
    {
        IDataView data = BinarySamples.View(_context, BinarySamples.Rows(150));
        IDataView scored = BinarySamples
            .Trainer(_context, options => options.CalibrateScores = false)
            .Fit(data)
            .Transform(data);
        BinaryClassificationCatalog.CalibratorsCatalog catalog = _context.BinaryClassification.Calibrators;
        IEstimator<ITransformer> calibrator = kind switch
        {
            "Platt" => catalog.Platt(),
            "Isotonic" => catalog.Isotonic(),
            _ => catalog.Naive(),
        };

        IDataView calibrated = calibrator.Fit(scored).Transform(scored);

        CalibratedBinaryClassificationMetrics metrics = _context.BinaryClassification.Evaluate(calibrated);
        float[] probabilities = [.. calibrated.GetColumn<float>("Probability")];
        CollectionAssert.AreNotEqual(scored.GetColumn<float>("Probability").ToArray(), probabilities);
        Assert.IsTrue(probabilities.All(p => p is >= 0 and <= 1));
        Assert.IsGreaterThan(0.1, metrics.LogLossReduction);
    }

    [TestMethod]
    public void One_versus_all_and_pairwise_coupling_train_it_on_several_classes()
    {
        IDataView data = Samples.View(_context);
        InfomorphicBinaryTrainer trainer = BinarySamples.Trainer(_context);
        MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog = _context
            .MulticlassClassification
            .Trainers;

        foreach (
            IEstimator<ITransformer> estimator in (IEstimator<ITransformer>[])
                [
                    catalog.OneVersusAll(trainer),
                    catalog.OneVersusAll(trainer, useProbabilities: false),
                    catalog.PairwiseCoupling(trainer),
                ]
        )
        {
            ITransformer model = estimator.Fit(data);
            IDataView scored = model.Transform(data);
            Assert.IsGreaterThan(0.95, _context.MulticlassClassification.Evaluate(scored).MicroAccuracy);

            float[][] reloaded = Samples.Scores(Reload(model, data.Schema).Transform(data));
            float[][] expected = Samples.Scores(scored);
            for (int i = 0; i < expected.Length; i++)
                CollectionAssert.AreEqual(expected[i], reloaded[i]);
        }
    }

    [TestMethod]
    public void Permutation_importance_finds_the_feature_that_matters()
    {
        IDataView data = Apply(
            BinarySamples.View(_context),
            _context
                .Transforms.CustomMapping<BinarySamples.Row, Columns>(
                    (from, to) =>
                        (to.First, to.Second, to.Third) = (from.Features[0], from.Features[1], from.Features[2]),
                    null
                )
                .Append(_context.Transforms.Concatenate("Features", "First", "Second", "Third"))
        );
        Transformer model = BinarySamples.Trainer(_context).Fit(data);

        double[] importance =
        [
            .. _context
                .BinaryClassification.PermutationFeatureImportance(model, data)
                .Select(feature => feature.AreaUnderRocCurve.Mean),
        ];

        Assert.HasCount(3, importance);
        Assert.AreEqual(importance.Min(), importance[1]);
        Assert.IsLessThan(-0.1, importance[1]);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Rows_of_one_class_alone_are_refused_in_one_sentence(bool label)
    {
        List<BinarySamples.Row> rows = [.. BinarySamples.Rows().Where(row => row.Label == label)];

        StringAssert.Contains(
            Samples.Failure<InvalidOperationException>(() =>
                BinarySamples.Trainer(_context).Fit(BinarySamples.View(_context, rows))
            ),
            $"All {rows.Count} valid training instances have the same label, and a classifier needs at least two classes."
        );
    }

    [TestMethod]
    public void Weights_of_rows_and_of_classes_move_the_probabilities()
    {
        // A third of the rows is true, and scores are calibrated on them: as weights say, the mean probability is the share.
        List<BinarySamples.Row> rows = BinarySamples.Rows();
        float[] plain = Probabilities(_ => { });
        float[] balanced = Probabilities(options => options.ClassWeighting = ClassWeighting.Balanced);
        float[] named = Probabilities(options =>
            options.ClassWeights = new Dictionary<string, double> { ["True"] = 2 }
        );
        foreach (BinarySamples.Row row in rows.Where(row => row.Label))
            row.Weight = 2;
        float[] weighted = Probabilities(options => options.ExampleWeightColumnName = "Weight");

        Assert.AreEqual(1 / 3.0, plain.Average(), 0.02);
        Assert.AreEqual(
            1 / 2.0,
            balanced.Zip(rows, (probability, row) => probability * row.Weight).Sum() / rows.Sum(row => row.Weight),
            0.02
        );
        for (int i = 0; i < rows.Count; i++)
        {
            Assert.AreEqual(balanced[i], named[i], 1e-3, $"row {i}"); // Twice as many are false.
            Assert.AreEqual(weighted[i], named[i], 1e-3, $"row {i}");
        }

        float[] Probabilities(Action<Options> change)
        {
            Transformer model = BinarySamples.Trainer(_context, change).Fit(BinarySamples.View(_context, rows));
            return [.. BinarySamples.Predictions(_context, model, rows).Select(row => row.Probability)];
        }
    }

    [TestMethod]
    public void A_class_weight_for_no_class_is_refused_and_the_classes_are_named() =>
        StringAssert.Contains(
            Samples.Failure<ArgumentOutOfRangeException>(() =>
                BinarySamples
                    .Trainer(_context, options => options.ClassWeights = new Dictionary<string, double> { ["yes"] = 2 })
                    .Fit(BinarySamples.View(_context))
            ),
            "ClassWeights names 'yes', and the label column 'Label' has no such class; it has False, True."
        );

    [TestMethod]
    public void Validation_rows_judge_every_epoch()
    {
        List<BinarySamples.Row> validation = BinarySamples.Rows(60, seed: 3);
        Transformer model = BinarySamples
            .Trainer(_context)
            .Fit(BinarySamples.View(_context), BinarySamples.View(_context, validation));

        double accuracy = model
            .Model.History.Epochs.Single(epoch => epoch.Epoch == model.Model.History.BestEpoch)
            .ValidationAccuracy!.Value;
        BinarySamples.Prediction[] predictions = BinarySamples.Predictions(_context, model, validation);
        Assert.AreEqual(
            validation.Zip(predictions).Count(pair => pair.First.Label == pair.Second.PredictedLabel),
            accuracy * validation.Count,
            1e-6
        );
    }

    [TestMethod]
    public void Training_goes_on_from_an_earlier_model()
    {
        IDataView data = BinarySamples.View(_context);
        InfomorphicBinaryTrainer trainer = BinarySamples.Trainer(_context, options => options.NumberOfEpochs = 3);
        Transformer earlier = trainer.Fit(data);
        BinarySamples.Prediction[] before = BinarySamples.Predictions(_context, earlier);

        Transformer later = trainer.Fit(data, earlier.Model);
        Transformer validated = trainer.Fit(data, data, earlier.Model);

        Assert.IsLessThan(LogLoss(earlier), LogLoss(later));
        Assert.IsNotNull(validated.Model.History.Epochs[^1].ValidationAccuracy);
        CollectionAssert.AreEqual(
            before.Select(row => row.Score).ToArray(),
            BinarySamples.Predictions(_context, earlier).Select(row => row.Score).ToArray()
        );

        double LogLoss(Transformer model) => _context.BinaryClassification.Evaluate(model.Transform(data)).LogLoss;
    }

    [TestMethod]
    public void Rows_that_are_streamed_give_the_same_model()
    {
        // Half a mebibyte of features, and a budget of one for them and all else.
        List<BinarySamples.Row> rows = BinarySamples.Rows(30_000);
        float[] kept = Scores(budget: null);
        float[] streamed = Scores(budget: 1);

        CollectionAssert.AreEqual(kept, streamed);

        float[] Scores(int? budget)
        {
            Transformer? model = null;
            List<string> messages = Samples.Messages(
                _context,
                () =>
                    model = BinarySamples
                        .Trainer(
                            _context,
                            options =>
                            {
                                options.MemoryBudget = budget;
                                options.NumberOfEpochs = 1;
                                options.BatchSize = 256;
                            }
                        )
                        .Fit(BinarySamples.View(_context, rows))
            );
            Assert.AreEqual(
                budget is not null,
                messages.Any(message => message.Contains("is streamed in blocks", StringComparison.Ordinal))
            );
            return [.. BinarySamples.Predictions(_context, model!, rows.Take(50)).Select(row => row.Score)];
        }
    }

    [TestMethod]
    public void Trainers_that_are_fitted_together_give_what_each_gives_alone()
    {
        IDataView data = BinarySamples.View(_context);
        InfomorphicBinaryTrainer[] trainers =
        [
            BinarySamples.Trainer(_context),
            BinarySamples.Trainer(_context, options => options.Goal = "heuristic"),
            BinarySamples.Trainer(_context, options => options.EpochEnded = _ => throw new NotSupportedException()),
        ];

        IReadOnlyList<FitOutcome<Transformer>> outcomes = InfomorphicBinaryTrainer.FitMany(trainers, data);

        for (int i = 0; i < 2; i++)
            CollectionAssert.AreEqual(
                BinarySamples.Predictions(_context, trainers[i].Fit(data)).Select(row => row.Score).ToArray(),
                BinarySamples.Predictions(_context, outcomes[i].GetTransformer()).Select(row => row.Score).ToArray()
            );
        Assert.ThrowsExactly<NotSupportedException>(() => outcomes[2].GetTransformer());
        StringAssert.Contains(
            Samples.Failure<ArgumentException>(() =>
                InfomorphicBinaryTrainer.FitMany(
                    [trainers[0], BinarySamples.Trainer(_context, options => options.BatchSize = 8)],
                    data
                )
            ),
            "the same batch size"
        );
        Assert.ThrowsExactly<ArgumentException>(() => InfomorphicBinaryTrainer.FitMany([], data));
    }

    [TestMethod]
    public void A_loaded_model_is_of_the_same_type_and_tells_the_same()
    {
        Transformer model = BinarySamples
            .Trainer(_context, options => options.NumberOfNetworks = 2)
            .Fit(BinarySamples.View(_context));

        var loaded = (Transformer)Reload(model, BinarySamples.View(_context).Schema);

        Assert.HasCount(2, loaded.Model.Networks);
        Assert.AreEqual(model.Model.History.BestEpoch, loaded.Model.History.BestEpoch);
        Assert.AreEqual(model.Model.TrainingSettings.Epochs, loaded.Model.TrainingSettings.Epochs);
        using PredictionEngine<BinarySamples.Row, BinarySamples.Prediction> engine =
            _context.Model.CreatePredictionEngine<BinarySamples.Row, BinarySamples.Prediction>(loaded);
        BinarySamples.Row row = BinarySamples.Rows()[0];
        BinarySamples.Prediction expected = BinarySamples.Predictions(_context, model, [row])[0];
        Assert.AreEqual(expected.Score, engine.Predict(row).Score);
        Assert.AreEqual(expected.Probability, engine.Predict(row).Probability);
    }

    [TestMethod]
    public void A_network_of_three_classes_is_no_binary_model()
    {
        IDataView data = Samples.View(_context);
        var forged = new Transformer(
            _context,
            new Model(_context, new InfomorphicModelParameters(_context, Samples.Contents())),
            data.Schema,
            "Features"
        );
        using var stream = new MemoryStream();
        _context.Model.Save(forged, data.Schema, stream);

        Exception exception = Assert.Throws<Exception>(() =>
            _context.Model.Load(new MemoryStream(stream.ToArray()), out _)
        );
        while (exception.InnerException is Exception inner)
            exception = inner;
        StringAssert.Contains(exception.Message, "a binary classifier has 2 classes, and its network has 3.");
    }

    [TestMethod]
    public void A_row_with_a_missing_feature_has_no_score_unless_they_are_indicated()
    {
        List<BinarySamples.Row> rows = BinarySamples.Rows();
        rows[5].Features[2] = float.NaN;
        IDataView data = BinarySamples.View(_context, rows);

        BinarySamples.Prediction skipped = Predict(MissingValues.Skip);
        BinarySamples.Prediction indicated = Predict(MissingValues.Indicate);

        Assert.IsTrue(float.IsNaN(skipped.Score) && float.IsNaN(skipped.Probability) && !skipped.PredictedLabel);
        Assert.IsTrue(float.IsFinite(indicated.Score) && indicated.Probability is > 0 and < 1);

        BinarySamples.Prediction Predict(MissingValues missing) =>
            BinarySamples.Predictions(
                _context,
                BinarySamples.Trainer(_context, options => options.MissingValues = missing).Fit(data),
                rows
            )[5];
    }

    [TestMethod]
    public void A_model_explains_itself_by_truth_values()
    {
        IDataView data = BinarySamples.View(_context);
        Transformer model = BinarySamples.Trainer(_context).Fit(data);

        NetworkInsight insight = _context.BinaryClassification.ExplainInfomorphic(model, data);

        CollectionAssert.AreEqual((string[])["False", "True"], insight.ClassNames.ToArray());
        NeuronInsight output = insight.Layers.Last().Neurons[1];
        Assert.IsGreaterThan(output.ClassResponses[0], output.ClassResponses[1]);
        IDataView layer = model.LayerOutputs(0, "Hidden").Transform(data);
        Assert.AreEqual(5, ((VectorDataViewType)layer.Schema["Hidden"].Type).Size);
    }

    [TestMethod]
    public void The_report_takes_a_binary_model_and_its_data()
    {
        string path = Path.GetTempFileName();
        try
        {
            IDataView data = BinarySamples.View(_context);
            Transformer model = BinarySamples.Trainer(_context).Fit(data);

            NetworkInsight shown = InfomorphicReport.Write(model.Model.TwoClasses, data, path);

            CollectionAssert.AreEqual((string[])["False", "True"], shown.ClassNames.ToArray());
            StringAssert.Contains(File.ReadAllText(path), "True");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Messages_name_the_trainer_and_both_classes()
    {
        var sources = new HashSet<string>();
        _context.Log += (_, log) => sources.Add(log.Source);

        List<string> messages = Samples.Messages(
            _context,
            () => BinarySamples.Trainer(_context).Fit(BinarySamples.View(_context))
        );

        Assert.IsTrue(messages.Any(message => message.Contains("on 90 instances with 4 features and 2 classes")));
        Assert.IsTrue(sources.Any(source => source.StartsWith("InfomorphicBinary", StringComparison.Ordinal)));
        Assert.IsFalse(sources.Any(source => source.StartsWith("InfomorphicMulticlass", StringComparison.Ordinal)));
    }

    private IDataView Make(Data kind)
    {
        List<BinarySamples.Row> rows = BinarySamples.Rows();
        if (kind == Data.MissingValues)
            rows[7].Features[1] = float.NaN;
        for (int i = 0; i < rows.Count; i++)
            rows[i].Weight = 1 + i % 3;
        IDataView data = BinarySamples.View(_context, rows);
        return kind == Data.Sparse
            ? Apply(
                data,
                _context
                    .Transforms.Conversion.ConvertType("Text", "Weight", DataKind.String)
                    .Append(_context.Transforms.Categorical.OneHotHashEncoding("Hot", "Text", numberOfBits: 8))
                    .Append(_context.Transforms.Concatenate("Features", "Features", "Hot"))
                    .Append(_context.Transforms.DropColumns("Hot", "Text"))
            )
            : data;
    }

    private ITransformer Reload(ITransformer model, DataViewSchema schema)
    {
        using var stream = new MemoryStream();
        _context.Model.Save(model, schema, stream);
        return new MLContext().Model.Load(new MemoryStream(stream.ToArray()), out _);
    }

    private static IDataView Apply(IDataView data, IEstimator<ITransformer> estimator) =>
        estimator.Fit(data).Transform(data);

    private sealed class Columns
    {
        public float First { get; set; }

        public float Second { get; set; }

        public float Third { get; set; }
    }
}
