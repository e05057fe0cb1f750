namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Keeps what has been thrown away within bounds. The collector lets garbage pile up to a multiple of the processor's
/// cache, hundreds of megabytes on servers, and knows nothing of a memory budget; readings of a view leave some with
/// every row.
/// </summary>
/// <param name="bytes">Bytes that may be allocated before young garbage is collected; null for no limit.</param>
internal sealed class GarbageLimit(long? bytes)
{
    private const long Smallest = 1 << 20;

    private long _collectedAt = GC.GetTotalAllocatedBytes();

    /// <summary>Collects, where it is due: every few hundred rows is often enough to ask.</summary>
    public void Check()
    {
        if (bytes is not long limit || GC.GetTotalAllocatedBytes() - _collectedAt < Math.Max(limit, Smallest))
            return;
        GC.Collect(generation: 1);
        _collectedAt = GC.GetTotalAllocatedBytes();
    }
}
