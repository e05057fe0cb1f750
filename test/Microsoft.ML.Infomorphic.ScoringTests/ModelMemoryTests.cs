using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using SampleSupport;
using ScoringService;

namespace Microsoft.ML.Infomorphic.ScoringTests;

/// <summary>What is left of a model that another one has taken the place of: nothing.</summary>
[TestClass]
public sealed class ModelMemoryTests
{
    [TestMethod]
    public void A_replaced_model_is_collected()
    {
        WeakReference[] models = [.. Enumerable.Range(1, 2).Select(i => LoadAndScore($"colors-{i}.zip"))];

        // ThreadLocal's finaliser comes before what it held is free.
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.IsFalse(models.Any(model => model.IsAlive));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void What_is_free_on_the_native_heap_is_given_back()
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

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference LoadAndScore(string name)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Models", name));
        using ScoringModel model = ScoringModel.Load(file);
        RowScorer scorer = model.Rent();
        scorer.Add("[0.1,0.2,0.3,0.4]"u8);
        using var writer = new Utf8JsonWriter(Stream.Null, new JsonWriterOptions { SkipValidation = true });
        scorer.Score(writer);
        model.Return(scorer);
        return new WeakReference(model);
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
