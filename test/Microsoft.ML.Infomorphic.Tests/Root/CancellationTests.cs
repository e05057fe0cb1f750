using System.Diagnostics;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Tests.Training;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>Whatever a training is doing, it ends soon after it is cancelled, and leaves nothing behind.</summary>
[TestClass]
[DoNotParallelize] // it is timed
public sealed class CancellationTests
{
    // A batch or a row takes milliseconds here.
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(1);

    private readonly MLContext _context = new(1);

    public TestContext TestContext { get; set; } = null!;

    // libtorch is loaded once, which takes a second or more.
    [ClassInitialize]
    public static void LoadLibtorch(TestContext _) => TorchRuntime.EnsureLoaded();

    [TestMethod]
    public void A_slow_view_is_not_read_to_its_end()
    {
        IDataView slow = View(
            Samples
                .Rows(4000)
                .Select(row =>
                {
                    Thread.Sleep(2);
                    return row;
                })
        );

        AssertEnds(TimeSpan.FromSeconds(0.2), token => Trainer(token).Fit(slow));
    }

    // ML.NET reads some hundred rows ahead, and a row may take its time as well.
    [TestMethod]
    [DataRow(null)]
    [DataRow(2)]
    public void A_view_that_hangs_is_not_waited_for(int? budget)
    {
        using var hangs = new ManualResetEventSlim();
        int rows = 0;
        IDataView view = View(
            Samples
                .Rows(60_000)
                .Select(row =>
                {
                    // Later than the first reading where rows are streamed.
                    if (++rows == (budget is null ? 1000 : 70_000))
                        hangs.Wait();
                    return row;
                })
        );
        try
        {
            AssertEnds(
                TimeSpan.FromSeconds(1.5),
                token =>
                    Trainer(
                            token,
                            options =>
                            {
                                options.BatchSize = 1024;
                                options.NumberOfEpochs = 1_000_000;
                                options.MemoryBudget = budget;
                            }
                        )
                        .Fit(view)
            );
        }
        finally
        {
            hangs.Set();
        }
    }

    [TestMethod]
    [DataRow(1f)]
    [DataRow(float.NaN)]
    [DataRow(0f)]
    public void An_endless_view_is_left_though_no_row_of_it_is_valid(float weight)
    {
        IDataView endless = View(Endless(weight));

        AssertEnds(
            TimeSpan.FromSeconds(0.1),
            token => Trainer(token, options => options.ExampleWeightColumnName = "Weight").Fit(endless)
        );
    }

    [TestMethod]
    public void An_endless_validation_view_is_left()
    {
        IDataView endless = View(Endless(weight: 1));

        AssertEnds(
            TimeSpan.FromSeconds(0.1),
            token => Trainer(token, options => options.MemoryBudget = 4).Fit(Samples.View(_context), endless)
        );
    }

    // Thousands of classes take seconds, after the last epoch as well.
    [TestMethod]
    public void Scores_are_not_calibrated_to_the_end()
    {
        const int Classes = 500;
        const int Rows = 1500;
        var random = new Random(1);
        float[][] scores =
        [
            .. Enumerable
                .Range(0, Classes)
                .Select(_ => Enumerable.Range(0, Rows).Select(_ => random.NextSingle()).ToArray()),
        ];
        int[] labels = [.. Enumerable.Range(0, Rows).Select(row => row % Classes)];
        double[] weights = [.. Enumerable.Repeat(1.0, Rows)];
        int questions = 0;
        ScoreCalibrator.Fit(scores, labels, weights, checkAlive: () => questions++);
        Assert.IsGreaterThan(20, questions);

        using var later = new LaterCancellation(TimeSpan.FromSeconds(0.1));
        Assert.ThrowsExactly<OperationCanceledException>(() =>
        {
            while (true)
                ScoreCalibrator.Fit(scores, labels, weights, checkAlive: later.Token.ThrowIfCancellationRequested);
        });

        Assert.IsLessThan(s_soon / 4, later.Since);
    }

    [TestMethod]
    public void Trainers_that_read_together_go_on_until_the_last_of_them_is_cancelled()
    {
        using var now = new CancellationTokenSource();
        now.Cancel();
        IDataView data = Samples.View(_context);

        IReadOnlyList<FitOutcome> outcomes = InfomorphicTrainer.FitMany(
            [Trainer(now.Token), Trainer(CancellationToken.None)],
            data
        );

        Assert.ThrowsExactly<OperationCanceledException>(outcomes[0].GetTransformer);
        CollectionAssert.AreEqual(
            Problems.WeightsOf(Trainer(CancellationToken.None).Fit(data).Model.Network),
            Problems.WeightsOf(outcomes[1].GetTransformer().Model.Network)
        );
        IReadOnlyList<FitOutcome> none = InfomorphicTrainer.FitMany([Trainer(now.Token), Trainer(now.Token)], data);
        foreach (FitOutcome outcome in none)
            Assert.ThrowsExactly<OperationCanceledException>(outcome.GetTransformer);
    }

    // In memory; streamed; in a group; one layer after another. The view takes about as long to read as the rest takes.
    [TestMethod]
    [DataRow("in memory")]
    [DataRow("streamed")]
    [DataRow("in a group")]
    [DataRow("one layer after another")]
    public void A_training_ends_at_any_moment(string how)
    {
        const int Moments = 8;
        var random = new Random(how.Length);
        List<Samples.Row> rows = Samples.Rows(30_000);
        IDataView train = View(rows);
        IDataView validation = View(rows.Take(5000));

        Fit(CancellationToken.None); // compiles what there is
        Fit(CancellationToken.None);
        Stopwatch clock = Stopwatch.StartNew();
        float[] expected = Fit(CancellationToken.None);
        TimeSpan whole = clock.Elapsed;

        int cancelled = 0;
        for (int i = 0; i < Moments; i++)
        {
            using var later = new LaterCancellation(whole * (i + random.NextDouble()) / Moments);
            try
            {
                Fit(later.Token);
            }
            catch (OperationCanceledException)
            {
                cancelled++;
                Assert.IsLessThan(s_soon, later.Since, how);
            }
        }

        TestContext.WriteLine($"{whole.TotalSeconds:F2} s alone; cancelled {cancelled} times of {Moments}");
        Assert.IsGreaterThan(Moments / 3, cancelled);
        CollectionAssert.AreEqual(expected, Fit(CancellationToken.None));

        float[] Fit(CancellationToken token)
        {
            InfomorphicTrainer[] trainers =
            [
                .. Enumerable
                    .Range(1, how == "in a group" ? 3 : 1)
                    .Select(number =>
                        Trainer(
                            token,
                            options =>
                            {
                                options.BatchSize = 512;
                                options.OutputLearningRate = 0.001 * number;
                                if (how == "streamed")
                                    options.MemoryBudget = 1;
                                if (how == "one layer after another")
                                    (options.LayerOrder, options.NumberOfHiddenNeurons, options.HiddenLayers) = (
                                        LayerOrder.BottomUp,
                                        InfomorphicTrainer.Options.Defaults.NumberOfHiddenNeurons,
                                        [new HiddenLayerOptions { NumberOfNeurons = 5 }, new() { NumberOfNeurons = 5 }]
                                    );
                            }
                        )
                    ),
            ];
            return Problems.WeightsOf(
                trainers.Length == 1
                    ? trainers[0].Fit(train, validation).Model.Network
                    : InfomorphicTrainer.FitMany(trainers, train, validation)[^1].GetTransformer().Model.Network
            );
        }
    }

    private static void AssertEnds(TimeSpan after, Action<CancellationToken> training)
    {
        using var later = new LaterCancellation(after);
        Task run = Task.Factory.StartNew(() => training(later.Token), TaskCreationOptions.LongRunning);

        AggregateException ended = Assert.ThrowsExactly<AggregateException>(() => run.Wait(TimeSpan.FromSeconds(20)));
        Assert.IsInstanceOfType<OperationCanceledException>(ended.InnerException);
        Assert.IsLessThan(s_soon, later.Since);
    }

    private InfomorphicTrainer Trainer(CancellationToken token, Action<InfomorphicTrainer.Options>? change = null)
    {
        InfomorphicTrainer.Options options = Samples.Options();
        options.CancellationToken = token;
        change?.Invoke(options);
        return _context.MulticlassClassification.Trainers.Infomorphic(options);
    }

    // The keys are known beforehand, so that nobody reads the view to find them.
    private IDataView View(IEnumerable<Samples.Row> rows)
    {
        IDataView known = _context.Data.LoadFromEnumerable(Samples.Rows(3));
        return _context
            .Transforms.Conversion.MapValueToKey("Label", nameof(Samples.Row.Color))
            .Fit(known)
            .Transform(_context.Data.LoadFromEnumerable(rows));
    }

    private static IEnumerable<Samples.Row> Endless(float weight)
    {
        Samples.Row row = Samples.Rows(1)[0];
        row.Weight = weight;
        while (true)
            yield return row;
    }

    /// <summary>Cancels on time: a thread of its own, since those of the pool may all be at work.</summary>
    private sealed class LaterCancellation : IDisposable
    {
        private readonly CancellationTokenSource _source = new();
        private readonly Stopwatch _clock = new();
        private readonly Thread _thread;

        public LaterCancellation(TimeSpan after)
        {
            _thread = new Thread(() =>
            {
                Thread.Sleep(after);
                _clock.Start();
                _source.Cancel();
            });
            _thread.Start();
        }

        public CancellationToken Token => _source.Token;

        /// <summary>Time since it was cancelled.</summary>
        public TimeSpan Since => _clock.Elapsed;

        public void Dispose()
        {
            _thread.Join();
            _source.Dispose();
        }
    }
}
