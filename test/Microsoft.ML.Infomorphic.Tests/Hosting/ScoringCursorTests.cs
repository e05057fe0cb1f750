using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Root;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class ScoringCursorTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(31)]
    [DataRow(32)]
    [DataRow(33)]
    [DataRow(1000)]
    public void Rows_and_scores_stay_in_step_whatever_columns_are_read(int count)
    {
        List<Samples.Row> rows = Samples.Rows(count);
        IDataView data = Samples.View(_context, rows);
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, Samples.View(_context));
        IDataView scored = transformer.Transform(data);
        float[][] expected = Expected(transformer, rows);

        foreach (
            string[] names in (string[][])
                [
                    ["Score"],
                    ["PredictedLabel"],
                    ["Color", "PredictedLabel"],
                    ["Features", "Score"],
                    ["Color", "Label", "Weight", "Features", "PredictedLabel", "Score"],
                    ["Color"],
                    [],
                ]
        )
        {
            DataViewSchema.Column[] columns = [.. names.Select(name => scored.Schema[name])];
            using DataViewRowCursor cursor = scored.GetRowCursor(columns);
            Assert.AreEqual(count, ReadAll(cursor, names, rows, expected, i => i), string.Join(", ", names));
        }
    }

    [TestMethod]
    public void The_schema_is_the_one_of_MLNETs_scorer()
    {
        IDataView data = Samples.View(_context);
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, data);
        var host = new MulticlassPredictionTransformer<InfomorphicModelParameters>(
            _context,
            transformer.Model,
            data.Schema,
            "Features",
            "Label"
        );

        Schemas.AssertSame(host.Transform(data).Schema, transformer.Transform(data).Schema);
        Schemas.AssertSame(host.GetOutputSchema(data.Schema), transformer.GetOutputSchema(data.Schema));
        CollectionAssert.AreEqual(
            Samples.Scores(host.Transform(data)).SelectMany(score => score).ToArray(),
            Samples.Scores(transformer.Transform(data)).SelectMany(score => score).ToArray()
        );
    }

    [TestMethod]
    public void A_set_of_cursors_gives_every_row_once()
    {
        List<Samples.Row> rows = Samples.Rows(500);
        IDataView cached = _context.Data.Cache(Samples.View(_context, rows));
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, cached);
        IDataView scored = transformer.Transform(cached);
        float[][] expected = Expected(transformer, rows);
        foreach (int n in new[] { 1, 2, 5 })
        {
            DataViewRowCursor[] cursors = scored.GetRowCursorSet(
                [scored.Schema["Features"], scored.Schema["Score"]],
                n
            );
            int[] seen = new int[rows.Count];
            var byFeatures = rows.Select((row, i) => (Key: string.Join(',', row.Features), i))
                .ToDictionary(p => p.Key, p => p.i);
            Parallel.ForEach(
                cursors,
                cursor =>
                {
                    using (cursor)
                    {
                        var getFeatures = cursor.GetGetter<VBuffer<float>>(scored.Schema["Features"]);
                        var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
                        VBuffer<float> features = default;
                        VBuffer<float> score = default;
                        while (cursor.MoveNext())
                        {
                            getFeatures(ref features);
                            getScore(ref score);
                            int row = byFeatures[string.Join(',', features.DenseValues())];
                            Interlocked.Increment(ref seen[row]);
                            CollectionAssert.AreEqual(expected[row], score.DenseValues().ToArray());
                        }
                    }
                }
            );
            Assert.IsTrue(seen.All(times => times == 1));
        }
    }

    [TestMethod]
    public void A_shuffled_view_keeps_rows_and_scores_together()
    {
        List<Samples.Row> rows = Samples.Rows(300);
        IDataView cached = _context.Data.Cache(Samples.View(_context, rows));
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, cached);
        IDataView scored = transformer.Transform(cached);
        float[][] expected = Expected(transformer, rows);
        Assert.IsTrue(scored.CanShuffle);
        using DataViewRowCursor cursor = scored.GetRowCursor(
            [scored.Schema["Score"], scored.Schema["Features"]],
            new Random(4)
        );
        var getId = cursor.GetIdGetter();
        var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        VBuffer<float> score = default;
        DataViewRowId id = default;
        var order = new List<int>();
        while (cursor.MoveNext())
        {
            getId(ref id);
            getScore(ref score);
            order.Add((int)id.Low);
            CollectionAssert.AreEqual(expected[(int)id.Low], score.DenseValues().ToArray());
        }

        Assert.HasCount(rows.Count, order.Distinct());
        Assert.IsFalse(order.SequenceEqual(order.Order()));
    }

    [TestMethod]
    public void A_source_is_read_once_and_its_failure_comes_after_the_rows_before_it()
    {
        List<Samples.Row> rows = Samples.Rows(100);
        int reads = 0;
        IEnumerable<Samples.Row> Source()
        {
            for (int i = 0; i < 100; i++)
            {
                if (i == 70)
                    throw new IOException("The disk is gone.");
                reads++;
                yield return rows[i];
            }
        }

        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, Samples.View(_context));
        IDataView scored = transformer.Transform(_context.Data.LoadFromEnumerable(Source()));
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"], scored.Schema["Color"]]);
        var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        float[][] expected = Expected(transformer, rows);
        VBuffer<float> score = default;
        for (int i = 0; i < 70; i++)
        {
            Assert.IsTrue(cursor.MoveNext(), $"row {i}");
            getScore(ref score);
            CollectionAssert.AreEqual(expected[i], score.DenseValues().ToArray());
        }

        Exception failure = Assert.Throws<Exception>(() => cursor.MoveNext());
        Assert.IsInstanceOfType<IOException>(failure.GetBaseException());
        Assert.AreEqual("The disk is gone.", failure.GetBaseException().Message);
        Assert.AreEqual(70, reads);
    }

    [TestMethod]
    public void A_cursor_may_be_left_at_any_row()
    {
        IDataView data = Samples.View(_context, Samples.Rows(2000));
        IDataView scored = Samples.Transformer(_context, data).Transform(data);
        foreach (int count in new[] { 0, 1, 33, 500 })
        {
            DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"]]);
            for (int i = 0; i < count; i++)
                Assert.IsTrue(cursor.MoveNext());
            cursor.Dispose();
            Assert.IsFalse(cursor.MoveNext());
            cursor.Dispose();
        }
    }

    [TestMethod]
    public void Values_are_given_at_a_row_only_and_of_their_type()
    {
        IDataView data = Samples.View(_context);
        IDataView scored = Samples.Transformer(_context, data).Transform(data);
        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"]]);
        var get = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        VBuffer<float> score = default;
        Assert.ThrowsExactly<InvalidOperationException>(() => get(ref score));
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(scored.Schema["Score"]));
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(scored.Schema["Weight"]));
        Assert.IsFalse(cursor.IsColumnActive(scored.Schema["Weight"]));
    }

    [TestMethod]
    [DoNotParallelize] // collections that other tests cause empty the pools that scoring takes memory from
    public void Reading_a_view_allocates_nothing_for_a_row()
    {
        IDataView data = _context.Data.Cache(Samples.View(_context, Samples.Rows(20_000)));
        IDataView scored = Samples.Transformer(_context, data).Transform(data);
        long Read()
        {
            using DataViewRowCursor cursor = scored.GetRowCursor([
                scored.Schema["Score"],
                scored.Schema["PredictedLabel"],
            ]);
            var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            var getLabel = cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]);
            VBuffer<float> score = default;
            uint label = 0;
            for (int i = 0; i < 5000; i++)
                cursor.MoveNext();
            long before = GC.GetAllocatedBytesForCurrentThread();
            while (cursor.MoveNext())
            {
                getScore(ref score);
                getLabel(ref label);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Read();

        // What may still be made is a block that a slower reader did not need, not something for each of 15,000 rows; and pools that
        // were emptied in one reading are full for the next.
        Assert.IsLessThan(15_000, Enumerable.Range(0, 3).Min(_ => Read()));
    }

    [TestMethod]
    [DoNotParallelize] // collections that other tests cause empty the pools that scoring takes memory from
    public void A_cursor_that_scores_by_itself_allocates_nothing_at_all()
    {
        IDataView data = _context.Data.Cache(Samples.View(_context, Samples.Rows(20_000)));
        IDataView scored = Samples.Transformer(_context, data).Transform(data);

        // Pools that were emptied while one set of cursors began are full for the next.
        Assert.AreEqual(0, Enumerable.Range(0, 3).Min(_ => AllocatedByCursor()));

        long AllocatedByCursor()
        {
            DataViewRowCursor[] cursors = scored.GetRowCursorSet([scored.Schema["Score"]], 2);
            Assert.HasCount(2, cursors);
            using DataViewRowCursor first = cursors[0];
            using DataViewRowCursor second = cursors[1];
            var getScore = first.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            VBuffer<float> score = default;
            Read(3000);
            return Allocations.Of(() => Read(2000));

            void Read(int count)
            {
                for (int i = 0; i < count; i++)
                {
                    Assert.IsTrue(first.MoveNext());
                    getScore(ref score);
                }
            }
        }
    }

    [TestMethod]
    public void Readers_that_come_later_use_the_memory_of_earlier_ones()
    {
        IDataView data = _context.Data.Cache(Samples.View(_context, Samples.Rows(5000)));
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, data);
        IDataView scored = transformer.Transform(data);
        float[][] expected = Samples.Scores(scored);
        foreach (int count in new[] { 5000, 1, 700, 5000, 40, 5000 })
        {
            using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"]]);
            var getScore = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            VBuffer<float> score = default;
            for (int row = 0; row < count; row++)
            {
                Assert.IsTrue(cursor.MoveNext());
                getScore(ref score);
                CollectionAssert.AreEqual(expected[row], score.DenseValues().ToArray());
            }
        }
    }

    // A source may keep the memory that it is asked to fill, and give away its own.
    [TestMethod]
    public void A_source_that_swaps_its_memory_is_scored_right()
    {
        List<Samples.Row> rows = Samples.Rows(500);
        IDataView data = Samples.View(_context, rows);
        InfomorphicPredictionTransformer transformer = Samples.Transformer(_context, data);
        float[][] expected = Expected(transformer, rows);

        float[][] scores = Samples.Scores(transformer.Transform(new SwappingView(data)));

        Assert.HasCount(expected.Length, scores);
        for (int row = 0; row < scores.Length; row++)
            CollectionAssert.AreEqual(expected[row], scores[row]);
    }

    private static float[][] Expected(InfomorphicPredictionTransformer transformer, List<Samples.Row> rows)
    {
        var scorer = new NetworkScorer(transformer.Model.Network, transformer.Model.ScoringSettings);
        return
        [
            .. rows.Select(row =>
            {
                float[] scores = new float[Samples.ClassCount];
                scorer.Score(row.Features, scores);
                return scores;
            }),
        ];
    }

    private static int ReadAll(
        DataViewRowCursor cursor,
        string[] names,
        List<Samples.Row> rows,
        float[][] expected,
        Func<int, int> rowAt
    )
    {
        int count = 0;
        ValueGetter<VBuffer<float>>? getScore = names.Contains("Score") ? Getter<VBuffer<float>>("Score") : null;
        ValueGetter<uint>? getLabel = names.Contains("PredictedLabel") ? Getter<uint>("PredictedLabel") : null;
        ValueGetter<ReadOnlyMemory<char>>? getColor = names.Contains("Color")
            ? Getter<ReadOnlyMemory<char>>("Color")
            : null;
        ValueGetter<VBuffer<float>>? getFeatures = names.Contains("Features")
            ? Getter<VBuffer<float>>("Features")
            : null;
        while (cursor.MoveNext())
        {
            Assert.AreEqual(count, cursor.Position);
            int row = rowAt(count++);
            VBuffer<float> vector = default;
            uint label = 0;
            ReadOnlyMemory<char> color = default;
            if (getScore is not null)
            {
                getScore(ref vector);
                CollectionAssert.AreEqual(expected[row], vector.DenseValues().ToArray());
            }

            if (getLabel is not null)
            {
                getLabel(ref label);
                Assert.AreEqual((uint)Array.IndexOf(expected[row], expected[row].Max()) + 1, label);
            }

            if (getColor is not null)
            {
                getColor(ref color);
                Assert.AreEqual(rows[row].Color, color.ToString());
            }

            if (getFeatures is not null)
            {
                getFeatures(ref vector);
                CollectionAssert.AreEqual(rows[row].Features, vector.DenseValues().ToArray());
            }
        }

        return count;

        ValueGetter<T> Getter<T>(string name) => cursor.GetGetter<T>(cursor.Schema[name]);
    }

    private sealed class SwappingView(IDataView source) : IDataView
    {
        public bool CanShuffle => false;

        public DataViewSchema Schema => source.Schema;

        public long? GetRowCount() => source.GetRowCount();

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
            new SwappingCursor(source.GetRowCursor(columnsNeeded, rand));

        public DataViewRowCursor[] GetRowCursorSet(
            IEnumerable<DataViewSchema.Column> columnsNeeded,
            int n,
            Random? rand = null
        ) => [GetRowCursor(columnsNeeded, rand)];
    }

    private sealed class SwappingCursor(DataViewRowCursor source) : DataViewRowCursor
    {
        private VBuffer<float> _mine;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override DataViewSchema Schema => source.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        public override bool MoveNext() => source.MoveNext();

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (typeof(TValue) != typeof(VBuffer<float>))
                return source.GetGetter<TValue>(column);
            ValueGetter<VBuffer<float>> get = source.GetGetter<VBuffer<float>>(column);
            return (ValueGetter<TValue>)
                (Delegate)
                    (ValueGetter<VBuffer<float>>)(
                        (ref VBuffer<float> value) =>
                        {
                            get(ref _mine);
                            (_mine, value) = (value, _mine);
                        }
                    );
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }
}
