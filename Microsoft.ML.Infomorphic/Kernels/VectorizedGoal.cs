// The goal of one neuron and its derivative by each row's firing probability, from the occupied cells of the binned
// sources alone. arXiv 2412.02482, sections 2 and A.1; the specification is GoalFunction in the Information room.
//
//   symbol        variable         shape                  unit
//   θ_b           theta            rows                   probability
//   w_b           mass             rows, sums to 1        probability
//   κ(b)          cells, slotOfRow rows                   –
//   m_s(κ, y)     marginals        subsets × cells × 2    probability   s = all sources: p(κ, y)
//   u_β(κ, ±1)    fired, silent    cells                  probability   u_β = Σ_s E_βs m_s
//   D(κ)          slopes           cells                  bit           ∂G/∂p(κ, +1) − ∂G/∂p(κ, −1)
//   ∂G/∂θ_b       gradient         rows                   bit           w_b D(κ(b))
//
// D(κ) = Σ_β c′_β [log₂ r_β(κ, +1) − log₂ r_β(κ, −1)] − γ_res log₂ p(+1)/p(−1)
//        + Σ_s Σ_{κ′ ~s κ} Σ_β c′_β E_βs [p(κ′, +1)/u_β(κ′, +1) − p(κ′, −1)/u_β(κ′, −1)] / ln 2
// with r_β(κ, y) = u_β(κ, y) / (u_β(κ) p(y)), and κ′ ~s κ where the sources in s fall into the same bins. A term with
// r_β below GoalTerms.NegligibleRatio counts neither in the value nor in the derivative.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The goal of one neuron over the rows of a batch, sixteen cells at once. One instance a thread. Each occupied cell
/// has a slot, in the order in which rows reach it; what is known of sixteen slots lies together in memory.
/// </summary>
internal sealed unsafe class VectorizedGoal
{
    private const int Lanes = 16;

    // Keeps quotients finite where a neuron gives one output alone; masses below it are zero.
    private const float SmallestOutputMass = 1e-20f;

    // Keeps the inverse of a product of two masses finite; products of masses that matter are far above it.
    private const float SmallestProduct = 1e-37f;

    private readonly GoalTerms _terms;
    private readonly int _bins;
    private readonly int _sources;
    private readonly int _subsets;

    // Which slot a cell has (−1: none), which cell a slot holds, each source's bin there, each row's slot.
    private readonly AlignedArray<int> _slotOfCell;
    private readonly AlignedArray<int> _cellOfSlot;
    private readonly AlignedArray<int> _binOfSlot;
    private readonly AlignedArray<int> _slotOfRow;

    // p(κ, ±1) of each slot, interleaved. For each proper subset of the sources: where its slots fall in its table.
    private readonly AlignedArray<float> _cellMass;
    private readonly AlignedArray<int> _entries;

    // Marginals of one subset at a time by its bins: interleaved pairs on the way up, shares on the way back.
    private readonly AlignedArray<float> _table;

    // For each sixteen slots: m_s(+1) of every subset, then m_s(−1) of every subset; and what they share by subset.
    private readonly AlignedArray<float> _marginals;
    private readonly AlignedArray<float> _shares;
    private readonly AlignedArray<float> _slopes;
    private readonly int _slotCapacity;

    private int _slotCount;
    private int _rows;
    private float _firedMass;
    private float _silentMass;
    private double _outputLogOdds;

    /// <summary>Prepares scratch memory.</summary>
    /// <param name="terms">The goal.</param>
    /// <param name="bins">Number of bins of each source.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    public VectorizedGoal(GoalTerms terms, int bins, int maximumRows)
    {
        _terms = terms;
        _bins = bins;
        _sources = terms.SourceCount;
        _subsets = terms.SubsetCount;
        int cells = checked((int)Math.Pow(bins, _sources));
        int slots = (Math.Min(cells, maximumRows) + Lanes - 1) / Lanes * Lanes;
        _slotCapacity = slots;
        _slotOfCell = new AlignedArray<int>(cells);
        _slotOfCell.Span.Fill(-1);
        _cellOfSlot = new AlignedArray<int>(slots);
        _binOfSlot = new AlignedArray<int>(_sources * slots);
        _slotOfRow = new AlignedArray<int>(maximumRows);
        _cellMass = new AlignedArray<float>(2 * slots);
        _entries = new AlignedArray<int>((_subsets - 1) * slots);
        _table = new AlignedArray<float>(2 * cells / bins);
        _marginals = new AlignedArray<float>(2 * _subsets * slots);
        _shares = new AlignedArray<float>(_subsets * slots);
        _slopes = new AlignedArray<float>(slots);
    }

    /// <summary>Number of occupied cells of the last batch.</summary>
    public int OccupiedCells => _slotCount;

    /// <summary>Counts a batch: the joint masses of cells and outputs, and all their marginals.</summary>
    /// <param name="cells">The cell of each row: Σ_i bin_i · binsⁱ over the sources i.</param>
    /// <param name="theta">θ of each row.</param>
    /// <param name="complement">1 − θ of each row.</param>
    /// <param name="mass">The probability mass of each row; sums to 1.</param>
    public void Count(
        ReadOnlySpan<int> cells,
        ReadOnlySpan<float> theta,
        ReadOnlySpan<float> complement,
        ReadOnlySpan<float> mass
    )
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cells.Length, _slotOfRow.Length, nameof(cells));
        ArgumentOutOfRangeException.ThrowIfNotEqual(theta.Length, cells.Length, nameof(theta));
        ArgumentOutOfRangeException.ThrowIfNotEqual(complement.Length, cells.Length, nameof(complement));
        ArgumentOutOfRangeException.ThrowIfNotEqual(mass.Length, cells.Length, nameof(mass));
        _rows = cells.Length;
        _slotCount = 0;
        Span<int> slotOfCell = _slotOfCell.Span;
        int* slotOfRow = _slotOfRow.Pointer;
        float* cellMass = _cellMass.Pointer;
        for (int row = 0; row < cells.Length; row++)
        {
            int cell = cells[row];
            int slot = slotOfCell[cell];
            if (slot < 0)
            {
                slot = _slotCount++;
                slotOfCell[cell] = slot;
                _cellOfSlot.Pointer[slot] = cell;
                cellMass[2 * slot] = 0;
                cellMass[2 * slot + 1] = 0;
            }

            slotOfRow[row] = slot;
            cellMass[2 * slot] += mass[row] * theta[row];
            cellMass[2 * slot + 1] += mass[row] * complement[row];
        }

        float firedMass = 0;
        float silentMass = 0;
        for (int slot = 0; slot < _slotCount; slot++)
        {
            slotOfCell[_cellOfSlot.Pointer[slot]] = -1;
            firedMass += cellMass[2 * slot];
            silentMass += cellMass[2 * slot + 1];
        }

        // log₂ p(+1)/p(−1); an output that never occurs counts for nothing.
        _outputLogOdds =
            (firedMass > 0 ? Math.Log2(firedMass) : 0) - (silentMass > 0 ? Math.Log2(silentMass) : 0);
        _firedMass = Math.Max(firedMass, SmallestOutputMass);
        _silentMass = Math.Max(silentMass, SmallestOutputMass);
        DecodeCells();
        for (int subset = 0; subset < _subsets - 1; subset++)
            Marginalize(subset);
        PlaceMarginals(_subsets - 1, cellMass, entries: null);
    }

    /// <summary>∂G/∂θ of each row of the batch counted last.</summary>
    /// <param name="mass">The probability mass of each row, as counted.</param>
    /// <param name="gradient">Receives the derivative of each row, in bits.</param>
    public void Differentiate(ReadOnlySpan<float> mass, Span<float> gradient)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(mass.Length, _rows, nameof(mass));
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, _rows, nameof(gradient));
        DifferentiateCells();
        for (int subset = 0; subset < _subsets - 1; subset++)
            ShareMarginals(subset);
        float* slopes = _slopes.Pointer;
        int* slotOfRow = _slotOfRow.Pointer;
        for (int row = 0; row < gradient.Length; row++)
            gradient[row] = mass[row] * slopes[slotOfRow[row]];
    }

    /// <summary>The redundancies of the batch counted last.</summary>
    /// <param name="redundancies">Receives I∩ of each antichain, in the lattice's order, in bits.</param>
    /// <returns>H(Y), in bits.</returns>
    public double Measure(Span<double> redundancies)
    {
        var firedMass = Vector512.Create(_firedMass);
        var silentMass = Vector512.Create(_silentMass);
        redundancies.Clear();
        for (int start = 0; start < _slotCount; start += Lanes)
        {
            float* fired = _marginals.Pointer + 2 * _subsets * start;
            float* silent = fired + _subsets * Lanes;
            Vector512<float> cellFired = MaskTail(Vector512.Load(fired + (_subsets - 1) * Lanes), start);
            Vector512<float> cellSilent = MaskTail(Vector512.Load(silent + (_subsets - 1) * Lanes), start);
            foreach (GoalTerms.Term term in _terms.Terms)
            {
                Vector512<float> u1 = Union(fired, term.Offsets, term.Signs);
                Vector512<float> u0 = Union(silent, term.Offsets, term.Signs);
                Vector512<float> sum = u1 + u0;
                Vector512<float> value =
                    cellFired * LogarithmOfRatio(u1, sum * firedMass)
                    + cellSilent * LogarithmOfRatio(u0, sum * silentMass);
                redundancies[term.Index] += Vector512.Sum(value);
            }
        }

        return Entropy(_firedMass) + Entropy(_silentMass);

        static double Entropy(double mass) => -mass * Math.Log2(mass);

        static Vector512<float> LogarithmOfRatio(Vector512<float> numerator, Vector512<float> denominator)
        {
            Vector512<float> ratio = numerator / denominator;
            Vector512<float> counts = Vector512.GreaterThanOrEqual(
                ratio,
                Vector512.Create((float)GoalTerms.NegligibleRatio)
            );
            return VectorMath.Log2(Vector512.ConditionalSelect(counts, ratio, Vector512<float>.One));
        }
    }

    // The bin of each source in each slot's cell.
    private void DecodeCells()
    {
        // ⌊cell / bins⌋ by multiplication: exact for cell · bins < 2³², and bins⁴ · bins ≤ 2³⁰.
        ulong inverse = (uint.MaxValue / (uint)_bins) + 1;
        int* cells = _cellOfSlot.Pointer;
        int* bins = _binOfSlot.Pointer;
        for (int slot = 0; slot < _slotCount; slot++)
        {
            uint cell = (uint)cells[slot];
            for (int source = 0; source < _sources; source++)
            {
                uint quotient = (uint)((cell * inverse) >> 32);
                bins[source * _slotCapacity + slot] = (int)(cell - quotient * (uint)_bins);
                cell = quotient;
            }
        }
    }

    // m_s of every slot for one proper subset s of the sources, from the masses of the cells.
    private void Marginalize(int subset)
    {
        // Where the slots fall in the subset's table.
        int* entries = _entries.Pointer + subset * _slotCapacity;
        int size = 1;
        for (int source = 0; source < _sources; source++)
        {
            if (((subset + 1) >> source & 1) == 0)
                continue;
            int* bins = _binOfSlot.Pointer + source * _slotCapacity;
            var stride = Vector512.Create(size);
            for (int slot = 0; slot < _slotCount; slot += Lanes)
            {
                Vector512<int> entry = Vector512.Load(bins + slot) * stride;
                if (size > 1)
                    entry += Vector512.Load(entries + slot);
                entry.Store(entries + slot);
            }

            size *= _bins;
        }

        // Both outputs of a cell are added at once, as the two halves of eight bytes.
        float* table = _table.Pointer;
        new Span<float>(table, 2 * size).Clear();
        float* cellMass = _cellMass.Pointer;
        for (int slot = 0; slot < _slotCount; slot++)
        {
            double* entry = (double*)(table + 2 * entries[slot]);
            Vector128<float> sum =
                Vector128.CreateScalarUnsafe(*entry).AsSingle()
                + Vector128.CreateScalarUnsafe(*(double*)(cellMass + 2 * slot)).AsSingle();
            *entry = sum.AsDouble().ToScalar();
        }

        PlaceMarginals(subset, table, entries);
    }

    // Puts the marginals of a subset, interleaved in a table, where the slots of a subset lie.
    private void PlaceMarginals(int subset, float* table, int* entries)
    {
        int slot = 0;
        for (int start = 0; start < _slotCount; start += Lanes)
        {
            float* fired = _marginals.Pointer + 2 * _subsets * start + subset * Lanes;
            float* silent = fired + _subsets * Lanes;
            int end = Math.Min(start + Lanes, _slotCount);
            int lane = 0;
            for (; slot < end; slot++, lane++)
            {
                float* pair = table + 2 * (entries == null ? slot : entries[slot]);
                fired[lane] = pair[0];
                silent[lane] = pair[1];
            }

            // Lanes behind the last slot hold masses that give finite numbers; nothing reads what follows from them.
            for (; lane < Lanes; lane++)
            {
                fired[lane] = 1;
                silent[lane] = 1;
            }
        }
    }

    // The terms of D(κ) that belong to the cell itself, and what it has to share with others.
    private void DifferentiateCells()
    {
        int subsets = _subsets;
        var negligible = Vector512.Create((float)GoalTerms.NegligibleRatio);
        var firedMass = Vector512.Create(_firedMass);
        var silentMass = Vector512.Create(_silentMass);
        var smallestProduct = Vector512.Create(SmallestProduct);
        var perBit = Vector512.Create((float)(1 / Math.Log(2)));

        // The parts of the logarithms that are the same for every cell.
        double logOdds = Math.Log2(_firedMass / (double)_silentMass);
        double constant = -_terms.ResidualWeight * _outputLogOdds;
        foreach (GoalTerms.Term term in _terms.DerivativeTerms)
            constant -= term.DerivativeWeight * logOdds;

        for (int start = 0; start < _slotCount; start += Lanes)
        {
            float* fired = _marginals.Pointer + 2 * subsets * start;
            float* silent = fired + subsets * Lanes;
            float* shares = _shares.Pointer + subsets * start;
            Vector512<float> cellFired = Vector512.Load(fired + (subsets - 1) * Lanes);
            Vector512<float> cellSilent = Vector512.Load(silent + (subsets - 1) * Lanes);
            new Span<float>(shares, subsets * Lanes).Clear();
            var slope = Vector512.Create((float)constant);
            foreach (GoalTerms.Term term in _terms.DerivativeTerms)
            {
                int[] offsets = term.Offsets;
                float[] signs = term.Signs;
                Vector512<float> u1 = Union(fired, offsets, signs);
                Vector512<float> u0 = Union(silent, offsets, signs);
                Vector512<float> sum = u1 + u0;
                Vector512<float> limit1 = sum * firedMass;
                Vector512<float> limit0 = sum * silentMass;
                Vector512<float> counts1 = Vector512.GreaterThanOrEqual(u1, limit1 * negligible);
                Vector512<float> counts0 = Vector512.GreaterThanOrEqual(u0, limit0 * negligible);

                // Where a term does not count, its ratio is taken as 1: u = u_β p(y). One division serves 1/u(+1),
                // 1/u(−1) and their quotient.
                Vector512<float> numerator = Vector512.ConditionalSelect(counts1, u1, limit1);
                Vector512<float> denominator = Vector512.ConditionalSelect(counts0, u0, limit0);
                Vector512<float> inverse =
                    Vector512<float>.One / Vector512.Max(numerator * denominator, smallestProduct);
                Vector512<float> inverseNumerator = denominator * inverse;
                Vector512<float> inverseDenominator = numerator * inverse;
                var weight = Vector512.Create(term.SingleDerivativeWeight);
                slope = Vector512.FusedMultiplyAdd(weight, VectorMath.Log2(numerator * inverseDenominator), slope);

                Vector512<float> share =
                    weight
                    * (
                        (counts1 & (cellFired * inverseNumerator)) - (counts0 & (cellSilent * inverseDenominator))
                    );
                for (int i = 0; i < offsets.Length; i++)
                {
                    float* shared = shares + offsets[i];
                    Vector512.FusedMultiplyAdd(share, Vector512.Create(signs[i]), Vector512.Load(shared)).Store(shared);
                }
            }

            for (int subset = 0; subset < subsets; subset++)
                (Vector512.Load(shares + subset * Lanes) * perBit).Store(shares + subset * Lanes);
            (slope + Vector512.Load(shares + (subsets - 1) * Lanes)).Store(_slopes.Pointer + start);
        }
    }

    // Gathers back, for one proper subset of the sources, what the cells share that fall into the same bins.
    private void ShareMarginals(int subset)
    {
        int* entries = _entries.Pointer + subset * _slotCapacity;
        float* table = _table.Pointer;
        float* shares = _shares.Pointer + subset * Lanes;
        float* slopes = _slopes.Pointer;
        int block = _subsets * Lanes;
        new Span<float>(table, (int)Math.Pow(_bins, int.PopCount(subset + 1))).Clear();
        for (int slot = 0; slot < _slotCount; slot++)
            table[entries[slot]] += shares[slot / Lanes * block + slot % Lanes];
        for (int slot = 0; slot < _slotCount; slot++)
            slopes[slot] += table[entries[slot]];
    }

    private Vector512<float> MaskTail(Vector512<float> value, int start) =>
        Vector512.LessThan(Vector512<int>.Indices + Vector512.Create(start), Vector512.Create(_slotCount)).AsSingle()
        & value;

    // u_β(κ, y) = Σ_s E_βs m_s(κ, y); what rounding leaves below zero is zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Union(float* marginals, int[] offsets, float[] signs)
    {
        Vector512<float> union = Vector512<float>.Zero;
        for (int i = 0; i < offsets.Length && i < signs.Length; i++)
            union = Vector512.FusedMultiplyAdd(
                Vector512.Load(marginals + offsets[i]),
                Vector512.Create(signs[i]),
                union
            );
        return Vector512.Max(union, Vector512<float>.Zero);
    }
}
