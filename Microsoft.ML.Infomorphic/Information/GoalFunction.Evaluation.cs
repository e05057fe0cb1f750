namespace Microsoft.ML.Infomorphic.Information;

// The value and the gradient of a goal: the slow and obvious specification that fast kernels are tested against.
// arXiv 2412.02482, section 2, appendix A.1 (redundancy) and eq. 2 (goal); the gradient follows from [G] below.
//
// symbol        variable          shape              unit            meaning
// p(cell, y)    Probability       cells × Y          probability     joint mass of source values and target
// p(y)          masses.OfTarget   Y                  probability     mass of a target value
// m_s, m_s,y    masses.Of         subsets × cells    probability     marginal masses, without and with the target
// u_β, u_β,y    masses.Union      A × cells          probability     u_β = Σ_s E_βs m_s, u_β,y = Σ_s E_βs m_s,y
// c'_β          effective         A                  1               c = Mᵀ γ, with γ_res subtracted at {all sources}
// G                               1                  bits            value of the goal
// D             Gradient          cells              bits            ∂G/∂p(cell, y = 1) − ∂G/∂p(cell, y ≠ 1)
//
// [G]  G = Σ_cells Σ_y p(cell, y) Σ_β c'_β log2( u_β,y / (u_β p(y)) ) + γ_res H(Y)
//
// because H_res = H(Y) − I(Y : all sources), and that information is I_β of β = {all sources}. Moving mass between the target's values inside a cell leaves every u_β as it is, so
//
// [D]  ∂G/∂p(cell, y) = Σ_β c'_β log2( u_β,y / (u_β p(y)) ) − γ_res log2 p(y)
//                       + Σ_s Σ_{cells' with the same values of the sources in s} Σ_β c'_β E_βs p(cell', y) / (u_β,y(cell') ln 2)
//
// up to terms that are the same for both values of y, and so are not in D: those of p(y) inside the logarithm add up to
// −Σ_β c'_β / ln 2, that of the entropy is −γ_res / ln 2.
public sealed partial class GoalFunction
{
    /// <summary>
    /// 10⁻⁷: a term with u_β,y / (u_β p(y)) below this gives neither value nor gradient. In the limit it gives none,
    /// because 0 · log 0 = 0; without the rule a firing probability that rounds to 0 or 1 gives no number. The authors'
    /// published code has the same rule.
    /// </summary>
    public const double SmallestRatio = 1e-7;

    /// <summary>A goal's value from its atoms, G = Σ γ_α Π_α + γ_res H_res.</summary>
    /// <param name="atoms">Π of each antichain in the lattice's order and, last, the residual entropy; in bits.</param>
    /// <returns>The value, in bits.</returns>
    internal double ValueOf(IReadOnlyList<double> atoms)
    {
        double value = 0;
        for (int i = 0; i < atoms.Count; i++)
            value += Gamma[i] * atoms[i];
        return value;
    }

    /// <summary>The value of the goal, G = Σ_α γ_α Π_α + γ_res H_res.</summary>
    /// <param name="distribution">The joint distribution of the sources, in the order of <see cref="Sources"/>, and the target.</param>
    /// <returns>The value in bits. Terms below <see cref="SmallestRatio"/> are left out.</returns>
    /// <exception cref="ArgumentException">The distribution has another number of sources.</exception>
    public double Evaluate(JointDistribution distribution)
    {
        CheckSources(distribution);
        MarginalMasses masses = distribution.Marginals;
        double[] effective = SubtractResidualWeight();

        double G = ResidualWeight * distribution.TargetEntropy;
        for (int outcome = 0; outcome < distribution.Outcomes.Count; outcome++)
        {
            double p = distribution.Outcomes[outcome].Probability;
            int cell = distribution.CellOf(outcome);
            int y = distribution.TargetIndexOf(outcome);
            for (int beta = 0; beta < effective.Length; beta++)
                if (TryGetRatio(masses, beta, cell, y, out double ratio))
                    G += p * effective[beta] * Math.Log2(ratio); // [G]
        }
        return G;
    }

    /// <summary>
    /// The derivative of the goal with respect to the joint masses of a binary target, mass moving between its two
    /// values inside a cell: D = ∂G/∂p(cell, y = 1) − ∂G/∂p(cell, y ≠ 1). The masses of the cells themselves, and the
    /// unions of them, are constants.
    /// </summary>
    /// <param name="distribution">
    /// The joint distribution of the sources, in the order of <see cref="Sources"/>, and the target, whose value 1 means
    /// that the neuron fires, and one other value (−1 or 0, as a rule) that it does not.
    /// </param>
    /// <returns>
    /// D in bits per unit of probability, for each of <see cref="JointDistribution.Cells"/>. Terms below
    /// <see cref="SmallestRatio"/> are left out, and so is log2 p(y) of a value that does not occur.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// The distribution has another number of sources, or the target has more than one value beside 1.
    /// </exception>
    public double[] Gradient(JointDistribution distribution)
    {
        CheckSources(distribution);
        if (distribution.Targets.Count(target => target != 1) > 1)
            throw new ArgumentException(
                $"The gradient is that of a binary target with the value 1 and one other; this one has the values {string.Join(", ", distribution.Targets)}.",
                nameof(distribution)
            );

        MarginalMasses masses = distribution.Marginals;
        double[] effective = SubtractResidualWeight();
        double[] D = new double[distribution.Cells.Count];
        for (int y = 0; y < distribution.Targets.Count; y++)
        {
            int sign = distribution.Targets[y] == 1 ? 1 : -1;
            double[] gathered = SumOverMarginalEvents(distribution, effective, y);
            for (int cell = 0; cell < D.Length; cell++)
            {
                double derivative = -ResidualWeight * Math.Log2(masses.OfTarget(y)); // [D], entropy of the target
                for (int beta = 0; beta < effective.Length; beta++)
                    if (TryGetRatio(masses, beta, cell, y, out double ratio))
                        derivative += effective[beta] * Math.Log2(ratio); // [D], the cell's own mass
                for (int subset = 1; subset <= Lattice.SubsetCount; subset++)
                    derivative += gathered[masses.EventOf(subset, cell)]; // [D], the unions it belongs to
                D[cell] += sign * derivative;
            }
        }
        return D;
    }

    // Σ over the cells of a marginal event of Σ_β c'_β E_βs p(cell, y) / (u_β,y ln 2), for each marginal event.
    private double[] SumOverMarginalEvents(JointDistribution distribution, double[] effective, int y)
    {
        MarginalMasses masses = distribution.Marginals;
        double[] sums = new double[masses.EventCount];
        for (int cell = 0; cell < distribution.Cells.Count; cell++)
        for (int beta = 0; beta < effective.Length; beta++)
        {
            if (!TryGetRatio(masses, beta, cell, y, out _))
                continue;
            double p = masses.Of(Lattice.SubsetCount, cell, y); // p(cell, y): the marginal of all sources
            double weight = effective[beta] * p / (masses.Union(beta, cell, y) * Math.Log(2));
            for (int subset = 1; subset <= Lattice.SubsetCount; subset++)
                sums[masses.EventOf(subset, cell)] += Lattice.UnionCoefficients[beta, subset - 1] * weight;
        }
        return sums;
    }

    private static bool TryGetRatio(MarginalMasses masses, int beta, int cell, int y, out double ratio)
    {
        ratio = masses.Union(beta, cell, y) / (masses.Union(beta, cell) * masses.OfTarget(y));
        return ratio >= SmallestRatio;
    }

    private double[] SubtractResidualWeight()
    {
        double[] effective = [.. _c];
        effective[Lattice.TopIndex] -= ResidualWeight; // H_res = H(Y) − I(Y : all sources)
        return effective;
    }

    private void CheckSources(JointDistribution distribution)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        if (distribution.SourceCount != Sources.Length)
            throw new ArgumentException(
                $"The goal is over the {Sources.Length} sources {Sources}; the distribution has {distribution.SourceCount}.",
                nameof(distribution)
            );
    }
}
