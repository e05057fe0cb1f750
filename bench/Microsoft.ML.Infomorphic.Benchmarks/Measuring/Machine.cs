using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;
using Microsoft.ML.Infomorphic.Training;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>What a measurement was made on and with.</summary>
/// <param name="Processor">The processor, as the operating system names it.</param>
/// <param name="Cores">Processors that this process may use.</param>
/// <param name="VectorExtensions">The vector extensions that the processor has.</param>
/// <param name="VectorBits">The widest vectors that the .NET runtime uses.</param>
/// <param name="OperatingSystem">The operating system.</param>
/// <param name="Threads">Threads that each contender uses.</param>
/// <param name="Device">The device, with its name where it is a GPU.</param>
/// <param name="Versions">Versions of the runtime and of the libraries.</param>
/// <param name="Environment">Variables that change how libtorch, MKL, OpenMP, malloc and .NET work.</param>
internal sealed partial record Machine(
    string Processor,
    int Cores,
    string VectorExtensions,
    int VectorBits,
    string OperatingSystem,
    int Threads,
    string Device,
    IReadOnlyDictionary<string, string> Versions,
    IReadOnlyDictionary<string, string> Environment
)
{
    private static readonly string[] s_variablePrefixes =
    [
        "MKL_",
        "OMP_",
        "GOMP_",
        "KMP_",
        "MALLOC_",
        "DOTNET_Enable",
        "DOTNET_Tiered",
        "DOTNET_Prefer",
        "DOTNET_gc",
        "DOTNET_GC",
        "CUDA_",
        "PYTORCH_",
        "ATEN_",
        "LD_PRELOAD",
    ];

    /// <summary>Describes the machine.</summary>
    /// <param name="device">The device of the measurement.</param>
    /// <param name="threads">The threads that it uses.</param>
    /// <param name="reproducibleProducts">Whether MKL was bound to results that do not depend on the threads.</param>
    public static Machine Describe(string device, int threads, bool reproducibleProducts)
    {
        var variables = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (System.Collections.DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (s_variablePrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)))
                variables[name] = (string?)variable.Value ?? "";
        }

        // TorchRuntime sets them for native code, where .NET does not see it.
        if (reproducibleProducts && System.OperatingSystem.IsLinux())
        {
            variables.TryAdd("MKL_CBWR", "AUTO,STRICT (set by the library)");
            variables.TryAdd("OMP_WAIT_POLICY", "PASSIVE (set by the library)");
        }
        return new Machine(
            ProcessorName(),
            System.Environment.ProcessorCount,
            VectorExtensionNames(),
            Vector512.IsHardwareAccelerated ? 512
                : Vector256.IsHardwareAccelerated ? 256
                : 128,
            RuntimeInformation.OSDescription,
            threads,
            device,
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                [".NET"] = System.Environment.Version.ToString(),
                ["TorchSharp"] = VersionOf(typeof(torch)),
                ["libtorch"] = LibTorchVersion(),
                ["Microsoft.ML.Infomorphic"] = VersionOf(typeof(NetworkTrainer)),
            },
            variables
        );
    }

    private static string ProcessorName() =>
        CpuInfo("model name")
        ?? System.Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string VectorExtensionNames()
    {
        IEnumerable<string> flags = CpuInfo("flags")?.Split(' ') ?? [];
        return string.Join(' ', flags.Where(flag => VectorExtension().IsMatch(flag)).Order(StringComparer.Ordinal));
    }

    private static string? CpuInfo(string key)
    {
        const string Path = "/proc/cpuinfo";
        return File.Exists(Path)
            ? File.ReadLines(Path)
                .FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))
                ?.Split(':', 2)[^1]
                .Trim()
            : null;
    }

    private static string VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "unknown";

    // libtorch's own version is the native package's; the application's list of dependencies has it.
    private static string LibTorchVersion()
    {
        foreach (string path in ((string?)AppContext.GetData("APP_CONTEXT_DEPS_FILES") ?? "").Split(';'))
        {
            if (!File.Exists(path))
                continue;
            Match match = LibTorchPackage().Match(File.ReadAllText(path));
            if (match.Success)
                return $"{match.Groups["version"].Value} ({match.Groups["kind"].Value})";
        }

        return "unknown";
    }

    [GeneratedRegex("^(avx|fma|amx|f16c|sse4_2|asimd|sve)", RegexOptions.CultureInvariant)]
    private static partial Regex VectorExtension();

    [GeneratedRegex("\"libtorch-(?<kind>cpu|cuda-[0-9.]+)[^/\"]*/(?<version>[0-9.]+)\"", RegexOptions.CultureInvariant)]
    private static partial Regex LibTorchPackage();
}
