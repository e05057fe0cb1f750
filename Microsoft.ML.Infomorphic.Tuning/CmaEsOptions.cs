using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>The options of a <see cref="CmaEsTuner"/>. Defaults are those of arXiv 1604.00772, and of the authors' sweeps over γ.</summary>
public sealed record CmaEsOptions
{
    /// <summary>λ: proposals in a generation, at least 4; null for 4 + ⌊3 ln d⌋ in d dimensions.</summary>
    public int? PopulationSize { get; init; }

    /// <summary>σ₀: the first standard deviation of each parameter, as a share of its range; positive, at most 1.</summary>
    public double InitialStepSize { get; init; } = 1.0 / 6;

    /// <summary>
    /// The first mean: one value for each parameter, in the space's order; null for the middle of the ranges. A published
    /// starting point can stand here.
    /// </summary>
    public IReadOnlyList<double>? InitialMean { get; init; }

    /// <summary>
    /// By what the population grows when the search has converged and begins again at a random mean (IPOP; Auger and
    /// Hansen, CEC 2005, take 2), at least 1; null for no restarts.
    /// </summary>
    public double? RestartGrowth { get; init; }

    internal void Validate(SearchSpace space)
    {
        if (PopulationSize is < 4)
            throw new ArgumentOutOfRangeException(null, $"The population must be at least 4, and is {PopulationSize}.");
        if (!(InitialStepSize > 0 && InitialStepSize <= 1))
            throw new ArgumentOutOfRangeException(
                null,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The initial step size must be positive and at most 1, and is {InitialStepSize}."
                )
            );
        if (RestartGrowth is double growth && !(growth >= 1 && growth <= 16))
            throw new ArgumentOutOfRangeException(
                null,
                string.Create(CultureInfo.InvariantCulture, $"The restarts' growth must be 1 to 16, and is {growth}.")
            );
        if (InitialMean is not null)
            space.CreatePoint([.. InitialMean]);
    }
}
