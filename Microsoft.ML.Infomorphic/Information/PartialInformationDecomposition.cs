using System.Collections.ObjectModel;

namespace Microsoft.ML.Infomorphic.Information;

// Gutknecht, Wibral & Makkeh (2021), Proc. R. Soc. A 477, 20210110; arXiv 2412.02482, section 2, appendices A.1 and A.2.
//
// symbol        variable                   shape            unit   meaning
// I_α           Redundancies               A                bits   I∩^sx of the antichain α
// Π_α           Atoms                      A                bits   information atom: Π = M I, I_α = Σ_{β ⪯ α} Π_β
// π_α           PointwiseAtoms(outcome)    outcomes × A     bits   the atom in one outcome; Π_α is its mean
// I(Y : S)      MutualInformation          1                bits   Σ_α Π_α
// H(Y)          TargetEntropy              1                bits
// H_res         ResidualEntropy            1                bits   H(Y | S) = H(Y) − I(Y : S)

/// <summary>
/// The partial information decomposition of a joint distribution with the shared-exclusion redundancy: how the mutual
/// information of the target with the sources splits into redundant, unique and synergistic atoms. In bits.
/// </summary>
/// <remarks>
/// Sources: arXiv 2412.02482, section 2 and appendix A.1; Gutknecht, Wibral and Makkeh, "Bits and pieces", Proc. R. Soc.
/// A 477, 20210110 (2021). Atoms can be negative: information that misleads.
/// </remarks>
public sealed class PartialInformationDecomposition
{
    private readonly double[][] _pointwiseAtoms;

    /// <summary>Decomposes a joint distribution.</summary>
    /// <param name="distribution">The joint distribution.</param>
    /// <param name="sources">
    /// One letter or digit for each source, such as "FCL", with which atoms are named in texts; null for the digits from
    /// 1.
    /// </param>
    /// <exception cref="ArgumentException">The letters do not fit the number of sources, or are not different letters or digits.</exception>
    public PartialInformationDecomposition(JointDistribution distribution, string? sources = null)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        sources ??= Antichain.DefaultSources[..distribution.SourceCount];
        NotationReader.ValidateSources(sources);
        if (sources.Length != distribution.SourceCount)
            throw new ArgumentException(
                $"The distribution has {distribution.SourceCount} sources and got the letters {sources}.",
                nameof(sources)
            );

        Distribution = distribution;
        Sources = sources;
        Lattice = RedundancyLattice.ForSources(distribution.SourceCount);

        int count = Lattice.Antichains.Count;
        double[] redundancies = new double[count];
        double[] atoms = new double[count];
        _pointwiseAtoms = new double[distribution.Outcomes.Count][];
        for (int outcome = 0; outcome < _pointwiseAtoms.Length; outcome++)
        {
            double p = distribution.Outcomes[outcome].Probability;
            double[] i = new double[count];
            double[] pi = _pointwiseAtoms[outcome] = new double[count];
            for (int alpha = 0; alpha < count; alpha++)
                i[alpha] = SharedExclusions.Pointwise(distribution, alpha, outcome); // i_α
            for (int alpha = 0; alpha < count; alpha++)
            {
                for (int beta = 0; beta < count; beta++)
                    pi[alpha] += Lattice.MoebiusInverse[alpha, beta] * i[beta]; // π = M i
                redundancies[alpha] += p * i[alpha]; // I_α = ⟨i_α⟩
                atoms[alpha] += p * pi[alpha]; // Π_α = ⟨π_α⟩
            }
        }
        Redundancies = Array.AsReadOnly(redundancies);
        Atoms = Array.AsReadOnly(atoms);
        TargetEntropy = distribution.TargetEntropy;
    }

    /// <summary>The distribution that is decomposed.</summary>
    public JointDistribution Distribution { get; }

    /// <summary>The letters of the sources.</summary>
    public string Sources { get; }

    /// <summary>The lattice that orders the atoms.</summary>
    public RedundancyLattice Lattice { get; }

    /// <summary>I∩^sx of each antichain in bits, in the order of <see cref="RedundancyLattice.Antichains"/>.</summary>
    public ReadOnlyCollection<double> Redundancies { get; }

    /// <summary>The atoms in bits, in the order of <see cref="RedundancyLattice.Antichains"/>; they add up to the mutual information.</summary>
    public ReadOnlyCollection<double> Atoms { get; }

    /// <summary>An atom in bits.</summary>
    /// <param name="antichain">The atom's antichain.</param>
    /// <exception cref="ArgumentException">The antichain names a source that the distribution does not have.</exception>
    public double this[Antichain antichain]
    {
        get
        {
            int index = Lattice.IndexOf(antichain);
            return index >= 0
                ? Atoms[index]
                : throw new ArgumentException(
                    $"The antichain {antichain} is not over the {Lattice.SourceCount} sources {Sources}.",
                    nameof(antichain)
                );
        }
    }

    /// <summary>An atom in bits.</summary>
    /// <param name="antichain">The atom's antichain in the paper's notation and the letters of <see cref="Sources"/>, such as "{F}{CL}".</param>
    /// <exception cref="FormatException">The text is no antichain over these sources.</exception>
    public double this[string antichain] => this[Antichain.Parse(antichain, Sources)];

    /// <summary>I(Y : S), the mutual information of the target with all sources together, in bits.</summary>
    public double MutualInformation => Redundancies[Lattice.TopIndex];

    /// <summary>H(Y), the Shannon entropy of the target, in bits.</summary>
    public double TargetEntropy { get; }

    /// <summary>H_res = H(Y) − I(Y : S), what remains uncertain of the target when all sources are known, in bits.</summary>
    public double ResidualEntropy => TargetEntropy - MutualInformation;

    /// <summary>The atoms in one outcome.</summary>
    /// <param name="outcome">Index of the outcome in <see cref="JointDistribution.Outcomes"/>.</param>
    /// <returns>
    /// The pointwise atoms in bits, in the order of <see cref="RedundancyLattice.Antichains"/>; their mean over the
    /// outcomes is <see cref="Atoms"/>.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such outcome.</exception>
    public ReadOnlySpan<double> PointwiseAtoms(int outcome)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outcome);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(outcome, _pointwiseAtoms.Length);
        return _pointwiseAtoms[outcome];
    }
}
