using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using ScoringService;

namespace Microsoft.ML.Infomorphic.ScoringTests;

[TestClass]
public sealed class NativeHeapTests
{
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void Free_memory_of_the_native_heap_is_given_back()
    {
        const int Blocks = 1000;
        const int Bytes = 100_000; // below glibc's threshold for maps of their own
        var zeros = new byte[Bytes];
        var blocks = new nint[Blocks];
        for (int i = 0; i < Blocks; i++)
        {
            blocks[i] = Marshal.AllocHGlobal(Bytes);
            Marshal.Copy(zeros, 0, blocks[i], Bytes);
        }
        // The last one stays, and keeps those before it on the heap.
        foreach (nint block in blocks[..^1])
            Marshal.FreeHGlobal(block);
        long before = ResidentBytes();

        NativeHeap.Trim();

        long after = ResidentBytes();
        Marshal.FreeHGlobal(blocks[^1]);
        Assert.IsLessThan(before - Blocks * Bytes / 2, after);
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
