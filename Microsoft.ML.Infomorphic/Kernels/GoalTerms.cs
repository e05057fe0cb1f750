using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// A goal as the kernels need it: for each antichain β the integers E_βs that give its union mass
/// u_β = Σ_s E_βs m_s from the marginal masses m_s (s over the non-empty subsets of the sources), and its weights in
/// the goal's value and in its derivative.
/// </summary>
internal sealed class GoalTerms
{
    /// <summary>One antichain β.</summary>
    /// <param name="Index">Its index in the lattice.</param>
    /// <param name="Subsets">The subsets s (bit masks less one) with E_βs ≠ 0.</param>
    /// <param name="Signs">Their E_βs.</param>
    /// <param name="ValueWeight">c_β, with c = Mᵀγ.</param>
    /// <param name="DerivativeWeight">c′_β: c_β, less γ_res at the antichain of all sources together.</param>
    public sealed record Term(int Index, int[] Subsets, float[] Signs, double ValueWeight, double DerivativeWeight)
    {
        /// <summary>c′_β in single precision.</summary>
        public float SingleDerivativeWeight { get; } = (float)DerivativeWeight;

        /// <summary>Where the subsets lie in rows of sixteen numbers.</summary>
        public int[] Offsets { get; } = Subsets.Select(subset => subset * 16).ToArray();
    }

    /// <summary>A term whose ratio u_β(κ, y) / (u_β(κ) p(y)) is smaller counts neither in the value nor in the derivative.</summary>
    public const double NegligibleRatio = GoalFunction.SmallestRatio;

    public GoalTerms(GoalFunction goal)
    {
        Goal = goal;
        RedundancyLattice lattice = goal.Lattice;
        SourceCount = lattice.SourceCount;
        SubsetCount = (1 << SourceCount) - 1;
        ResidualWeight = goal.ResidualWeight;
        Terms = new Term[lattice.Antichains.Count];
        for (int antichain = 0; antichain < Terms.Length; antichain++)
        {
            int[] subsets = Enumerable
                .Range(0, SubsetCount)
                .Where(subset => lattice.UnionCoefficients[antichain, subset] != 0)
                .ToArray();
            float[] signs = subsets.Select(subset => (float)lattice.UnionCoefficients[antichain, subset]).ToArray();
            bool isTop = subsets.Length == 1 && subsets[0] == SubsetCount - 1;
            if (isTop)
                Top = antichain;
            double weight = goal.RedundancyCoefficients[antichain];
            Terms[antichain] = new Term(antichain, subsets, signs, weight, isTop ? weight - ResidualWeight : weight);
        }

        SingleDerivativeWeights = [.. Terms.Select(term => term.SingleDerivativeWeight)];
        DerivativeTerms = Terms.Where(term => term.DerivativeWeight != 0).ToArray();
    }

    /// <summary>The goal.</summary>
    public GoalFunction Goal { get; }

    /// <summary>Number of sources n.</summary>
    public int SourceCount { get; }

    /// <summary>Number of non-empty subsets of the sources, 2ⁿ − 1.</summary>
    public int SubsetCount { get; }

    /// <summary>γ_res, the weight of the residual entropy.</summary>
    public double ResidualWeight { get; }

    /// <summary>The antichain of all sources together; its redundancy is the mutual information.</summary>
    public int Top { get; }

    /// <summary>All antichains, in the lattice's order.</summary>
    public Term[] Terms { get; }

    /// <summary>c′ of every antichain, in single precision.</summary>
    public float[] SingleDerivativeWeights { get; }

    /// <summary>The antichains with a weight in the derivative.</summary>
    public Term[] DerivativeTerms { get; }
}
