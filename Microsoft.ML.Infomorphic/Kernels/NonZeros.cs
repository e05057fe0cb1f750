using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The numbers of a row that are not zero: zeros add nothing to any sum.</summary>
internal static unsafe class NonZeros
{
    /// <summary>Finds them, without branches: no processor foresees where a row has zeros.</summary>
    /// <param name="row">The row.</param>
    /// <param name="places">Receives their places, ascending; has room for all.</param>
    /// <param name="values">Receives their values; has room for all.</param>
    /// <returns>How many there are; what is not a number is not zero.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Find(ReadOnlySpan<float> row, Span<int> places, Span<float> values)
    {
        if (places.Length < row.Length || values.Length < row.Length)
            throw new ArgumentException($"There must be room for {row.Length} numbers.");
        int count = 0;
        fixed (float* from = row)
        fixed (int* at = places)
        fixed (float* to = values)
        {
            int i = 0;
            if (Avx512F.IsSupported)
                for (; i + Vector512<float>.Count <= row.Length; i += Vector512<float>.Count)
                {
                    Vector512<float> next = Vector512.Load(from + i);
                    Vector512<float> isKept = ~Vector512.Equals(next, Vector512<float>.Zero);
                    Vector512<int> place = Vector512<int>.Indices + Vector512.Create(i);
                    Avx512F.Compress(Vector512<float>.Zero, isKept, next).Store(to + count);
                    Avx512F.Compress(Vector512<int>.Zero, isKept.AsInt32(), place).Store(at + count);
                    count += BitOperations.PopCount(isKept.ExtractMostSignificantBits());
                }

            for (; i < row.Length; i++)
            {
                at[count] = i;
                to[count] = from[i];
                count += from[i] != 0 ? 1 : 0;
            }
        }

        return count;
    }
}
