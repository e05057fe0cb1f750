using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>The options of a <see cref="TpeTuner"/>. Defaults are those of Optuna's multivariate sampler, but for the bandwidth.</summary>
public sealed record TpeOptions
{
    /// <summary>
    /// The settings of the authors' sweeps over γ (arXiv 2412.02482): 100 start-up trials, 100 candidates, and Optuna's
    /// bandwidth of 0.2.
    /// </summary>
    public static TpeOptions Paper { get; } =
        new()
        {
            StartupTrials = 100,
            Candidates = 100,
            Bandwidth = 0.2,
        };

    /// <summary>Proposals are random until so many trials have a value or were pruned, and one has a value; at least 1.</summary>
    public int StartupTrials { get; init; } = 10;

    /// <summary>Candidates of which each proposal is the best, at least 1.</summary>
    public int Candidates { get; init; } = 24;

    /// <summary>
    /// The kernels' standard deviation with one observation, as a share of a parameter's range; it shrinks with more of
    /// them. Positive, at most 1. Smaller ones stay closer to the good trials.
    /// </summary>
    /// <remarks>
    /// Half of Optuna's 0.2, with which 300 trials in 19 dimensions gain little on random ones. Medians of 20 seeds were better
    /// with 0.1 on Rastrigin's function in 19 and in 7 dimensions, on the sphere in 19, and under noise on the sphere in
    /// 19 and on Rosenbrock's function in 7; with 0.2 on Rastrigin's in 3.
    /// </remarks>
    public double Bandwidth { get; init; } = 0.1;

    /// <summary>The weight of the prior, in trials; positive.</summary>
    public double PriorWeight { get; init; } = 1;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(StartupTrials, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Candidates, 1);
        if (!(Bandwidth > 0 && Bandwidth <= 1))
            throw new ArgumentOutOfRangeException(
                null,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The bandwidth must be positive and at most 1, and is {Bandwidth}."
                )
            );
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
