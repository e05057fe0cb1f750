// The information of one neuron over rows, in double precision, from the occupied cells of its binned sources.
// arXiv 2412.02482, sections 2 and A.1; the specification is PartialInformationDecomposition in the Information room.
//
//   symbol      variable        shape                unit
//   θ_b         theta           rows                 probability
//   w_b         mass            rows                 –             weights of the rows, positive
//   κ(b)        cells           rows                 –
//   m_s(κ, y)   marginal        subsets              probability
//   u_β(κ, y)   fired, silent   antichains           probability   u_β = Σ_s E_βs m_s
//   I_β         redundancies    antichains           bits          Σ_κ Σ_y p(κ, y) log₂ u_β(κ, y) / (u_β(κ) p(y))
//
// No term of u_β is larger than u_β itself (the intersection of events is no more probable than their union), so that
// inclusion and exclusion loses no more than the last few of the 53 bits.

using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>Redundancies and entropy of a binned neuron, exact to double precision. One instance a thread.</summary>
internal sealed class BinnedDecomposition
{
    private readonly RedundancyLattice _lattice;
    private readonly int _bins;
    private readonly (int Subset, double Sign)[][] _unions;
    private readonly int[] _slotOfCell;
    private readonly List<int> _cellOfSlot = [];
    private readonly List<(double Fired, double Silent)> _cellMass = [];
    private readonly double[][] _firedTables;
    private readonly double[][] _silentTables;

    /// <summary>Prepares scratch memory.</summary>
    /// <param name="lattice">The lattice over the neuron's sources.</param>
    /// <param name="bins">Number of bins of each source.</param>
    public BinnedDecomposition(RedundancyLattice lattice, int bins)
    {
        _lattice = lattice;
        _bins = bins;
        _unions =
        [
            .. Enumerable
                .Range(0, lattice.Antichains.Count)
                .Select(beta =>
                    Enumerable
                        .Range(0, lattice.SubsetCount)
                        .Where(subset => lattice.UnionCoefficients[beta, subset] != 0)
                        .Select(subset => (subset, (double)lattice.UnionCoefficients[beta, subset]))
                        .ToArray()
                ),
        ];
        _slotOfCell = new int[Power(lattice.SourceCount)];
        Array.Fill(_slotOfCell, -1);
        _firedTables = NewTables();
        _silentTables = NewTables();

        double[][] NewTables() =>
            [.. Enumerable.Range(1, lattice.SubsetCount).Select(subset => new double[Power(int.PopCount(subset))])];
        int Power(int exponent) => checked((int)Math.Pow(bins, exponent));
    }

    /// <summary>Decomposes what a neuron's sources say about its output.</summary>
    /// <param name="cells">The cell of each row: Σ_i bin_i · binsⁱ over the sources i.</param>
    /// <param name="theta">θ of each row.</param>
    /// <param name="complement">1 − θ of each row, with its own relative precision.</param>
    /// <param name="mass">The weight of each row; weights need not sum to 1.</param>
    /// <param name="redundancies">Receives I∩ of each antichain, in the lattice's order, in bits.</param>
    /// <returns>H(Y), in bits.</returns>
    public double Measure(
        ReadOnlySpan<int> cells,
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> mass,
        Span<double> redundancies
    )
    {
        (double firedMass, double silentMass) = Count(cells, theta, complement, mass);
        Marginalize();
        redundancies.Clear();
        Span<double> fired = stackalloc double[_lattice.SubsetCount];
        Span<double> silent = stackalloc double[_lattice.SubsetCount];
        for (int slot = 0; slot < _cellOfSlot.Count; slot++)
        {
            for (int subset = 0; subset < fired.Length; subset++)
            {
                int entry = EntryOf(subset + 1, _cellOfSlot[slot]);
                fired[subset] = _firedTables[subset][entry];
                silent[subset] = _silentTables[subset][entry];
            }

            (double cellFired, double cellSilent) = _cellMass[slot];
            for (int beta = 0; beta < redundancies.Length; beta++)
            {
                double u1 = 0;
                double u0 = 0;
                foreach ((int subset, double sign) in _unions[beta])
                {
                    u1 += sign * fired[subset];
                    u0 += sign * silent[subset];
                }

                if (cellFired > 0)
                    redundancies[beta] += cellFired * Math.Log2(u1 / ((u1 + u0) * firedMass));
                if (cellSilent > 0)
                    redundancies[beta] += cellSilent * Math.Log2(u0 / ((u1 + u0) * silentMass));
            }
        }

        return Surprise(firedMass) + Surprise(silentMass);

        static double Surprise(double p) => p > 0 ? -p * Math.Log2(p) : 0;
    }

    // p(κ, y) of the occupied cells; p(y).
    private (double Fired, double Silent) Count(
        ReadOnlySpan<int> cells,
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> mass
    )
    {
        foreach (int cell in _cellOfSlot)
            _slotOfCell[cell] = -1;
        _cellOfSlot.Clear();
        _cellMass.Clear();
        double total = 0;
        for (int row = 0; row < cells.Length; row++)
        {
            int slot = _slotOfCell[cells[row]];
            if (slot < 0)
            {
                slot = _slotOfCell[cells[row]] = _cellOfSlot.Count;
                _cellOfSlot.Add(cells[row]);
                _cellMass.Add((0, 0));
            }

            double fires = (double)mass[row] * theta[row];
            double doesNot = (double)mass[row] * complement[row];
            (double fired, double silent) = _cellMass[slot];
            _cellMass[slot] = (fired + fires, silent + doesNot);
            total += fires + doesNot;
        }

        double firedMass = 0;
        double silentMass = 0;
        for (int slot = 0; slot < _cellMass.Count; slot++)
        {
            (double fired, double silent) = _cellMass[slot];
            _cellMass[slot] = (fired / total, silent / total);
            firedMass += fired / total;
            silentMass += silent / total;
        }

        return (firedMass, silentMass);
    }

    private void Marginalize()
    {
        for (int subset = 0; subset < _firedTables.Length; subset++)
        {
            _firedTables[subset].AsSpan().Clear();
            _silentTables[subset].AsSpan().Clear();
            for (int slot = 0; slot < _cellOfSlot.Count; slot++)
            {
                int entry = EntryOf(subset + 1, _cellOfSlot[slot]);
                _firedTables[subset][entry] += _cellMass[slot].Fired;
                _silentTables[subset][entry] += _cellMass[slot].Silent;
            }
        }
    }

    // Where a cell falls in the table of a subset of the sources.
    private int EntryOf(int subset, int cell)
    {
        int entry = 0;
        int stride = 1;
        for (int source = 0; source < _lattice.SourceCount; source++)
        {
            if ((subset >> source & 1) != 0)
            {
                entry += cell % _bins * stride;
                stride *= _bins;
            }

            cell /= _bins;
        }

        return entry;
    }
}
