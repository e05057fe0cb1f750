using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Rows;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Root;

[TestClass]
public class MemoryBudgetTests
{
    /// <summary>Tells the test assembly, started as a program, to measure what a training takes.</summary>
    internal const string Argument = "--memory";

    /// <summary>The same on sparse rows.</summary>
    internal const string SparseArgument = "--memory-of-sparse-rows";

    private const int Mebibyte = 1 << 20;
    private const int FeatureCount = 512;
    private const int ClassCount = 4;
    private const int ManyFeatures = 100_000;

    // What the budget does not count and a training brings about: code compiled on the way, rows in the hands of
    // ML.NET, what the collector has not got round to, pages that the allocators hold back.
    private const int Slack = 12 * Mebibyte;

    private readonly MLContext _context = new(1);

    public sealed class Row
    {
        [KeyType(ClassCount)]
        public uint Label { get; set; }

        [VectorType(FeatureCount)]
        public float[] Features { get; set; } = [];

        public float Weight { get; set; }
    }

    // 3 MiB of rows; a budget of 64 holds them, one of 2 does not, and streams.
    [TestMethod]
    [DataRow(64, true, false, false)]
    [DataRow(2, false, false, false)]
    [DataRow(2, false, true, false)]
    [DataRow(2, false, false, true)]
    [DataRow(2, false, true, true)]
    public void A_budget_does_not_change_the_model(int budget, bool fits, bool weighted, bool withValidation)
    {
        IDataView train = View(Rows(1500));
        IDataView? validation = withValidation ? View(Rows(1200, seed: 2)) : null;
        InfomorphicModelParameters expected = Fit(null, weighted, train, validation);
        InfomorphicModelParameters? actual = null;

        List<string> messages = Samples.Messages(_context, () => actual = Fit(budget, weighted, train, validation));

        CollectionAssert.AreEqual(Problems.WeightsOf(expected.Network), Problems.WeightsOf(actual!.Network));
        StreamedRowsTests.AssertSame(expected.History, actual.History);
        Assert.AreEqual(expected.TrainingSettings, actual.TrainingSettings);
        string sentence = messages.Single(message => message.StartsWith("Info: The training data takes"));
        if (fits)
            Assert.AreEqual(
                "Info: The training data takes 3.0 MiB of a memory budget of 64 MiB, and is kept in memory.",
                sentence
            );
        else
            StringAssert.Matches(
                sentence,
                new(
                    "^Info: The training data takes 3.0 MiB of a memory budget of 2 MiB, more than is left for it, and is "
                        + @"streamed in blocks of \d+ instances, in \d readings an epoch, shuffled over all instances\.$"
                )
            );
    }

    // So many features that are not zero that batches are made dense, and so few that they are not.
    [TestMethod]
    [DataRow(50)]
    [DataRow(12)]
    public void Sparse_rows_are_streamed_too(int nonZeros)
    {
        // Some rows have no feature at all.
        IEnumerable<Row> rows = Rows(4000)
            .Select(
                (row, i) =>
                    new Row { Label = row.Label, Features = i % 1000 == 7 ? new float[FeatureCount] : Sparse(row) }
            );
        IDataView full = View(rows);

        // Without their zeros, which is how ML.NET's own one-hot columns come.
        IDataView sparse = _context
            .Transforms.CustomMapping<Row, SparseRow>(
                (from, to) =>
                {
                    int[] indices = [.. Enumerable.Range(0, FeatureCount).Where(i => from.Features[i] != 0)];
                    to.Features = new VBuffer<float>(
                        FeatureCount,
                        indices.Length,
                        [.. indices.Select(i => from.Features[i])],
                        indices
                    );
                },
                null
            )
            .Fit(full)
            .Transform(full);
        float[] expected = Problems.WeightsOf(Fit(null, false, full).Network);

        CollectionAssert.AreEqual(expected, Problems.WeightsOf(Fit(2, false, full).Network));
        CollectionAssert.AreEqual(expected, Problems.WeightsOf(Fit(2, false, sparse).Network));
        CollectionAssert.AreEqual(expected, Problems.WeightsOf(Fit(null, false, sparse, threads: 3).Network));

        float[] Sparse(Row row)
        {
            var features = new float[FeatureCount];
            for (int i = 0; i < nonZeros; i++)
                features[(i * 10 + (int)row.Label) % FeatureCount] = row.Features[i];
            return features;
        }
    }

    [TestMethod]
    public void Rows_with_missing_values_are_skipped_and_counted_once()
    {
        Row[] rows = [.. Rows(1500)];
        foreach (int bad in (int[])[0, 1, 700, 1498, 1499])
            rows[bad].Features[7] = float.NaN;
        rows[20].Label = ClassCount;
        rows[30].Weight = 0;
        IDataView data = View(rows);
        float[] expected = Problems.WeightsOf(Fit(null, true, data).Network);

        List<string> messages = Samples.Messages(
            _context,
            () => CollectionAssert.AreEqual(expected, Problems.WeightsOf(Fit(2, true, data).Network))
        );

        Assert.HasCount(
            1,
            messages.Where(m =>
                m == "Warning: Skipped 5 instances with missing features during training (column 'Features')"
            )
        );
        Assert.HasCount(
            1,
            messages.Where(m =>
                m == "Warning: Skipped 1 instances with missing labels during training (column 'Label')"
            )
        );
        Assert.HasCount(
            1,
            messages.Where(m =>
                m == "Warning: Skipped 1 instances with weights that are not positive during training (column 'Weight')"
            )
        );
    }

    [TestMethod]
    public void Views_of_all_kinds_are_the_same_each_time()
    {
        IDataView rows = View(Rows(1000));
        string file = Path.GetTempFileName();
        try
        {
            using (FileStream stream = File.Create(file))
                _context.Data.SaveAsBinary(rows, stream);
            IDataView[] views =
            [
                _context.Data.LoadFromBinary(file),
                _context.Data.ShuffleRows(rows, seed: 3),
                _context.Data.FilterRowsByColumn(rows, "Weight", lowerBound: 1),
                _context.Data.TrainTestSplit(rows, 0.1, seed: 4).TrainSet,
                _context.Data.Cache(rows),
                _context.Transforms.NormalizeMinMax("Features").Fit(rows).Transform(rows),
            ];
            foreach (IDataView view in views)
                CollectionAssert.AreEqual(
                    Problems.WeightsOf(Fit(null, false, view).Network),
                    Problems.WeightsOf(Fit(2, false, view).Network),
                    view.GetType().Name
                );
            (views[0] as IDisposable)?.Dispose();
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestMethod]
    public void A_view_that_changes_is_named()
    {
        int readings = 0;
        IDataView growing = View(Changing(reading => Rows(1500 + reading)));
        IDataView shrinking = View(Changing(reading => Rows(1500 - reading)));
        IDataView random = View(Changing(reading => Rows(1500, seed: reading)));
        IDataView missing = View(Changing(reading => WithMissing(reading)));

        AssertChanged(growing, "it had 1501 valid instances and now has more");
        AssertChanged(shrinking, "it had 1499 valid instances and now has 1498");
        AssertChanged(random, "its values differ");
        AssertChanged(missing, "instance 11 has missing features now, which it had not");

        IEnumerable<Row> Changing(Func<int, IEnumerable<Row>> rows)
        {
            foreach (Row row in rows(++readings))
                yield return row;
        }

        static IEnumerable<Row> WithMissing(int reading)
        {
            Row[] rows = [.. Rows(1500)];
            if (reading > 1)
                rows[10].Features[1] = float.NaN;
            return rows;
        }

        void AssertChanged(IDataView view, string how)
        {
            readings = 0;
            Assert.AreEqual(
                $"The training data has changed between two readings ({how}): data that is larger than the memory budget "
                    + "is read several times and must be the same each time, so save it to a file first, or raise the budget.",
                Samples.Failure<InvalidOperationException>(() => Fit(2, false, view))
            );
        }
    }

    [TestMethod]
    public void A_budget_that_is_too_small_is_named()
    {
        StringAssert.StartsWith(
            Samples.Failure<InvalidOperationException>(() => Fit(1, false, View(Rows(1500)), batch: 1024)),
            "The memory budget of 1 MiB is too small to train on 1500 instances in batches of 1024 with 512 features: it takes at least "
        );
    }

    [TestMethod]
    public void Reading_stops_where_the_context_is_cancelled()
    {
        int rows = 0;
        IDataView view = View(
            Rows(1500)
                .Select(row =>
                {
                    // The second epoch's readings, somewhere: a reading has 1,500 rows.
                    if (++rows == 12_345)
                        _context.CancelExecution();
                    return row;
                })
        );

        Assert.ThrowsExactly<OperationCanceledException>(() => Fit(2, false, view));
        Assert.IsLessThan(12_345 + 10, rows);
    }

    // Three times as much as the budget, in a process of its own, where nothing else allocates. Sorted by class, and made
    // up as it is read.
    [TestMethod]
    public Task Training_on_three_times_the_budget_stays_under_it_and_learns_as_much() => MeasureAsync(Argument);

    [TestMethod]
    public Task Batches_of_sparse_rows_take_no_memory_for_zeros() => MeasureAsync(SparseArgument);

    public TestContext TestContext { get; set; } = null!;

    private async Task MeasureAsync(string argument)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "exec", typeof(MemoryBudgetTests).Assembly.Location, argument },
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(0, process.ExitCode, await output + await error);
        TestContext.WriteLine(await output);
    }

    /// <summary>Trains and measures.</summary>
    internal static int Measure()
    {
        const int Budget = 16;
        const int Count = 3 * Budget * Mebibyte / (FeatureCount * sizeof(float));
        var context = new MLContext(1);
        IDataView data = View(context, Sorted(Count));

        // What a first training loads and compiles, on a few rows.
        Train(context, View(context, Sorted(400)), null);
        Train(context, View(context, Sorted(1500)), 2);
        InfomorphicModelParameters? streamed = null;
        (long peak, long managed) = PeakOf(() => streamed = Train(context, data, Budget));
        InfomorphicModelParameters inMemory = Train(context, data, null);

        bool same = Problems.WeightsOf(streamed!.Network).SequenceEqual(Problems.WeightsOf(inMemory.Network));
        double accuracy = streamed.History.Epochs[^1].TrainingAccuracy;
        Console.WriteLine(
            $"{Count} rows, {3 * Budget} MiB, budget {Budget} MiB: working set +{Mebibytes(peak)} MiB, managed "
                + $"+{Mebibytes(managed)} MiB, accuracy {accuracy:P2}, same model as in memory: {same}"
        );
        return peak < Budget * Mebibyte + Slack && managed < Budget * Mebibyte && same && accuracy > 0.9 ? 0 : 1;
    }

    /// <summary>Trains on sparse rows, a batch of which would be 98 MiB with its zeros, and measures.</summary>
    internal static int MeasureSparse()
    {
        const int Budget = 64;
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(WideRows(2000));
        Train(context, View(context, Sorted(400)), null);

        (long peak, _) = PeakOf(() => Train(context, data, Budget, neurons: 4));

        Console.WriteLine($"budget {Budget} MiB: working set +{Mebibytes(peak)} MiB");
        return peak < Budget * Mebibyte + Slack ? 0 : 1;
    }

    private static string Mebibytes(long bytes) => $"{(double)bytes / Mebibyte:F1}";

    // What the process, and what its managed heap takes at most beyond what it has before.
    private static (long WorkingSet, long Managed) PeakOf(Action training)
    {
        GC.Collect();
        long managedBefore = GC.GetTotalMemory(forceFullCollection: true);
        long before = Environment.WorkingSet;
        long peak = 0;
        long managedPeak = 0;
        using var stop = new ManualResetEventSlim();
        var watch = new Thread(() =>
        {
            do
            {
                peak = Math.Max(peak, Environment.WorkingSet);
                managedPeak = Math.Max(managedPeak, GC.GetTotalMemory(forceFullCollection: false));
            } while (!stop.Wait(5));
        });
        watch.Start();
        training();
        stop.Set();
        watch.Join();
        return (peak - before, managedPeak - managedBefore);
    }

    private static InfomorphicModelParameters Train(MLContext context, IDataView data, int? budget, int neurons = 20) =>
        context
            .MulticlassClassification.Trainers.Infomorphic(
                new InfomorphicTrainer.Options
                {
                    NumberOfHiddenNeurons = neurons,
                    NumberOfEpochs = 3,
                    BatchSize = 256,
                    LearningRate = 0.01,
                    Seed = 1,
                    Device = "cpu",
                    MemoryBudget = budget,
                    Encoding = FeatureEncodingKind.None,
                }
            )
            .Fit(data)
            .Model;

    private InfomorphicModelParameters Fit(
        int? budget,
        bool weighted,
        IDataView train,
        IDataView? validation = null,
        int batch = 50,
        int? threads = null
    )
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfThreads = threads ?? options.NumberOfThreads;
        options.BatchSize = batch;
        options.MemoryBudget = budget;
        if (weighted)
            options.ExampleWeightColumnName = "Weight";
        InfomorphicTrainer trainer = _context.MulticlassClassification.Trainers.Infomorphic(options);
        return (validation is null ? trainer.Fit(train) : trainer.Fit(train, validation)).Model;
    }

    private IDataView View(IEnumerable<Row> rows) => View(_context, rows);

    private static IDataView View(MLContext context, IEnumerable<Row> rows) => context.Data.LoadFromEnumerable(rows);

    // Made up anew each time they are read, always the same.
    private static IEnumerable<Row> Rows(int count, int seed = 1)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
            yield return Fill(new Row { Features = new float[FeatureCount] }, random, i % ClassCount);
    }

    // Some 50 of many features are not zero.
    private static WideRow[] WideRows(int count)
    {
        var random = new Random(1);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i =>
                {
                    int[] indices =
                    [
                        .. Enumerable.Range(0, 50).Select(_ => random.Next(ManyFeatures)).Distinct().Order(),
                    ];
                    float[] values = [.. indices.Select(_ => random.NextSingle())];
                    return new WideRow
                    {
                        Label = (uint)(i % 2),
                        Features = new VBuffer<float>(ManyFeatures, indices.Length, values, indices),
                    };
                }),
        ];
    }

    // Sorted by class; the row is the same object each time, so that it costs no memory.
    private static IEnumerable<Row> Sorted(int count)
    {
        var random = new Random(1);
        var row = new Row { Features = new float[FeatureCount] };
        for (int i = 0; i < count; i++)
            yield return Fill(row, random, (int)((long)i * ClassCount / count));
    }

    private static Row Fill(Row row, Random random, int label)
    {
        row.Label = (uint)label;
        row.Weight = 0.5f + random.NextSingle();
        for (int feature = 0; feature < FeatureCount; feature++)
            row.Features[feature] = random.NextSingle() + (feature % ClassCount == label ? 0.1f : 0);
        return row;
    }

    private sealed class WideRow
    {
        [KeyType(2)]
        public uint Label { get; set; }

        [VectorType(ManyFeatures)]
        public VBuffer<float> Features { get; set; }
    }

    private sealed class SparseRow
    {
        [VectorType(FeatureCount)]
        public VBuffer<float> Features { get; set; }
    }
}
