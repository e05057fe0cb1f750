namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Keeps what has been thrown away within bounds. The collector lets young garbage pile up to a multiple of the
/// processor's cache, hundreds of megabytes on servers, and large arrays even longer; it knows nothing of a memory
/// budget. Readings of a view leave some of both.
/// </summary>
/// <param name="bytes">Bytes that may be allocated before garbage is collected; null for no limit.</param>
internal sealed class GarbageLimit(long? bytes)
{
    private const long Smallest = 1 << 20;

    private long _allocated = GC.GetTotalAllocatedBytes();
    private long _memory = GC.GetTotalMemory(forceFullCollection: false);

    /// <summary>Collects, where it is due: every few hundred rows is often enough to ask.</summary>
    public void Check()
    {
        if (bytes is null)
            return;
        long limit = Math.Max(bytes.Value, Smallest);
        if (GC.GetTotalAllocatedBytes() - _allocated < limit)
            return;

        // The young first: that is cheap, and mostly enough.
        GC.Collect(generation: 1);
        if (GC.GetTotalMemory(forceFullCollection: false) - _memory > limit)
        {
            GC.Collect();
            _memory = GC.GetTotalMemory(forceFullCollection: false);
        }
        _allocated = GC.GetTotalAllocatedBytes();
    }
}
