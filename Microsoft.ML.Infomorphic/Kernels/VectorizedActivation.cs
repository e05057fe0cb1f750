// arXiv 2412.02482, appendix A.4: θ = σ(A), A(F, C, L) = F·[(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)], and
// A(F, X) = F·[k + (1 − k)·2σ(β F X)] in a bivariate layer.
//
//   symbol          variable          shape  unit
//   F, C, L         f, c, l           rows   –
//   σ(β₁FC)         s1                rows   –
//   σ(β₂FL)         s2                rows   –
//   θ, 1 − θ        theta, complement rows   probability
//   ∂G/∂θ           slope             rows   bit
//   ∂G/∂F … ∂G/∂L   gradientF …       rows   bit

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The activation of one neuron over the rows of a batch, sixteen rows at once. Rows that do not fill a vector are
/// copied to one that they do not fill.
/// </summary>
internal static class VectorizedActivation
{
    private const int Lanes = 16;

    /// <summary>Firing probabilities of a neuron.</summary>
    /// <param name="activation">The activation; not a step, which has no probabilities.</param>
    /// <param name="f">The first source, F, of each row.</param>
    /// <param name="second">The second source; not read where the activation does not see it.</param>
    /// <param name="third">The third source, likewise.</param>
    /// <param name="theta">Receives θ.</param>
    /// <param name="complement">Receives 1 − θ.</param>
    public static void Fire(
        Activation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> second,
        ReadOnlySpan<float> third,
        Span<float> theta,
        Span<float> complement
    )
    {
        if (activation is ModulatedActivation modulated)
            Fire(modulated, f, second, third, theta, complement);
        else if (activation is BivariateActivation bivariate)
            Fire(bivariate, f, second, theta, complement);
        else
            Fire(f, theta, complement);
    }

    /// <summary>Firing probabilities of a modulated neuron.</summary>
    public static void Fire(
        ModulatedActivation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        ReadOnlySpan<float> l,
        Span<float> theta,
        Span<float> complement
    )
    {
        int rows = f.Length;
        CheckLengths(rows, c.Length, l.Length, theta.Length, complement.Length);
        var modulation = new Modulation(activation);
        int whole = rows / Lanes * Lanes;
        Fire(in modulation, ref Start(f), ref Start(c), ref Start(l), ref Start(theta), ref Start(complement), whole);
        if (whole == rows)
            return;
        Span<float> block = stackalloc float[5 * Lanes];
        f[whole..].CopyTo(block);
        c[whole..].CopyTo(block[Lanes..]);
        l[whole..].CopyTo(block[(2 * Lanes)..]);
        ref float start = ref Start(block);
        Fire(
            in modulation,
            ref start,
            ref Unsafe.Add(ref start, Lanes),
            ref Unsafe.Add(ref start, 2 * Lanes),
            ref Unsafe.Add(ref start, 3 * Lanes),
            ref Unsafe.Add(ref start, 4 * Lanes),
            Lanes
        );
        block.Slice(3 * Lanes, rows - whole).CopyTo(theta[whole..]);
        block.Slice(4 * Lanes, rows - whole).CopyTo(complement[whole..]);
    }

    /// <summary>
    /// Chain rule from ∂G/∂θ to the sources. The gradients may overwrite their sources: f by gradientF, and so on.
    /// </summary>
    public static void Differentiate(
        ModulatedActivation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        ReadOnlySpan<float> l,
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> slope,
        Span<float> gradientF,
        Span<float> gradientC,
        Span<float> gradientL
    )
    {
        int rows = f.Length;
        CheckLengths(rows, c.Length, l.Length, theta.Length, complement.Length);
        CheckLengths(rows, slope.Length, gradientF.Length, gradientC.Length, gradientL.Length);
        var modulation = new Modulation(activation);
        int whole = rows / Lanes * Lanes;
        Differentiate(
            in modulation,
            ref Start(f),
            ref Start(c),
            ref Start(l),
            ref Start(theta),
            ref Start(complement),
            ref Start(slope),
            ref Start(gradientF),
            ref Start(gradientC),
            ref Start(gradientL),
            whole
        );
        if (whole == rows)
            return;
        Span<float> block = stackalloc float[6 * Lanes];
        f[whole..].CopyTo(block);
        c[whole..].CopyTo(block[Lanes..]);
        l[whole..].CopyTo(block[(2 * Lanes)..]);
        theta[whole..].CopyTo(block[(3 * Lanes)..]);
        complement[whole..].CopyTo(block[(4 * Lanes)..]);
        slope[whole..].CopyTo(block[(5 * Lanes)..]);
        ref float start = ref Start(block);
        Differentiate(
            in modulation,
            ref start,
            ref Unsafe.Add(ref start, Lanes),
            ref Unsafe.Add(ref start, 2 * Lanes),
            ref Unsafe.Add(ref start, 3 * Lanes),
            ref Unsafe.Add(ref start, 4 * Lanes),
            ref Unsafe.Add(ref start, 5 * Lanes),
            ref start,
            ref Unsafe.Add(ref start, Lanes),
            ref Unsafe.Add(ref start, 2 * Lanes),
            Lanes
        );
        block[..(rows - whole)].CopyTo(gradientF[whole..]);
        block.Slice(Lanes, rows - whole).CopyTo(gradientC[whole..]);
        block.Slice(2 * Lanes, rows - whole).CopyTo(gradientL[whole..]);
    }

    /// <summary>Firing probabilities of a bivariate neuron, clamped.</summary>
    public static void Fire(
        BivariateActivation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> x,
        Span<float> theta,
        Span<float> complement
    )
    {
        CheckLengths(f.Length, x.Length, x.Length, theta.Length, complement.Length);
        Vector512<float> low = Vector512.Create((float)FeedforwardActivation.Clamp);
        Vector512<float> high = Vector512.Create(1 - (float)FeedforwardActivation.Clamp);
        var k = Vector512.Create((float)activation.K);
        var share = Vector512.Create((float)(2 * (1 - activation.K)));
        var beta = Vector512.Create((float)activation.Beta);
        for (int i = 0; i < f.Length; i += Lanes)
        {
            Vector512<float> drive = VectorMath.Load(f, i);
            Vector512<float> s = VectorMath.Logistic(beta * drive * VectorMath.Load(x, i)).Value;
            (Vector512<float> value, Vector512<float> rest) = VectorMath.Logistic(drive * (k + share * s));
            VectorMath.Store(Vector512.Min(Vector512.Max(value, low), high), theta, i);
            VectorMath.Store(Vector512.Min(Vector512.Max(rest, low), high), complement, i);
        }
    }

    /// <summary>
    /// Chain rule of a bivariate neuron from ∂G/∂θ to its sources: no gradient where θ is clamped. The gradients may
    /// overwrite their sources.
    /// </summary>
    public static void Differentiate(
        BivariateActivation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> x,
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> slope,
        Span<float> gradientF,
        Span<float> gradientX
    )
    {
        CheckLengths(f.Length, x.Length, slope.Length, theta.Length, complement.Length);
        CheckLengths(f.Length, gradientF.Length, gradientX.Length, theta.Length, complement.Length);
        Vector512<float> low = Vector512.Create((float)FeedforwardActivation.Clamp);
        var k = Vector512.Create((float)activation.K);
        var share = Vector512.Create((float)(2 * (1 - activation.K)));
        var shareSlope = Vector512.Create((float)(2 * (1 - activation.K) * activation.Beta));
        var beta = Vector512.Create((float)activation.Beta);
        for (int i = 0; i < f.Length; i += Lanes)
        {
            Vector512<float> drive = VectorMath.Load(f, i);
            Vector512<float> input = VectorMath.Load(x, i);
            Vector512<float> value = VectorMath.Load(theta, i);
            Vector512<float> rest = VectorMath.Load(complement, i);
            (Vector512<float> s, Vector512<float> r) = VectorMath.Logistic(beta * drive * input);
            Vector512<float> free = Vector512.GreaterThan(value, low) & Vector512.GreaterThan(rest, low);
            Vector512<float> bySum = free & (VectorMath.Load(slope, i) * value * rest);
            Vector512<float> byProduct = shareSlope * s * r;
            VectorMath.Store(bySum * (k + share * s + drive * input * byProduct), gradientF, i);
            VectorMath.Store(bySum * drive * drive * byProduct, gradientX, i);
        }
    }

    /// <summary>Firing probabilities θ = σ(F) of a feedforward neuron, clamped.</summary>
    public static void Fire(ReadOnlySpan<float> f, Span<float> theta, Span<float> complement)
    {
        Vector512<float> low = Vector512.Create((float)FeedforwardActivation.Clamp);
        Vector512<float> high = Vector512.Create(1 - (float)FeedforwardActivation.Clamp);
        for (int i = 0; i < f.Length; i += Lanes)
        {
            (Vector512<float> value, Vector512<float> rest) = VectorMath.Logistic(VectorMath.Load(f, i));
            VectorMath.Store(Vector512.Min(Vector512.Max(value, low), high), theta, i);
            VectorMath.Store(Vector512.Min(Vector512.Max(rest, low), high), complement, i);
        }
    }

    /// <summary>Chain rule of <see cref="Fire(ReadOnlySpan{float}, Span{float}, Span{float})"/>: no gradient where θ is clamped.</summary>
    public static void Differentiate(
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> slope,
        Span<float> gradientF
    )
    {
        Vector512<float> low = Vector512.Create((float)FeedforwardActivation.Clamp);
        for (int i = 0; i < theta.Length; i += Lanes)
        {
            Vector512<float> value = VectorMath.Load(theta, i);
            Vector512<float> rest = VectorMath.Load(complement, i);
            Vector512<float> free = Vector512.GreaterThan(value, low) & Vector512.GreaterThan(rest, low);
            VectorMath.Store(free & (VectorMath.Load(slope, i) * value * rest), gradientF, i);
        }
    }

    private static void Fire(
        in Modulation modulation,
        ref float f,
        ref float c,
        ref float l,
        ref float theta,
        ref float complement,
        int rows
    )
    {
        for (nuint i = 0; i < (nuint)rows; i += Lanes)
        {
            Vector512<float> drive = Vector512.LoadUnsafe(ref f, i);
            Vector512<float> s1 = modulation.Context(drive, Vector512.LoadUnsafe(ref c, i)).Value;
            Vector512<float> s2 = modulation.Lateral(drive, Vector512.LoadUnsafe(ref l, i)).Value;
            (Vector512<float> value, Vector512<float> rest) = VectorMath.Logistic(drive * modulation.Gain(s1, s2));
            value.StoreUnsafe(ref theta, i);
            rest.StoreUnsafe(ref complement, i);
        }
    }

    private static void Differentiate(
        in Modulation modulation,
        ref float f,
        ref float c,
        ref float l,
        ref float theta,
        ref float complement,
        ref float slope,
        ref float gradientF,
        ref float gradientC,
        ref float gradientL,
        int rows
    )
    {
        for (nuint i = 0; i < (nuint)rows; i += Lanes)
        {
            Vector512<float> drive = Vector512.LoadUnsafe(ref f, i);
            Vector512<float> context = Vector512.LoadUnsafe(ref c, i);
            Vector512<float> lateral = Vector512.LoadUnsafe(ref l, i);
            (Vector512<float> s1, Vector512<float> r1) = modulation.Context(drive, context);
            (Vector512<float> s2, Vector512<float> r2) = modulation.Lateral(drive, lateral);

            // dσ(A)/dA = θ(1 − θ); dσ(βFX)/d(FX) = βσ(1 − σ).
            Vector512<float> bySum =
                Vector512.LoadUnsafe(ref slope, i)
                * Vector512.LoadUnsafe(ref theta, i)
                * Vector512.LoadUnsafe(ref complement, i);
            Vector512<float> byContext = modulation.ContextSlope * s1 * r1;
            Vector512<float> byLateral = modulation.LateralSlope * s2 * r2;
            Vector512<float> square = bySum * drive * drive;
            Vector512<float> gain = modulation.Gain(s1, s2) + drive * (byContext * context + byLateral * lateral);
            (bySum * gain).StoreUnsafe(ref gradientF, i);
            (square * byContext).StoreUnsafe(ref gradientC, i);
            (square * byLateral).StoreUnsafe(ref gradientL, i);
        }
    }

    private static void CheckLengths(int rows, int a, int b, int c, int d)
    {
        if (a != rows || b != rows || c != rows || d != rows)
            throw new ArgumentException($"All spans must hold {rows} rows.");
    }

    private static ref float Start(ReadOnlySpan<float> span) => ref MemoryMarshal.GetReference(span);

    /// <summary>The parameters of a modulated activation, once a lane.</summary>
    private readonly struct Modulation(ModulatedActivation activation)
    {
        private readonly Vector512<float> _base = Vector512.Create((float)(1 - activation.Alpha1 - activation.Alpha2));
        private readonly Vector512<float> _alpha1 = Vector512.Create((float)activation.Alpha1);
        private readonly Vector512<float> _alpha2 = Vector512.Create((float)activation.Alpha2);
        private readonly Vector512<float> _beta1 = Vector512.Create((float)activation.Beta1);
        private readonly Vector512<float> _beta2 = Vector512.Create((float)activation.Beta2);

        /// <summary>α₁β₁.</summary>
        public Vector512<float> ContextSlope { get; } = Vector512.Create((float)(activation.Alpha1 * activation.Beta1));

        /// <summary>α₂β₂.</summary>
        public Vector512<float> LateralSlope { get; } = Vector512.Create((float)(activation.Alpha2 * activation.Beta2));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<float> Value, Vector512<float> Complement) Context(Vector512<float> f, Vector512<float> c) =>
            VectorMath.Logistic(_beta1 * f * c);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<float> Value, Vector512<float> Complement) Lateral(Vector512<float> f, Vector512<float> l) =>
            VectorMath.Logistic(_beta2 * f * l);

        /// <summary>A / F.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Gain(Vector512<float> s1, Vector512<float> s2) => _base + _alpha1 * s1 + _alpha2 * s2;
    }
}
