using System.IO.Compression;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public class InfomorphicModelParametersTests
{
    private readonly MLContext _context = new(1);
    private readonly IDataView _data;
    private readonly InfomorphicPredictionTransformer _transformer;

    public InfomorphicModelParametersTests()
    {
        _data = Samples.View(_context);
        _transformer = Samples.Transformer(_context, _data);
    }

    [TestMethod]
    public void Scores_are_those_of_the_network()
    {
        var scorer = new NetworkScorer(_transformer.Model.Network, _transformer.Model.ScoringSettings);
        var expected = new float[Samples.ClassCount];
        float[][] features = [.. Samples.Rows().Select(row => row.Features)];

        float[][] scores = Samples.Scores(_transformer.Transform(_data));

        Assert.HasCount(features.Length, scores);
        for (int i = 0; i < scores.Length; i++)
        {
            scorer.Score(features[i], expected);
            CollectionAssert.AreEqual(expected, scores[i]);
        }
    }

    [TestMethod]
    public void Sparse_rows_score_like_full_ones()
    {
        var sparse = new VBuffer<float>(4, 2, [1.5f, -2f], [1, 3]);
        var full = new VBuffer<float>(4, [0, 1.5f, 0, -2f]);

        CollectionAssert.AreEqual(Score(full), Score(sparse));
        CollectionAssert.AreEqual(Score(new VBuffer<float>(4, [0, 0, 0, 0])), Score(new VBuffer<float>(4, 0, [], [])));
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    public void A_row_with_a_feature_that_is_no_number_scores_NaN_and_has_no_label(float feature)
    {
        List<Samples.Row> rows = Samples.Rows(3);
        rows[1].Features[2] = feature;
        IDataView scored = _transformer.Transform(Samples.View(_context, rows));

        float[][] scores = Samples.Scores(scored);
        uint[] labels = [.. scored.GetColumn<uint>("PredictedLabel")];

        Assert.IsTrue(scores[1].All(float.IsNaN));
        Assert.AreEqual(0u, labels[1]);
        Assert.IsFalse(scores[0].Any(float.IsNaN));
        Assert.AreNotEqual(0u, labels[0]);
    }

    [TestMethod]
    public void Another_number_of_features_is_named()
    {
        Assert.AreEqual(
            "The model was trained on 4 features, and the row has 5.",
            Samples.Failure<InvalidOperationException>(() => Score(new VBuffer<float>(5, [1, 2, 3, 4, 5])))
        );

        IDataView other = _context.Transforms.Concatenate("Features", "Features", "Weight").Fit(_data).Transform(_data);
        string message = Samples.Failure<InvalidOperationException>(() => _transformer.Transform(other));
        StringAssert.Contains(message, "4");
        StringAssert.Contains(message, "5");
    }

    [TestMethod]
    public void Any_number_of_threads_score_alike()
    {
        float[][] expected = Samples.Scores(_transformer.Transform(_data));

        Parallel.For(
            0,
            8,
            _ =>
            {
                float[][] scores = Samples.Scores(_transformer.Transform(_data));
                for (int i = 0; i < scores.Length; i++)
                    CollectionAssert.AreEqual(expected[i], scores[i]);
            }
        );
    }

    [TestMethod]
    public void A_cancelled_context_still_scores()
    {
        float[] before = Score(new VBuffer<float>(4, [1, 2, 3, 4]));
        _context.CancelExecution();

        CollectionAssert.AreEqual(before, Score(new VBuffer<float>(4, [1, 2, 3, 4])));
    }

    [TestMethod]
    public void A_model_is_the_same_to_the_bit_after_saving_and_loading()
    {
        byte[] saved = Save();

        var context = new MLContext();
        ITransformer loaded = context.Model.Load(new MemoryStream(saved), out DataViewSchema schema);

        var transformer = (InfomorphicPredictionTransformer)loaded;
        CollectionAssert.AreEqual(
            _data.Schema.Select(column => column.Name).ToArray(),
            schema.Select(column => column.Name).ToArray()
        );
        float[][] expected = Samples.Scores(_transformer.Transform(_data));
        float[][] actual = Samples.Scores(transformer.Transform(_data));
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i]);
        Assert.AreEqual(_transformer.Model.TrainingSettings, transformer.Model.TrainingSettings);
        Assert.HasCount(2, transformer.Model.History.Epochs);
    }

    [TestMethod]
    public void A_loaded_pipeline_predicts_one_row_at_a_time()
    {
        var chain = new TransformerChain<ITransformer>(
            _context.Transforms.Conversion.MapValueToKey("Label", "Color").Fit(_data),
            _transformer,
            _context.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(_transformer.Transform(_data))
        );
        IDataView rows = _context.Data.LoadFromEnumerable(Samples.Rows(9));
        using var stream = new MemoryStream();
        _context.Model.Save(chain, rows.Schema, stream);
        var context = new MLContext();
        ITransformer loaded = context.Model.Load(new MemoryStream(stream.ToArray()), out _);

        using PredictionEngine<Samples.Row, Samples.Prediction> engine = context.Model.CreatePredictionEngine<
            Samples.Row,
            Samples.Prediction
        >(loaded);
        float[][] scores = Samples.Scores(chain.Transform(rows));

        List<Samples.Row> input = Samples.Rows(9);
        for (int i = 0; i < input.Count; i++)
        {
            Samples.Prediction prediction = engine.Predict(input[i]);
            CollectionAssert.AreEqual(scores[i], prediction.Score);
            CollectionAssert.Contains(new[] { "red", "green", "blue" }, prediction.PredictedLabel);
        }
    }

    [TestMethod]
    public void A_model_file_that_is_cut_off_is_refused()
    {
        byte[] saved = Save();

        foreach (int length in (int[])[0, 10, saved.Length / 2, saved.Length - 1])
            AssertRefused(saved[..length]);
    }

    [TestMethod]
    public void A_foreign_file_is_refused()
    {
        AssertRefused([.. Enumerable.Range(0, 1000).Select(i => (byte)i)]);

        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        using (Stream entry = zip.CreateEntry("holiday.txt").Open())
            entry.Write("not a model"u8);
        AssertRefused(stream.ToArray());
    }

    [TestMethod]
    public void A_damaged_model_is_refused_in_one_sentence()
    {
        using var damaged = new MemoryStream();
        damaged.Write(Save());
        using (var zip = new ZipArchive(damaged, ZipArchiveMode.Update, leaveOpen: true))
        {
            ZipArchiveEntry entry = zip.Entries.Single(one =>
                one.FullName.Replace('\\', '/').EndsWith("Model/Model.key", StringComparison.Ordinal)
            );
            string name = entry.FullName;
            using var content = new MemoryStream();
            using (Stream stream = entry.Open())
                stream.CopyTo(content);
            entry.Delete();
            byte[] bytes = content.ToArray();

            // A weight may be any number: only the checksum tells.
            float weight = _transformer.Model.Network.HiddenLayers[0].Sources[0].Projections[0].Weights[0];
            bytes[bytes.AsSpan().IndexOf(BitConverter.GetBytes(weight))] ^= 1;
            using Stream other = zip.CreateEntry(name).Open();
            other.Write(bytes);
        }
        damaged.Position = 0;

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(damaged, out _));

        while (exception.InnerException is not null and not FormatException && exception is not FormatException)
            exception = exception.InnerException;
        Exception format = exception as FormatException ?? exception.InnerException!;
        Assert.AreEqual(
            "The infomorphic model in this file is damaged: its checksum does not fit its content.",
            format.Message
        );
    }

    [TestMethod]
    public void A_full_disk_is_an_IO_error()
    {
        int size = Save().Length;
        foreach (int capacity in (int[])[0, 100, size / 2])
        {
            using var full = new FullDisk(capacity);
            Assert.ThrowsExactly<IOException>(
                () => _context.Model.Save(_transformer, _data.Schema, full),
                $"{capacity} of {size} bytes"
            );
        }
    }

    [TestMethod]
    public void A_model_scores_in_another_way_without_training()
    {
        InfomorphicPredictionTransformer sampled = _transformer.WithScoring(
            ScoringMode.Sampled,
            numberOfSamples: 4,
            seed: 9
        );

        Assert.AreEqual(new ScoringSettings(ScoringMode.Sampled, 4, 9), sampled.Model.ScoringSettings);
        Assert.AreEqual(ScoringMode.MeanField, _transformer.Model.ScoringSettings.Mode);
        Assert.AreSame(_transformer.Model.Network, sampled.Model.Network);
        IDataView before = _transformer.Transform(_data);
        IDataView after = sampled.Transform(_data);
        Schemas.AssertSame(before.Schema, after.Schema);
        Assert.IsFalse(
            Samples.Scores(before).Zip(Samples.Scores(after)).All(pair => pair.First.SequenceEqual(pair.Second))
        );
        CollectionAssert.AreEqual(
            Samples.Scores(after).SelectMany(score => score).ToArray(),
            Samples.Scores(sampled.Transform(_data)).SelectMany(score => score).ToArray()
        );
    }

    [TestMethod]
    public void Settings_that_cannot_score_are_refused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _transformer.WithScoring(ScoringMode.Sampled, 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _transformer.WithScoring((ScoringMode)17));
        Assert.ThrowsExactly<ArgumentNullException>(() => _transformer.Model.WithScoring(null!));
    }

    private float[] Score(VBuffer<float> features)
    {
        var mapper = ((IValueMapper)_transformer.Model).GetMapper<VBuffer<float>, VBuffer<float>>();
        VBuffer<float> scores = default;
        mapper(in features, ref scores);
        return [.. scores.DenseValues()];
    }

    private byte[] Save()
    {
        using var stream = new MemoryStream();
        _context.Model.Save(_transformer, _data.Schema, stream);
        return stream.ToArray();
    }

    private static void AssertRefused(byte[] bytes)
    {
        Exception exception = Assert.Throws<Exception>(() =>
            new MLContext().Model.Load(new MemoryStream(bytes), out _)
        );
        while (exception.InnerException is not null)
            exception = exception.InnerException;
        Assert.IsTrue(
            exception
                is FormatException
                    or IOException
                    or InvalidDataException
                    or InvalidOperationException
                    or ArgumentOutOfRangeException,
            exception.ToString()
        );
    }
}
