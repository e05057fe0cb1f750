using System.Runtime.InteropServices;

namespace PaperReproduction;

/// <summary>The C library's heap, which libtorch's tensors come from.</summary>
internal static partial class NativeHeap
{
    // M_MMAP_THRESHOLD of glibc's malloc.h.
    private const int MapThreshold = -3;

    /// <summary>
    /// Gives large tensors back as soon as they are disposed of. glibc raises its threshold for memory maps as tensors come
    /// and go, keeps them on its heap then, and the heap splits up: 7 MB more a step at N = 2,000.
    /// </summary>
    public static void ReturnLargeBlocks()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Mallopt(MapThreshold, 1 << 20);
        }
        catch (Exception exception) when (exception is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library than glibc, which has no such threshold.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Mallopt(int parameter, int value);
}
