using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Functions of sixteen numbers at once. <see cref="Vector512"/> runs on AVX-512, on pairs of AVX2 registers or in
/// portable code, as the processor allows.
/// </summary>
internal static class VectorMath
{
    /// <summary>
    /// Where the logistic function is taken to end. It is 10⁻¹⁴ from its limits there, far less than single precision
    /// resolves next to 1; further out, the products of the chain rule would be subnormal numbers, which processors
    /// compute a hundred times slower.
    /// </summary>
    public const float Saturation = 32;

    /// <summary>
    /// The logistic function and its complement, σ(x) and σ(−x), both to full relative precision, with |x| held at
    /// <see cref="Saturation"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Complement) Logistic(Vector512<float> x)
    {
        Vector512<float> small = ExpOfNegative(-Vector512.Abs(x));
        Vector512<float> major = Vector512<float>.One / (Vector512<float>.One + small);
        Vector512<float> minor = small * major;
        Vector512<float> positive = Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero);
        return (
            Vector512.ConditionalSelect(positive, major, minor),
            Vector512.ConditionalSelect(positive, minor, major)
        );
    }

    /// <summary>
    /// eˣ for x ≤ 0, with a relative error below 2·10⁻⁷; below −<see cref="Saturation"/> it stays what it is there. NaN
    /// stays NaN.
    /// </summary>
    /// <remarks>
    /// eˣ = 2ⁿ 2ᶠ with n + f = x log₂e and |f| ≤ ½; 2ᶠ by the polynomial through the Chebyshev nodes of degree 6, whose
    /// relative error is 2.6·10⁻⁹.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ExpOfNegative(Vector512<float> x) =>
        ExpOfHeld(Vector512.MaxNative(Vector512.Create(-Saturation), x));

    /// <summary>eˣ with |x| held at <see cref="Saturation"/>, as <see cref="ExpOfNegative"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x) =>
        ExpOfHeld(
            Vector512.MinNative(Vector512.Create(Saturation), Vector512.MaxNative(Vector512.Create(-Saturation), x))
        );

    /// <summary>eˣ for x ≤ 0 as <see cref="ExpOfNegative"/>, down to e⁻⁸⁷, the least power that is a normal number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SmallExp(Vector512<float> x) =>
        ExpOfHeld(Vector512.MaxNative(Vector512.Create(-87f), x));

    // Native maxima and conversions are single instructions. A maximum of a number and NaN is its second operand on x86
    // and NaN elsewhere, so that NaN stays NaN in second place; what it is converted to does not matter then.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ExpOfHeld(Vector512<float> x)
    {
        // log₂e in two parts, so that f keeps its precision where n is large.
        const float Log2E = 1.44269502f;
        const float Log2ERest = 1.92596299e-8f;
        Vector512<float> n = Vector512.Round(x * Vector512.Create(Log2E));
        Vector512<float> f = Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), -n);
        f = Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2ERest), f);
        Vector512<float> square = f * f;
        Vector512<float> high = Vector512.FusedMultiplyAdd(
            square,
            Vector512.Create(0.000154614447f),
            Vector512.FusedMultiplyAdd(f, Vector512.Create(0.00134004282f), Vector512.Create(0.00961805668f))
        );
        Vector512<float> middle = Vector512.FusedMultiplyAdd(
            f,
            Vector512.Create(0.0555032723f),
            Vector512.Create(0.240226509f)
        );
        Vector512<float> low = Vector512.FusedMultiplyAdd(f, Vector512.Create(0.693147207f), Vector512<float>.One);
        Vector512<float> power = Vector512.FusedMultiplyAdd(
            square,
            Vector512.FusedMultiplyAdd(square, high, middle),
            low
        );
        Vector512<int> exponent = (Vector512.ConvertToInt32Native(n) + Vector512.Create(127)) << 23;
        return power * exponent.AsSingle();
    }

    /// <summary>log₂ x for normal, positive, finite x, with an absolute error below 10⁻⁷ (1 + |log₂ x|).</summary>
    /// <remarks>
    /// x = 2ⁿ (1 + s) with 1 + s in [⅔, 1⅓); log₂(1 + s) / s by the polynomial through the Chebyshev nodes of degree 8,
    /// whose relative error is 3·10⁻⁸.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log2(Vector512<float> x)
    {
        const int BitsOfTwoThirds = 0x3F2AAAAB;
        Vector512<int> bits = x.AsInt32();
        Vector512<int> n = (bits - Vector512.Create(BitsOfTwoThirds)) >> 23;
        Vector512<float> s = (bits - (n << 23)).AsSingle() - Vector512<float>.One;
        Vector512<float> square = s * s;
        Vector512<float> fourth = square * square;
        Vector512<float> p01 = Pair(s, -0.72134656f, 1.44269504f);
        Vector512<float> p23 = Pair(s, -0.360788191f, 0.480897471f);
        Vector512<float> p45 = Pair(s, -0.236811472f, 0.288643373f);
        Vector512<float> p67 = Pair(s, -0.222092395f, 0.202782512f);
        Vector512<float> low = Vector512.FusedMultiplyAdd(square, p23, p01);
        Vector512<float> high = Vector512.FusedMultiplyAdd(square, p67, p45);
        high = Vector512.FusedMultiplyAdd(fourth, Vector512.Create(0.198346174f), high);
        Vector512<float> quotient = Vector512.FusedMultiplyAdd(fourth, high, low);
        return Vector512.FusedMultiplyAdd(s, quotient, Vector512.ConvertToSingle(n));

        static Vector512<float> Pair(Vector512<float> s, float slope, float constant) =>
            Vector512.FusedMultiplyAdd(s, Vector512.Create(slope), Vector512.Create(constant));
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
