using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Training.Torch;

/// <summary>A device that fails while it trains: one sentence says so, everything is given back, and the CPU trains as before.</summary>
[TestClass]
[DoNotParallelize] // as other tests that use tensors
public sealed class DeviceFailureTests
{
    private const string NoRoom =
        "has no room for 12 hidden neurons, 3 classes and batches of 60 rows: train fewer neurons, or on smaller batches";

    private readonly LabeledRows _rows = Problems.Blobs(200);
    private readonly TrainingSettings _settings = Problems.Settings() with { BatchSize = 60 };

    [TestMethod]
    [DataRow(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB\nframe #0: c10::Error::Error",
        $"The memory of cuda:1 {NoRoom}, or on the CPU."
    )]
    [DataRow(
        "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported later\nframe #0: c10::Error",
        "Training failed on cuda:1: CUDA error: an illegal memory access was encountered."
    )]
    public void A_device_that_fails_in_the_midst_of_a_training_is_said_in_one_sentence(
        string libtorch,
        string expected
    ) => AssertSaid(expected, new ComputeDevice(1), () => throw new FailureOfLibtorch(libtorch));

    // libtorch's own words for it.
    [TestMethod]
    public void Memory_that_the_system_does_not_have_is_said_as_well() =>
        AssertSaid($"The memory of cpu {NoRoom}.", ComputeDevice.Cpu, () => torch.zeros(1L << 50).Dispose());

    private void AssertSaid(string expected, ComputeDevice device, Action inStep)
    {
        float[] before = Problems.WeightsOf(Train(ComputeDevice.Cpu, null));
        var failing = new List<Failing>();

        string said = Samples.Failure<InvalidOperationException>(() => Train(device, inStep, failing));

        Assert.AreEqual(expected, said);
        Assert.IsTrue(failing.Single().IsDisposed);
        CollectionAssert.AreEqual(before, Problems.WeightsOf(Train(ComputeDevice.Cpu, null)));
    }

    private InfomorphicNetwork Train(ComputeDevice device, Action? inStep, List<Failing>? failing = null) =>
        NetworkTrainer
            .TrainMany(
                new RowsInMemory(_rows),
                null,
                [new TrainingRequest(_settings, new TrainingCallbacks())],
                device,
                createEngine: inStep is null
                    ? null
                    : (states, settings, maximum) =>
                    {
                        failing!.Add(new Failing(new CpuTrainingEngine(states, settings, maximum), inStep));
                        return failing[^1];
                    }
            )[0]
            .GetResult()
            .Network;

    private sealed class FailureOfLibtorch(string message) : ExternalException(message);

    /// <summary>Fails in its third step.</summary>
    private sealed class Failing(TrainingEngine engine, Action inStep) : WrappedEngine(engine)
    {
        private int _steps;

        public bool IsDisposed { get; private set; }

        public override void Step(
            LabeledRows rows,
            ReadOnlySpan<int> batch,
            params ReadOnlySpan<InformationStatistics> statistics
        )
        {
            if (++_steps == 3)
                inStep();
            base.Step(rows, batch, statistics);
        }

        public override void Dispose()
        {
            IsDisposed = true;
            base.Dispose();
        }
    }
}
