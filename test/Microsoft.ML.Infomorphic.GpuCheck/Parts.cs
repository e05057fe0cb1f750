using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Microsoft.ML.Infomorphic.Benchmarks;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Training.Torch;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.GpuCheck;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>libtorch, and the devices.</summary>
internal static class FactsPart
{
    public static Command Create() =>
        Part.Create(
            "facts",
            "Loads libtorch, and multiplies on the device.",
            (measurement, _) =>
            {
                torch.Device device = measurement.TorchDevice;
                using torch.Tensor ones = torch.ones(64, 64, device: device);
                using torch.Tensor product = ones.mm(ones);
                float sum = product.sum().cpu().item<float>();
                if (!sum.Equals(64f * 64 * 64))
                    throw new InvalidOperationException($"A product on {device} is wrong: its sum is {sum}.");
                Console.WriteLine(TorchRuntime.Description);
                return new
                {
                    LibTorch = TorchRuntime.Description,
                    Wanted = TorchRuntime.WantedLibTorchVersion,
                    CudaDevices = TorchRuntime.CudaDeviceCount,
                    Device = device.ToString(),
                    Gpu = Part.Ask(
                        "nvidia-smi",
                        "--query-gpu=name,driver_version,memory.total",
                        "--format=csv,noheader"
                    ),
                };
            }
        );
}

/// <summary>The tests of the tensor engine, on the device.</summary>
internal static class TestsPart
{
    public static Command Create() =>
        Part.Create(
            "tests",
            "Runs the tests of the tensor engine.",
            (measurement, _) =>
            {
                Type suite = measurement.Device.IsCuda
                    ? typeof(TensorTrainingEngineOnCudaTests)
                    : typeof(TensorTrainingEngineOnCpuTests);
                var clock = Stopwatch.StartNew();
                int passed = 0;
                var failed = new List<string>();
                foreach (
                    MethodInfo test in suite
                        .GetMethods()
                        .Where(method => method.GetCustomAttribute<TestMethodAttribute>() is not null)
                )
                {
                    object?[]?[] rows =
                    [
                        .. test.GetCustomAttributes().OfType<ITestDataSource>().SelectMany(of => of.GetData(test)),
                    ];
                    foreach (object?[]? row in rows.Length == 0 ? [null] : rows)
                    {
                        if (clock.Elapsed.TotalSeconds > measurement.Seconds)
                            return Result(isComplete: false);
                        try
                        {
                            test.Invoke(Activator.CreateInstance(suite), row);
                            passed++;
                        }
                        catch (TargetInvocationException exception)
                        {
                            string reason = exception.InnerException!.Message.Split('\n')[0];
                            failed.Add($"{test.Name}({string.Join(", ", row ?? [])}): {reason}");
                            Console.WriteLine(failed[^1]);
                        }
                    }
                }

                return Result(isComplete: true);

                object Result(bool isComplete)
                {
                    Console.WriteLine($"{passed} passed, {failed.Count} failed{(isComplete ? "" : ", out of time")}");
                    return new
                    {
                        Passed = passed,
                        Failed = failed,
                        IsComplete = isComplete,
                    };
                }
            }
        );
}

/// <summary>The tensor engine's weights beside those of the CPU's own engine.</summary>
internal static class EqualityPart
{
    public static Command Create() =>
        Part.Create(
            "equality",
            "Compares weights with those of the CPU after 1, 10 and 100 steps.",
            (measurement, _) =>
            {
                // With these settings of Adam weights follow their gradients without a jump.
                var smooth = new AdamSettings(0.1, 0.001)
                {
                    Beta1 = 0,
                    Beta2 = 0,
                    Epsilon = 1,
                };
                TrainingSettings paper = Part.Settings(100, 1);
                return new { Smooth = Compare(paper.WithOptimizer(smooth)), Paper = Compare(paper) };

                List<object> Compare(TrainingSettings settings)
                {
                    BenchmarkData data = measurement.Data;
                    using NetworkState onCpu = NewState();
                    using NetworkState onDevice = NewState();
                    using var expected = new CpuTrainingEngine([onCpu], settings, settings.BatchSize);
                    using var actual = new TensorTrainingEngine(
                        onDevice,
                        settings,
                        settings.BatchSize,
                        measurement.TorchDevice
                    );
                    int[] order = [.. Enumerable.Range(0, data.Train.RowCount)];
                    new RandomStream(settings.Seed, RandomStreams.Shuffling).Shuffle(order);
                    var results = new List<object>();
                    for (int step = 0; step < 100; step++)
                    {
                        int start = step * settings.BatchSize % (order.Length - settings.BatchSize);
                        ReadOnlySpan<int> batch = order.AsSpan(start, settings.BatchSize);
                        expected.Step(data.Train, batch);
                        actual.Step(data.Train, batch);
                        if (step + 1 is not (1 or 10 or 100))
                            continue;
                        actual.DownloadWeights();
                        double[] differences =
                        [
                            .. onCpu
                                .Snapshot()
                                .SelectMany(of => of)
                                .Zip(onDevice.Snapshot().SelectMany(of => of), (a, b) => Math.Abs((double)a - b))
                                .Order(),
                        ];
                        Console.WriteLine(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"after {step + 1} steps: largest difference {differences[^1]:E1}, median {differences[differences.Length / 2]:E1}"
                            )
                        );
                        results.Add(
                            new
                            {
                                Steps = step + 1,
                                Largest = differences[^1],
                                Median = differences[differences.Length / 2],
                            }
                        );
                    }

                    return results;

                    NetworkState NewState() => NetworkState.Create(settings, data.Scaling, BenchmarkData.Classes);
                }
            }
        );

    private static TrainingSettings WithOptimizer(this TrainingSettings settings, AdamSettings optimizer) =>
        settings with
        {
            HiddenLayers = [.. settings.HiddenLayers.Select(layer => layer with { Optimizer = optimizer })],
            Output = settings.Output with { Optimizer = optimizer },
        };
}

/// <summary>What a training on the device comes to.</summary>
internal static class AccuracyPart
{
    public static Command Create()
    {
        Option<int> hidden = MeasurementOptions.WholeNumber("--hidden", "Number of hidden neurons.", 100);
        Option<int> epochs = MeasurementOptions.WholeNumber("--epochs", "Epochs to train.", 100);
        return Part.Create(
            "accuracy",
            "Trains, and says what share of the test rows is right.",
            (measurement, parsed) =>
            {
                var clock = Stopwatch.StartNew();
                double? accuracy = null;
                int epoch = 0;
                var callbacks = new TrainingCallbacks
                {
                    EpochEnded = record =>
                    {
                        (epoch, accuracy) = (record.Epoch, record.ValidationAccuracy);
                        if (clock.Elapsed.TotalSeconds > measurement.Seconds)
                            throw new TimeoutException();
                    },
                };
                try
                {
                    _ = NetworkTrainer.Train(
                        measurement.Data.Train,
                        measurement.Data.Test,
                        Part.Settings(parsed.GetValue(hidden), parsed.GetValue(epochs)),
                        null,
                        measurement.Device,
                        callbacks
                    );
                }
                catch (TimeoutException) { }

                double seconds = clock.Elapsed.TotalSeconds;
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"N = {parsed.GetValue(hidden)}: {accuracy:P2} of the test rows after {epoch} epochs, {seconds:F1} s"
                    )
                );
                return new
                {
                    Hidden = parsed.GetValue(hidden),
                    Epochs = epoch,
                    AskedFor = parsed.GetValue(epochs),
                    TestAccuracy = accuracy,
                    Seconds = seconds,
                };
            },
            hidden,
            epochs
        );
    }
}

/// <summary>Several networks as one, and one after the other.</summary>
internal static class TogetherPart
{
    public static Command Create()
    {
        Option<int> networks = MeasurementOptions.WholeNumber("--networks", "Number of networks.", 16, minimum: 2);
        Option<int> hidden = MeasurementOptions.WholeNumber("--hidden", "Number of hidden neurons.", 100);
        Option<int> epochs = MeasurementOptions.WholeNumber("--epochs", "Epochs to train.", 2);
        return Part.Create(
            "together",
            "Trains several networks as one, and one after the other.",
            (measurement, parsed) =>
            {
                int count = parsed.GetValue(networks);
                var random = new RandomStream(1, 0);
                GoalFunction centre = GoalFunctions.OptimizedTpe1;
                TrainingSettings[] settings =
                [
                    .. Enumerable
                        .Range(0, count)
                        .Select(_ => Part.Settings(parsed.GetValue(hidden), parsed.GetValue(epochs)))
                        .Select(of =>
                            of with
                            {
                                HiddenLayers =
                                [
                                    of.HiddenLayers[0] with
                                    {
                                        Goal = GoalFunction.FromGamma(
                                            centre.Sources,
                                            [.. centre.Gamma.Select(g => g + 0.4 * (random.NextUniform() - 0.5))]
                                        ),
                                    },
                                ],
                            }
                        ),
                ];

                // The first training pays for what a process does once.
                _ = Train([settings[0] with { Epochs = 1 }]);
                double together = Train(settings);
                double apart = settings.Sum(one => Train([one]));
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{count} networks: {together:F2} s as one, {apart:F2} s one after the other, {together / apart:F2} ×"
                    )
                );
                return new
                {
                    Networks = count,
                    Hidden = parsed.GetValue(hidden),
                    Epochs = parsed.GetValue(epochs),
                    SecondsAsOne = together,
                    SecondsOneAfterTheOther = apart,
                    Ratio = together / apart,
                };

                double Train(TrainingSettings[] together)
                {
                    long start = Stopwatch.GetTimestamp();
                    foreach (
                        TrainingOutcome outcome in NetworkTrainer.TrainMany(
                            measurement.Data.Train,
                            null,
                            [.. together.Select(of => new TrainingRequest(of, new TrainingCallbacks()))],
                            measurement.Device
                        )
                    )
                        _ = outcome.GetResult();
                    return Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
            },
            networks,
            hidden,
            epochs
        );
    }
}

/// <summary>The memory that one training after another leaves behind.</summary>
internal static class MemoryPart
{
    private const int Settled = 10;

    public static Command Create()
    {
        Option<int> fits = MeasurementOptions.WholeNumber("--fits", "Number of trainings.", 50, minimum: Settled + 1);
        return Part.Create(
            "memory",
            "Trains one network after another, and says how much memory the process then has.",
            (measurement, parsed) =>
            {
                LabeledRows rows = Tests.Training.Problems.Blobs(2000);
                TrainingSettings settings = Part.Settings(100, 1) with { BatchSize = 500 };
                var clock = Stopwatch.StartNew();
                var memory = new List<(double Process, double? Device)>();
                while (memory.Count < parsed.GetValue(fits) && clock.Elapsed.TotalSeconds < measurement.Seconds)
                {
                    _ = NetworkTrainer.Train(rows, null, settings, null, measurement.Device, new TrainingCallbacks());
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    GC.Collect();
                    memory.Add((ProcessMegabytes(), measurement.Device.IsCuda ? DeviceMegabytes() : null));
                }

                (double Process, double? Device) settled = memory[Math.Min(Settled, memory.Count) - 1];
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"after {Settled} and {memory.Count} trainings: {settled.Process:F0} and {memory[^1].Process:F0} MB of the process, {settled.Device:F0} and {memory[^1].Device:F0} MB of the device"
                    )
                );
                return new
                {
                    Trainings = memory.Count,
                    ProcessMegabytes = new[] { settled.Process, memory[^1].Process },
                    DeviceMegabytes = new[] { settled.Device, memory[^1].Device },
                };
            },
            fits
        );
    }

    private static double ProcessMegabytes()
    {
        const string Anonymous = "RssAnon:";
        string line = File.ReadLines("/proc/self/status")
            .First(of => of.StartsWith(Anonymous, StringComparison.Ordinal));
        return long.Parse(
                line[Anonymous.Length..].Replace("kB", ""),
                NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture
            ) / 1024.0;
    }

    private static double? DeviceMegabytes() =>
        Part.Ask("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits") is string text
        && double.TryParse(text.Split('\n')[0], CultureInfo.InvariantCulture, out double used)
            ? used
            : null;
}
