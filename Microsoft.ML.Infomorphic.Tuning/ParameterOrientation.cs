using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// Which of two opposite points is drawn at random: of a point and its image, mirrored at the middle of some parameters' ranges,
/// the one with the greater weighted sum of these parameters. Proposals that are learned from trials may be either. Immutable, equal by value.
/// </summary>
public sealed record ParameterOrientation
{
    /// <summary>Creates an orientation.</summary>
    /// <param name="parameters">The names of parameters of the space that are real numbers on a linear scale.</param>
    /// <param name="weights">A finite weight for each of them.</param>
    /// <exception cref="ArgumentException">There is no parameter, or not a finite weight for each.</exception>
    public ParameterOrientation(IReadOnlyList<string> parameters, IReadOnlyList<double> weights)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(weights);
        if (parameters.Count == 0 || parameters.Count != weights.Count || !weights.All(double.IsFinite))
            throw new ArgumentException(
                $"An orientation needs a finite weight for each of its parameters, and has {parameters.Count} parameters and {weights.Count} weights."
            );
        Parameters = [.. parameters];
        Weights = [.. weights];
    }

    /// <summary>The names of the parameters.</summary>
    public IReadOnlyList<string> Parameters { get; }

    /// <summary>A weight for each of them.</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>All that the space's fingerprint must tell apart.</summary>
    internal string Signature =>
        $"orientation {string.Join(' ', Parameters.Zip(Weights, (name, weight) => string.Create(CultureInfo.InvariantCulture, $"{name.Length}:{name} {weight:R}")))}";

    /// <summary>Whether both have the same parameters and weights in the same order.</summary>
    /// <param name="other">The other orientation.</param>
    /// <returns>Whether they are equal.</returns>
    public bool Equals(ParameterOrientation? other) => other?.Signature == Signature;

    /// <inheritdoc/>
    public override int GetHashCode() => Signature.GetHashCode(StringComparison.Ordinal);
}
