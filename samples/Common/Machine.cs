using System.Reflection;
using System.Runtime.InteropServices;

namespace SampleSupport;

/// <summary>The hardware and the versions that a measurement was made with.</summary>
internal static class Machine
{
    /// <summary>The processor's name, as the operating system tells it.</summary>
    public static string Processor
    {
        get
        {
            const string CpuInfo = "/proc/cpuinfo";
            string? name = File.Exists(CpuInfo)
                ? File.ReadLines(CpuInfo)
                    .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
                    ?.Split(':', 2)[^1]
                    .Trim()
                : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
            return name ?? RuntimeInformation.ProcessArchitecture.ToString();
        }
    }

    /// <summary>The version of the assembly that holds a type, as its authors write it.</summary>
    public static string VersionOf(Type type)
    {
        Assembly assembly = type.Assembly;
        string? version = assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0];
        return version ?? assembly.GetName().Version?.ToString() ?? "unknown";
    }
}
