namespace Microsoft.ML.Infomorphic.Information;

// Makkeh, Gutknecht & Wibral (2021), Phys. Rev. E 103, 032149 (arXiv 2002.03356); arXiv 2412.02482, appendix A.1.
//
// symbol        variable       shape            unit          meaning
// α             antichain      1                              redundancy between the subsets of sources a ∈ α
// i∩^sx(y : α)  Pointwise      outcomes         bits          log2 P(Y = y | ∨_{a ∈ α} ∧_{i ∈ a} S_i = s_i) / P(Y = y)
// I∩^sx(Y : α)  Average        1                bits          its mean over the outcomes
// u_α, u_α,y    masses.Union   cells, × Y       probability   P(∨_{a ∈ α} ∧_{i ∈ a} S_i = s_i), and that with Y = y
// p(y)          OfTarget       Y                probability   P(Y = y)

/// <summary>
/// The shared-exclusion redundancy I∩^sx: what is learnt about the target from knowing that at least one of several
/// subsets of the sources has the values that it has.
/// </summary>
/// <remarks>
/// Sources: Makkeh, Gutknecht and Wibral, "Introducing a differentiable measure of pointwise shared information",
/// Phys. Rev. E 103, 032149 (2021); arXiv 2412.02482, appendix A.1. The redundancy of a single subset is its mutual
/// information with the target.
/// </remarks>
public static class SharedExclusions
{
    /// <summary>The redundancy of an antichain in one outcome, i∩^sx.</summary>
    /// <param name="distribution">The joint distribution.</param>
    /// <param name="antichain">The subsets of sources.</param>
    /// <param name="outcome">Index of the outcome in <see cref="JointDistribution.Outcomes"/>.</param>
    /// <returns>The pointwise redundancy in bits; negative where the values mislead.</returns>
    /// <exception cref="ArgumentException">The antichain names a source that the distribution does not have.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such outcome.</exception>
    public static double Pointwise(JointDistribution distribution, Antichain antichain, int outcome)
    {
        int alpha = IndexOf(distribution, antichain);
        ArgumentOutOfRangeException.ThrowIfNegative(outcome);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(outcome, distribution.Outcomes.Count);
        return Pointwise(distribution, alpha, outcome);
    }

    /// <summary>The redundancy of an antichain, I∩^sx: the mean of the pointwise redundancy over the outcomes.</summary>
    /// <param name="distribution">The joint distribution.</param>
    /// <param name="antichain">The subsets of sources.</param>
    /// <returns>The redundancy in bits; it can be negative.</returns>
    /// <exception cref="ArgumentException">The antichain names a source that the distribution does not have.</exception>
    public static double Average(JointDistribution distribution, Antichain antichain)
    {
        int alpha = IndexOf(distribution, antichain);
        double sum = 0;
        for (int outcome = 0; outcome < distribution.Outcomes.Count; outcome++)
            sum += distribution.Outcomes[outcome].Probability * Pointwise(distribution, alpha, outcome);
        return sum;
    }

    internal static double Pointwise(JointDistribution distribution, int alpha, int outcome)
    {
        MarginalMasses masses = distribution.Marginals;
        int cell = distribution.CellOf(outcome);
        int y = distribution.TargetIndexOf(outcome);
        return Math.Log2(masses.Union(alpha, cell, y) / (masses.Union(alpha, cell) * masses.OfTarget(y))); // A.1
    }

    private static int IndexOf(JointDistribution distribution, Antichain antichain)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        ArgumentNullException.ThrowIfNull(antichain);
        int index = RedundancyLattice.ForSources(distribution.SourceCount).IndexOf(antichain);
        return index >= 0
            ? index
            : throw new ArgumentException(
                $"The antichain {antichain} is not over the {distribution.SourceCount} sources of the distribution.",
                nameof(antichain)
            );
    }
}
