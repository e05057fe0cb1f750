using System.Collections.Frozen;
using System.Collections.ObjectModel;

namespace Microsoft.ML.Infomorphic.Information;

// Williams & Beer (arXiv 1004.2515), section 3 and appendix; Gutknecht et al. (2021), section 2;
// arXiv 2412.02482, section 2 and appendix A.1.
//
// symbol   variable            shape                       meaning
// A        Antichains          1, 4, 18, 166               the antichains over 1, 2, 3, 4 sources
// α ⪯ β    Precedes(α, β)      A × A, truth values         redundancy order
// Z        (Precedes, β to α)  A × A, 0 or 1               I_α = Σ_{β ⪯ α} Π_β: redundancies from atoms
// M        MoebiusInverse      A × A, integers             Π = M I: atoms from redundancies, M = Z⁻¹
// E        UnionCoefficients   A × (2ⁿ − 1), integers      u_β = Σ_s E_βs m_s: union masses from marginal masses

/// <summary>
/// The redundancy lattice over 1 to 4 sources: its antichains in the published order, their partial order, and the two
/// tables of integers from which every partial information decomposition is computed.
/// </summary>
/// <remarks>Sources: Williams and Beer, arXiv 1004.2515; arXiv 2412.02482, appendix A.1.</remarks>
public sealed class RedundancyLattice
{
    private static readonly Lazy<RedundancyLattice>[] s_lattices =
    [
        .. Enumerable
            .Range(1, Antichain.MaximumSourceCount)
            .Select(n => new Lazy<RedundancyLattice>(() => new RedundancyLattice(n))),
    ];

    private readonly FrozenDictionary<Antichain, int> _indices;
    private readonly bool[,] _precedes;

    private RedundancyLattice(int n)
    {
        SourceCount = n;
        Antichain[] antichains = InPublishedOrder(n);
        Antichains = Array.AsReadOnly(antichains);
        _indices = antichains.Index().ToFrozenDictionary(pair => pair.Item, pair => pair.Index);

        _precedes = new bool[antichains.Length, antichains.Length];
        for (int i = 0; i < antichains.Length; i++)
        for (int j = 0; j < antichains.Length; j++)
            _precedes[i, j] = antichains[i].Precedes(antichains[j]);

        MoebiusInverse = InvertZeta();
        UnionCoefficients = ExpandUnions();
        TopIndex = IndexOf(new Antichain(SubsetCount));
    }

    /// <summary>The lattice over a number of sources. Computed once.</summary>
    /// <param name="sourceCount">Number of sources n, 1 to 4.</param>
    /// <returns>The lattice.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number of sources is not 1 to 4.</exception>
    public static RedundancyLattice ForSources(int sourceCount)
    {
        if (sourceCount is < 1 or > Antichain.MaximumSourceCount)
            throw new ArgumentOutOfRangeException(
                nameof(sourceCount),
                sourceCount,
                $"A redundancy lattice has 1 to {Antichain.MaximumSourceCount} sources."
            );
        return s_lattices[sourceCount - 1].Value;
    }

    /// <summary>Number of sources n, 1 to 4.</summary>
    public int SourceCount { get; }

    /// <summary>Number of subsets of sources without the empty one, 2ⁿ − 1.</summary>
    public int SubsetCount => (1 << SourceCount) - 1;

    /// <summary>
    /// The antichains: 1, 4, 18 or 166. Ordered by the number of antichains that precede them, ties by their subsets
    /// (fewer sources first, then ascending bit mask); over three sources this is the published order of γ. Over two
    /// sources the published order is another one, and stands: {F}, {C}, {F}{C}, {FC}.
    /// </summary>
    public ReadOnlyCollection<Antichain> Antichains { get; }

    /// <summary>
    /// M, antichains × antichains: the atoms are M times the redundancies, in the order of <see cref="Antichains"/>.
    /// The inverse of the zeta matrix of the redundancy order; its elements are integers.
    /// </summary>
    public IntegerMatrix MoebiusInverse { get; }

    /// <summary>
    /// E, antichains × (2ⁿ − 1), from inclusion and exclusion: the probability of the union of an antichain β is
    /// u_β = Σ_s E[β, s − 1] m_s, with m_s the marginal probability of the values of the sources in the subset s, a bit
    /// mask from 1 to 2ⁿ − 1.
    /// </summary>
    public IntegerMatrix UnionCoefficients { get; }

    /// <summary>
    /// Index of the antichain of all sources together, the greatest of the lattice: its redundancy is the mutual
    /// information of the target with all sources.
    /// </summary>
    public int TopIndex { get; }

    /// <summary>The index of an antichain.</summary>
    /// <param name="antichain">The antichain.</param>
    /// <returns>Its index in <see cref="Antichains"/>; −1 where it names a source that the lattice does not have.</returns>
    public int IndexOf(Antichain antichain)
    {
        ArgumentNullException.ThrowIfNull(antichain);
        return _indices.GetValueOrDefault(antichain, -1);
    }

    /// <summary>The redundancy order between two antichains, α ⪯ β; see <see cref="Antichain.Precedes"/>.</summary>
    /// <param name="index">Index of the antichain α.</param>
    /// <param name="other">Index of the antichain β.</param>
    /// <returns>Whether α precedes β, or is the same.</returns>
    /// <exception cref="IndexOutOfRangeException">There is no such antichain.</exception>
    public bool Precedes(int index, int other) => _precedes[index, other];

    private static Antichain[] InPublishedOrder(int n)
    {
        if (n == 2)
            return [new(0b01), new(0b10), new(0b01, 0b10), new(0b11)];

        Antichain[] all = [.. Enumerate(n)];
        return
        [
            .. all.OrderBy(antichain => all.Count(other => other.Precedes(antichain)))
                .ThenBy(
                    antichain => antichain.Subsets,
                    Comparer<ReadOnlyCollection<int>>.Create(
                        (a, b) => a.Zip(b, Antichain.CompareSubsets).FirstOrDefault(order => order != 0)
                    )
                ),
        ];
    }

    private static IEnumerable<Antichain> Enumerate(int n)
    {
        int last = (1 << n) - 1;
        return Extend([], 1);

        IEnumerable<Antichain> Extend(int[] members, int from)
        {
            for (int subset = from; subset <= last; subset++)
            {
                if (members.Any(member => Antichain.AreNested(member, subset)))
                    continue;
                int[] extended = [.. members, subset];
                yield return new Antichain(extended);
                foreach (Antichain larger in Extend(extended, subset + 1))
                    yield return larger;
            }
        }
    }

    // Π_α = I_α − Σ_{β ≺ α} Π_β, row by row from the least antichain up.
    private IntegerMatrix InvertZeta()
    {
        int count = Antichains.Count;
        int[,] M = new int[count, count];
        IEnumerable<int> fromTheLeast = Enumerable
            .Range(0, count)
            .OrderBy(alpha => Enumerable.Range(0, count).Count(beta => Precedes(beta, alpha)));
        foreach (int alpha in fromTheLeast)
        {
            M[alpha, alpha] = 1;
            for (int beta = 0; beta < count; beta++)
                if (beta != alpha && Precedes(beta, alpha))
                    for (int j = 0; j < count; j++)
                        M[alpha, j] -= M[beta, j];
        }
        return new IntegerMatrix(M);
    }

    // P(∪_{a ∈ β} A_a) = Σ_{∅ ≠ T ⊆ β} (−1)^{|T| + 1} P(∩_{a ∈ T} A_a), and the intersection of the events "the sources
    // in a have these values" over a ∈ T is the event "the sources in the union of all a ∈ T have these values".
    private IntegerMatrix ExpandUnions()
    {
        int[,] E = new int[Antichains.Count, SubsetCount];
        for (int beta = 0; beta < Antichains.Count; beta++)
        {
            ReadOnlyCollection<int> subsets = Antichains[beta].Subsets;
            for (int T = 1; T < 1 << subsets.Count; T++)
            {
                int union = 0;
                int sign = -1;
                for (int k = 0; k < subsets.Count; k++)
                {
                    if ((T >> k & 1) == 0)
                        continue;
                    union |= subsets[k];
                    sign = -sign;
                }
                E[beta, union - 1] += sign;
            }
        }
        return new IntegerMatrix(E);
    }
}
