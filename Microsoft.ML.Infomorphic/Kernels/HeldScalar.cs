using TorchSharp;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Numbers as libtorch takes them, which are there for as long as it reads them. TorchSharp passes on the address of a
/// <see cref="Scalar"/> and forgets the object: one that nobody else refers to may be collected, and its memory freed, in the
/// middle of the call. So each thread refers to the last numbers that it asked for, many more than a call takes.
/// </summary>
internal static class HeldScalar
{
    /// <summary>1, as a whole number.</summary>
    public static readonly Scalar One = 1L;

    /// <summary>−1, as a whole number.</summary>
    public static readonly Scalar MinusOne = -1L;

    private const int Count = 64;

    [ThreadStatic]
    private static Scalar[]? s_held;

    [ThreadStatic]
    private static int s_next;

    /// <summary>A number.</summary>
    public static Scalar Of(double value) => Hold(value);

    /// <summary>A whole number.</summary>
    public static Scalar Of(long value) => Hold(value);

    private static Scalar Hold(Scalar scalar)
    {
        Scalar[] held = s_held ??= new Scalar[Count];
        s_next = (s_next + 1) % Count;
        return held[s_next] = scalar;
    }
}
