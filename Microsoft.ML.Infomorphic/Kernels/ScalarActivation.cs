// arXiv 2412.02482, appendix A.4: the firing probability of a neuron and its derivatives, in double precision. The
// specification of VectorizedActivation.
//
//   symbol            variable               unit
//   F, C, L           f, c, l                –            aggregated inputs
//   A                 a                      –            argument of the logistic function
//   θ, 1 − θ          Theta, Complement      probability
//   ∂θ/∂F … ∂θ/∂L     ByF, ByC, ByL          probability per unit of the input
//
// [θ]  θ = σ(A), σ(x) = 1 / (1 + e⁻ˣ)
// [A]  A(F, C, L) = F · [(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)]
// [B]  A(F, X) = F · [k + (1 − k) · 2 σ(β F X)], with X = C or L, in a bivariate layer (the authors' published code)

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The firing probability of one neuron for one row, slow and obvious.</summary>
/// <param name="Theta">θ.</param>
/// <param name="Complement">1 − θ, computed as σ(−A) so that it keeps its relative precision where θ is close to 1.</param>
/// <param name="ByF">∂θ/∂F.</param>
/// <param name="ByC">∂θ/∂C.</param>
/// <param name="ByL">∂θ/∂L.</param>
internal readonly record struct ScalarActivation(double Theta, double Complement, double ByF, double ByC, double ByL)
{
    /// <summary>A modulated neuron, driven by F and modulated by C and L.</summary>
    public static ScalarActivation Of(ModulatedActivation activation, double f, double c, double l)
    {
        (double alpha1, double alpha2, double beta1, double beta2) = activation;
        double sC = Logistic(beta1 * f * c);
        double sL = Logistic(beta2 * f * l);
        double gain = 1 - alpha1 - alpha2 + alpha1 * sC + alpha2 * sL;
        double a = f * gain; // [A]

        // σ′(x) = σ(x) σ(−x), so that ∂σ(β₁FC)/∂C = β₁ F σ′(β₁FC), and so on.
        double slopeC = sC * Logistic(-beta1 * f * c);
        double slopeL = sL * Logistic(-beta2 * f * l);
        double byF = gain + f * (alpha1 * beta1 * c * slopeC + alpha2 * beta2 * l * slopeL); // ∂[A]/∂F
        double byC = f * alpha1 * beta1 * f * slopeC; // ∂[A]/∂C
        double byL = f * alpha2 * beta2 * f * slopeL; // ∂[A]/∂L

        double theta = Logistic(a); // [θ]
        double complement = Logistic(-a);
        double slope = theta * complement; // dσ(A)/dA
        return new(theta, complement, slope * byF, slope * byC, slope * byL);
    }

    /// <summary>
    /// A bivariate neuron, driven by F and modulated by x, its context or lateral input; θ is held within
    /// [10⁻⁶, 1 − 10⁻⁶], without a gradient where it is held. <see cref="ByC"/> is the derivative by x.
    /// </summary>
    public static ScalarActivation Of(BivariateActivation activation, double f, double x)
    {
        (double k, double beta) = activation;
        double s = Logistic(beta * f * x);
        double gain = k + (1 - k) * 2 * s;
        double slope = (1 - k) * 2 * beta * s * Logistic(-beta * f * x); // ∂gain/∂(F X)
        ScalarActivation held = OfFeedforward(f * gain); // [B], [θ]
        return held with { ByF = held.ByF * (gain + f * x * slope), ByC = held.ByF * f * f * slope };
    }

    /// <summary>A feedforward neuron, θ = σ(F), held within [10⁻⁶, 1 − 10⁻⁶]; no gradient where it is held.</summary>
    public static ScalarActivation OfFeedforward(double f)
    {
        const double Low = FeedforwardActivation.Clamp;
        double theta = Logistic(f);
        double complement = Logistic(-f);
        if (theta < Low)
            return new(Low, 1 - Low, 0, 0, 0);
        if (complement < Low)
            return new(1 - Low, Low, 0, 0, 0);
        return new(theta, complement, theta * complement, 0, 0);
    }

    // e⁻ˣ overflows to infinity for x far below zero, and 1 / ∞ is the 0 that is wanted.
    private static double Logistic(double x) => 1 / (1 + Math.Exp(-x));
}
