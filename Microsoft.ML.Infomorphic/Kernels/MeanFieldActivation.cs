// arXiv 2412.02482, appendix A.4, where neurons pass on their means: y = 2θ − 1 = tanh(A/2), with
// A(F, C, L) = F·[(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)].
//
//   symbol                         variable  shape                                       unit
//   F, C, L                        f, c, l   neurons of a row, or neurons × 32 rows      –
//   (1 − α₁ − α₂) + α₁ σ(β₁ F C)   driven    as F: what later presentations share          –
//   y                              y         as F                                        –
//
// With a = e^(−β₁FC) and b = e^(−β₂FL), σ(β₁FC) = (1 + b) / ((1 + a)(1 + b)) and σ(β₂FL) = (1 + a) / ((1 + a)(1 + b)):
// divisions are what takes time here. Number by number, so that a row's outputs do not depend on its neighbours.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>What modulated neurons pass on in scoring, without sampling: their mean outputs.</summary>
/// <param name="activation">The activation.</param>
internal readonly struct MeanFieldActivation(ModulatedActivation activation)
{
    private const int Lanes = 16;

    private readonly Vector512<float> _base = Vector512.Create((float)(1 - activation.Alpha1 - activation.Alpha2));
    private readonly Vector512<float> _alpha1 = Vector512.Create((float)activation.Alpha1);
    private readonly Vector512<float> _alpha2 = Vector512.Create((float)activation.Alpha2);
    private readonly Vector512<float> _beta1 = Vector512.Create((float)-activation.Beta1);
    private readonly Vector512<float> _beta2 = Vector512.Create((float)-activation.Beta2);

    /// <summary>Outputs.</summary>
    /// <param name="f">F.</param>
    /// <param name="c">C.</param>
    /// <param name="l">L.</param>
    /// <param name="driven">Receives what does not depend on L.</param>
    /// <param name="y">Receives y.</param>
    public void Fire(
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        ReadOnlySpan<float> l,
        Span<float> driven,
        Span<float> y
    )
    {
        CheckLengths(f.Length, c.Length, l.Length, driven.Length, y.Length);
        int whole = f.Length / Lanes * Lanes;
        FireWhole(ref Start(f), ref Start(c), ref Start(l), ref Start(driven), ref Start(y), whole);
        if (whole == f.Length)
            return;
        Span<float> tail = stackalloc float[5 * Lanes];
        f[whole..].CopyTo(tail);
        c[whole..].CopyTo(tail[Lanes..]);
        l[whole..].CopyTo(tail[(2 * Lanes)..]);
        FireWhole(ref tail[0], ref tail[Lanes], ref tail[2 * Lanes], ref tail[3 * Lanes], ref tail[4 * Lanes], Lanes);
        tail.Slice(3 * Lanes, f.Length - whole).CopyTo(driven[whole..]);
        tail.Slice(4 * Lanes, f.Length - whole).CopyTo(y[whole..]);
    }

    /// <summary>Outputs of tiles of rows whose C and L are the same in all rows.</summary>
    /// <param name="f">F: neurons × 32.</param>
    /// <param name="c">C, one a neuron.</param>
    /// <param name="l">L, one a neuron.</param>
    /// <param name="driven">Receives what does not depend on L: neurons × 32.</param>
    /// <param name="y">Receives y: neurons × 32.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void FireAlike(
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        ReadOnlySpan<float> l,
        Span<float> driven,
        Span<float> y
    )
    {
        CheckLengths(f.Length, c.Length * RowTile.Rows, l.Length * RowTile.Rows, driven.Length, y.Length);
        nuint i = 0;
        for (int neuron = 0; neuron < c.Length; neuron++)
        {
            var context = Vector512.Create(c[neuron]);
            var lateral = Vector512.Create(l[neuron]);
            for (int lane = 0; lane < RowTile.Rows; lane += Lanes, i += Lanes)
            {
                Vector512<float> output = Fire(
                    Vector512.LoadUnsafe(ref Start(f), i),
                    context,
                    lateral,
                    out Vector512<float> gain
                );
                gain.StoreUnsafe(ref Start(driven), i);
                output.StoreUnsafe(ref Start(y), i);
            }
        }
    }

    /// <summary>Outputs in a later presentation, with another L.</summary>
    /// <param name="f">F.</param>
    /// <param name="driven">What does not depend on L, from the first presentation.</param>
    /// <param name="l">L.</param>
    /// <param name="y">Receives y.</param>
    public void FireAgain(ReadOnlySpan<float> f, ReadOnlySpan<float> driven, ReadOnlySpan<float> l, Span<float> y)
    {
        CheckLengths(f.Length, driven.Length, l.Length, y.Length, y.Length);
        int whole = f.Length / Lanes * Lanes;
        FireAgainWhole(ref Start(f), ref Start(driven), ref Start(l), ref Start(y), whole);
        if (whole == f.Length)
            return;
        Span<float> tail = stackalloc float[4 * Lanes];
        f[whole..].CopyTo(tail);
        driven[whole..].CopyTo(tail[Lanes..]);
        l[whole..].CopyTo(tail[(2 * Lanes)..]);
        FireAgainWhole(ref tail[0], ref tail[Lanes], ref tail[2 * Lanes], ref tail[3 * Lanes], Lanes);
        tail.Slice(3 * Lanes, f.Length - whole).CopyTo(y[whole..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FireWhole(ref float f, ref float c, ref float l, ref float driven, ref float y, int count)
    {
        for (nuint i = 0; i < (nuint)count; i += Lanes)
        {
            Vector512<float> output = Fire(
                Vector512.LoadUnsafe(ref f, i),
                Vector512.LoadUnsafe(ref c, i),
                Vector512.LoadUnsafe(ref l, i),
                out Vector512<float> gain
            );
            gain.StoreUnsafe(ref driven, i);
            output.StoreUnsafe(ref y, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FireAgainWhole(ref float f, ref float driven, ref float l, ref float y, int count)
    {
        for (nuint i = 0; i < (nuint)count; i += Lanes)
        {
            Vector512<float> drive = Vector512.LoadUnsafe(ref f, i);
            Vector512<float> b = VectorMath.Exp(_beta2 * drive * Vector512.LoadUnsafe(ref l, i));
            Vector512<float> s2 = Vector512<float>.One / (Vector512<float>.One + b);
            Output(drive * (Vector512.LoadUnsafe(ref driven, i) + _alpha2 * s2)).StoreUnsafe(ref y, i);
        }
    }

    private static ref float Start(ReadOnlySpan<float> span) => ref MemoryMarshal.GetReference(span);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Fire(
        Vector512<float> f,
        Vector512<float> c,
        Vector512<float> l,
        out Vector512<float> driven
    )
    {
        Vector512<float> a = Vector512<float>.One + VectorMath.Exp(_beta1 * f * c);
        Vector512<float> b = Vector512<float>.One + VectorMath.Exp(_beta2 * f * l);
        Vector512<float> inverse = Vector512<float>.One / (a * b);
        driven = _base + _alpha1 * (b * inverse);
        return Output(f * (driven + _alpha2 * (a * inverse)));
    }

    // tanh(A/2)
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Output(Vector512<float> a)
    {
        Vector512<float> e = VectorMath.Exp(-a);
        return (Vector512<float>.One - e) / (Vector512<float>.One + e);
    }

    private static void CheckLengths(int count, int a, int b, int c, int d)
    {
        if (a != count || b != count || c != count || d != count)
            throw new ArgumentException($"All spans must hold {count} numbers.");
    }
}
