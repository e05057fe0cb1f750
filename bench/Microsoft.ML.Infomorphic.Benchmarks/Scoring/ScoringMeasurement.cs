using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Benchmarks.Measuring;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

/// <summary>What was measured of one network.</summary>
/// <param name="Hidden">Hidden neurons.</param>
/// <param name="LateralConnections">Lateral connections of each.</param>
/// <param name="Rows">Rows of the view.</param>
/// <param name="LargestDifference">Between our scores and ONNX Runtime's.</param>
/// <param name="RowsPerSecond">Of each contender.</param>
/// <param name="OnnxBatches">Of ONNX Runtime in batches of each size, in short.</param>
/// <param name="TimesOnnxRowByRow">How many times as fast as ONNX Runtime row by row a view is scored, round by round.</param>
/// <param name="TimesOnnxBestBatch">The same with its best batches.</param>
/// <param name="BytesPerRow">Managed bytes that a row takes, in the middle of the view.</param>
/// <param name="BytesPerCursor">Managed bytes that a cursor takes, over all rows.</param>
/// <param name="SingleMicroseconds">Of single predictions.</param>
internal sealed record ScoringCase(
    int Hidden,
    int LateralConnections,
    int Rows,
    double LargestDifference,
    IReadOnlyDictionary<string, Distribution> RowsPerSecond,
    IReadOnlyDictionary<string, double> OnnxBatches,
    Distribution TimesOnnxRowByRow,
    Distribution TimesOnnxBestBatch,
    double BytesPerRow,
    double BytesPerCursor,
    IReadOnlyDictionary<string, Latency> SingleMicroseconds
);

/// <summary>How long single predictions take.</summary>
internal sealed record Latency(double P50, double P99, double P999);

/// <summary>Measures a network, on as many threads as there are processors.</summary>
internal static class ScoringMeasurement
{
    private const int Rounds = 60;
    private const int Predictions = 20_000;

    // Long passes take no more rows than this.
    private const int RowsOfLargeBatches = 4096;
    private const int RowsOfSingles = 512;
    private const int LargeNetwork = 1000;
    private const int SweepPasses = 3;
    private const int LargestBatch = 4096;

    public static ScoringCase Measure(string folder, BenchmarkData data, int hidden, int seconds)
    {
        int threads = Environment.ProcessorCount;
        var context = new MLContext(1);
        int count = data.Test.RowCount;
        ScoredRow[] rows = [.. Enumerable.Range(0, count).Select(index => ScoredRow.Of(data.Test, index))];
        float[] features = [.. rows.SelectMany(row => row.Features)];
        IDataView view = context.Data.Cache(context.Data.LoadFromEnumerable(rows));
        var transformer = (InfomorphicPredictionTransformer)
            context.Model.Load(ScoringModels.InfomorphicPath(folder, hidden), out _);
        var scorer = new NetworkScorer(
            transformer.Model.Network,
            transformer.Model.ScoringSettings,
            transformer.Model.Encoding
        );
        float[] probabilities = new float[BenchmarkData.Classes];
        int few = hidden >= LargeNetwork ? RowsOfLargeBatches : count;
        int singles = hidden >= LargeNetwork ? RowsOfSingles : count;

        // ONNX Runtime's own threads share a batch, or each thread takes batches of its own.
        using var together = new OnnxScorer(ScoringModels.OnnxPath(folder, hidden), features, threads);
        using var apart = new OnnxScorer(ScoringModels.OnnxPath(folder, hidden), features, threads: 1);
        List<OnnxPass> passes = [.. Sizes().Select(size => new OnnxPass(together, size, Math.Min(few, size * 512), 1))];
        if (threads > 1)
            passes.AddRange(Sizes().Select(size => new OnnxPass(apart, size, Math.Min(few, size * 512), threads)));
        Sweep(passes);
        OnnxPass[] best =
        [
            .. passes.Where(pass => pass.Size > 1).OrderByDescending(pass => pass.RowsPerSecond).Take(2),
        ];

        var ours = new Pass("Transform", count, Reading(transformer.Transform(view)));
        Pass[] onnxBatches = [.. best.Select(pass => OnnxPassOf(pass, pass.Threads == 1 ? together : apart, few))];
        Pass[] onnxRows =
        [
            .. passes
                .Where(pass => pass.Size == 1)
                .Select(pass => OnnxPassOf(pass, pass.Threads == 1 ? together : apart, singles)),
        ];
        Pass[] all =
        [
            ours,
            new Pass(
                "NetworkScorer, row by row, one thread",
                singles,
                () =>
                {
                    for (int row = 0; row < singles; row++)
                        scorer.Score(rows[row].Features, probabilities);
                }
            ),
            .. onnxRows,
            .. onnxBatches,
            new Pass(
                $"ONNX Runtime, {best[0].Size} rows at a time of the same view",
                count,
                OnnxOverView(together, view, features, best[0].Size)
            ),
            .. new[] { ScoringModels.MaximumEntropy, ScoringModels.LightGbm }.Select(name => new Pass(
                name,
                count,
                Reading(context.Model.Load(ScoringModels.OtherPath(folder, name), out _).Transform(view))
            )),
        ];
        Interleaving.Measure([.. all.Select(pass => pass.Contender)], Rounds, seconds);
        (double bytesPerRow, double bytesPerCursor) = Bytes(transformer.Transform(view), count);
        var measured = new ScoringCase(
            hidden,
            transformer.Model.Network.HiddenLayers[0].Sources[2].Projections[0].Connectivity.ConnectionsPerNeuron,
            count,
            Difference(scorer, rows, together.Scores),
            all.ToDictionary(pass => pass.Contender.Name, pass => pass.RowsPerSecond),
            passes.ToDictionary(pass => pass.Name, pass => pass.RowsPerSecond),
            ours.TimesTheFastestOf(onnxRows),
            ours.TimesTheFastestOf(onnxBatches),
            bytesPerRow,
            bytesPerCursor,
            Singles(context, transformer, scorer, together, rows)
        );
        Write(measured, threads);
        return measured;

        IEnumerable<int> Sizes()
        {
            for (int size = 1; size <= Math.Min(LargestBatch, count); size *= 2)
                yield return size;
        }
    }

    private static Pass OnnxPassOf(OnnxPass pass, OnnxScorer scorer, int rows) =>
        new($"ONNX Runtime, {pass.Name}", rows, new OnnxPass(scorer, pass.Size, rows, pass.Threads).Run);

    // Whoever takes scores and labels of all rows.
    private static Action Reading(IDataView scored) =>
        () =>
        {
            using DataViewRowCursor cursor = scored.GetRowCursor([
                scored.Schema["Score"],
                scored.Schema["PredictedLabel"],
            ]);
            ValueGetter<VBuffer<float>> score = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
            ValueGetter<uint> label = cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]);
            VBuffer<float> scores = default;
            uint predicted = 0;
            while (cursor.MoveNext())
            {
                score(ref scores);
                label(ref predicted);
            }
        };

    // The same rows as a user of ONNX Runtime reads them from the view.
    private static Action OnnxOverView(OnnxScorer scorer, IDataView view, float[] features, int size)
    {
        IReadOnlyList<OnnxScorer.Batch> batches = scorer.Batches(size, features.Length / BenchmarkData.Features);
        return () =>
        {
            DataViewSchema.Column column = view.Schema[nameof(ScoredRow.Features)];
            using DataViewRowCursor cursor = view.GetRowCursor([column]);
            ValueGetter<VBuffer<float>> get = cursor.GetGetter<VBuffer<float>>(column);
            VBuffer<float> values = default;
            int row = 0;
            while (cursor.MoveNext())
            {
                get(ref values);
                values.GetValues().CopyTo(features.AsSpan(row++ * BenchmarkData.Features));
                if (row % size == 0)
                    batches[row / size - 1].Run();
            }

            if (row % size != 0)
                batches[^1].Run();
        };
    }

    private static void Sweep(List<OnnxPass> passes)
    {
        foreach (OnnxPass pass in passes)
            pass.Run();
        for (int turn = 0; turn < SweepPasses; turn++)
            foreach (OnnxPass pass in passes)
                pass.Time();
    }

    private static (double PerRow, double PerCursor) Bytes(IDataView scored, int rows)
    {
        Reading(scored)();
        long begin = GC.GetTotalAllocatedBytes(precise: true);
        Reading(scored)();
        long perCursor = GC.GetTotalAllocatedBytes(precise: true) - begin;

        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"], scored.Schema["PredictedLabel"]]);
        ValueGetter<VBuffer<float>> score = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        ValueGetter<uint> label = cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]);
        VBuffer<float> scores = default;
        uint predicted = 0;
        // At the end of the data there is something to be closed.
        int first = rows / 4;
        int last = 3 * rows / 4;
        for (int row = 0; row < first; row++)
            Next();
        begin = GC.GetTotalAllocatedBytes(precise: true);
        for (int row = first; row < last; row++)
            Next();
        return ((double)(GC.GetTotalAllocatedBytes(precise: true) - begin) / (last - first), perCursor);

        void Next()
        {
            cursor.MoveNext();
            score(ref scores);
            label(ref predicted);
        }
    }

    private static Dictionary<string, Latency> Singles(
        MLContext context,
        InfomorphicPredictionTransformer transformer,
        NetworkScorer scorer,
        OnnxScorer onnx,
        ScoredRow[] rows
    )
    {
        using PredictionEngine<ScoredRow, RowPrediction> engine = context.Model.CreatePredictionEngine<
            ScoredRow,
            RowPrediction
        >(transformer);
        var prediction = new RowPrediction();
        float[] probabilities = new float[BenchmarkData.Classes];
        IReadOnlyList<OnnxScorer.Batch> single = onnx.Batches(1, rows.Length);
        return new()
        {
            ["PredictionEngine.Predict"] = Of(row => engine.Predict(rows[row], ref prediction)),
            ["NetworkScorer.Score"] = Of(row => scorer.Score(rows[row].Features, probabilities)),
            ["ONNX Runtime"] = Of(row => single[row].Run()),
        };

        Latency Of(Action<int> predict)
        {
            double[] times = new double[Predictions];
            for (int i = -Predictions / 4; i < Predictions; i++)
            {
                long start = Stopwatch.GetTimestamp();
                predict(Math.Abs(i) % rows.Length);
                if (i >= 0)
                    times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
            }

            Array.Sort(times);
            return new Latency(
                times[times.Length / 2],
                times[times.Length * 99 / 100],
                times[times.Length * 999 / 1000]
            );
        }
    }

    // Of the rows that ONNX Runtime has scored.
    private static double Difference(NetworkScorer scorer, ScoredRow[] rows, ReadOnlySpan<float> onnx)
    {
        float[] probabilities = new float[BenchmarkData.Classes];
        double largest = 0;
        for (int row = 0; row < Math.Min(RowsOfSingles, rows.Length); row++)
        {
            scorer.Score(rows[row].Features, probabilities);
            for (int k = 0; k < probabilities.Length; k++)
                largest = Math.Max(largest, Math.Abs(probabilities[k] - onnx[row * probabilities.Length + k]));
        }

        return largest;
    }

    private static void Write(ScoringCase measured, int threads)
    {
        ConsoleTable.Write(
            $"N = {measured.Hidden}, {measured.LateralConnections} lateral connections, {threads} threads: rows per second",
            ["", "median (p10–p90)"],
            measured.RowsPerSecond.Select(pass => (string[])[pass.Key, ConsoleTable.Format(pass.Value)])
        );
        ConsoleTable.Write(
            "ONNX Runtime, in short",
            ["batches", "rows per second"],
            measured.OnnxBatches.Select(pass => (string[])[pass.Key, ConsoleTable.Format(pass.Value)])
        );
        ConsoleTable.Write(
            "Single predictions",
            ["µs", "p50", "p99", "p99.9"],
            measured.SingleMicroseconds.Select(single =>
                (string[])
                    [
                        single.Key,
                        ConsoleTable.Format(single.Value.P50),
                        ConsoleTable.Format(single.Value.P99),
                        ConsoleTable.Format(single.Value.P999),
                    ]
            )
        );
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Transform is {ConsoleTable.Format(measured.TimesOnnxRowByRow)} times as fast as ONNX Runtime row by row, {ConsoleTable.Format(measured.TimesOnnxBestBatch)} times as fast as in its best batches; {measured.BytesPerRow:F3} managed bytes a row, {measured.BytesPerCursor:N0} a cursor; scores differ by {measured.LargestDifference:G2} at most."
            )
        );
    }

    /// <summary>A pass over rows.</summary>
    private sealed class Pass(string name, int rows, Action run)
    {
        public Contender Contender { get; } = new(name, run);

        public Distribution RowsPerSecond
        {
            get
            {
                Distribution time = Contender.Total.Milliseconds;
                return new Distribution(Speed(time.Median), Speed(time.P90), Speed(time.P10), time.Samples);
            }
        }

        public Distribution TimesTheFastestOf(IEnumerable<Pass> others)
        {
            Pass other = others.MaxBy(pass => pass.RowsPerSecond.Median)!;
            Distribution times = other.Contender.Total.RatioTo(Contender.Total);
            double factor = (double)rows / other.Rows;
            return new Distribution(factor * times.Median, factor * times.P10, factor * times.P90, times.Samples);
        }

        private int Rows => rows;

        private double Speed(double milliseconds) => 1000 * rows / milliseconds;
    }

    /// <summary>ONNX Runtime over rows, in batches of one size.</summary>
    private sealed class OnnxPass(OnnxScorer scorer, int size, int rows, int threads)
    {
        private readonly IReadOnlyList<OnnxScorer.Batch> _batches = scorer.Batches(size, rows);
        private readonly List<double> _seconds = [];

        public int Size => size;

        /// <summary>Threads that take batches.</summary>
        public int Threads => threads;

        public string Name =>
            (size == 1 ? "row by row" : $"batches of {size}") + (threads == 1 ? "" : ", a thread each");

        public double RowsPerSecond => rows / Distribution.MedianOf(_seconds);

        public void Run()
        {
            if (threads == 1)
                foreach (OnnxScorer.Batch batch in _batches)
                    batch.Run();
            else
                Parallel.For(
                    0,
                    _batches.Count,
                    new ParallelOptions { MaxDegreeOfParallelism = threads },
                    batch => _batches[batch].Run()
                );
        }

        public void Time()
        {
            long start = Stopwatch.GetTimestamp();
            Run();
            _seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }
}
