using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training.Torch;

/// <summary>The tensor engine on one device, beside the CPU's own engine.</summary>
public abstract class TensorTrainingEngineTests
{
    // With β₁ = β₂ = 0 and ε = 1 a step of Adam is η g / (|g| + 1): weights follow their gradients without a jump, while
    // the paper's settings move a weight by η in the direction of a gradient that may be nothing but rounding.
    private static readonly AdamSettings s_smooth = new(0.1, 0.001)
    {
        Beta1 = 0,
        Beta2 = 0,
        Epsilon = 1,
    };

    private static readonly LabeledRows s_images = Problems.Blobs(430, features: DeepSetups.Features, weighted: true);

    private protected abstract torch.Device Device { get; }

    // Weights are of size 1 and rounded to 6·10⁻⁸ at each of up to ten steps; gradients have relative errors of some 10⁻⁶
    // (TensorGoalTests) and move weights by 0.004 a step or less: 10⁻⁶ holds both. Were a single one of the 10⁴ samples
    // different or a single row in another bin, weights would be off by 10⁻⁴ and more, so that samples and bins are proven
    // equal, too. By chance they need not be: a uniform number or a bin's edge might lie between two values that differ by
    // rounding. With 10⁴ of each and differences of 10⁻⁶ or less that is one run in a hundred, and no run of these seeds.
    [TestMethod]
    [DataRow(12, 100, 3, false, 1)]
    [DataRow(12, 100, 3, false, 10)]
    [DataRow(12, 100, 2, true, 10)]
    [DataRow(12, 100, 10, false, 10)]
    [DataRow(12, 5, 3, true, 1)]
    [DataRow(12, 5, 3, true, 10)]
    [DataRow(1, 100, 3, false, 10)]
    public void Steps_are_those_of_the_cpu(int hidden, int lateral, int classes, bool weighted, int steps)
    {
        LabeledRows rows = Problems.Blobs(430, classes: classes, features: 10, weighted: weighted);
        TrainingSettings settings = Problems.Settings(hidden).WithLateral(lateral).WithOptimizers(s_smooth, s_smooth);
        AssertStepsEqual(rows, settings, steps);
    }

    [TestMethod]
    [DataRow(Setups.Context, 100)]
    [DataRow(Setups.Lateral, 100)]
    [DataRow(Setups.Lateral, 5)]
    [DataRow(Setups.Feedback, 100)]
    [DataRow(Setups.Feedback, 5)]
    [DataRow(Setups.BivariateFeedback, 100)]
    [DataRow(Setups.ThreePresentations, 100)]
    [DataRow(Setups.ThreePresentations, 5)]
    [DataRow(Setups.FeedbackOfThree, 5)]
    [DataRow(Setups.BivariateFeedbackOfFive, 100)]
    [DataRow(Setups.Random, 100)]
    [DataRow(Setups.Readout, 100)]
    public void Steps_of_every_setup_are_those_of_the_cpu(string setup, int lateral)
    {
        TrainingSettings settings = Setups.Settings(setup).WithLateral(lateral).WithOptimizers(s_smooth, s_smooth);
        AssertStepsEqual(Problems.Blobs(430, features: 10, weighted: true), settings, steps: 6);
    }

    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void Steps_of_several_layers_are_those_of_the_cpu(string setup)
    {
        AssertStepsEqual(s_images, Smooth(setup), steps: 1);
        AssertStepsEqual(s_images, Smooth(setup), steps: 10);
    }

    // Three networks that differ in goals, activations and rates; the second one leaves after four steps.
    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void Networks_together_come_to_what_each_comes_to_alone(string setup)
    {
        TrainingSettings settings = Smooth(setup);
        TrainingSettings[] networks =
        [
            settings,
            settings.WithHidden(layer => layer with { Optimizer = s_smooth with { LearningRate = 0.05 } }),
            settings.WithHidden(layer =>
                layer with
                {
                    Goal = layer.Goal is GoalFunction goal
                        ? GoalFunction.FromGamma(goal.Sources, [.. goal.Gamma.Select((g, i) => i % 3 == 0 ? g / 2 : g)])
                        : null,
                    Activation = layer.Activation switch
                    {
                        ModulatedActivation modulated => modulated with { Beta1 = 1.5, Alpha2 = 0.2 },
                        BivariateActivation bivariate => bivariate with { K = 0.8 },
                        Activation same => same,
                    },
                }
            ),
        ];
        AssertTogetherAsAlone(networks);
    }

    // Three networks that draw weights, connections and samples of their own.
    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void Networks_of_an_ensemble_come_to_what_each_comes_to_alone(string setup)
    {
        TrainingSettings settings = Smooth(setup) with { Networks = 3 };
        AssertTogetherAsAlone([.. Enumerable.Range(0, 3).Select(network => settings with { Network = network })]);
    }

    private void AssertTogetherAsAlone(TrainingSettings[] networks)
    {
        TrainingSettings settings = networks[0];
        NetworkState[] states = [.. networks.Select(network => NewState(s_images, network))];
        NetworkState[] alone = [.. networks.Select(network => NewState(s_images, network))];
        using var together = new TensorTrainingEngine(states, settings, 100, Device);
        TensorTrainingEngine[] engines =
        [
            .. alone.Select(state => new TensorTrainingEngine(state, settings, 100, Device)),
        ];
        for (int step = 0; step < 8; step++)
        {
            int[] batch = [.. Enumerable.Range(step * 40, step == 5 ? 61 : 100)];
            together.Step(s_images, batch);
            foreach (TensorTrainingEngine engine in engines)
                engine.Step(s_images, batch);
            if (step == 3)
            {
                together.Remove(1);
                engines[1].Dispose();
                engines = [engines[0], engines[2]];
            }
        }

        together.DownloadWeights();
        int[] evaluated = [.. Enumerable.Range(7, 90)];
        together.Evaluate(
            s_images,
            evaluated,
            [0, 1],
            (network, output) =>
            {
                float[][] expected = engines[network].Evaluate(s_images, evaluated);
                for (int neuron = 0; neuron < expected.Length; neuron++)
                for (int row = 0; row < evaluated.Length; row++)
                    Assert.AreEqual(expected[neuron][row], output[neuron][row], 1e-4);
            }
        );
        foreach ((TensorTrainingEngine engine, int network) in engines.Zip([0, 2]))
        {
            engine.DownloadWeights();
            Assert.IsLessThanOrEqualTo(1e-6, DifferencesOf(alone[network], states[network]).Max());
            engine.Dispose();
        }

        foreach (NetworkState state in states.Concat(alone))
            state.Dispose();
    }

    private void AssertStepsEqual(LabeledRows rows, TrainingSettings settings, int steps)
    {
        using var pair = new Pair(rows, settings, Device);
        for (int step = 0; step < steps; step++)
            pair.Step();

        pair.AssertWeightsEqual(1e-6);
        pair.AssertEvaluationsEqual();
        foreach ((LayerStatistics? expected, LayerStatistics? actual) in pair.Expected.Layers.Zip(pair.Actual.Layers))
            AssertAtomsEqual(expected?.MeanAtoms() ?? [], actual?.MeanAtoms() ?? []);

        // Redundancies are as precise as in the kernels' tests; an atom is a signed sum of up to eight.
        static void AssertAtomsEqual(double[] expected, double[] actual)
        {
            for (int i = 0; i < expected.Length; i++)
                Assert.AreEqual(expected[i], actual[i], 1e-4);
        }
    }

    // Rounding decides the direction of weights without a gradient, and these move by η a step at most.
    [TestMethod]
    public void Steps_of_the_paper_s_optimiser_stay_close_to_those_of_the_cpu()
    {
        TrainingSettings settings = Problems.Settings();
        using var pair = new Pair(Problems.Blobs(430), settings, Device);
        for (int step = 0; step < 5; step++)
            pair.Step();
        double[] differences = pair.WeightDifferences();
        Assert.IsLessThanOrEqualTo(2 * 5 * settings.Output.Optimizer.LearningRate, differences.Max());
        Assert.IsGreaterThanOrEqualTo(
            0.99,
            differences.Count(difference => difference < 1e-4) / (double)differences.Length
        );
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(0.25)]
    public void Learning_rates_are_multiplied_as_on_the_cpu(double factor)
    {
        using var pair = new Pair(Problems.Blobs(430), Problems.Settings(), Device);
        double[] before = pair.Weights();
        pair.RateFactor = factor;
        for (int step = 0; step < 3; step++)
            pair.Step();
        pair.AssertWeightsEqual(1e-5); // Adam divides by roots of small gradients, which magnifies rounding.
        double largest = pair.Weights().Zip(before, (now, then) => Math.Abs(now - then)).Max();
        double rate = Problems.Settings().Output.Optimizer.LearningRate;
        Assert.AreEqual(3 * factor * rate, largest, 0.5 * factor * rate);
    }

    [TestMethod]
    [DataRow(100)]
    [DataRow(5)]
    public void The_same_seed_gives_the_same_bits(int lateral)
    {
        LabeledRows rows = Problems.Blobs(430);
        TrainingSettings settings = Problems.Settings(epochs: 3).WithLateral(lateral);
        float[] first = Problems.WeightsOf(Train(rows, settings).Network);
        CollectionAssert.AreEqual(first, Problems.WeightsOf(Train(rows, settings).Network));
        CollectionAssert.AreNotEqual(first, Problems.WeightsOf(Train(rows, settings with { Seed = 2 }).Network));
    }

    // As on the CPU: the best classifier errs on 0.5 % of the rows.
    [TestMethod]
    [DataRow(100, false)]
    [DataRow(5, true)]
    public void Learns(int lateral, bool weighted)
    {
        LabeledRows rows = Problems.Blobs(600, weighted: weighted);
        LabeledRows unseen = Problems.Blobs(600, seed: 2);
        TrainingResult result = Train(rows, Problems.Settings().WithLateral(lateral), unseen);
        EpochRecord last = result.History.Epochs[^1];
        Assert.IsGreaterThanOrEqualTo(0.96, Problems.Accuracy(result.Network, unseen));
        Assert.IsGreaterThanOrEqualTo(0.96, last.ValidationAccuracy!.Value);
    }

    [TestMethod]
    public void The_best_epoch_s_weights_come_back()
    {
        LabeledRows rows = Problems.Blobs(300);
        LabeledRows unseen = Problems.Blobs(300, seed: 2);
        TrainingSettings settings = Problems.Settings(epochs: 12) with { RestoreBestEpoch = true };
        TrainingResult result = Train(rows, settings, unseen);
        int best = result.History.BestEpoch;
        Assert.AreEqual(
            result.History.Epochs.Max(epoch => epoch.ValidationAccuracy),
            result.History.Epochs[best - 1].ValidationAccuracy
        );
        TrainingResult shorter = Train(rows, settings with { Epochs = best, RestoreBestEpoch = false }, unseen);
        CollectionAssert.AreEqual(Problems.WeightsOf(shorter.Network), Problems.WeightsOf(result.Network));
    }

    [TestMethod]
    public void Weights_go_to_the_device_and_come_back()
    {
        LabeledRows rows = Problems.Blobs(100);
        TrainingSettings settings = Problems.Settings().WithLateral(5);
        using NetworkState state = NewState(rows, settings);
        using var engine = new TensorTrainingEngine(state, settings, 100, Device);
        float[][] fresh = state.Snapshot();
        int[] batch = [.. Enumerable.Range(0, 100)];
        engine.Step(rows, batch);
        CollectionAssert.AreEqual(fresh[0], state.Snapshot()[0]);
        engine.DownloadWeights();
        float[][] trained = state.Snapshot();
        CollectionAssert.AreNotEqual(fresh[0], trained[0]);
        state.Restore(fresh);
        engine.UploadWeights(0);
        state.Restore(trained);
        engine.DownloadWeights();
        foreach ((float[] expected, float[] actual) in fresh.Zip(state.Snapshot()))
            CollectionAssert.AreEqual(expected, actual);
    }

    // Every tensor of a step ends with it, and nothing of an engine outlives it.
    [TestMethod]
    [DataRow(Setups.Full)]
    [DataRow(Setups.Context)]
    [DataRow(Setups.Feedback)]
    [DataRow(Setups.Random)]
    [DataRow(Setups.Readout)]
    public void Tensors_do_not_pile_up(string setup)
    {
        AssertNothingPilesUp(Problems.Blobs(250), Setups.Settings(setup).WithLateral(5));
    }

    [TestMethod]
    [DynamicData(nameof(DeepSetups.All), typeof(DeepSetups))]
    public void Tensors_of_several_layers_do_not_pile_up(string setup) => AssertNothingPilesUp(s_images, Smooth(setup));

    private void AssertNothingPilesUp(LabeledRows rows, TrainingSettings settings)
    {
        var statistics = DisposeScopeManager.Statistics.TensorStatistics;
        using NetworkState state = NewState(rows, settings);
        int[] order = [.. Enumerable.Range(0, 250)];
        long before = statistics.ThreadTotalLiveCount;
        using (var engine = new TensorTrainingEngine(state, settings, 100, Device))
        {
            long settled = 0;
            for (int step = 0; step < 40; step++)
            {
                if (step % 3 == 0)
                    engine.Announce(order);
                int start = step % 3 * 100;
                engine.Step(rows, order.AsSpan(start, Math.Min(100, 250 - start)), NewStatistics(step));
                _ = engine.Evaluate(rows, order[..50]);
                if (step == 9)
                    settled = statistics.ThreadTotalLiveCount;
            }

            Assert.AreEqual(settled, statistics.ThreadTotalLiveCount);
        }

        Assert.AreEqual(before, statistics.ThreadTotalLiveCount);

        InformationStatistics[] NewStatistics(int step) => step % 5 == 0 ? [new InformationStatistics(state)] : [];
    }

    // A network whose weights are no longer numbers is reported, and nothing breaks before.
    [TestMethod]
    public void Divergence_is_reported()
    {
        TrainingSettings settings = Problems
            .Settings()
            .WithHidden(layer => layer with { Optimizer = new AdamSettings(1e38, 0) });
        InvalidOperationException failure = Assert.ThrowsExactly<InvalidOperationException>(() =>
            Train(Problems.Blobs(300), settings)
        );
        StringAssert.StartsWith(failure.Message, "Training diverged in epoch 1");
    }

    [TestMethod]
    public void Rows_that_do_not_fit_are_named()
    {
        const int Rows = 1_000_000_000;
        const int Features = 1_000_000;
        var rows = new LabeledRows(new DenseFeatureMatrix(Rows, Features, []), [], null, 2);
        var scaling = new FeatureScaling(
            Standardization.None,
            new float[Features],
            [.. Enumerable.Repeat(1f, Features)]
        );
        InvalidOperationException failure = Assert.ThrowsExactly<InvalidOperationException>(() =>
            new ResidentRows(rows, scaling, Device)
        );
        Assert.AreEqual(
            $"The 1000000000 rows of 1000000 features take 3725290.3 GiB, more than the memory of {Device} has room for: train on fewer rows or features, or on the CPU.",
            failure.Message
        );
    }

    private TrainingResult Train(LabeledRows rows, TrainingSettings settings, LabeledRows? validation = null) =>
        NetworkTrainer
            .TrainMany(
                rows,
                validation is null ? null : new RowsInMemory(validation),
                [new TrainingRequest(settings, new TrainingCallbacks())],
                (states, settings, maximum) => new TensorTrainingEngine(states, settings, maximum.Rows, Device)
            )[0]
            .GetResult();

    private static TrainingSettings Smooth(string deepSetup) =>
        DeepSetups.Settings(deepSetup).WithOptimizers(s_smooth, s_smooth) with
        {
            Standardization = Standardization.Global,
        };

    private static IEnumerable<double> DifferencesOf(NetworkState expected, NetworkState actual) =>
        expected
            .Snapshot()
            .Zip(actual.Snapshot())
            .SelectMany(pair => pair.First.Zip(pair.Second, (a, b) => (double)Math.Abs(a - b)));

    private static NetworkState NewState(LabeledRows rows, TrainingSettings settings)
    {
        TorchRuntime.EnsureLoaded();
        return NetworkState.Create(
            settings,
            FeatureScalingEstimator.Estimate(
                rows,
                settings.Standardization == Standardization.Auto ? Standardization.PerFeature : settings.Standardization
            ),
            rows.ClassCount
        );
    }

    /// <summary>Both engines, on the same batches; the last one of a pass is smaller.</summary>
    private sealed class Pair : IDisposable
    {
        private readonly LabeledRows _rows;
        private readonly int _batchSize;
        private readonly NetworkState _expectedState;
        private readonly NetworkState _actualState;
        private readonly CpuTrainingEngine _expected;
        private readonly TensorTrainingEngine _actual;
        private readonly int[] _order;
        private int _next;

        public Pair(LabeledRows rows, TrainingSettings settings, torch.Device device)
        {
            _rows = rows;
            _batchSize = settings.BatchSize;
            _expectedState = NewState(rows, settings);
            _actualState = NewState(rows, settings);
            _expected = new CpuTrainingEngine(_expectedState, settings, _batchSize);
            _actual = new TensorTrainingEngine(_actualState, settings, _batchSize, device);
            Expected = new InformationStatistics(_expectedState);
            Actual = new InformationStatistics(_actualState);
            _order = [.. Enumerable.Range(0, rows.RowCount)];
            new RandomStream(settings.Seed, RandomStreams.Shuffling).Shuffle(_order);
            _actual.Announce(_order);
        }

        public InformationStatistics Expected { get; }

        public InformationStatistics Actual { get; }

        public void Step()
        {
            Span<int> batch = _order.AsSpan(_next, Math.Min(_batchSize, _order.Length - _next));
            _expected.Step(_rows, batch, Expected);
            _actual.Step(_rows, batch, Actual);
            _next = (_next + batch.Length) % _order.Length;
        }

        public double RateFactor
        {
            set => _expected.RateFactor = _actual.RateFactor = value;
        }

        public double[] Weights() =>
            [.. _expectedState.Snapshot().SelectMany(of => of).Select(weight => (double)weight)];

        public double[] WeightDifferences()
        {
            _actual.DownloadWeights();
            return [.. DifferencesOf(_expectedState, _actualState)];
        }

        public void AssertWeightsEqual(double tolerance)
        {
            double[] differences = WeightDifferences();
            Assert.IsLessThanOrEqualTo(tolerance, differences.Max());
        }

        // Sums of 12 weights that differ by up to 10⁻⁶, times outputs that differ by some 10⁻⁶.
        public void AssertEvaluationsEqual()
        {
            int[] batch = [.. Enumerable.Range(3, 97)];
            float[][] expected = _expected.Evaluate(_rows, batch);
            float[][] actual = _actual.Evaluate(_rows, batch);
            for (int neuron = 0; neuron < expected.Length; neuron++)
            for (int i = 0; i < batch.Length; i++)
                Assert.AreEqual(expected[neuron][i], actual[neuron][i], 1e-4);
        }

        public void Dispose()
        {
            _expected.Dispose();
            _actual.Dispose();
            _expectedState.Dispose();
            _actualState.Dispose();
        }
    }
}

/// <summary>The operations on the CPU.</summary>
[TestClass]
[DoNotParallelize] // TorchSharp lets go of a number's memory while libtorch reads it if a collection comes in between, which other tests cause.
public class TensorTrainingEngineOnCpuTests : TensorTrainingEngineTests
{
    private protected override torch.Device Device => torch.CPU;

    [TestMethod]
    [DataRow(99)]
    [DataRow(-1)]
    public void An_absent_cuda_device_is_named(int index)
    {
        InvalidOperationException failure = Assert.ThrowsExactly<InvalidOperationException>(() =>
            NetworkTrainer.Train(
                Problems.Blobs(10),
                null,
                Problems.Settings(),
                null,
                new ComputeDevice(index),
                new TrainingCallbacks()
            )
        );
        StringAssert.StartsWith(failure.Message, $"The device cuda:{index} is not there: ");
    }
}

/// <summary>The same on a CUDA device, the last one.</summary>
[TestClass]
[TestCategory("GPU")]
public class TensorTrainingEngineOnCudaTests : TensorTrainingEngineTests
{
    private protected override torch.Device Device => new(DeviceType.CUDA, TorchRuntime.CudaDeviceCount - 1);

    [TestInitialize]
    public void SkipWithoutDevice()
    {
        if (TorchRuntime.CudaDeviceCount == 0)
            Assert.Inconclusive("There is no CUDA device that libtorch can use here.");
    }
}
