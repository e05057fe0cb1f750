namespace Microsoft.ML.Infomorphic.Tuning;

// Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020, arXiv 1810.05934), algorithm 2, in the
// variant that stops trials and never pauses them: a trial that reaches a rung is compared with what had reached it then.
//
//   symbol   variable            meaning
//   r        MinimumEpochs       the first rung
//   η        ReductionFactor     each rung is η times the one before; the best 1/η go on
//   r η^k    rung                rung k, in epochs

/// <summary>
/// Asynchronous successive halving: at the epochs r, r η, r η², … a trial goes on only if it is among the best 1/η of
/// all that have reached this epoch so far. Between them no trial ends. Needs no completed trials.
/// </summary>
/// <remarks>Source: Li et al., arXiv 1810.05934, algorithm 2, in the variant that stops trials.</remarks>
public sealed class SuccessiveHalvingPruner : IPruner
{
    /// <summary>Creates a pruner.</summary>
    /// <param name="minimumEpochs">r: the first epoch at which a trial may end, at least 1.</param>
    /// <param name="reductionFactor">η: at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public SuccessiveHalvingPruner(int minimumEpochs = 1, int reductionFactor = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minimumEpochs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(reductionFactor, 2);
        MinimumEpochs = minimumEpochs;
        ReductionFactor = reductionFactor;
    }

    /// <summary>r: the first epoch at which a trial may end.</summary>
    public int MinimumEpochs { get; }

    /// <summary>η: one of so many goes on.</summary>
    public int ReductionFactor { get; }

    /// <inheritdoc/>
    public bool ShouldPrune(
        LearningCurve trial,
        IReadOnlyCollection<LearningCurve> others,
        OptimizationDirection direction
    )
    {
        ArgumentNullException.ThrowIfNull(others);
        double[] losses = Losses.Of(trial, direction);
        int epoch = losses.Length;
        if (!IsRung(epoch))
            return false;
        if (double.IsPositiveInfinity(losses[^1]))
            return true;

        LearningCurve[] reached = [.. others.Where(o => o.Values.Count >= epoch)];
        int goOn = Math.Max(1, (reached.Length + 1) / ReductionFactor); // ⌊|rung| / η⌋, and the best in any case
        int better = reached.Count(o => Losses.Of(o.Values[epoch - 1], direction) < losses[^1]);
        return better >= goOn;
    }

    private bool IsRung(int epoch)
    {
        long rung = MinimumEpochs;
        while (rung < epoch)
            rung *= ReductionFactor;
        return rung == epoch;
    }
}
