using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>Binning of one neuron's sources over the rows of a batch, sixteen rows at once.</summary>
internal static class VectorizedBinning
{
    /// <summary>
    /// Adds a source's bin to the cell of each row: cell ↦ cell + bin · <paramref name="stride"/>.
    /// </summary>
    /// <param name="binning">The binning.</param>
    /// <param name="values">The aggregated input of each row.</param>
    /// <param name="cells">The cell of each row.</param>
    /// <param name="stride">The weight of this source's bin in the cell's number.</param>
    public static void Accumulate(Binning binning, ReadOnlySpan<float> values, Span<int> cells, int stride)
    {
        float divisor = binning.Adaptive ? Binning.DivisorOf(values) : 1;
        Vector512<float> largest = Vector512.Create(divisor);
        Vector512<float> binsPerUnit = Vector512.Create(binning.BinsPerUnit);
        Vector512<float> half = Vector512.Create(binning.Count / 2f);
        Vector512<float> last = Vector512.Create(binning.Count - 1f);
        Vector512<int> step = Vector512.Create(stride);
        int i = 0;
        for (; i + Vector512<float>.Count <= values.Length; i += Vector512<float>.Count)
        {
            Vector512<float> value = Vector512.Create(values.Slice(i, Vector512<float>.Count));
            if (binning.Adaptive)
                value /= largest;
            Vector512<float> bin = Vector512.Ceiling(value * binsPerUnit + half) - Vector512<float>.One;
            bin = Vector512.Min(Vector512.Max(bin, Vector512<float>.Zero), last);
            Vector512<int> cell =
                Vector512.Create<int>(cells.Slice(i, Vector512<int>.Count)) + Vector512.ConvertToInt32(bin) * step;
            cell.CopyTo(cells.Slice(i, Vector512<int>.Count));
        }

        for (; i < values.Length; i++)
            cells[i] += binning.IndexOf(values[i], divisor) * stride;
    }
}
