using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Tiles: how scoring holds many rows. A tile is 32 rows; a quantity's 32 values lie side by side, and its quantities
/// (features, neurons) one after the other, so that every step works on 32 rows at once.
/// </summary>
internal static unsafe class RowTile
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 32;

    // Columns that are turned together.
    private const int Width = 16;

    /// <summary>Number of tiles that hold so many rows.</summary>
    public static int Count(int rows) => (rows + Rows - 1) / Rows;

    /// <summary>Turns 32 rows into a tile.</summary>
    /// <param name="rows">The beginnings of 32 rows.</param>
    /// <param name="count">Numbers of a row.</param>
    /// <param name="tile">Receives up to <paramref name="count"/> × 32 numbers; aligned to 64 bytes.</param>
    /// <param name="places">
    /// Receives the places in the rows of what is left when what is zero in all rows is left out; null to keep all.
    /// </param>
    /// <returns>How many quantities are left.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Pack(float** rows, int count, float* tile, int* places)
    {
        float* turned = stackalloc float[Width * Rows];
        int left = 0;
        for (int k = 0; k < count; k += Width)
        {
            int width = Math.Min(Width, count - k);
            Turn(rows, k, width, turned);
            for (int column = 0; column < width; column++)
            {
                Vector512<float> low = Vector512.Load(turned + column * Rows);
                Vector512<float> high = Vector512.Load(turned + column * Rows + 16);
                low.StoreAligned(tile + (nint)left * Rows);
                high.StoreAligned(tile + (nint)left * Rows + 16);
                if (places is null)
                {
                    left++;
                    continue;
                }

                places[left] = k + column;
                Vector512<float> isZero =
                    Vector512.Equals(low, Vector512<float>.Zero) & Vector512.Equals(high, Vector512<float>.Zero);
                left += isZero.ExtractMostSignificantBits() == 0xFFFF ? 0 : 1;
            }
        }

        return left;
    }

    /// <summary>Copies one row of a tile.</summary>
    /// <param name="lane">Its first number.</param>
    /// <param name="values">Receives its numbers.</param>
    public static void Gather(float* lane, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = lane[(nint)i * Rows];
    }

    // Columns of 32 rows, one after the other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(float** rows, nint start, int width, float* turned)
    {
        if (width == Width && Avx512F.IsSupported)
            for (int row = 0; row < Rows; row += 16)
                TurnSixteen(rows + row, start, turned + row);
        else if (width == Width && Sse.IsSupported)
            for (int column = 0; column < Width; column += 4)
            for (int row = 0; row < Rows; row += 4)
                TurnFour(rows + row, start + column, turned + column * Rows + row);
        else
            for (int column = 0; column < width; column++)
            for (int row = 0; row < Rows; row++)
                turned[column * Rows + row] = rows[row][start + column];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnFour(float** rows, nint start, float* to)
    {
        Vector128<float> r0 = Vector128.Load(rows[0] + start);
        Vector128<float> r1 = Vector128.Load(rows[1] + start);
        Vector128<float> r2 = Vector128.Load(rows[2] + start);
        Vector128<float> r3 = Vector128.Load(rows[3] + start);
        Vector128<float> low01 = Sse.UnpackLow(r0, r1);
        Vector128<float> high01 = Sse.UnpackHigh(r0, r1);
        Vector128<float> low23 = Sse.UnpackLow(r2, r3);
        Vector128<float> high23 = Sse.UnpackHigh(r2, r3);
        Sse.MoveLowToHigh(low01, low23).Store(to);
        Sse.MoveHighToLow(low23, low01).Store(to + Rows);
        Sse.MoveLowToHigh(high01, high23).Store(to + 2 * Rows);
        Sse.MoveHighToLow(high23, high01).Store(to + 3 * Rows);
    }

    // Four rows of four numbers each, in each quarter of a vector; then the quarters.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnSixteen(float** rows, nint start, float* to)
    {
        Quarters(
            rows,
            start,
            out Vector512<float> a0,
            out Vector512<float> a1,
            out Vector512<float> a2,
            out Vector512<float> a3
        );
        Quarters(
            rows + 4,
            start,
            out Vector512<float> b0,
            out Vector512<float> b1,
            out Vector512<float> b2,
            out Vector512<float> b3
        );
        Quarters(
            rows + 8,
            start,
            out Vector512<float> c0,
            out Vector512<float> c1,
            out Vector512<float> c2,
            out Vector512<float> c3
        );
        Quarters(
            rows + 12,
            start,
            out Vector512<float> d0,
            out Vector512<float> d1,
            out Vector512<float> d2,
            out Vector512<float> d3
        );
        Store(a0, b0, c0, d0, to);
        Store(a1, b1, c1, d1, to + Rows);
        Store(a2, b2, c2, d2, to + 2 * Rows);
        Store(a3, b3, c3, d3, to + 3 * Rows);
    }

    // Of four rows: column k, k + 4, k + 8 and k + 12 in the quarters of the k-th vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quarters(
        float** rows,
        nint start,
        out Vector512<float> q0,
        out Vector512<float> q1,
        out Vector512<float> q2,
        out Vector512<float> q3
    )
    {
        Vector512<float> r0 = Vector512.Load(rows[0] + start);
        Vector512<float> r1 = Vector512.Load(rows[1] + start);
        Vector512<float> r2 = Vector512.Load(rows[2] + start);
        Vector512<float> r3 = Vector512.Load(rows[3] + start);
        Vector512<double> low01 = Avx512F.UnpackLow(r0, r1).AsDouble();
        Vector512<double> high01 = Avx512F.UnpackHigh(r0, r1).AsDouble();
        Vector512<double> low23 = Avx512F.UnpackLow(r2, r3).AsDouble();
        Vector512<double> high23 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        q0 = Avx512F.UnpackLow(low01, low23).AsSingle();
        q1 = Avx512F.UnpackHigh(low01, low23).AsSingle();
        q2 = Avx512F.UnpackLow(high01, high23).AsSingle();
        q3 = Avx512F.UnpackHigh(high01, high23).AsSingle();
    }

    // The columns k, k + 4, k + 8, k + 12 of sixteen rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to)
    {
        const byte Even = 0x88;
        const byte Odd = 0xDD;
        Vector512<float> ab02 = Avx512F.Shuffle4x128(a, b, Even);
        Vector512<float> ab13 = Avx512F.Shuffle4x128(a, b, Odd);
        Vector512<float> cd02 = Avx512F.Shuffle4x128(c, d, Even);
        Vector512<float> cd13 = Avx512F.Shuffle4x128(c, d, Odd);
        Avx512F.Shuffle4x128(ab02, cd02, Even).Store(to);
        Avx512F.Shuffle4x128(ab13, cd13, Even).Store(to + 4 * Rows);
        Avx512F.Shuffle4x128(ab02, cd02, Odd).Store(to + 8 * Rows);
        Avx512F.Shuffle4x128(ab13, cd13, Odd).Store(to + 12 * Rows);
    }
}
