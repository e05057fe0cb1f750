// arXiv 2412.02482, appendix A.4, as operations on tensors: θ = σ(A),
// A(F, C, L) = F·[(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)], and A(F, X) = F·[k + (1 − k)·2σ(β F X)] in a bivariate
// layer.
//
//   symbol          variable            shape            unit
//   F, C, L         f, c, l             neurons × rows   –
//   β₁FC, β₂FL      x1, x2              neurons × rows   –
//   σ(x1), σ(x2)    s1, s2              neurons × rows   –
//   θ, 1 − θ        theta, complement   neurons × rows   probability
//   ∂G/∂θ           slope               neurons × rows   bit

using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Activations of a layer on any device. Sources may have a single column, which then stands for every row. The caller
/// holds the <see cref="TorchSharp.DisposeScope"/> that temporaries end with.
/// </summary>
internal static class TensorActivation
{
    /// <summary>Firing probabilities of a layer's neurons.</summary>
    /// <param name="activation">The activation; not a step, which has no probabilities.</param>
    /// <param name="sources">The aggregated inputs of each source.</param>
    public static (Tensor Theta, Tensor Complement) Fire(Activation activation, params Tensor[] sources) =>
        activation switch
        {
            ModulatedActivation modulated => Fire(modulated, sources[0], sources[1], sources[2]),
            BivariateActivation bivariate => Fire(bivariate, sources[0], sources[1]),
            FeedforwardActivation => Fire(sources[0]),
            _ => throw new ArgumentException($"{activation} has no firing probabilities.", nameof(activation)),
        };

    /// <summary>Chain rule from ∂G/∂θ to the sources.</summary>
    /// <returns>∂G by each source, one after another: sources × neurons × rows.</returns>
    public static Tensor Differentiate(
        Activation activation,
        Tensor[] sources,
        Tensor theta,
        Tensor complement,
        Tensor slope
    ) =>
        activation switch
        {
            ModulatedActivation modulated => Differentiate(
                modulated,
                sources[0],
                sources[1],
                sources[2],
                theta,
                complement,
                slope
            ),
            BivariateActivation bivariate => Differentiate(bivariate, sources[0], sources[1], theta, complement, slope),
            FeedforwardActivation => Differentiate(theta, complement, slope).unsqueeze(0),
            _ => throw new ArgumentException($"{activation} has no derivative.", nameof(activation)),
        };

    /// <summary>Firing probabilities of modulated neurons.</summary>
    public static (Tensor Theta, Tensor Complement) Fire(ModulatedActivation activation, Tensor f, Tensor c, Tensor l)
    {
        Tensor a = Gain(
            activation,
            Argument(activation.Beta1, f, c).sigmoid_(),
            Argument(activation.Beta2, f, l).sigmoid_()
        );
        a.mul_(f).clamp_(-VectorMath.Saturation, VectorMath.Saturation);
        return (sigmoid(a), a.neg_().sigmoid_());
    }

    /// <summary>Chain rule from ∂G/∂θ to the sources.</summary>
    /// <returns>∂G/∂F, ∂G/∂C and ∂G/∂L, one after another: 3 × neurons × rows.</returns>
    public static Tensor Differentiate(
        ModulatedActivation activation,
        Tensor f,
        Tensor c,
        Tensor l,
        Tensor theta,
        Tensor complement,
        Tensor slope
    )
    {
        Tensor x1 = Argument(activation.Beta1, f, c);
        Tensor x2 = Argument(activation.Beta2, f, l);
        Tensor s1 = sigmoid(x1);
        Tensor s2 = sigmoid(x2);

        // dσ(A)/dA = θ(1 − θ); dσ(βFX)/d(FX) = βσ(1 − σ).
        Tensor bySum = (slope * theta).mul_(complement);
        Tensor byContext = x1.neg_().sigmoid_().mul_(s1).mul_((float)(activation.Alpha1 * activation.Beta1));
        Tensor byLateral = x2.neg_().sigmoid_().mul_(s2).mul_((float)(activation.Alpha2 * activation.Beta2));
        Tensor square = (bySum * f).mul_(f);
        Tensor gain = Gain(activation, s1, s2).add_((byContext * c).addcmul_(byLateral, l, 1).mul_(f));
        return stack([bySum.mul_(gain), byContext.mul_(square), byLateral.mul_(square)]);
    }

    /// <summary>Firing probabilities of bivariate neurons, θ = σ(F·[k + (1 − k)·2σ(β F X)]), clamped.</summary>
    public static (Tensor Theta, Tensor Complement) Fire(BivariateActivation activation, Tensor f, Tensor x)
    {
        Tensor gain = Argument(activation.Beta, f, x)
            .sigmoid_()
            .mul_((float)(2 * (1 - activation.K)))
            .add_((float)activation.K);
        return Fire(gain.mul_(f).clamp_(-VectorMath.Saturation, VectorMath.Saturation));
    }

    /// <summary>Chain rule of bivariate neurons: no gradient where θ is clamped.</summary>
    /// <returns>∂G/∂F and ∂G/∂X, one after another: 2 × neurons × rows.</returns>
    public static Tensor Differentiate(
        BivariateActivation activation,
        Tensor f,
        Tensor x,
        Tensor theta,
        Tensor complement,
        Tensor slope
    )
    {
        Tensor argument = Argument(activation.Beta, f, x);
        Tensor s = sigmoid(argument);
        Tensor bySum = Differentiate(theta, complement, slope);
        Tensor byProduct = argument.neg_().sigmoid_().mul_(s).mul_((float)(2 * (1 - activation.K) * activation.Beta));
        Tensor square = (bySum * f).mul_(f);
        Tensor gain = s.mul_((float)(2 * (1 - activation.K))).add_((float)activation.K).add_((byProduct * x).mul_(f));
        return stack([bySum.mul_(gain), byProduct.mul_(square)]);
    }

    /// <summary>Firing probabilities θ = σ(F) of feedforward neurons, clamped.</summary>
    public static (Tensor Theta, Tensor Complement) Fire(Tensor f)
    {
        const float Low = (float)FeedforwardActivation.Clamp;
        const float High = 1 - (float)FeedforwardActivation.Clamp;
        return (sigmoid(f).clamp_(Low, High), f.neg().sigmoid_().clamp_(Low, High));
    }

    /// <summary>Chain rule of <see cref="Fire(Tensor)"/>: no gradient where θ is clamped.</summary>
    public static Tensor Differentiate(Tensor theta, Tensor complement, Tensor slope)
    {
        const float Low = (float)FeedforwardActivation.Clamp;
        return (slope * theta).mul_(complement).mul_(theta.gt(Low)).mul_(complement.gt(Low));
    }

    // βFX, held where the logistic function is taken to end.
    private static Tensor Argument(double beta, Tensor f, Tensor x) =>
        (f * (float)beta).mul_(x).clamp_(-VectorMath.Saturation, VectorMath.Saturation);

    // A / F; takes s1's and s2's values into account, and leaves both as they are.
    private static Tensor Gain(ModulatedActivation activation, Tensor s1, Tensor s2) =>
        (s1 * (float)activation.Alpha1)
            .add_((float)(1 - activation.Alpha1 - activation.Alpha2))
            .add_(s2, (float)activation.Alpha2);
}
