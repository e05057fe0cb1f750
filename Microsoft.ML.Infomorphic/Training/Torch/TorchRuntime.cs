using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// The native libtorch that training runs on: the one that the application brings, or one that is on the machine already.
/// </summary>
/// <remarks>
/// A process loads one libtorch, when it first trains, and keeps it. Which one: that of the folder in
/// <see cref="LibTorchFolder"/> or, where that is null, in the environment variable <see cref="FolderVariable"/>; where
/// neither names one, the application's own, which a package such as TorchSharp-cpu brings. What is loaded from a folder is
/// loaded with its CUDA parts, and with all symbols that it and TorchSharp need of each other.
/// </remarks>
public static partial class TorchRuntime
{
    /// <summary>
    /// The environment variable that names the folder to load libtorch from, where <see cref="LibTorchFolder"/> does not.
    /// </summary>
    public const string FolderVariable = "INFOMORPHIC_LIBTORCH";

    private static readonly Lock s_gate = new();
    private static string? s_folder;
    private static LibTorch? s_loaded;

    // What failed, until another folder is named.
    private static InvalidOperationException? s_failure;

    /// <summary>
    /// The folder to load libtorch from: one that holds its libraries, such as <c>…/torch/lib</c> of a PyTorch, or "pytorch"
    /// for that of the <c>python3</c> on the path. Null, the default, leaves it to <see cref="FolderVariable"/>; an empty
    /// text is the application's own, whatever that variable says.
    /// </summary>
    /// <exception cref="InvalidOperationException">Set, after libtorch was loaded, to something else.</exception>
    public static string? LibTorchFolder
    {
        get => s_folder;
        set
        {
            lock (s_gate)
            {
                if (s_loaded is not null && value != s_folder)
                    throw new InvalidOperationException(
                        $"This process has loaded {s_loaded} and keeps it: set {nameof(TorchRuntime)}.{nameof(LibTorchFolder)} before anything is trained."
                    );
                s_folder = value;
                s_failure = null;
            }
        }
    }

    /// <summary>The version of libtorch that this TorchSharp was built against, such as "2.10.0".</summary>
    public static string WantedLibTorchVersion => LibTorch.WantedVersion;

    /// <summary>The version of the libtorch that is loaded; null where it does not say. Loads libtorch.</summary>
    /// <exception cref="InvalidOperationException">There is none, or it does not load.</exception>
    public static string? LibTorchVersion => Loaded.Version;

    /// <summary>
    /// The libtorch that is loaded, in words: its version, that of its CUDA, where it is from, and the version that TorchSharp
    /// wants where it is another one. Loads libtorch.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is none, or it does not load.</exception>
    public static string Description => Loaded.ToString();

    /// <summary>Loads libtorch.</summary>
    /// <exception cref="InvalidOperationException">There is none, or it does not load, or it does not fit TorchSharp.</exception>
    public static void EnsureLoaded() => _ = Loaded;

    /// <summary>Number of CUDA devices that libtorch can use; 0 where it is a CPU build.</summary>
    /// <exception cref="InvalidOperationException">There is no libtorch, or it does not load.</exception>
    public static int CudaDeviceCount
    {
        get
        {
            EnsureLoaded();
            return torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        }
    }

    /// <summary>The CUDA devices that there are, or why there is none; to end a sentence.</summary>
    /// <param name="count">Their number.</param>
    internal static string DescribeCudaDevices(int count) =>
        count switch
        {
            0 => $"there is no CUDA device that libtorch can use: {Loaded.ExplainNoDevice()}",
            1 => "the only CUDA device is cuda:0",
            _ => string.Create(CultureInfo.InvariantCulture, $"the CUDA devices are cuda:0 to cuda:{count - 1}"),
        };

    /// <summary>The folder that is named, by the property or the environment; null for the application's own libtorch.</summary>
    internal static string? NamedFolder =>
        (s_folder ?? Environment.GetEnvironmentVariable(FolderVariable)) is { Length: > 0 } named ? named : null;

    private static LibTorch Loaded
    {
        get
        {
            lock (s_gate)
            {
                if (s_loaded is not null)
                    return s_loaded;
                if (s_failure is not null)
                    throw new InvalidOperationException(s_failure.Message, s_failure);
                try
                {
                    return s_loaded = Load();
                }
                catch (InvalidOperationException exception)
                {
                    s_failure = exception;
                    throw;
                }
            }
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

    private static LibTorch Load()
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
        LibTorch loaded = LibTorch.Load(NamedFolder);
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            using torch.Tensor probe = torch.zeros(1);
            return loaded;
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
            Exception cause = exception is TypeInitializationException { InnerException: Exception inner }
                ? inner
                : exception;
            throw new InvalidOperationException(
                $"TorchSharp {LibTorch.TorchSharpVersion} does not run on {loaded}: {cause.Message.Split('\n')[0].TrimEnd('.')}.",
                cause
            );
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetNativeEnvironmentVariable(string name, string value, int overwrite);
}
