using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Transforms;
using Options = Microsoft.ML.Infomorphic.InfomorphicTrainer.Options;
using Row = Microsoft.ML.Infomorphic.Tests.Hosting.Samples.Row;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Training that goes on from an earlier model, batch after batch.</summary>
[TestClass]
public class ContinuedTrainingTests
{
    private static readonly string[] s_colors = ["red", "green", "blue"];
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(OutputLayerKind.Infomorphic, LayerOrder.Together)]
    [DataRow(OutputLayerKind.Softmax, LayerOrder.Together)]
    [DataRow(OutputLayerKind.Infomorphic, LayerOrder.BottomUp)]
    [DataRow(OutputLayerKind.Softmax, LayerOrder.BottomUp)]
    public void A_batch_of_one_class_from_which_nothing_is_learned_leaves_the_scores_as_they_were(
        OutputLayerKind output,
        LayerOrder order
    )
    {
        Options options = OptionsOf(output);
        options.LayerOrder = order;
        IDataView all = Samples.View(_context);
        InfomorphicPredictionTransformer earlier = Fit(options, all);
        options.LearningRate = 1e-20;
        options.OutputLearningRate = 1e-20;

        InfomorphicPredictionTransformer later = Fit(options, Of("green"), earlier);

        Assert.HasCount(order == LayerOrder.BottomUp ? 24 : 12, later.Model.History.Epochs);
        foreach ((float[] before, float[] after) in Scores(earlier, all).Zip(Scores(later, all)))
            for (int i = 0; i < before.Length; i++)
                Assert.AreEqual(before[i], after[i], 1e-5);
    }

    [TestMethod]
    public void A_batch_of_one_class_teaches_it()
    {
        IDataView all = Samples.View(_context);
        InfomorphicPredictionTransformer earlier = Fit(OptionsOf(OutputLayerKind.Softmax), all);

        InfomorphicPredictionTransformer later = Fit(OptionsOf(OutputLayerKind.Softmax), Of("green"), earlier);

        Assert.IsGreaterThan(MeanScore(earlier), MeanScore(later));
        Assert.AreEqual(0, later.Model.History.Warnings.Count, string.Join(' ', later.Model.History.Warnings));
        CollectionAssert.AreEqual(s_colors, Names(later));

        double MeanScore(InfomorphicPredictionTransformer model) => Scores(model, all).Average(score => score[1]);
    }

    [TestMethod]
    public void A_batch_of_one_class_is_refused_where_training_begins()
    {
        Assert.AreEqual(
            "The label column 'Label' has only one class, and a classifier needs at least two. (Parameter 'data')",
            Samples.Failure<ArgumentOutOfRangeException>(() => Samples.Trainer(_context).Fit(Of("green")))
        );
        Assert.AreEqual(
            "All 20 valid training instances have the same label, and a classifier needs at least two classes.",
            Samples.Failure<InvalidOperationException>(() => Samples.Trainer(_context).Fit(Of(s_colors, "green")))
        );
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(1)]
    public void Keys_in_another_order_are_the_same_classes(int? budget)
    {
        // Of a mebibyte, the features of these rows take half, and are streamed.
        List<Row> rows = Samples.Rows(budget is null ? 60 : 30_000);
        Options options = OptionsOf(OutputLayerKind.Infomorphic);
        options.NumberOfEpochs = 1;
        options.BatchSize = budget is null ? 16 : 1024;
        options.MemoryBudget = budget;
        InfomorphicPredictionTransformer earlier = Fit(OptionsOf(OutputLayerKind.Infomorphic), Samples.View(_context));
        IDataView asBefore = View(s_colors, rows);
        IDataView otherwise = View(["blue", "red", "green"], rows);
        InfomorphicPredictionTransformer? actual = null;

        InfomorphicPredictionTransformer expected = Fit(options, asBefore, earlier);
        List<string> messages = Samples.Messages(_context, () => actual = Fit(options, otherwise, earlier));

        CollectionAssert.AreEqual(
            Problems.WeightsOf(expected.Model.Network),
            Problems.WeightsOf(actual!.Model.Network)
        );
        CollectionAssert.AreEqual(s_colors, Names(actual));
        Assert.AreEqual(
            budget is not null,
            messages.Any(message => message.Contains("and is streamed", StringComparison.Ordinal))
        );
    }

    [TestMethod]
    [DataRow(OutputLayerKind.Infomorphic)]
    [DataRow(OutputLayerKind.Softmax)]
    public void New_classes_are_added_behind_the_old_ones(OutputLayerKind output)
    {
        Options options = OptionsOf(output);
        options.NumberOfEpochs = 60;
        InfomorphicPredictionTransformer earlier = Fit(options, Of("green", "blue"));
        IDataView all = View(["blue", "red", "green"], Samples.Rows());

        InfomorphicPredictionTransformer later = Fit(options, all, earlier);

        string[] expected = ["green", "blue", "red"];
        CollectionAssert.AreEqual(expected, Names(later));
        CollectionAssert.AreEqual(expected, later.Model.ClassNames);
        AssertGoodModel(later);
        string path = Path.GetTempFileName();
        try
        {
            _context.Model.SaveWhole(later, all.Schema, path);
            var loaded = (InfomorphicPredictionTransformer)_context.Model.LoadWhole(path, out _);
            CollectionAssert.AreEqual(expected, Names(loaded));
            AssertGoodModel(loaded);
            foreach ((float[] before, float[] after) in Scores(later, all).Zip(Scores(loaded, all)))
                CollectionAssert.AreEqual(before, after);

            // The next batch may bring back what this one knew first.
            CollectionAssert.AreEqual(expected, Names(Fit(options, Of("red", "green"), loaded)));
        }
        finally
        {
            File.Delete(path);
        }

        void AssertGoodModel(InfomorphicPredictionTransformer model)
        {
            IDataView predicted = _context
                .Transforms.Conversion.MapKeyToValue("PredictedLabel")
                .Fit(model.Transform(all))
                .Transform(model.Transform(all));
            int right = predicted
                .GetColumn<string>("PredictedLabel")
                .Zip(Samples.Rows())
                .Count(pair => pair.First == pair.Second.Color);
            Assert.IsGreaterThanOrEqualTo(57, right);
        }
    }

    [TestMethod]
    public void A_new_class_without_rows_is_never_predicted()
    {
        InfomorphicPredictionTransformer earlier = Fit(OptionsOf(OutputLayerKind.Softmax), Of("red", "green"));
        InfomorphicPredictionTransformer? later = null;

        List<string> messages = Samples.Messages(
            _context,
            () => later = Fit(OptionsOf(OutputLayerKind.Softmax), Of(s_colors, "green"), earlier)
        );

        CollectionAssert.Contains(
            messages,
            "Warning: 1 of 3 classes of the label column 'Label' has no training row, and will never be predicted: blue."
        );
        foreach (float[] scores in Scores(later!, Samples.View(_context)))
            Assert.IsLessThan(1e-20, scores[2]);
    }

    [TestMethod]
    public void Class_weights_name_classes_of_the_model_and_of_the_data()
    {
        InfomorphicPredictionTransformer earlier = Fit(OptionsOf(OutputLayerKind.Softmax), Of("green", "blue"));
        Options options = OptionsOf(OutputLayerKind.Softmax);
        options.ClassWeights = new Dictionary<string, double> { ["green"] = 2, ["red"] = 3 };

        _ = Fit(options, Of("red", "blue"), earlier);
        options.ClassWeights = new Dictionary<string, double> { ["yellow"] = 2 };

        Assert.AreEqual(
            "ClassWeights names 'yellow', and the label column 'Label' has no such class; it has green, blue, red.",
            Samples.Failure<ArgumentOutOfRangeException>(() => Fit(options, Of("red", "blue"), earlier)).Split(" (")[0]
        );
    }

    [TestMethod]
    public void Values_of_keys_keep_their_type_where_it_is_one()
    {
        int[] numbers = [30, 10];
        string[] texts = ["20", "10"];
        InfomorphicPredictionTransformer earlier = Fit(OptionsOf(OutputLayerKind.Softmax), Keyed(numbers));

        InfomorphicPredictionTransformer alike = Fit(OptionsOf(OutputLayerKind.Softmax), Keyed<int>([20, 30]), earlier);
        InfomorphicPredictionTransformer mixed = Fit(OptionsOf(OutputLayerKind.Softmax), Keyed(texts), earlier);

        VBuffer<int> values = default;
        alike.GetOutputSchema(alike.TrainSchema)["PredictedLabel"].Annotations.GetValue("KeyValues", ref values);
        CollectionAssert.AreEqual(new[] { 30, 10, 20 }, values.DenseValues().ToArray());
        CollectionAssert.AreEqual(new[] { "30", "10", "20" }, Names(mixed));

        IDataView Keyed<T>(T[] labels) =>
            _context.Transforms.Conversion.MapValueToKey("Label").Fit(Rows(labels)).Transform(Rows(labels));

        IDataView Rows<T>(T[] labels) =>
            _context.Data.LoadFromEnumerable(
                Samples.Rows().Select((row, i) => new Labeled<T> { Label = labels[i % 2], Features = row.Features })
            );
    }

    public sealed class Labeled<T>
    {
        public T Label { get; set; } = default!;

        [VectorType(Samples.FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    public sealed class Keyed
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(Samples.FeatureCount)]
        public float[] Features { get; set; } = [];
    }

    [TestMethod]
    public void Classes_that_nothing_tells_apart_are_refused()
    {
        InfomorphicPredictionTransformer earlier = Fit(Samples.Options(), Samples.View(_context));
        IDataView unnamed = _context.Data.LoadFromEnumerable(
            Samples.Rows().Select((row, i) => new Keyed { Label = (uint)(i % 2), Features = row.Features })
        );

        Assert.AreEqual(
            "The model to go on from has 3 classes, and the training data has 2, and nothing tells which of them are the same: map labels to keys by MapValueToKey, which keeps their names.",
            Samples.Failure<InvalidOperationException>(() => Fit(Samples.Options(), unnamed, earlier))
        );
        InfomorphicPredictionTransformer two = Fit(Samples.Options(), unnamed);
        _ = Fit(Samples.Options(), unnamed, two);
    }

    [TestMethod]
    public void Validation_data_is_mapped_by_its_own_names()
    {
        Options options = OptionsOf(OutputLayerKind.Softmax);
        options.RestoreBestEpoch = true;
        InfomorphicPredictionTransformer earlier = Fit(options, Of("red", "green"), validation: Of("red", "green"));
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        IDataView train = Of("blue", "green");

        InfomorphicModelParameters asTrained = trainer
            .Fit(train, View(["red", "green", "blue"], Samples.Rows()), earlier.Model)
            .Model;
        InfomorphicModelParameters otherwise = trainer
            .Fit(train, View(["blue", "green", "red"], Samples.Rows()), earlier.Model)
            .Model;

        CollectionAssert.AreEqual(Problems.WeightsOf(asTrained.Network), Problems.WeightsOf(otherwise.Network));
        Assert.AreEqual(asTrained.History.Epochs[^1].ValidationLogLoss, otherwise.History.Epochs[^1].ValidationLogLoss);
        Assert.AreEqual(
            "The validation data has the class blue, which neither the training data nor the model to go on from has: leave its rows out, and map the labels anew.",
            Samples.Failure<InvalidOperationException>(() =>
                trainer.Fit(Of("red", "green"), Samples.View(_context), earlier.Model)
            )
        );
    }

    [TestMethod]
    [DataRow(LayerOrder.Together, 1)]
    [DataRow(LayerOrder.BottomUp, 1)]
    [DataRow(LayerOrder.Together, 2)]
    public void The_history_goes_on(LayerOrder order, int networks)
    {
        Options options = OptionsOf(OutputLayerKind.Softmax);
        options.LayerOrder = order;
        options.NumberOfNetworks = networks;
        options.ValidationFraction = 0.2;
        options.RestoreBestEpoch = true;
        List<Row> rows = Samples.Rows();
        rows[0].Features[0] = float.NaN;
        var told = new List<int>();
        InfomorphicPredictionTransformer first = Fit(options, View(s_colors, rows));
        options.EpochEnded = epoch => told.Add(epoch.Epoch);
        int perTraining = order == LayerOrder.Together ? 6 : 12;
        InfomorphicPredictionTransformer? second = null;

        List<string> messages = Samples.Messages(_context, () => second = Fit(options, View(s_colors, rows), first));

        CollectionAssert.AreEqual(Enumerable.Range(perTraining + 1, perTraining).ToArray(), told);
        foreach ((TrainingHistory before, TrainingHistory after) in first.Model.Histories.Zip(second!.Model.Histories))
        {
            CollectionAssert.AreEqual(
                Enumerable.Range(1, 2 * perTraining).ToArray(),
                after.Epochs.Select(epoch => epoch.Epoch).ToArray()
            );
            CollectionAssert.AreEqual(before.Epochs.ToArray(), after.Epochs.Take(perTraining).ToArray());
            double[] seconds = [.. after.Epochs.Select(epoch => epoch.Seconds)];
            CollectionAssert.AreEqual(seconds.Order().ToArray(), seconds);
            Assert.IsGreaterThan(before.Seconds, after.Epochs[perTraining].Seconds);
            Assert.AreEqual(2 * before.Steps, after.Steps);
            Assert.IsGreaterThan(before.Seconds, after.Seconds);
            Assert.IsGreaterThan(before.StepSeconds, after.StepSeconds);
            Assert.IsGreaterThan(perTraining, after.BestEpoch);
            Assert.AreEqual(2, after.SkippedRows);
        }

        Assert.IsTrue(
            messages.Any(message =>
                message.Contains($"Trained {perTraining} epochs in", StringComparison.Ordinal)
                && message.EndsWith($"of epoch {second.Model.History.BestEpoch}", StringComparison.Ordinal)
            )
        );
        Assert.IsTrue(
            messages.Any(message =>
                message.StartsWith($"Trace: Epoch {perTraining + 1} of {2 * perTraining}:", StringComparison.Ordinal)
            )
        );
    }

    [TestMethod]
    [DataRow(OutputLayerKind.Infomorphic)]
    [DataRow(OutputLayerKind.Softmax)]
    public void The_same_batches_give_the_same_bits(OutputLayerKind output)
    {
        float[] once = Stream(reload: false);

        CollectionAssert.AreEqual(once, Stream(reload: false));
        CollectionAssert.AreEqual(once, Stream(reload: true));

        float[] Stream(bool reload)
        {
            InfomorphicPredictionTransformer? model = null;
            foreach (string[] colors in new string[][] { ["red", "green"], ["blue"], ["blue", "red"], ["green"] })
            {
                model = Fit(OptionsOf(output), Of(colors), model);
                if (!reload)
                    continue;
                using var stream = new MemoryStream();
                _context.Model.Save(model, model.TrainSchema, stream);
                stream.Position = 0;
                model = (InfomorphicPredictionTransformer)_context.Model.Load(stream, out _);
            }

            return [.. Scores(model!, Samples.View(_context)).SelectMany(score => score)];
        }
    }

    [TestMethod]
    public void A_binary_classifier_goes_on_with_one_class()
    {
        InfomorphicBinaryTrainer trainer = BinarySamples.Trainer(_context, options => options.NumberOfEpochs = 3);
        IDataView all = BinarySamples.View(_context);
        IDataView allTrue = BinarySamples.View(_context, BinarySamples.Rows().Where(row => row.Label));
        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> earlier = trainer.Fit(all);

        BinaryPredictionTransformer<InfomorphicBinaryModelParameters> later = trainer.Fit(allTrue, earlier.Model);

        Assert.HasCount(6, later.Model.History.Epochs);
        Assert.IsGreaterThan(MeanScore(earlier), MeanScore(later));
        Assert.AreEqual(
            "All 30 valid training instances have the same label, and a classifier needs at least two classes.",
            Samples.Failure<InvalidOperationException>(() => trainer.Fit(allTrue))
        );

        double MeanScore(ITransformer model) =>
            BinarySamples.Predictions(_context, model).Average(prediction => prediction.Score);
    }

    private static Options OptionsOf(OutputLayerKind output)
    {
        Options options = Samples.Options();
        options.NumberOfEpochs = 6;
        options.OutputLayer = output;
        options.LearningRate = 0.02;
        options.OutputLearningRate = 0.03;
        return options;
    }

    private InfomorphicPredictionTransformer Fit(
        Options options,
        IDataView data,
        InfomorphicPredictionTransformer? earlier = null,
        IDataView? validation = null
    )
    {
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        return earlier is not null ? trainer.Fit(data, earlier.Model)
            : validation is not null ? trainer.Fit(data, validation)
            : trainer.Fit(data);
    }

    // Rows of some colors, with a mapping of their own, as each batch of a stream has it.
    private IDataView Of(params string[] colors) => Of(colors, colors);

    private IDataView Of(string[] keys, params string[] colors) =>
        View(keys, Samples.Rows().Where(row => colors.Contains(row.Color)));

    private IDataView View(string[] keys, IEnumerable<Row> rows)
    {
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        IDataView values = _context.Data.LoadFromEnumerable(keys.Select(key => new Row { Color = key }));
        return _context
            .Transforms.Conversion.MapValueToKey(
                "Label",
                nameof(Row.Color),
                keyData: _context.Transforms.SelectColumns(nameof(Row.Color)).Fit(values).Transform(values)
            )
            .Fit(data)
            .Transform(data);
    }

    private static float[][] Scores(InfomorphicPredictionTransformer model, IDataView data) =>
        Samples.Scores(model.Transform(data));

    // What the schema promises of both columns that carry classes.
    private static string[] Names(InfomorphicPredictionTransformer model)
    {
        DataViewSchema schema = model.GetOutputSchema(model.TrainSchema);
        string[] names = Infomorphic.Hosting.ClassNames.Of(schema["PredictedLabel"])!;
        VBuffer<ReadOnlyMemory<char>> slots = default;
        schema["Score"].GetSlotNames(ref slots);
        CollectionAssert.AreEqual(names, slots.DenseValues().Select(slot => slot.ToString()).ToArray());
        Assert.AreEqual(names.Length, ((VectorDataViewType)schema["Score"].Type).Size);
        return names;
    }
}
