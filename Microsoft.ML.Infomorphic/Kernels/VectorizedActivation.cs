// arXiv 2412.02482, appendix A.4: θ = σ(A), A(F, C, L) = F·[(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)].
//
//   symbol          variable          shape  unit
//   F, C, L         f, c, l           rows   –
//   σ(β₁FC)         s1                rows   –
//   σ(β₂FL)         s2                rows   –
//   θ, 1 − θ        theta, complement rows   probability
//   ∂G/∂θ           slope             rows   bit
//   ∂G/∂F … ∂G/∂L   gradientF …       rows   bit

using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The activation of one neuron over the rows of a batch, sixteen rows at once.</summary>
internal static class VectorizedActivation
{
    /// <summary>Firing probabilities of a modulated neuron whose lateral input is the same for every row.</summary>
    public static void Fire(
        ModulatedActivation activation,
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        float l,
        Span<float> theta
    )
    {
        Vector512<float> lateral = Vector512.Create(l);
        var modulation = new Modulation(activation);
        for (int i = 0; i < f.Length; i += Vector512<float>.Count)
        {
            Vector512<float> drive = VectorMath.Load(f, i);
            Vector512<float> s1 = modulation.Context(drive, VectorMath.Load(c, i)).Value;
            Vector512<float> s2 = modulation.Lateral(drive, lateral).Value;
            VectorMath.Store(VectorMath.Logistic(drive * modulation.Gain(s1, s2)).Value, theta, i);
        }
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
        var modulation = new Modulation(activation);
        for (int i = 0; i < f.Length; i += Vector512<float>.Count)
        {
            Vector512<float> drive = VectorMath.Load(f, i);
            Vector512<float> s1 = modulation.Context(drive, VectorMath.Load(c, i)).Value;
            Vector512<float> s2 = modulation.Lateral(drive, VectorMath.Load(l, i)).Value;
            (Vector512<float> value, Vector512<float> rest) = VectorMath.Logistic(drive * modulation.Gain(s1, s2));
            VectorMath.Store(value, theta, i);
            VectorMath.Store(rest, complement, i);
        }
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
        var modulation = new Modulation(activation);
        for (int i = 0; i < f.Length; i += Vector512<float>.Count)
        {
            Vector512<float> drive = VectorMath.Load(f, i);
            Vector512<float> context = VectorMath.Load(c, i);
            Vector512<float> lateral = VectorMath.Load(l, i);
            (Vector512<float> s1, Vector512<float> r1) = modulation.Context(drive, context);
            (Vector512<float> s2, Vector512<float> r2) = modulation.Lateral(drive, lateral);

            // dσ(A)/dA = θ(1 − θ); dσ(βFX)/d(FX) = βσ(1 − σ).
            Vector512<float> bySum =
                VectorMath.Load(slope, i) * VectorMath.Load(theta, i) * VectorMath.Load(complement, i);
            Vector512<float> byContext = modulation.ContextSlope * s1 * r1;
            Vector512<float> byLateral = modulation.LateralSlope * s2 * r2;
            Vector512<float> square = drive * drive;
            VectorMath.Store(
                bySum * (modulation.Gain(s1, s2) + drive * (byContext * context + byLateral * lateral)),
                gradientF,
                i
            );
            VectorMath.Store(bySum * square * byContext, gradientC, i);
            VectorMath.Store(bySum * square * byLateral, gradientL, i);
        }
    }

    /// <summary>Firing probabilities θ = σ(F) of a feedforward neuron, clamped.</summary>
    public static void Fire(ReadOnlySpan<float> f, Span<float> theta, Span<float> complement)
    {
        Vector512<float> low = Vector512.Create((float)FeedforwardActivation.Clamp);
        Vector512<float> high = Vector512.Create(1 - (float)FeedforwardActivation.Clamp);
        for (int i = 0; i < f.Length; i += Vector512<float>.Count)
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
        for (int i = 0; i < theta.Length; i += Vector512<float>.Count)
        {
            Vector512<float> value = VectorMath.Load(theta, i);
            Vector512<float> rest = VectorMath.Load(complement, i);
            Vector512<float> free =
                Vector512.GreaterThan(value, low) & Vector512.GreaterThan(rest, low);
            VectorMath.Store(free & (VectorMath.Load(slope, i) * value * rest), gradientF, i);
        }
    }

    /// <summary>The parameters of a modulated activation, once a lane.</summary>
    private readonly struct Modulation(ModulatedActivation activation)
    {
        private readonly Vector512<float> _base = Vector512.Create((float)(1 - activation.Alpha1 - activation.Alpha2));
        private readonly Vector512<float> _alpha1 = Vector512.Create((float)activation.Alpha1);
        private readonly Vector512<float> _alpha2 = Vector512.Create((float)activation.Alpha2);
        private readonly Vector512<float> _beta1 = Vector512.Create((float)activation.Beta1);
        private readonly Vector512<float> _beta2 = Vector512.Create((float)activation.Beta2);

        /// <summary>α₁β₁.</summary>
        public Vector512<float> ContextSlope => _alpha1 * _beta1;

        /// <summary>α₂β₂.</summary>
        public Vector512<float> LateralSlope => _alpha2 * _beta2;

        public (Vector512<float> Value, Vector512<float> Complement) Context(Vector512<float> f, Vector512<float> c) =>
            VectorMath.Logistic(_beta1 * f * c);

        public (Vector512<float> Value, Vector512<float> Complement) Lateral(Vector512<float> f, Vector512<float> l) =>
            VectorMath.Logistic(_beta2 * f * l);

        /// <summary>A / F.</summary>
        public Vector512<float> Gain(Vector512<float> s1, Vector512<float> s2) => _base + _alpha1 * s1 + _alpha2 * s2;
    }
}
