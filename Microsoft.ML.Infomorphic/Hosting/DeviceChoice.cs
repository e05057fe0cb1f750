using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Chooses where to train, from <see cref="InfomorphicTrainer.Options.Device"/> and the context.</summary>
internal static class DeviceChoice
{
    /// <summary>The option's value that leaves the choice to the context.</summary>
    public const string Auto = "auto";

    /// <summary>Whether the option's value is one that is understood.</summary>
    /// <param name="option">The value.</param>
    public static bool IsValid(string? option) => option == Auto || ComputeDevice.TryParse(option, out _);

    /// <summary>
    /// Loads libtorch. Where a folder is named whose libtorch does not load, and the context chooses the device and lets
    /// training fall back to the CPU, the application's own takes its place.
    /// </summary>
    /// <param name="option">A valid value of the option.</param>
    /// <param name="environment">The environment.</param>
    /// <param name="channel">Where it is reported what was loaded.</param>
    /// <exception cref="InvalidOperationException">There is no libtorch that loads.</exception>
    public static void LoadTorch(string option, IHostEnvironment environment, IChannel channel)
    {
        try
        {
            TorchRuntime.EnsureLoaded();
        }
        catch (InvalidOperationException exception)
            when (TorchRuntime.NamedFolder is not null
                && option == Auto
                && environment is IHostEnvironmentInternal { GpuDeviceId: not null, FallbackToCpu: true }
            )
        {
            TorchRuntime.LibTorchFolder = "";
            TorchRuntime.EnsureLoaded();
            channel.Warning($"Training with the application's own libtorch. {exception.Message}");
        }

        if (TorchRuntime.NamedFolder is null)
            return;
        if (TorchRuntime.LibTorchVersion == TorchRuntime.WantedLibTorchVersion)
            channel.Info($"Training with {TorchRuntime.Description}.");
        else
            channel.Warning($"Training with {TorchRuntime.Description}: what it computes may be wrong.");
    }

    /// <summary>Chooses the device.</summary>
    /// <param name="option">A valid value of the option.</param>
    /// <param name="environment">The environment; its device and its leave to fall back are asked for where the option is "auto".</param>
    /// <param name="channel">Where a fallback is reported.</param>
    /// <param name="countCudaDevices">Counts the CUDA devices there are; not called where none is asked for.</param>
    /// <exception cref="InvalidOperationException">The device that is asked for is not there.</exception>
    public static ComputeDevice Choose(
        string option,
        IHostEnvironment environment,
        IChannel channel,
        Func<int> countCudaDevices
    )
    {
        if (option != Auto)
        {
            if (!ComputeDevice.TryParse(option, out ComputeDevice device))
                throw environment.Except($"There is no device '{option}'.");
            if (device.CudaIndex is int wanted && countCudaDevices() is int there && wanted >= there)
                throw environment.Except(
                    $"{nameof(InfomorphicTrainer.Options.Device)} is '{option}', and {TorchRuntime.DescribeCudaDevices(there)}."
                );
            return device;
        }

        var host = environment as IHostEnvironmentInternal;
        if (host?.GpuDeviceId is not int index)
            return ComputeDevice.Cpu;
        int count = countCudaDevices();
        if (index >= 0 && index < count)
            return new ComputeDevice(index);
        if (!host.FallbackToCpu)
            throw environment.Except(
                $"Fallback to CPU is false but no GPU detected: {nameof(MLContext.GpuDeviceId)} is {index}, and {TorchRuntime.DescribeCudaDevices(count)}."
            );
        channel.Warning(
            $"Training on the CPU: {nameof(MLContext.GpuDeviceId)} is {index}, and {TorchRuntime.DescribeCudaDevices(count)}."
        );
        return ComputeDevice.Cpu;
    }
}
