// Mean outputs of neurons and how they follow from the sums, y = 2θ − 1 (arXiv 2412.02482, appendix A.4). The specification is
// ScalarActivation.
//
// Along a piece of a path, on which the sums go straight from S₀ to S₁ = S₀ + ΔS, the share of source s in Δy is
//
//   [G]  μₛ ΔSₛ  with  μₛ = ∫₀¹ ∂y/∂Sₛ (S₀ + t ΔS) dt
//
// (Aumann–Shapley), by Gauss and Legendre's rule with three nodes; what is left of Δy because the rule is not exact goes to the
// sources by the size of their shares, so that shares add up to Δy.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Mean outputs, and the shares of sources in their differences.</summary>
internal static class LaneActivation
{
    private const int Lanes = LaneWeights.Lanes;

    // Below this, differences of numbers in single precision are too inexact to be divided by.
    private const float LeastDifference = 1e-3f;

    /// <summary>Mean outputs y = 2θ − 1; 1 or 0 of neurons with a step.</summary>
    /// <param name="activation">The activation.</param>
    /// <param name="sums">The sums of each source.</param>
    /// <param name="fired">Receives y.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fire(Activation activation, float[][] sums, float[] fired)
    {
        if (activation is StepActivation)
        {
            for (int i = 0; i < fired.Length; i++)
                fired[i] = sums[0][i] > 0 ? 1 : 0;
            return;
        }

        var form = new Form(activation);
        for (int i = 0; i < fired.Length; i += Lanes)
            VectorMath.Store(form.Output(Load(sums, 0, i), Load(sums, 1, i), Load(sums, 2, i)), fired, i);
    }

    /// <summary>The factors μ of sources on a piece of a path.</summary>
    /// <param name="activation">The activation.</param>
    /// <param name="from">The sums of each source at the piece's beginning.</param>
    /// <param name="to">Those at its end.</param>
    /// <param name="firedFrom">y at its beginning.</param>
    /// <param name="firedTo">y at its end.</param>
    /// <param name="factors">Receives the factors of each source that is asked for.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Share(
        Activation activation,
        float[][] from,
        float[][] to,
        float[] firedFrom,
        float[] firedTo,
        float[]?[] factors
    )
    {
        var form = new Form(activation);
        for (int i = 0; i < firedFrom.Length; i += Lanes)
        {
            Vector512<float> f = Load(from, 0, i);
            Vector512<float> c = Load(from, 1, i);
            Vector512<float> l = Load(from, 2, i);
            Vector512<float> toF = Load(to, 0, i) - f;
            Vector512<float> toC = Load(to, 1, i) - c;
            Vector512<float> toL = Load(to, 2, i) - l;
            Vector512<float> byF = default;
            Vector512<float> byC = default;
            Vector512<float> byL = default;
            for (int node = 0; node < GaussLegendre.Nodes.Length; node++)
            {
                var t = Vector512.Create((float)GaussLegendre.Nodes[node]);
                var weight = Vector512.Create((float)GaussLegendre.Weights[node]);
                (Vector512<float> slopeF, Vector512<float> slopeC, Vector512<float> slopeL) = form.Slopes(
                    f + t * toF,
                    c + t * toC,
                    l + t * toL
                );
                byF += weight * slopeF;
                byC += weight * slopeC;
                byL += weight * slopeL;
            }

            Vector512<float> difference = VectorMath.Load(firedTo, i) - VectorMath.Load(firedFrom, i);
            Vector512<float> shareF = byF * toF;
            Vector512<float> shareC = byC * toC;
            Vector512<float> shareL = byL * toL;
            Vector512<float> size = Vector512.Abs(shareF) + Vector512.Abs(shareC) + Vector512.Abs(shareL);
            Vector512<float> rest = difference - (shareF + shareC + shareL);

            // A piece on which θ is at its limits at all nodes has slopes of 0 there: the drive takes its part.
            Vector512<float> floor = Vector512.Create(LeastDifference);
            Vector512<float> isLarge = Vector512.GreaterThan(Vector512.Abs(toF), floor);
            Vector512<float> isShared = Vector512.GreaterThan(size, floor);
            Vector512<float> ratio = Vector512.ConditionalSelect(isShared, rest / size, Vector512<float>.Zero);
            byF += ratio * Vector512.Abs(byF) * Sign(toF);
            byC += ratio * Vector512.Abs(byC) * Sign(toC);
            byL += ratio * Vector512.Abs(byL) * Sign(toL);
            byF += Vector512.ConditionalSelect(isLarge & ~isShared, rest / toF, Vector512<float>.Zero);
            Store(factors, 0, byF, i);
            Store(factors, 1, byC, i);
            Store(factors, 2, byL, i);
        }
    }

    // Of numbers: 1, −1, and 0 for 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sign(Vector512<float> x) =>
        Vector512.ConditionalSelect(
            Vector512.Equals(x, Vector512<float>.Zero),
            Vector512<float>.Zero,
            Vector512.CopySign(Vector512<float>.One, x)
        );

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float[][] sums, int source, int at) =>
        source < sums.Length ? VectorMath.Load(sums[source], at) : Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float[]?[] factors, int source, Vector512<float> value, int at)
    {
        if (source < factors.Length && factors[source] is float[] of)
            VectorMath.Store(value, of, at);
    }

    /// <summary>A = F·[k₀ + k₁ σ(β₁ F C) + k₂ σ(β₂ F L)], and what θ = σ(A) is held at.</summary>
    private readonly struct Form
    {
        private readonly Vector512<float> _base;
        private readonly Vector512<float> _k1;
        private readonly Vector512<float> _k2;
        private readonly Vector512<float> _beta1;
        private readonly Vector512<float> _beta2;
        private readonly Vector512<float> _clamp;

        public Form(Activation activation)
        {
            (double k0, double k1, double k2, double beta1, double beta2, double clamp) = activation switch
            {
                ModulatedActivation m => (1 - m.Alpha1 - m.Alpha2, m.Alpha1, m.Alpha2, m.Beta1, m.Beta2, 0d),
                BivariateActivation b => (b.K, 2 * (1 - b.K), 0, b.Beta, 0, BivariateActivation.Clamp),
                FeedforwardActivation => (1, 0, 0, 0, 0, FeedforwardActivation.Clamp),
                _ => throw new NotSupportedException($"{activation.GetType().Name} has no slopes."),
            };
            _base = Vector512.Create((float)k0);
            _k1 = Vector512.Create((float)k1);
            _k2 = Vector512.Create((float)k2);
            _beta1 = Vector512.Create((float)beta1);
            _beta2 = Vector512.Create((float)beta2);
            _clamp = Vector512.Create((float)clamp);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Output(Vector512<float> f, Vector512<float> c, Vector512<float> l)
        {
            Vector512<float> gain =
                _base
                + _k1 * VectorMath.Logistic(_beta1 * f * c).Value
                + _k2 * VectorMath.Logistic(_beta2 * f * l).Value;
            (Vector512<float> theta, Vector512<float> complement) = VectorMath.Logistic(f * gain);
            Vector512<float> limit = Vector512<float>.One - _clamp - _clamp;
            return Vector512.Min(Vector512.Max(theta - complement, -limit), limit);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<float> F, Vector512<float> C, Vector512<float> L) Slopes(
            Vector512<float> f,
            Vector512<float> c,
            Vector512<float> l
        )
        {
            (Vector512<float> s1, Vector512<float> n1) = VectorMath.Logistic(_beta1 * f * c);
            (Vector512<float> s2, Vector512<float> n2) = VectorMath.Logistic(_beta2 * f * l);
            Vector512<float> gain = _base + _k1 * s1 + _k2 * s2;
            Vector512<float> slope1 = _k1 * _beta1 * s1 * n1;
            Vector512<float> slope2 = _k2 * _beta2 * s2 * n2;
            (Vector512<float> theta, Vector512<float> complement) = VectorMath.Logistic(f * gain);
            Vector512<float> isFree = Vector512.GreaterThan(theta, _clamp) & Vector512.GreaterThan(complement, _clamp);
            Vector512<float> slope = (theta + theta) * complement & isFree;
            return (slope * (gain + f * (slope1 * c + slope2 * l)), slope * (slope1 * f * f), slope * (slope2 * f * f));
        }
    }
}

/// <summary>Gauss and Legendre's rule with three nodes on [0, 1]: exact for polynomials of degree 5.</summary>
internal static class GaussLegendre
{
    private static readonly double[] s_nodes = [0.5 - Math.Sqrt(0.15), 0.5, 0.5 + Math.Sqrt(0.15)];
    private static readonly double[] s_weights = [5d / 18, 8d / 18, 5d / 18];

    /// <summary>The nodes.</summary>
    public static ReadOnlySpan<double> Nodes => s_nodes;

    /// <summary>Their weights.</summary>
    public static ReadOnlySpan<double> Weights => s_weights;
}
