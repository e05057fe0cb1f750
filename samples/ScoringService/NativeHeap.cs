using System.Runtime.InteropServices;

namespace ScoringService;

/// <summary>The C library's heap, which the just-in-time compiler works on.</summary>
internal static partial class NativeHeap
{
    /// <summary>
    /// Gives back what is free. glibc has up to 8 heaps a core, each of which keeps what the largest method took that was
    /// ever compiled on it.
    /// </summary>
    public static void Trim()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = MallocTrim(0);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library than glibc, which keeps nothing.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MallocTrim(nuint keep);
}
