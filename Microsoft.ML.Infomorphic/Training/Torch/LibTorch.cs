using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>A libtorch that is loaded.</summary>
/// <param name="Folder">The folder that was named, or that of a package; null for the application's own.</param>
/// <param name="Version">Its version; null where it does not say.</param>
/// <param name="HasCuda">Whether it has CUDA parts.</param>
/// <param name="CudaVersion">The CUDA that it was built for, as CUDA writes versions (12080 for 12.8); null where it is unknown.</param>
internal sealed partial record LibTorch(string? Folder, string? Version, bool HasCuda, int? CudaVersion)
{
    /// <summary>The word that stands for the folder of the PyTorch of the <c>python3</c> on the path.</summary>
    public const string PyTorch = "pytorch";

    // Symbols that a message names; it counts all.
    private const int NamedSymbols = 3;
    private const int ResolveAllNow = 2;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>The version that TorchSharp was built against.</summary>
    /// <remarks>Asked for it, <c>torch.__version__</c> would load a libtorch.</remarks>
    public static string WantedVersion { get; } =
        ThreeNumbers(
            typeof(torch)
                .GetField("libtorchPackageVersion", BindingFlags.Static | BindingFlags.NonPublic)
                ?.GetRawConstantValue() as string
                ?? "2.10.0"
        );

    /// <summary>TorchSharp's own version.</summary>
    public static string TorchSharpVersion { get; } =
        ThreeNumbers(
            typeof(torch).Assembly.GetCustomAttribute<AssemblyFileVersionAttribute>()?.Version
                ?? typeof(torch).Assembly.GetName().Version!.ToString()
        );

    // This system as packages call it.
    private static string Platform { get; } =
        (
            OperatingSystem.IsWindows() ? "win-"
            : OperatingSystem.IsMacOS() ? "osx-"
            : "linux-"
        ) + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>In words: version, CUDA, place, and which version TorchSharp wants where it is another one.</summary>
    public override string ToString() =>
        $"libtorch{(Version is null ? "" : " " + Version)} "
        + (
            !HasCuda ? "without CUDA"
            : CudaVersion is int cuda ? $"with CUDA {Words(cuda)}"
            : "with CUDA"
        )
        + (Folder is null ? ", the application's own" : $" from {Folder}")
        + (Version == WantedVersion ? "" : $" (TorchSharp {TorchSharpVersion} wants {WantedVersion})");

    /// <summary>Loads a libtorch and TorchSharp's library on top of it, with all symbols that they need of each other.</summary>
    /// <param name="named">A folder, or "pytorch"; null or empty for the application's own.</param>
    /// <exception cref="InvalidOperationException">There is none, or it does not load, or it does not fit TorchSharp.</exception>
    public static LibTorch Load(string? named)
    {
        string? folder = string.IsNullOrEmpty(named) ? null : FindFolder(named);
        string? torchSharp = SearchFolders().Select(path => FileIn(path, "LibTorchSharp")).FirstOrDefault(File.Exists);
        if (torchSharp is null)
        {
            (torchSharp, string? packaged) = FindPackages(typeof(torch).Assembly.Location);
            folder ??= packaged;
        }

        if (torchSharp is null)
            throw new InvalidOperationException(
                $"Training needs TorchSharp's native library, and {FileNameOf("LibTorchSharp")} is not among the application's files: publish the application for this system ({RuntimeInformation.RuntimeIdentifier})."
            );
        if (folder is not null)
        {
            ThrowIfThereIsAnother(folder);
            ThrowIfSymbolsAreMissing(folder, torchSharp);

            // The first one brings all others that it needs, or none: where it fails, nothing of libtorch is left behind.
            foreach (string part in (string[])["torch_cuda", "torch_cpu", "torch"])
                if (FileIn(folder, part) is string path && !TryLoad(path, out _, out string? error))
                    throw new InvalidOperationException($"The {Name(folder)} does not load: {error}.");
        }

        if (!TryLoad(torchSharp, out nint library, out string? reason))
            throw new InvalidOperationException(
                folder is null || reason.Contains("GLIBCXX", StringComparison.Ordinal)
                    ? DoesNotLoad(torchSharp, reason)
                    : DoesNotFit(folder, reason)
            );
        string? cuda = (folder is null ? SearchFolders() : [folder])
            .Select(path => FileIn(path, "torch_cuda"))
            .FirstOrDefault(path => path is not null);
        return new LibTorch(
            folder,
            VersionOf(library) ?? WrittenVersion(folder),
            cuda is not null,
            cuda is null ? null : CudaNumber(cuda, "cudaRuntimeGetVersion")
        );
    }

    /// <summary>
    /// TorchSharp's native library and the folder of libtorch, each in its package: from there a notebook loads assemblies, and
    /// nobody tells it where native libraries are. Packages of a libtorch with CUDA hold parts of files, and are of no use there.
    /// </summary>
    /// <param name="assembly">The path of TorchSharp's assembly, as …/torchsharp/0.107.0/lib/net8.0/TorchSharp.dll; empty in a single file.</param>
    public static (string? TorchSharp, string? LibTorch) FindPackages(string assembly)
    {
        if (assembly.Length == 0)
            return (null, null);
        string package = Path.GetFullPath(Path.Combine(assembly, "../../.."));
        string libTorch = Path.GetFullPath(
            Path.Combine(package, "../..", $"libtorch-cpu-{Platform}", WantedVersion, "runtimes", Platform, "native")
        );
        return (
            FileIn(Path.Combine(package, "runtimes", Platform, "native"), "LibTorchSharp"),
            FileIn(libTorch, "torch_cpu") is null ? null : libTorch
        );
    }

    /// <summary>Why training cannot begin where TorchSharp's library does not load.</summary>
    /// <param name="torchSharp">The library.</param>
    /// <param name="reason">What the system's loader says.</param>
    public static string DoesNotLoad(string torchSharp, string reason) =>
        reason.Contains("GLIBCXX", StringComparison.Ordinal)
            ? $"TorchSharp's native library does not load on this system: {reason} (a project that references Infomorphic for ML.NET's package itself gets a repaired copy)."
        : FileIn(Path.GetDirectoryName(torchSharp)!, "torch_cpu") is not null
            ? $"The application's libtorch does not load: {reason}."
        : $"Training needs libtorch, and this application has none that loads ({reason}): reference the package TorchSharp-cpu (or TorchSharp-cuda-linux, TorchSharp-cuda-windows) in the application's project, or name the folder of a libtorch that is there in {TorchRuntime.FolderVariable}.";

    /// <summary>Why libtorch can use no CUDA device.</summary>
    public string ExplainNoDevice() =>
        ExplainNoDevice(
            HasCuda,
            CudaVersion,
            CudaNumber(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", "cuDriverGetVersion"),
            Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES")
        );

    /// <summary>Why libtorch can use no CUDA device, from what is known of it.</summary>
    /// <param name="hasCuda">Whether it has CUDA parts.</param>
    /// <param name="builtFor">The CUDA that it was built for.</param>
    /// <param name="driver">The newest CUDA that the driver supports; null without a driver.</param>
    /// <param name="visible">The devices that the environment lets it see; null for all.</param>
    public static string ExplainNoDevice(bool hasCuda, int? builtFor, int? driver, string? visible)
    {
        if (!hasCuda)
            return $"it was built without CUDA (TorchSharp-cuda-linux and TorchSharp-cuda-windows bring one with it, and {TorchRuntime.FolderVariable} can name the folder of one that is there)";
        if (driver is not int supported)
            return "this machine has no NVIDIA driver that loads";
        if (builtFor is int wanted && supported / 1000 < wanted / 1000)
            return $"the NVIDIA driver supports CUDA {Words(supported)} at most, and libtorch was built for {Words(wanted)} (update the driver, or take a libtorch for an older CUDA)";
        return visible is null ? "the NVIDIA driver shows it none" : $"CUDA_VISIBLE_DEVICES is '{visible}'";
    }

    private static string FindFolder(string named)
    {
        string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(named == PyTorch ? AskPython() : named));
        if (!Directory.Exists(folder))
            throw new InvalidOperationException(
                $"libtorch was to be loaded from {folder}, and there is no such folder: {TorchRuntime.FolderVariable} and {nameof(TorchRuntime)}.{nameof(TorchRuntime.LibTorchFolder)} name the one that holds {FileNameOf("torch_cpu")}."
            );
        return FileIn(folder, "torch_cpu") is not null
            ? folder
            : throw new InvalidOperationException(
                $"libtorch was to be loaded from {folder}, and {FileNameOf("torch_cpu")} is not in it: name the folder that holds it, as a rule …/torch/lib."
            );
    }

    // Asked where PyTorch is, Python does not load it.
    private static string AskPython()
    {
        const string Question =
            "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')";
        var start = new ProcessStartInfo("python3", ["-c", Question])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string asked =
            $"libtorch was to be loaded from PyTorch ({TorchRuntime.FolderVariable} or {nameof(TorchRuntime)}.{nameof(TorchRuntime.LibTorchFolder)} is \"{PyTorch}\")";
        Process python;
        try
        {
            python = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new InvalidOperationException($"{asked}, and there is no python3 on the path.", exception);
        }

        using (python)
        {
            Task<string> error = python.StandardError.ReadToEndAsync();
            Task<string> output = python.StandardOutput.ReadToEndAsync();
            if (!python.WaitForExit(s_patience))
            {
                python.Kill(entireProcessTree: true);
                throw new InvalidOperationException(
                    $"{asked}, and python3 has not said within {s_patience.TotalSeconds:F0} seconds where that is: name the folder …/torch/lib."
                );
            }

            string package = output.GetAwaiter().GetResult().Trim();
            if (python.ExitCode != 0)
                throw new InvalidOperationException(
                    $"{asked}, and python3 ended with {python.ExitCode}: {LastLine(error.GetAwaiter().GetResult())}."
                );
            return package.Length > 0
                ? Path.Combine(package, "lib")
                : throw new InvalidOperationException($"{asked}, and the python3 on the path has none.");
        }
    }

    // Nothing is loaded yet: after this failure another libtorch still can be.
    private static void ThrowIfSymbolsAreMissing(string folder, string torchSharp)
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            List<string> missing = ElfSymbols.Read(torchSharp).Needed;
            foreach (string part in (string[])["torch_cpu", "c10", "torch"])
            {
                if (FileIn(folder, part) is not string path)
                    continue;
                HashSet<string> defined = ElfSymbols.Read(path).Defined;
                _ = missing.RemoveAll(defined.Contains);
            }

            if (missing.Count > 0)
                throw new InvalidOperationException(DoesNotFit(folder, Lacks(missing)));
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidOperationException($"The {Name(folder)} does not load: {exception.Message}", exception);
        }
    }

    private static string Lacks(List<string> missing)
    {
        string[] named = [.. missing.Order(StringComparer.Ordinal).Take(NamedSymbols)];
        return missing.Count == 1
            ? $"it lacks the symbol {named[0]}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"it lacks {missing.Count} symbols, {(missing.Count > named.Length ? "among them " : "")}{string.Join(", ", named)}"
            );
    }

    private static string DoesNotFit(string folder, string reason) =>
        $"The {Name(folder)} does not fit TorchSharp {TorchSharpVersion}, which wants {WantedVersion}: {reason}.";

    private static string Name(string folder) =>
        $"libtorch{(WrittenVersion(folder) is string version ? " " + version : "")} in {folder}";

    // TorchSharp, when it is first used, loads libtorch_cpu by its name, and would find the application's own: a second
    // libtorch beside the first, which ends the process.
    private static void ThrowIfThereIsAnother(string folder)
    {
        foreach (string own in SearchFolders())
            if (
                FileIn(own, "torch_cpu") is not null
                && Path.TrimEndingDirectorySeparator(Path.GetFullPath(own)) != folder
            )
                throw new InvalidOperationException(
                    $"libtorch was to be loaded from {folder}, and the application brings another one with it, in {own}, which TorchSharp loads besides: build the application without TorchSharp-cpu (or TorchSharp-cuda-linux, TorchSharp-cuda-windows), or name no folder."
                );
    }

    // Where .NET looks for an application's native libraries.
    private static IEnumerable<string> SearchFolders() =>
        (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory);

    private static string? FileIn(string folder, string library) =>
        Path.Combine(folder, FileNameOf(library)) is string path && File.Exists(path) ? path : null;

    private static string FileNameOf(string library) =>
        OperatingSystem.IsWindows() ? library + ".dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib"
        : $"lib{library}.so";

    // Windows resolves all symbols when it loads a library; Linux does when it is asked to.
    private static bool TryLoad(string path, out nint library, [NotNullWhen(false)] out string? error)
    {
        error = null;
        if (OperatingSystem.IsLinux())
        {
            _ = TakeLoaderError();
            library = OpenLibrary(path, ResolveAllNow);
            if (library == 0)
                error = LastLine(Marshal.PtrToStringUTF8(TakeLoaderError()) ?? "the loader does not say why");
            return library != 0;
        }

        try
        {
            library = NativeLibrary.Load(path);
            return true;
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            library = 0;
            error = LastLine(exception.Message);
            return false;
        }
    }

    // What libtorch says of itself, since 2.9: one byte each for the three numbers of its version.
    private static unsafe string? VersionOf(nint library)
    {
        if (!NativeLibrary.TryGetExport(library, "aoti_torch_abi_version", out nint function))
            return null;
        ulong version = ((delegate* unmanaged<ulong>)function)();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{version >> 56}.{version >> 48 & 0xff}.{version >> 40 & 0xff}"
        );
    }

    // What is written beside its folder: PyTorch has a module, libtorch's archives a file of one line.
    private static string? WrittenVersion(string? folder)
    {
        if (folder is null || Path.GetDirectoryName(folder) is not string above)
            return null;
        foreach (string name in (string[])["version.py", "build-version"])
        {
            string path = Path.Combine(above, name);
            if (File.Exists(path) && VersionPattern.Match(File.ReadAllText(path)) is { Success: true } match)
                return match.Value;
        }

        return null;
    }

    [GeneratedRegex(@"\b\d+\.\d+\.\d+")]
    private static partial Regex VersionPattern { get; }

    // A version that a library of CUDA's gives; null where there is none.
    private static unsafe int? CudaNumber(string path, string function)
    {
        int version;
        return
            NativeLibrary.TryLoad(path, out nint library)
            && NativeLibrary.TryGetExport(library, function, out nint address)
            && ((delegate* unmanaged<int*, int>)address)(&version) == 0
            ? version
            : null;
    }

    private static string Words(int cuda) =>
        string.Create(CultureInfo.InvariantCulture, $"{cuda / 1000}.{cuda % 1000 / 10}");

    private static string ThreeNumbers(string version) => string.Join('.', version.Split('.').Take(3));

    private static string LastLine(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .LastOrDefault("")
            .TrimEnd('.');

    [LibraryImport("libdl.so.2", EntryPoint = "dlopen", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint OpenLibrary(string path, int flags);

    [LibraryImport("libdl.so.2", EntryPoint = "dlerror")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint TakeLoaderError();
}
