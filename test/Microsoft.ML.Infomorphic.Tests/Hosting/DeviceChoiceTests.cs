using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class DeviceChoiceTests
{
    private readonly MLContext _context = new();

    [TestMethod]
    [DataRow("cpu", 0, "cpu")]
    [DataRow("cuda", 1, "cuda:0")]
    [DataRow("cuda:1", 2, "cuda:1")]
    public void An_explicit_device_wins(string option, int devices, string expected)
    {
        _context.GpuDeviceId = 5;

        Assert.AreEqual(expected, Choose(option, devices).ToString());
    }

    [TestMethod]
    public void The_cpu_is_chosen_without_a_look_at_cuda()
    {
        Assert.AreEqual(ComputeDevice.Cpu, Choose("cpu", null));
        Assert.AreEqual(ComputeDevice.Cpu, Choose("auto", null));
    }

    [TestMethod]
    public void Auto_follows_the_context()
    {
        _context.GpuDeviceId = 1;

        Assert.AreEqual("cuda:1", Choose("auto", 2).ToString());
    }

    [TestMethod]
    public void Auto_falls_back_where_the_context_allows_it()
    {
        _context.GpuDeviceId = 1;
        _context.FallbackToCpu = true;

        List<string> messages = Samples.Messages(_context, () => Assert.AreEqual(ComputeDevice.Cpu, Choose("auto", 1)));

        CollectionAssert.Contains(
            messages,
            "Warning: Training on the CPU: GpuDeviceId is 1, and the only CUDA device is cuda:0."
        );
    }

    [TestMethod]
    public void Auto_fails_where_the_context_does_not_allow_a_fallback()
    {
        _context.GpuDeviceId = 0;
        _context.FallbackToCpu = false;

        StringAssert.StartsWith(
            Samples.Failure<InvalidOperationException>(() => Choose("auto", 0)),
            "Fallback to CPU is false but no GPU detected: GpuDeviceId is 0, and there is no CUDA device"
        );
    }

    [TestMethod]
    [DataRow("cuda:1", 1, "Device is 'cuda:1', and the only CUDA device is cuda:0.")]
    [DataRow("cuda:4", 2, "Device is 'cuda:4', and the CUDA devices are cuda:0 to cuda:1.")]
    public void An_explicit_device_that_is_not_there_is_an_error(string option, int devices, string expected) =>
        Assert.AreEqual(expected, Samples.Failure<InvalidOperationException>(() => Choose(option, devices)));

    [TestMethod]
    public void That_there_is_no_device_is_explained() =>
        Assert.StartsWith(
            "Device is 'cuda', and there is no CUDA device that libtorch can use: ",
            Samples.Failure<InvalidOperationException>(() => Choose("cuda", 0))
        );

    [TestMethod]
    [DataRow("auto", true)]
    [DataRow("cpu", true)]
    [DataRow("cuda:12", true)]
    [DataRow("CPU", false)]
    [DataRow("cuda:-1", false)]
    [DataRow("tpu", false)]
    [DataRow("", false)]
    [DataRow(null, false)]
    public void The_texts_that_the_device_option_may_be_are_known(string? option, bool valid) =>
        Assert.AreEqual(valid, DeviceChoice.IsValid(option));

    private ComputeDevice Choose(string option, int? devices)
    {
        using IChannel channel = ((IHostEnvironment)_context).Start("test");
        return DeviceChoice.Choose(
            option,
            _context,
            channel,
            () => devices ?? throw new AssertFailedException("CUDA devices were counted.")
        );
    }
}
