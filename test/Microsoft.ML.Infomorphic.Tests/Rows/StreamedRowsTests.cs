using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Rows;

[TestClass]
public class StreamedRowsTests
{
    private const int Batch = 10;

    // One block, several, one batch a block; the last block and the last batch whole or not; more readings than there
    // may be. Rows in full and packed, given either way.
    [TestMethod]
    [DataRow(100, 100, 5, false)]
    [DataRow(100, 110, 5, false)]
    [DataRow(100, 50, 5, false)]
    [DataRow(97, 20, 5, false)]
    [DataRow(97, 10, 5, true)]
    [DataRow(101, 30, 200, true)]
    [DataRow(101, 30, 200, false)]
    [DataRow(9, 10, 200, true)]
    public void Batches_are_those_of_rows_in_memory(int count, int rowsPerBlock, int features, bool sparse)
    {
        LabeledRows rows = Rows(count, features);
        var reader = new ReadableRows(rows) { IsSparse = sparse };
        StreamedRows streamed = reader.Stream(rowsPerBlock);
        RowSource inMemory = rows;
        int[] order = Order(count, seed: 7);
        int[] some = order[..(count / 2)];

        AssertSame(inMemory.Batches(null, Batch), streamed.Batches(null, Batch));
        AssertSame(inMemory.Batches(order, Batch), streamed.Batches(order, Batch));
        AssertSame(inMemory.Select(some).Batches(Batch), streamed.Select(some).Batches(Batch));
        AssertSame(
            inMemory.Select(some).Batches(Batch),
            reader.Stream(rowsPerBlock, count).Select(some).Batches(Batch)
        );
        AssertSame(inMemory.All.Batches(Batch), streamed.All.Batches(Batch));
        Assert.AreEqual(0, reader.Open);
        Assert.AreEqual(inMemory.HasDifferentLabels, streamed.HasDifferentLabels);
    }

    [TestMethod]
    public void Rows_in_their_own_order_take_one_reading()
    {
        var reader = new ReadableRows(Rows(1000));

        Walk(reader.Stream(30), null);

        Assert.AreEqual(1, reader.Readings);
        Assert.AreEqual(1000, reader.RowsRead);
    }

    // 8 blocks are as many readings as there may be, and the order is that of memory; with more, it is another one.
    [TestMethod]
    [DataRow(1000, 1, true)]
    [DataRow(500, 2, true)]
    [DataRow(340, 3, true)]
    [DataRow(130, 8, true)]
    [DataRow(120, 5, false)] // 9 blocks: 2 a reading
    [DataRow(40, 7, false)] // 25 blocks: 4 a reading
    [DataRow(10, 8, false)] // 100 blocks: 13 a reading
    public void An_epoch_reads_every_row_once_in_few_readings(int rowsPerBlock, int readings, bool asInMemory)
    {
        var reader = new ReadableRows(Rows(1000));
        StreamedRows rows = reader.Stream(rowsPerBlock);
        int[] order = Order(1000, seed: 1);
        int[] inMemory = [.. order];
        rows.Shuffle(order, new RandomStream(3, RandomStreams.Shuffling));
        new RandomStream(3, RandomStreams.Shuffling).Shuffle(inMemory);

        int[] trained = Walk(rows, order);

        CollectionAssert.AreEqual(order, trained);
        CollectionAssert.AreEqual(Enumerable.Range(0, 1000).ToArray(), trained.Order().ToArray());
        Assert.AreEqual(readings, reader.Readings);
        Assert.AreEqual(readings, rows.ReadingsPerEpoch);
        Assert.AreEqual(1000, reader.RowsRead);
        Assert.AreEqual(asInMemory, rows.ShufflesOverAll);
        Assert.AreEqual(asInMemory, order.SequenceEqual(inMemory));
        Assert.AreEqual(0, reader.Open);
    }

    // 25 blocks of 40 rows in 7 readings, each of which takes up to 160 of 1,000 rows. A block so has the rows that the
    // lot puts there out of a window of about 250 neighbours; and the view's order is gone within it.
    [TestMethod]
    public void A_large_view_is_shuffled_over_windows()
    {
        StreamedRows rows = new ReadableRows(Rows(1000)).Stream(40);
        int[] order = Order(1000, seed: 1);
        rows.Shuffle(order, new RandomStream(1, RandomStreams.Shuffling));

        for (int start = 0; start < 960; start += 40)
        {
            int[] block = order[start..(start + 40)];
            int span = block.Max() - block.Min();

            // The span of 40 rows drawn with a chance of 0.16 has a standard deviation of about √40/0.16 = 40.
            Assert.IsInRange(250 - 160, 250 + 160, span, $"block at {start}");
            double correlation = Enumerable
                .Range(0, 40)
                .Average(i => (i - 19.5) * (block[i] - block.Average()) / (11.5 * span / 3.46));
            Assert.IsLessThan(0.65, Math.Abs(correlation)); // 1/√40 = 0.16; four times that over 24 blocks
        }

        int[] second = [.. order];
        rows.Shuffle(second, new RandomStream(2, RandomStreams.Shuffling));
        CollectionAssert.AreNotEqual(order, second);
    }

    [TestMethod]
    [DataRow(false, 1)]
    [DataRow(true, 1)]
    [DataRow(true, 2)]
    public void Streamed_rows_train_the_network_that_is_trained_in_memory(bool weighted, int threads)
    {
        LabeledRows rows = Problems.Blobs(950, weighted: weighted);
        LabeledRows validation = Problems.Blobs(130, seed: 2);
        TrainingSettings settings = Problems.Settings(epochs: 4) with { Threads = threads };
        TrainingResult expected = Problems.Train(rows, settings with { Threads = 1 }, validation);

        TrainingResult actual = Train(
            new ReadableRows(rows).Stream(200),
            new ReadableRows(validation).Stream(100),
            settings
        );

        CollectionAssert.AreEqual(Problems.WeightsOf(expected.Network), Problems.WeightsOf(actual.Network));
        AssertSame(expected.History, actual.History);
    }

    // The hardest case: the epoch would end with nothing but rows of the last class, and the others be forgotten.
    [TestMethod]
    public void A_view_that_is_sorted_by_class_is_shuffled_over_all_of_it()
    {
        LabeledRows blobs = Problems.Blobs(3000);
        int[] sorted = [.. Enumerable.Range(0, 3000).OrderBy(row => blobs.Labels[row])];
        float[] values = [.. sorted.SelectMany(row => Problems.FeaturesOf(blobs, row))];
        var rows = new LabeledRows(
            new DenseFeatureMatrix(3000, 5, values),
            [.. sorted.Select(row => blobs.Labels[row])],
            null,
            3
        );
        var reader = new ReadableRows(rows);
        StreamedRows streamed = reader.Stream(100);

        Assert.AreEqual(30, streamed.ReadingsPerEpoch);
        Assert.IsTrue(streamed.ShufflesOverAll);
        Assert.IsTrue(reader.Survey().IsSortedByClass);
        Assert.IsFalse(new ReadableRows(blobs).Survey().IsSortedByClass);
        CollectionAssert.AreEqual(
            Problems.WeightsOf(Problems.Train(rows, Problems.Settings(epochs: 2)).Network),
            Problems.WeightsOf(Train(streamed, null, Problems.Settings(epochs: 2)).Network)
        );
    }

    // 30 blocks in 8 readings. The best classifier reaches 0.995; the order of rows is another one, so that accuracies
    // differ by chance: four standard errors of 3,000 rows at 0.98 are 0.01.
    [TestMethod]
    public void As_much_is_learned_from_windows_as_from_whole_epochs()
    {
        LabeledRows rows = Problems.Blobs(3000);
        LabeledRows test = Problems.Blobs(3000, seed: 2);
        StreamedRows streamed = new ReadableRows(rows).Stream(100);

        double inMemory = Problems.Accuracy(Problems.Train(rows, Problems.Settings()).Network, test);
        double windowed = Problems.Accuracy(Train(streamed, null, Problems.Settings()).Network, test);

        Assert.IsFalse(streamed.ShufflesOverAll);
        Assert.IsGreaterThan(0.97, inMemory);
        Assert.AreEqual(inMemory, windowed, 0.01);
    }

    [TestMethod]
    [DataRow(99, "it had 100 valid instances and now has 99")]
    [DataRow(3, "it had 100 valid instances and now has 3")]
    [DataRow(101, "it had 100 valid instances and now has more")]
    public void A_view_whose_number_of_rows_has_changed_is_refused(int now, string how)
    {
        var reader = new ReadableRows(Rows(100));
        StreamedRows rows = reader.Stream(40);
        reader.Count = now;

        AssertChanged(how, () => Walk(rows, null));
        AssertChanged(how, () => Walk(rows, Enumerable.Range(0, 100).ToArray()));
        Assert.AreEqual(0, reader.Open);
    }

    [TestMethod]
    [DataRow(5)]
    [DataRow(200)]
    public void A_view_whose_values_have_changed_is_refused(int features)
    {
        LabeledRows content = Rows(100, features, weighted: true);
        StreamedRows rows = new ReadableRows(content).Stream(40);
        int[] order = Order(100, seed: 1);
        Walk(rows, null);
        Walk(rows, order);
        Walk(rows, order[..50]);

        content.Labels[17] ^= 1;
        AssertChanged("its values differ", () => Walk(rows, order));
        content.Labels[17] ^= 1;
        content.Weights![3] += 0.25f;
        AssertChanged("its values differ", () => Walk(rows, order));
        content.Weights![3] -= 0.25f;
        Walk(rows, order);
    }

    [TestMethod]
    public void A_cancelled_reading_is_closed()
    {
        var reader = new ReadableRows(Problems.Blobs(500));
        StreamedRows rows = reader.Stream(100);
        int read = 0;
        reader.Reading = _ =>
        {
            if (++read == 1234)
                throw new OperationCanceledException();
        };

        Assert.ThrowsExactly<OperationCanceledException>(() => Train(rows, null, Problems.Settings()));
        Assert.AreEqual(0, reader.Open);
    }

    private static TrainingResult Train(RowSource rows, RowSource? validation, TrainingSettings settings) =>
        NetworkTrainer.Train(rows, validation, settings, null, ComputeDevice.Cpu, new TrainingCallbacks());

    // The first feature of a row is its number.
    private static LabeledRows Rows(int count, int features = 3, bool weighted = false)
    {
        float[] values = new float[count * features];
        for (int row = 0; row < count; row++)
        {
            values[row * features] = row;
            values[row * features + 1 + row % (features - 1)] = row + 0.5f;
        }
        return new LabeledRows(
            new DenseFeatureMatrix(count, features, values),
            [.. Enumerable.Range(0, count).Select(row => row % 3)],
            weighted ? [.. Enumerable.Range(0, count).Select(row => row + 1f)] : null,
            3
        );
    }

    private static int[] Order(int count, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new RandomStream(seed, 9).Shuffle(order);
        return order;
    }

    private static int[] Walk(StreamedRows rows, int[]? order) =>
        [.. rows.Batches(order, Batch).SelectMany(Contents).Select(row => (int)row.Features[0])];

    private static List<(float[] Features, int Label, float? Weight)> Contents(RowBatch batch)
    {
        var contents = new List<(float[], int, float?)>();
        foreach (int row in batch.Indices.Span)
            contents.Add((Problems.FeaturesOf(batch.Rows, row), batch.Rows.Labels[row], batch.Rows.Weights?[row]));
        Assert.AreEqual(batch.Rows.RowCount, batch.Rows.Labels.Length);
        return contents;
    }

    private static void AssertSame(IEnumerable<RowBatch> expected, IEnumerable<RowBatch> actual)
    {
        // A batch is valid until the next one is asked for.
        using IEnumerator<RowBatch> left = expected.GetEnumerator();
        using IEnumerator<RowBatch> right = actual.GetEnumerator();
        while (left.MoveNext())
        {
            Assert.IsTrue(right.MoveNext());
            List<(float[] Features, int Label, float? Weight)> a = Contents(left.Current);
            List<(float[] Features, int Label, float? Weight)> b = Contents(right.Current);
            Assert.HasCount(a.Count, b);
            for (int i = 0; i < a.Count; i++)
            {
                CollectionAssert.AreEqual(a[i].Features, b[i].Features);
                Assert.AreEqual((a[i].Label, a[i].Weight), (b[i].Label, b[i].Weight));
            }
        }
        Assert.IsFalse(right.MoveNext());
    }

    // All but the times.
    internal static void AssertSame(TrainingHistory expected, TrainingHistory actual)
    {
        Assert.HasCount(expected.Epochs.Count, actual.Epochs);
        for (int i = 0; i < expected.Epochs.Count; i++)
        {
            EpochRecord a = expected.Epochs[i];
            EpochRecord b = actual.Epochs[i];
            Assert.AreEqual(
                (a.TrainingAccuracy, a.ValidationAccuracy, a.ValidationLogLoss),
                (b.TrainingAccuracy, b.ValidationAccuracy, b.ValidationLogLoss)
            );
            Assert.HasCount(a.HiddenLayers.Count, b.HiddenLayers);
            foreach ((LayerProgress one, LayerProgress other) in a.Layers.Zip(b.Layers))
            {
                Assert.AreEqual(one.Goal, other.Goal);
                CollectionAssert.AreEqual(one.Atoms.ToArray(), other.Atoms.ToArray());
            }
        }
    }

    private static void AssertChanged(string how, Action action)
    {
        string message = Assert.ThrowsExactly<InvalidOperationException>(action).Message;
        StringAssert.StartsWith(message, $"The training data has changed between two readings ({how}): ");
    }
}
