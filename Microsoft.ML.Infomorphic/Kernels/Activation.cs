namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// How a neuron turns its aggregated inputs into the argument A of its firing probability θ = σ(A), with σ the
/// logistic function (arXiv 2412.02482, appendix A.4).
/// </summary>
public abstract record Activation
{
    private protected Activation() { }

    /// <summary>Checks the parameters.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A parameter is not a finite number.</exception>
    internal abstract void Validate();

    /// <summary>Number of sources that a layer with this activation has; null where it does not matter.</summary>
    internal virtual int? SourceCount => null;

    private protected static void ThrowIfNotFinite(double value, string name)
    {
        if (!double.IsFinite(value))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be a finite number.");
    }
}

/// <summary>
/// The activation of the trivariate hidden layer, A(F, C, L) = F·[(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)]:
/// driven by the feedforward input, modulated by context and lateral input.
/// </summary>
/// <param name="Alpha1">α₁, the share of the drive that the context modulates; 0.1 in the paper.</param>
/// <param name="Alpha2">α₂, the share of the drive that the lateral input modulates; 0.1 in the paper.</param>
/// <param name="Beta1">β₁, the steepness of the modulation by the context; 2 in the paper.</param>
/// <param name="Beta2">β₂, the steepness of the modulation by the lateral input; 2 in the paper.</param>
public sealed record ModulatedActivation(double Alpha1 = 0.1, double Alpha2 = 0.1, double Beta1 = 2, double Beta2 = 2)
    : Activation
{
    internal override int? SourceCount => 3;

    internal override void Validate()
    {
        ThrowIfNotFinite(Alpha1, nameof(Alpha1));
        ThrowIfNotFinite(Alpha2, nameof(Alpha2));
        ThrowIfNotFinite(Beta1, nameof(Beta1));
        ThrowIfNotFinite(Beta2, nameof(Beta2));
    }
}

/// <summary>
/// The activation of the output layer, A = F: the context is seen by the goal alone. θ is clamped to
/// [10⁻⁶, 1 − 10⁻⁶], as in the authors' code.
/// </summary>
public sealed record FeedforwardActivation : Activation
{
    /// <summary>How far θ stays away from 0 and 1.</summary>
    public const double Clamp = 1e-6;

    internal override void Validate() { }
}

/// <summary>
/// The activation of a bivariate hidden layer, A(F, X) = F·[k + (1 − k)·2σ(β F X)]: driven by the feedforward input,
/// modulated by X, the context or the lateral input. θ is clamped to [10⁻⁶, 1 − 10⁻⁶], as in the authors' code.
/// </summary>
/// <param name="K">k, the share of the drive that is not modulated; 0.9 in the paper's systems.</param>
/// <param name="Beta">β, the steepness of the modulation; 2 in the paper's systems.</param>
public sealed record BivariateActivation(double K = 0.9, double Beta = 2) : Activation
{
    /// <summary>How far θ stays away from 0 and 1.</summary>
    public const double Clamp = FeedforwardActivation.Clamp;

    internal override int? SourceCount => 2;

    internal override void Validate()
    {
        ThrowIfNotFinite(K, nameof(K));
        ThrowIfNotFinite(Beta, nameof(Beta));
    }
}

/// <summary>
/// The activation of a fixed random hidden layer, the random projection: the output is 1 where F is positive, else 0.
/// </summary>
public sealed record StepActivation : Activation
{
    internal override int? SourceCount => 1;

    internal override void Validate() { }
}
