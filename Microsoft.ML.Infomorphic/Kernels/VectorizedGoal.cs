// The goal of one neuron and its derivative by each row's firing probability, from the occupied cells of the binned
// sources alone. arXiv 2412.02482, sections 2 and A.1; the specification is GoalFunction in the Information room.
//
//   symbol        variable         shape             unit
//   θ_b           theta            rows              probability
//   w_b           mass             rows, sums to 1   probability
//   κ(b)          cells, _slotOf   rows              –
//   p(κ, y)       _marginals       subsets × cells   probability   (s = all sources)
//   m_s(κ, y)     _marginals       subsets × cells   probability
//   u_β(κ, y)     fired, silent    cells             probability   u_β = Σ_s E_βs m_s
//   D(κ)          _slopes          cells             bit           ∂G/∂p(κ, +1) − ∂G/∂p(κ, −1)
//   ∂G/∂θ_b       gradient         rows              bit           w_b D(κ(b))
//
// D(κ) = Σ_β c′_β [log₂ r_β(κ, +1) − log₂ r_β(κ, −1)] − γ_res log₂ p(+1)/p(−1)
//        + Σ_s Σ_{κ′ ~s κ} Σ_β c′_β E_βs [p(κ′, +1)/u_β(κ′, +1) − p(κ′, −1)/u_β(κ′, −1)] / ln 2
// with r_β(κ, y) = u_β(κ, y) / (u_β(κ) p(y)), and κ′ ~s κ where the sources in s fall into the same bins. A term with
// r_β below GoalTerms.NegligibleRatio counts neither in the value nor in the derivative.

using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The goal of one neuron over the rows of a batch, sixteen cells at once. One instance a thread.</summary>
internal sealed class VectorizedGoal
{
    // Keeps quotients finite where a neuron gives one output alone; masses below it are zero.
    private const float SmallestOutputMass = 1e-20f;

    private readonly GoalTerms _terms;
    private readonly int _bins;
    private readonly int _lanes = Vector512<float>.Count;

    // Cells: which slot a cell has, which cell a slot holds, and where its sources fall in each subset's table.
    private readonly int[] _slotOfCell;
    private readonly int[] _cellOfSlot;
    private readonly int[] _slotOfRow;
    private readonly int[][] _entries;

    // p(κ, ±1) of each slot, interleaved; tables of the marginals of each proper subset, interleaved; their gathered
    // copies, one row of slots for each subset and output.
    private readonly float[] _cellMass;
    private readonly float[][] _tables;
    private readonly float[][] _fired;
    private readonly float[][] _silent;

    // Σ_β c′_β E_βs […] of each slot, and summed over the slots that share an entry.
    private readonly float[][] _shares;
    private readonly float[][] _shareTables;
    private readonly float[] _slopes;

    private int _slotCount;
    private int _rows;
    private float _firedMass;
    private float _silentMass;

    /// <summary>Prepares scratch memory.</summary>
    /// <param name="terms">The goal.</param>
    /// <param name="bins">Number of bins of each source.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    public VectorizedGoal(GoalTerms terms, int bins, int maximumRows)
    {
        _terms = terms;
        _bins = bins;
        int cells = checked((int)Math.Pow(bins, terms.SourceCount));
        int slots = Math.Min(cells, maximumRows);
        int padded = (slots + _lanes - 1) / _lanes * _lanes;
        _slotOfCell = new int[cells];
        Array.Fill(_slotOfCell, -1);
        _cellOfSlot = new int[slots];
        _slotOfRow = new int[maximumRows];
        _cellMass = new float[2 * slots];
        int proper = terms.SubsetCount - 1;
        _entries = Rows<int>(proper, slots);
        _tables = new float[proper][];
        _shareTables = new float[proper][];
        for (int subset = 0; subset < proper; subset++)
        {
            int entries = (int)Math.Pow(bins, int.PopCount(subset + 1));
            _tables[subset] = new float[2 * entries];
            _shareTables[subset] = new float[entries];
        }

        _fired = Rows<float>(terms.SubsetCount, padded);
        _silent = Rows<float>(terms.SubsetCount, padded);
        _shares = Rows<float>(terms.SubsetCount, padded);
        _slopes = new float[padded];

        static T[][] Rows<T>(int count, int length) =>
            Enumerable.Range(0, count).Select(_ => new T[length]).ToArray();
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
        _rows = cells.Length;
        _slotCount = 0;
        Span<float> cellMass = _cellMass;
        float firedMass = 0;
        float silentMass = 0;
        for (int row = 0; row < cells.Length; row++)
        {
            ref int slot = ref _slotOfCell[cells[row]];
            if (slot < 0)
            {
                slot = _slotCount++;
                _cellOfSlot[slot] = cells[row];
                cellMass[2 * slot] = 0;
                cellMass[2 * slot + 1] = 0;
            }

            _slotOfRow[row] = slot;
            float fired = mass[row] * theta[row];
            float silent = mass[row] * complement[row];
            cellMass[2 * slot] += fired;
            cellMass[2 * slot + 1] += silent;
            firedMass += fired;
            silentMass += silent;
        }

        _firedMass = Math.Max(firedMass, SmallestOutputMass);
        _silentMass = Math.Max(silentMass, SmallestOutputMass);
        for (int slot = 0; slot < _slotCount; slot++)
            _slotOfCell[_cellOfSlot[slot]] = -1;
        Marginalize();
    }

    /// <summary>∂G/∂θ of each row of the batch counted last.</summary>
    /// <param name="mass">The probability mass of each row, as counted.</param>
    /// <param name="gradient">Receives the derivative of each row, in bits.</param>
    public void Differentiate(ReadOnlySpan<float> mass, Span<float> gradient)
    {
        DifferentiateCells();
        ShareMarginals();
        Span<float> slopes = _slopes;
        Span<int> slotOfRow = _slotOfRow.AsSpan(0, _rows);
        for (int row = 0; row < slotOfRow.Length; row++)
            gradient[row] = mass[row] * slopes[slotOfRow[row]];
    }

    /// <summary>The redundancies of the batch counted last.</summary>
    /// <param name="redundancies">Receives I∩ of each antichain, in the lattice's order, in bits.</param>
    /// <returns>H(Y), in bits.</returns>
    public double Measure(Span<double> redundancies)
    {
        Span<Vector512<float>> fired = stackalloc Vector512<float>[_terms.SubsetCount];
        Span<Vector512<float>> silent = stackalloc Vector512<float>[_terms.SubsetCount];
        var firedMass = Vector512.Create(_firedMass);
        var silentMass = Vector512.Create(_silentMass);
        redundancies.Clear();
        for (int start = 0; start < _slotCount; start += _lanes)
        {
            LoadMarginals(start, fired, silent);
            Vector512<float> cellFired = MaskTail(fired[^1], start);
            Vector512<float> cellSilent = MaskTail(silent[^1], start);
            foreach (GoalTerms.Term term in _terms.Terms)
            {
                Union(term, fired, silent, out Vector512<float> u1, out Vector512<float> u0);
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
            return Vector512.Log2(Vector512.ConditionalSelect(counts, ratio, Vector512<float>.One));
        }
    }

    // m_s of every slot and proper subset s, from the masses of the cells.
    private void Marginalize()
    {
        int top = _terms.SubsetCount - 1;
        int padded = (_slotCount + _lanes - 1) / _lanes * _lanes;
        for (int slot = 0; slot < _slotCount; slot++)
        {
            _fired[top][slot] = _cellMass[2 * slot];
            _silent[top][slot] = _cellMass[2 * slot + 1];
        }

        Pad(_fired[top]);
        Pad(_silent[top]);
        for (int subset = 0; subset < top; subset++)
        {
            int[] entries = _entries[subset];
            float[] table = _tables[subset];
            Project(subset + 1, entries);
            for (int slot = 0; slot < _slotCount; slot++)
            {
                int entry = 2 * entries[slot];
                table[entry] = 0;
                table[entry + 1] = 0;
            }

            for (int slot = 0; slot < _slotCount; slot++)
            {
                int entry = 2 * entries[slot];
                table[entry] += _cellMass[2 * slot];
                table[entry + 1] += _cellMass[2 * slot + 1];
            }

            float[] fired = _fired[subset];
            float[] silent = _silent[subset];
            for (int slot = 0; slot < _slotCount; slot++)
            {
                int entry = 2 * entries[slot];
                fired[slot] = table[entry];
                silent[slot] = table[entry + 1];
            }

            Pad(fired);
            Pad(silent);
        }

        // Lanes behind the last slot hold masses that give finite numbers; nothing reads them.
        void Pad(float[] row) => row.AsSpan(_slotCount, padded - _slotCount).Fill(1);
    }

    // Where each slot's cell falls in the table of a subset of the sources.
    private void Project(int sources, int[] entries)
    {
        for (int slot = 0; slot < _slotCount; slot++)
        {
            int cell = _cellOfSlot[slot];
            int entry = 0;
            int stride = 1;
            for (int rest = sources; rest != 0; rest >>= 1)
            {
                (int quotient, int bin) = Math.DivRem(cell, _bins);
                if ((rest & 1) != 0)
                {
                    entry += bin * stride;
                    stride *= _bins;
                }

                cell = quotient;
            }

            entries[slot] = entry;
        }
    }

    // The terms of D(κ) that belong to the cell itself, and what it has to share with others.
    private void DifferentiateCells()
    {
        int subsets = _terms.SubsetCount;
        Span<Vector512<float>> fired = stackalloc Vector512<float>[subsets];
        Span<Vector512<float>> silent = stackalloc Vector512<float>[subsets];
        Span<Vector512<float>> shares = stackalloc Vector512<float>[subsets];
        var negligible = Vector512.Create((float)GoalTerms.NegligibleRatio);
        var firedMass = Vector512.Create(_firedMass);
        var silentMass = Vector512.Create(_silentMass);
        var perBit = Vector512.Create((float)(1 / Math.Log(2)));

        // The parts of the logarithms that are the same for every cell.
        double logOdds = Math.Log2(_firedMass / (double)_silentMass);
        double constant = -_terms.ResidualWeight * logOdds;
        foreach (GoalTerms.Term term in _terms.DerivativeTerms)
            constant -= term.DerivativeWeight * logOdds;

        for (int start = 0; start < _slotCount; start += _lanes)
        {
            LoadMarginals(start, fired, silent);
            shares.Clear();
            var slope = Vector512.Create((float)constant);
            foreach (GoalTerms.Term term in _terms.DerivativeTerms)
            {
                Union(term, fired, silent, out Vector512<float> u1, out Vector512<float> u0);
                Vector512<float> sum = u1 + u0;
                Vector512<float> limit1 = sum * firedMass;
                Vector512<float> limit0 = sum * silentMass;
                Vector512<float> counts1 = Vector512.GreaterThanOrEqual(u1, limit1 * negligible);
                Vector512<float> counts0 = Vector512.GreaterThanOrEqual(u0, limit0 * negligible);

                // Where a term does not count, its ratio is taken as 1: u = u_β p(y).
                Vector512<float> numerator = Vector512.ConditionalSelect(counts1, u1, limit1);
                Vector512<float> denominator = Vector512.ConditionalSelect(counts0, u0, limit0);
                Vector512<float> weight = Vector512.Create((float)term.DerivativeWeight);
                slope = Vector512.FusedMultiplyAdd(weight, Vector512.Log2(numerator / denominator), slope);

                Vector512<float> share =
                    weight * ((counts1 & (fired[^1] / numerator)) - (counts0 & (silent[^1] / denominator)));
                for (int i = 0; i < term.Subsets.Length; i++)
                    shares[term.Subsets[i]] += share * Vector512.Create(term.Signs[i]);
            }

            (slope + shares[^1] * perBit).CopyTo(_slopes, start);
            for (int subset = 0; subset < subsets - 1; subset++)
                (shares[subset] * perBit).CopyTo(_shares[subset], start);
        }
    }

    // Gathers back, for every subset of the sources, what the cells share that fall into the same bins.
    private void ShareMarginals()
    {
        for (int subset = 0; subset < _terms.SubsetCount - 1; subset++)
        {
            int[] entries = _entries[subset];
            float[] table = _shareTables[subset];
            float[] shares = _shares[subset];
            for (int slot = 0; slot < _slotCount; slot++)
                table[entries[slot]] = 0;
            for (int slot = 0; slot < _slotCount; slot++)
                table[entries[slot]] += shares[slot];
            for (int slot = 0; slot < _slotCount; slot++)
                _slopes[slot] += table[entries[slot]];
        }
    }

    private void LoadMarginals(int start, Span<Vector512<float>> fired, Span<Vector512<float>> silent)
    {
        for (int subset = 0; subset < fired.Length; subset++)
        {
            fired[subset] = Vector512.Create(_fired[subset], start);
            silent[subset] = Vector512.Create(_silent[subset], start);
        }
    }

    private Vector512<float> MaskTail(Vector512<float> value, int start) =>
        Vector512.LessThan(Vector512<int>.Indices + Vector512.Create(start), Vector512.Create(_slotCount)).AsSingle()
        & value;

    // u_β(κ, ±1) = Σ_s E_βs m_s(κ, ±1); what rounding leaves below zero is zero.
    private static void Union(
        GoalTerms.Term term,
        ReadOnlySpan<Vector512<float>> fired,
        ReadOnlySpan<Vector512<float>> silent,
        out Vector512<float> unionFired,
        out Vector512<float> unionSilent
    )
    {
        Vector512<float> u1 = Vector512<float>.Zero;
        Vector512<float> u0 = Vector512<float>.Zero;
        for (int i = 0; i < term.Subsets.Length; i++)
        {
            var sign = Vector512.Create(term.Signs[i]);
            u1 = Vector512.FusedMultiplyAdd(sign, fired[term.Subsets[i]], u1);
            u0 = Vector512.FusedMultiplyAdd(sign, silent[term.Subsets[i]], u0);
        }

        unionFired = Vector512.Max(u1, Vector512<float>.Zero);
        unionSilent = Vector512.Max(u0, Vector512<float>.Zero);
    }
}
