using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Functions of sixteen numbers at once. <see cref="Vector512"/> runs on AVX-512, on pairs of AVX2 registers or in
/// portable code, as the processor allows.
/// </summary>
internal static class VectorMath
{
    /// <summary>The logistic function and its complement, σ(x) and σ(−x), both to full relative precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Complement) Logistic(Vector512<float> x)
    {
        Vector512<float> small = Vector512.Exp(-Vector512.Abs(x));
        Vector512<float> major = Vector512<float>.One / (Vector512<float>.One + small);
        Vector512<float> minor = small * major;
        Vector512<float> positive = Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero);
        return (
            Vector512.ConditionalSelect(positive, major, minor),
            Vector512.ConditionalSelect(positive, minor, major)
        );
    }

    /// <summary>Reads up to sixteen numbers; the lanes behind them are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ReadOnlySpan<float> source, int start)
    {
        int count = source.Length - start;
        return count >= Vector512<float>.Count
            ? Vector512.Create(source.Slice(start, Vector512<float>.Count))
            : LoadTail(source, start, count);
    }

    /// <summary>Writes up to sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, Span<float> destination, int start)
    {
        int count = destination.Length - start;
        if (count >= Vector512<float>.Count)
            value.CopyTo(destination.Slice(start, Vector512<float>.Count));
        else
            StoreTail(value, destination, start, count);
    }

    private static Vector512<float> LoadTail(ReadOnlySpan<float> source, int start, int count)
    {
        Span<float> lanes = stackalloc float[Vector512<float>.Count];
        source.Slice(start, count).CopyTo(lanes);
        return Vector512.Create<float>(lanes);
    }

    private static void StoreTail(Vector512<float> value, Span<float> destination, int start, int count)
    {
        Span<float> lanes = stackalloc float[Vector512<float>.Count];
        value.CopyTo(lanes);
        lanes[..count].CopyTo(destination[start..]);
    }
}
