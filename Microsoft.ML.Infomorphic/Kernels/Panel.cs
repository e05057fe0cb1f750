using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Panels: how scoring holds many rows. A panel is 32 rows; a quantity's 32 values lie side by side, and its quantities
/// (features, neurons) one after the other, so that every step works on 32 rows at once.
/// </summary>
internal static unsafe class Panel
{
    /// <summary>Rows of a panel.</summary>
    public const int Rows = 32;

    /// <summary>Number of panels that hold so many rows.</summary>
    public static int Count(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>Turns 32 rows into a panel.</summary>
    /// <param name="rows">The first of 32 rows.</param>
    /// <param name="stride">Numbers from one row to the next.</param>
    /// <param name="count">Numbers of a row.</param>
    /// <param name="panel">Receives <paramref name="count"/> × 32 numbers.</param>
    public static void Pack(float* rows, int stride, int count, float* panel)
    {
        int k = 0;
        if (Sse.IsSupported)
            for (; k + 4 <= count; k += 4)
            for (int row = 0; row < Rows; row += 4)
                Transpose(rows + (nint)row * stride + k, stride, panel + (nint)k * Rows + row);
        for (; k < count; k++)
        for (int row = 0; row < Rows; row++)
            panel[(nint)k * Rows + row] = rows[(nint)row * stride + k];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(float* from, int stride, float* to)
    {
        Vector128<float> r0 = Vector128.Load(from);
        Vector128<float> r1 = Vector128.Load(from + stride);
        Vector128<float> r2 = Vector128.Load(from + 2 * (nint)stride);
        Vector128<float> r3 = Vector128.Load(from + 3 * (nint)stride);
        Vector128<float> low01 = Sse.UnpackLow(r0, r1);
        Vector128<float> high01 = Sse.UnpackHigh(r0, r1);
        Vector128<float> low23 = Sse.UnpackLow(r2, r3);
        Vector128<float> high23 = Sse.UnpackHigh(r2, r3);
        Sse.MoveLowToHigh(low01, low23).Store(to);
        Sse.MoveHighToLow(low23, low01).Store(to + Rows);
        Sse.MoveLowToHigh(high01, high23).Store(to + 2 * Rows);
        Sse.MoveHighToLow(high23, high01).Store(to + 3 * Rows);
    }
}
