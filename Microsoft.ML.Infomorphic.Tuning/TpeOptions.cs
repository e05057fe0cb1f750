using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>The options of a <see cref="TpeTuner"/>. Defaults are those of Optuna's multivariate sampler.</summary>
public sealed record TpeOptions
{
    /// <summary>The settings of the authors' sweeps over γ (arXiv 2412.02482): 100 start-up trials, 100 candidates.</summary>
    public static TpeOptions Paper { get; } = new() { StartupTrials = 100, Candidates = 100 };

    /// <summary>Proposals are random until so many trials are completed, at least 1.</summary>
    public int StartupTrials { get; init; } = 10;

    /// <summary>Candidates of which each proposal is the best, at least 1.</summary>
    public int Candidates { get; init; } = 24;

    /// <summary>The weight of the prior, in trials; positive.</summary>
    public double PriorWeight { get; init; } = 1;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(StartupTrials, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 1);
        if (!(PriorWeight > 0) || !double.IsFinite(PriorWeight))
            throw new ArgumentOutOfRangeException(
                null,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The prior's weight must be positive and finite, and is {PriorWeight}."
                )
            );
    }
}
