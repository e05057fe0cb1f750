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

using System.Numerics.Tensors;
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

    private GoalTerms _terms;
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

    // Marginals of every proper subset by its bins, one table after another: interleaved pairs on the way up, shares on
    // the way back.
    private readonly AlignedArray<float> _tables;
    private readonly int[] _tableStarts;

    // For each sixteen slots: m_s(+1) of every subset, then m_s(−1) of every subset; and what they share by subset.
    private readonly AlignedArray<float> _marginals;
    private readonly AlignedArray<float> _shares;
    private readonly AlignedArray<float> _slopes;
    private readonly int _slotCapacity;

    // For sixteen slots at a time, by antichain: u_β(+1) and u_β(−1), and what it has to share.
    private readonly AlignedArray<float> _unions;
    private readonly AlignedArray<float> _termShares;

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
        _tableStarts = new int[_subsets - 1];
        int entries = 0;
        for (int subset = 0; subset < _subsets - 1; subset++)
        {
            _tableStarts[subset] = entries;
            entries += (int)Math.Pow(bins, int.PopCount(subset + 1));
        }

        _tables = new AlignedArray<float>(2 * entries);
        _marginals = new AlignedArray<float>(2 * _subsets * slots);
        _shares = new AlignedArray<float>(_subsets * slots);
        _slopes = new AlignedArray<float>(slots);
        _unions = new AlignedArray<float>(2 * terms.Terms.Length * Lanes);
        _termShares = new AlignedArray<float>(terms.Terms.Length * Lanes);
    }

    /// <summary>The goal of the batches to come; another one over as many sources may take its place.</summary>
    public GoalTerms Terms
    {
        get => _terms;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(value.SourceCount, _sources, nameof(value));
            _terms = value;
        }
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
        int* slotOfCell = _slotOfCell.Pointer;
        float* cellMass = _cellMass.Pointer;
        fixed (int* cell = cells)
        fixed (
            float* rowTheta = theta,
                rowComplement = complement,
                rowMass = mass
        )
            CountRows(cell, rowTheta, rowComplement, rowMass);

        float firedMass = 0;
        float silentMass = 0;
        for (int slot = 0; slot < _slotCount; slot++)
        {
            slotOfCell[_cellOfSlot.Pointer[slot]] = -1;
            firedMass += cellMass[2 * slot];
            silentMass += cellMass[2 * slot + 1];
        }

        // log₂ p(+1)/p(−1); an output that never occurs counts for nothing.
        _outputLogOdds = (firedMass > 0 ? Math.Log2(firedMass) : 0) - (silentMass > 0 ? Math.Log2(silentMass) : 0);
        _firedMass = Math.Max(firedMass, SmallestOutputMass);
        _silentMass = Math.Max(silentMass, SmallestOutputMass);
        DecodeCells();
        FindEntries();
        Marginalize();
    }

    /// <summary>∂G/∂θ of each row of the batch counted last.</summary>
    /// <param name="mass">The probability mass of each row, as counted.</param>
    /// <param name="gradient">Receives the derivative of each row, in bits.</param>
    public void Differentiate(ReadOnlySpan<float> mass, Span<float> gradient)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(mass.Length, _rows, nameof(mass));
        ArgumentOutOfRangeException.ThrowIfNotEqual(gradient.Length, _rows, nameof(gradient));
        DifferentiateCells();
        ShareMarginals();
        float* slopes = _slopes.Pointer;
        int* slotOfRow = _slotOfRow.Pointer;
        for (int row = 0; row < gradient.Length; row++)
            gradient[row] = slopes[slotOfRow[row]];
        TensorPrimitives.Multiply(gradient, mass, gradient);
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
            if (_sources == 3)
                ThreeSources.Unite(fired, silent, _unions.Pointer);
            else
                Unite(fired, silent);
            for (int term = 0; term < redundancies.Length; term++)
            {
                Vector512<float> u1 = Vector512.Max(
                    Vector512.Load(_unions.Pointer + 2 * term * Lanes),
                    Vector512<float>.Zero
                );
                Vector512<float> u0 = Vector512.Max(
                    Vector512.Load(_unions.Pointer + (2 * term + 1) * Lanes),
                    Vector512<float>.Zero
                );
                Vector512<float> sum = u1 + u0;
                Vector512<float> value =
                    cellFired * LogarithmOfRatio(u1, sum * firedMass)
                    + cellSilent * LogarithmOfRatio(u0, sum * silentMass);
                redundancies[term] += Vector512.Sum(value);
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

    private void CountRows(int* cells, float* theta, float* complement, float* mass)
    {
        int* slotOfCell = _slotOfCell.Pointer;
        int* slotOfRow = _slotOfRow.Pointer;
        float* cellMass = _cellMass.Pointer;
        int slots = 0;
        for (int row = 0; row < _rows; row++)
        {
            int cell = cells[row];
            if ((uint)cell >= (uint)_slotOfCell.Length)
                throw new ArgumentOutOfRangeException(nameof(cells), cell, "There is no such cell.");
            int slot = slotOfCell[cell];
            if (slot < 0)
            {
                slot = slots++;
                slotOfCell[cell] = slot;
                _cellOfSlot.Pointer[slot] = cell;
                cellMass[2 * slot] = 0;
                cellMass[2 * slot + 1] = 0;
            }

            slotOfRow[row] = slot;
            cellMass[2 * slot] += mass[row] * theta[row];
            cellMass[2 * slot + 1] += mass[row] * complement[row];
        }

        _slotCount = slots;
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

    // Where each slot falls in the tables of the proper subsets of the sources, which lie one after another.
    private void FindEntries()
    {
        for (int subset = 0; subset < _subsets - 1; subset++)
        {
            int* entries = _entries.Pointer + subset * _slotCapacity;
            for (int slot = 0; slot < _slotCount; slot += Lanes)
            {
                var entry = Vector512.Create(_tableStarts[subset]);
                int stride = 1;
                for (int source = 0; source < _sources; source++)
                {
                    if (((subset + 1) >> source & 1) == 0)
                        continue;
                    entry +=
                        Vector512.Load(_binOfSlot.Pointer + source * _slotCapacity + slot) * Vector512.Create(stride);
                    stride *= _bins;
                }

                entry.Store(entries + slot);
            }
        }
    }

    // m_s of every slot for all subsets s, from the masses of the cells. Both outputs of a cell are added at once, as
    // the two halves of eight bytes; subsets take turns, so that additions to one entry do not wait for each other.
    private void Marginalize()
    {
        int proper = _subsets - 1;
        double* tables = (double*)_tables.Pointer;
        double* cellMass = (double*)_cellMass.Pointer;
        _tables.Span.Clear();
        for (int slot = 0; slot < _slotCount; slot++)
        {
            Vector128<float> pair = Vector128.CreateScalarUnsafe(cellMass[slot]).AsSingle();
            int* entry = _entries.Pointer + slot;
            for (int subset = 0; subset < proper; subset++, entry += _slotCapacity)
                tables[*entry] = (Vector128.CreateScalarUnsafe(tables[*entry]).AsSingle() + pair).AsDouble().ToScalar();
        }

        for (int subset = 0; subset < proper; subset++)
            PlaceMarginals(subset, _tables.Pointer, _entries.Pointer + subset * _slotCapacity);
        PlaceMarginals(proper, _cellMass.Pointer, entries: null);
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

    // The terms of D(κ) that belong to the cell itself, and what it has to share with others: sixteen slots after
    // another, each time the unions of all antichains, then their terms, then the shares by subset.
    private void DifferentiateCells()
    {
        // The parts of the logarithms that are the same for every cell.
        double logOdds = Math.Log2(_firedMass / (double)_silentMass);
        double constant = -_terms.ResidualWeight * _outputLogOdds;
        foreach (GoalTerms.Term term in _terms.DerivativeTerms)
            constant -= term.DerivativeWeight * logOdds;
        var same = Vector512.Create((float)constant);
        for (int start = 0; start < _slotCount; start += Lanes)
        {
            float* fired = _marginals.Pointer + 2 * _subsets * start;
            float* silent = fired + _subsets * Lanes;
            float* shares = _shares.Pointer + _subsets * start;
            Vector512<float> slope;
            if (_sources == 3)
            {
                ThreeSources.Unite(fired, silent, _unions.Pointer);
                slope = AddTerms(fired, silent, same);
                ThreeSources.Share(_termShares.Pointer, shares);
            }
            else
            {
                Unite(fired, silent);
                slope = AddTerms(fired, silent, same);
                Share(shares);
            }

            (slope + Vector512.Load(shares + (_subsets - 1) * Lanes)).Store(_slopes.Pointer + start);
        }
    }

    // Σ_β c′_β log₂ u_β(+1)/u_β(−1); leaves c′_β [p(κ, +1)/u_β(+1) − p(κ, −1)/u_β(−1)] / ln 2 to be shared.
    private Vector512<float> AddTerms(float* fired, float* silent, Vector512<float> slope)
    {
        const float PerBit = 1.44269504f; // 1 / ln 2
        Vector512<float> cellFired = Vector512.Load(fired + (_subsets - 1) * Lanes) * Vector512.Create(PerBit);
        Vector512<float> cellSilent = Vector512.Load(silent + (_subsets - 1) * Lanes) * Vector512.Create(PerBit);
        var smallest = Vector512.Create(SmallestProduct);
        var negligible = Vector512.Create((float)GoalTerms.NegligibleRatio);
        var firedMass = Vector512.Create(_firedMass);
        var silentMass = Vector512.Create(_silentMass);
        float* unions = _unions.Pointer;
        float* termShares = _termShares.Pointer;
        float[] weights = _terms.SingleDerivativeWeights;
        for (int term = 0; term < weights.Length; term++)
        {
            // What rounding leaves below zero is zero.
            Vector512<float> u1 = Vector512.Max(Vector512.Load(unions), Vector512<float>.Zero);
            Vector512<float> u0 = Vector512.Max(Vector512.Load(unions + Lanes), Vector512<float>.Zero);
            unions += 2 * Lanes;
            Vector512<float> sum = u1 + u0;
            Vector512<float> limit1 = sum * firedMass;
            Vector512<float> limit0 = sum * silentMass;
            Vector512<float> counts1 = Vector512.GreaterThanOrEqual(u1, limit1 * negligible);
            Vector512<float> counts0 = Vector512.GreaterThanOrEqual(u0, limit0 * negligible);

            // Where a term does not count, its ratio is taken as 1: u = u_β p(y). One division serves 1/u(+1), 1/u(−1)
            // and their quotient.
            Vector512<float> numerator = Vector512.ConditionalSelect(counts1, u1, limit1);
            Vector512<float> denominator = Vector512.ConditionalSelect(counts0, u0, limit0);
            Vector512<float> inverse = Vector512<float>.One / Vector512.Max(numerator * denominator, smallest);
            Vector512<float> inverseNumerator = denominator * inverse;
            Vector512<float> inverseDenominator = numerator * inverse;
            var weight = Vector512.Create(weights[term]);
            slope = Vector512.FusedMultiplyAdd(weight, VectorMath.Log2(numerator * inverseDenominator), slope);
            Vector512<float> share =
                (counts1 & (cellFired * inverseNumerator)) - (counts0 & (cellSilent * inverseDenominator));
            (weight * share).Store(termShares);
            termShares += Lanes;
        }

        return slope;
    }

    // u_β(κ, y) = Σ_s E_βs m_s(κ, y) of every antichain.
    private void Unite(float* fired, float* silent)
    {
        float* unions = _unions.Pointer;
        foreach (GoalTerms.Term term in _terms.Terms)
        {
            Union(fired, term.Offsets, term.Signs).Store(unions);
            Union(silent, term.Offsets, term.Signs).Store(unions + Lanes);
            unions += 2 * Lanes;
        }
    }

    // Shares the terms of the antichains out among the subsets, by E_βs.
    private void Share(float* shares)
    {
        new Span<float>(shares, _subsets * Lanes).Clear();
        float* share = _termShares.Pointer;
        foreach (GoalTerms.Term term in _terms.Terms)
        {
            for (int i = 0; i < term.Offsets.Length; i++)
            {
                float* shared = shares + term.Offsets[i];
                Vector512
                    .FusedMultiplyAdd(Vector512.Load(share), Vector512.Create(term.Signs[i]), Vector512.Load(shared))
                    .Store(shared);
            }

            share += Lanes;
        }
    }

    // Gathers back, for all proper subsets of the sources, what the cells share that fall into the same bins.
    private void ShareMarginals()
    {
        int proper = _subsets - 1;
        float* tables = _tables.Pointer;
        float* slopes = _slopes.Pointer;
        new Span<float>(tables, _tables.Length / 2).Clear();
        for (int slot = 0; slot < _slotCount; slot++)
        {
            int* entry = _entries.Pointer + slot;
            float* share = _shares.Pointer + slot / Lanes * _subsets * Lanes + slot % Lanes;
            for (int subset = 0; subset < proper; subset++, entry += _slotCapacity, share += Lanes)
                tables[*entry] += *share;
        }

        for (int slot = 0; slot < _slotCount; slot++)
        {
            int* entry = _entries.Pointer + slot;
            float slope = slopes[slot];
            for (int subset = 0; subset < proper; subset++, entry += _slotCapacity)
                slope += tables[*entry];
            slopes[slot] = slope;
        }
    }

    private Vector512<float> MaskTail(Vector512<float> value, int start) =>
        Vector512.LessThan(Vector512<int>.Indices + Vector512.Create(start), Vector512.Create(_slotCount)).AsSingle()
        & value;

    // u_β(κ, y) = Σ_s E_βs m_s(κ, y).
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
        return union;
    }
}
