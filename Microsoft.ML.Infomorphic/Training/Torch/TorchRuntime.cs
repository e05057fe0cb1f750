using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>The native libtorch that an application brings.</summary>
public static partial class TorchRuntime
{
    private static readonly Lazy<Exception?> Failure = new(Load);

    /// <summary>Loads libtorch.</summary>
    /// <exception cref="InvalidOperationException">The application has none, or it does not load.</exception>
    public static void EnsureLoaded()
    {
        if (Failure.Value is Exception failure)
            throw new InvalidOperationException(
                "Training needs libtorch, and this application has none that loads: reference the package TorchSharp-cpu "
                    + "(or TorchSharp-cuda-linux, TorchSharp-cuda-windows) in the application's project.",
                failure
            );
    }

    /// <summary>Number of CUDA devices that libtorch can use; 0 where it is a CPU build.</summary>
    /// <exception cref="InvalidOperationException">The application has no libtorch, or it does not load.</exception>
    public static int CudaDeviceCount
    {
        get
        {
            EnsureLoaded();
            return torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        }
    }

    /// <summary>Sets the number of threads of products that the calling thread asks for.</summary>
    /// <param name="threads">The number of threads.</param>
    /// <returns>What it was before.</returns>
    internal static int UseThreads(int threads)
    {
        // Asking first matters: libtorch gives a thread a number of its own when it is first asked for anything.
        int before = torch.get_num_threads();
        torch.set_num_threads(threads);
        return before;
    }

    private static Exception? Load()
    {
        // Read when the libraries are loaded, from the process's own environment, which
        // Environment.SetEnvironmentVariable does not reach. Values that the user has set stay.
        if (OperatingSystem.IsLinux())
        {
            // Matrix products must not depend on the number of threads.
            _ = SetNativeEnvironmentVariable("MKL_CBWR", "AUTO,STRICT", overwrite: 0);

            // libtorch's threads would go on spinning after each product, on the processors that our kernels need.
            _ = SetNativeEnvironmentVariable("OMP_WAIT_POLICY", "PASSIVE", overwrite: 0);
        }

        // TorchSharp, where it finds no library, copies one together from the package cache and tells of it at length.
        if (!NativeLibrary.TryLoad("LibTorchSharp", typeof(torch).Assembly, searchPath: null, out _))
            return new DllNotFoundException("LibTorchSharp does not load.");
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            using torch.Tensor probe = torch.zeros(1);
            return null;
        }
        catch (Exception exception)
            when (exception
                    is NotSupportedException
                        or TypeInitializationException
                        or DllNotFoundException
                        or BadImageFormatException
                        or ExternalException
                        or FileNotFoundException
                        or EntryPointNotFoundException
            )
        {
            return exception is TypeInitializationException { InnerException: Exception inner } ? inner : exception;
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetNativeEnvironmentVariable(string name, string value, int overwrite);
}
