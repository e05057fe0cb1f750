// The goals of neurons and their derivatives by each row's firing probability, as operations on tensors, for layers and
// networks of different goals at once. arXiv 2412.02482, sections 2 and A.1; the specification is GoalFunction in the
// Information room, and VectorizedGoal has the formula of D. Nothing is computed by cell: a row stands for its cell.
//
//   symbol             variable     shape                                         unit
//   θ_b, 1 − θ_b       thetas       neurons × 2 × rows                            probability
//   w_b                masses       rows, sum to 2⁶⁰                              2⁻⁶⁰
//   q_b(±1)            RowMasses    neurons × 2 × rows                            2⁻⁶⁰           w_b θ_b and w_b (1 − θ_b)
//   κ_s(b)             Cells        neurons × subsets × rows                      –              cell of the sources in s
//   m_s(κ(b), ±1)      Marginals    neurons × 2 × subsets × rows                  2⁻⁶⁰           Σ q over rows of that κ_s
//   u_β(κ(b), ±1)      unions       neurons × 2 × terms × rows                    probability    u_β = Σ_s E_βs m_s
//   D(κ(b))            –            neurons × rows                                bit
//   ∂G/∂θ_b            (returned)   neurons × rows                                bit            w_b D(κ(b))
//
// What the cells κ′ ~s κ share with κ is a sum over cells of p(κ′, y) times something that is the same for all rows of
// a cell, and p(κ′, y) is the sum of q_b(y) over them: so each row adds its own part.
//
// Subsets are numbered by their bits, the empty one first: its one cell has p(y). It stands beside the antichains as a term
// without weights, so that nothing is computed for neurons apart.
//
// Layers differ in the number of their sources. Those that a layer does not have hold whatever is there; its antichains are
// without them.
//
// Sums over rows of the same cell are made by scattered additions, whose order a GPU does not keep. They are therefore
// made of integers, multiples of a power of two: sums of integers do not depend on their order, so that the same seed
// gives the same bits. (The deterministic algorithms of libtorch would sort the indices instead.)

using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The goals of neurons over the rows of a batch, on any device, in blocks of one goal each. Tensors that are returned belong
/// to the caller's <see cref="DisposeScope"/>.
/// </summary>
internal sealed class TensorGoal : IDisposable
{
    /// <summary>Neurons of one goal.</summary>
    /// <param name="Terms">The goal.</param>
    /// <param name="Binning">How their sources are binned; all blocks have as many bins.</param>
    /// <param name="Neurons">Their number.</param>
    public sealed record Block(GoalTerms Terms, Binning Binning, int Neurons);

    /// <summary>What the masses of a batch's rows sum to: masses are integers, the smallest of which is 10⁻¹⁸.</summary>
    public const double WholeMass = 1L << 60;

    // Keeps quotients of union masses finite; half of the smallest mass is far above it.
    private const float SmallestUnion = 1e-30f;

    private const double PerBit = 1.4426950408889634; // 1 / ln 2

    private readonly Block[] _blocks;
    private readonly int[] _starts;
    private readonly Device _device;
    private readonly int _sources;
    private readonly int _subsets;
    private readonly int _terms;
    private readonly int _bins;

    // Tables of a neuron lie one after another, all but the last one with as much room as the second largest needs.
    private readonly long _tableStride;
    private readonly long _tableSize;

    // Strides of sources in the numbers of cells, and what is to be added where bins are counted from 1.
    private readonly Tensor _strides;
    private readonly Tensor _offsets;

    // E of each term, the antichains that any goal has in its derivative.
    private readonly Tensor _unionTable;
    private readonly Tensor _smallest;

    // By neuron and for a unit of mass: c′, neurons × 1 × terms, and c′E/ln 2 by subset, neurons × subsets but one × outputs ·
    // terms.
    private readonly Tensor _weights;
    private readonly Tensor _shares;
    private readonly double _unit;

    // γ_res by neuron, neurons × 1 × 1; null where it is 0 for all.
    private readonly Tensor? _residualWeights;

    // Masses of both outputs, and shares, by neuron.
    private Tensor? _tables;

    /// <param name="blocks">The blocks, one after another.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    /// <param name="device">The device.</param>
    public TensorGoal(IEnumerable<Block> blocks, long maximumRows, Device device)
    {
        _blocks = [.. blocks];
        _starts = [.. _blocks.Select((_, i) => _blocks.Take(i).Sum(before => before.Neurons))];
        _device = device;
        _sources = _blocks.Max(block => block.Terms.SourceCount);
        _subsets = 1 << _sources;
        _bins = _blocks[0].Binning.Count;
        long cells = (long)Math.Pow(_bins, _sources);
        _tableStride = cells / _bins;
        _tableSize = (_subsets - 1) * _tableStride + cells;

        float[] strides = new float[_subsets * _sources];
        for (int subset = 0; subset < _subsets; subset++)
        {
            int stride = 1;
            for (int source = 0; source < _sources; source++)
            {
                if ((subset >> source & 1) == 0)
                    continue;
                strides[subset * _sources + source] = stride;
                stride *= _bins;
            }
        }

        _strides = tensor(strides, [1, _subsets, _sources], device: device);
        _offsets = _strides.sum(-1, keepdim: true).neg_();

        Union[] terms =
        [
            .. _blocks
                .DistinctBy(block => block.Terms)
                .SelectMany(block => block.Terms.DerivativeTerms.Select(Union.Of))
                .DistinctBy(union => union.Key),
        ];
        _terms = terms.Length + 1;
        _smallest = tensor([SmallestUnion], device: device);
        _unionTable = UnionTable(terms);

        Dictionary<string, int> places = terms.Index().ToDictionary(of => of.Item.Key, of => of.Index);
        int shared = _subsets - 1;
        (float[] Weights, float[] Shares)[] ofBlocks = [.. _blocks.Select(block => WeightsOf(block.Terms))];

        // A row's share is little more than Σ |c′E/ln 2|, as q is, but for rounding, never more than u: the largest unit with
        // which the shares of all rows, of all subsets together, cannot overflow.
        double largest = ofBlocks.SelectMany(of => of.Shares.Chunk(2 * _terms)).Max(row => row.Sum(Math.Abs));
        _unit = Math.Pow(2, Math.Floor(61 - Math.Log2(2 * largest * maximumRows * shared + 1)));
        foreach ((_, float[] shares) in ofBlocks)
            for (int i = 0; i < shares.Length; i++)
                shares[i] = (float)(shares[i] * (_unit / WholeMass));
        _weights = ByNeuron(of => of.Weights, 1);
        _shares = ByNeuron(of => of.Shares, shared);
        if (_blocks.Any(block => block.Terms.ResidualWeight != 0))
            _residualWeights = tensor(
                _blocks
                    .SelectMany(block =>
                        Enumerable.Repeat((float)(block.Terms.ResidualWeight / WholeMass), block.Neurons)
                    )
                    .ToArray(),
                [Neurons, 1, 1],
                device: device
            );

        (float[] Weights, float[] Shares) WeightsOf(GoalTerms goal)
        {
            float[] weights = new float[_terms];
            float[] shares = new float[shared * 2 * _terms];
            const double PerMass = 1 / WholeMass;
            foreach (GoalTerms.Term term in goal.DerivativeTerms)
            {
                int place = places[Union.Of(term).Key];
                weights[place] = (float)(term.DerivativeWeight * PerMass);
                foreach ((int subset, float sign) in term.Subsets.Zip(term.Signs))
                {
                    // With one sign for y = 1, and the other one for y = −1.
                    float share = (float)(sign * term.DerivativeWeight * PerBit);
                    shares[subset * 2 * _terms + place] = share;
                    shares[(subset * 2 + 1) * _terms + place] = -share;
                }
            }

            return (weights, shares);
        }

        Tensor ByNeuron(Func<(float[] Weights, float[] Shares), float[]> part, int rows)
        {
            using DisposeScope scope = NewDisposeScope();
            return cat([
                    .. ofBlocks.Select(
                        (of, i) =>
                            tensor(part(of), [1, rows, part(of).Length / rows], device: device)
                                .expand(_blocks[i].Neurons, -1, -1)
                    ),
                ])
                .DetachFromDisposeScope();
        }
    }

    /// <summary>Number of neurons.</summary>
    public long Neurons => _weights.shape[0];

    /// <summary>Number of sources of the neurons that have the most.</summary>
    public int Sources => _sources;

    /// <summary>About how many bytes of the device's memory a neuron takes while its batch is counted and differentiated.</summary>
    public long BytesPerNeuron(long rows) =>
        24 * _tableSize + rows * (40L * _subsets + 44L * _terms + 8L * _sources + 64);

    /// <summary>A batch that was counted.</summary>
    /// <param name="First">The first neuron.</param>
    /// <param name="Cells">The cell of each row in the table of each subset: neurons × subsets × rows.</param>
    /// <param name="RowMasses">q: neurons × outputs × rows.</param>
    /// <param name="Marginals">m of each row's cells: neurons × outputs · subsets × rows.</param>
    public readonly record struct Batch(long First, Tensor Cells, Tensor RowMasses, Tensor Marginals)
    {
        public long Neurons => RowMasses.shape[0];

        public long Rows => RowMasses.shape[2];
    }

    /// <summary>
    /// Makes the values of all neurons' sources comparable: those that are binned otherwise than the first block's are
    /// divided, in place, by what their binning divides them by.
    /// </summary>
    /// <param name="sources">The aggregated inputs: sources × neurons × rows.</param>
    public void Scale(Tensor sources)
    {
        Binning first = _blocks[0].Binning;
        for (int i = 0; i < _blocks.Length; i++)
        {
            // Neighbours of one binning are one.
            int end = i + 1;
            while (end < _blocks.Length && _blocks[end].Binning == _blocks[i].Binning)
                end++;
            Binning binning = _blocks[i].Binning;
            int start = _starts[i];
            long count = (end < _blocks.Length ? _starts[end] : Neurons) - start;
            i = end - 1;
            if (!binning.Adaptive && binning == first)
                continue;
            using DisposeScope scope = NewDisposeScope();
            Tensor values = sources.narrow(1, start, count);
            double factor = first.Range / binning.Range;
            if (!binning.Adaptive)
            {
                values.mul_(HeldScalar.Of((float)factor));
                continue;
            }

            Tensor largest = values.norm(2, keepdim: true, float.PositiveInfinity);
            values.div_(factor.Equals(1.0) ? largest : largest.mul_(HeldScalar.Of((float)(1 / factor))));
        }
    }

    /// <summary>Counts a batch: the joint masses of cells and outputs, and all their marginals.</summary>
    /// <param name="sources">The aggregated inputs, scaled: sources × neurons × rows.</param>
    /// <param name="thetas">θ and 1 − θ: neurons × outputs × rows.</param>
    /// <param name="masses">The mass of each row; they sum to <see cref="WholeMass"/>.</param>
    /// <param name="first">The first neuron.</param>
    public Batch Count(Tensor sources, Tensor thetas, Tensor masses, long first = 0)
    {
        using DisposeScope scope = NewDisposeScope();
        long neurons = thetas.shape[0];

        // Numbers of cells are below 2²⁴, so that products in single precision give them exactly.
        Tensor bins = Bins(sources).transpose(0, 1);
        Tensor cells = _strides.expand(neurons, -1, -1).baddbmm(bins, _offsets).to(int64);
        Tensor rowMasses = thetas * masses;
        Tensor counts = rowMasses.to(int64);
        Tensor tables = TablesFor(neurons).zero_().narrow(1, 0, 2);
        Tensor table = BySubset(tables, 0, 2);
        Tensor places = cells.unsqueeze(1).expand(-1, 2, -1, -1);
        table.scatter_add_(3, places, counts.unsqueeze(2).expand(-1, -1, _subsets, -1));
        Tensor marginals = table.gather(3, places).to(float32).view(neurons, 2 * _subsets, -1);
        scope.MoveToOuter(cells, rowMasses, marginals);
        return new Batch(first, cells, rowMasses, marginals);
    }

    /// <summary>∂G/∂θ of each row of a batch: neurons × rows, in bits.</summary>
    /// <param name="batch">The batch, the last one that was counted.</param>
    /// <param name="masses">The mass of each row, as counted.</param>
    public Tensor Differentiate(Batch batch, Tensor masses)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor ratios, Tensor limits, Tensor outputMasses) = Unite(batch, _unionTable);

        // Σ_β c′_β E_βs q / u_β(κ, ±1) / ln 2 by subset, of each row, added up over the rows that share a cell.
        Tensor unions = ratios
            .threshold(HeldScalar.Of(GoalTerms.NegligibleRatio), HeldScalar.Of(double.PositiveInfinity))
            .mul_(limits);
        Tensor parts = batch.RowMasses.unsqueeze(2) / unions;
        Tensor ofRows = OfBatch(_shares).bmm(parts.view(batch.Neurons, 2 * _terms, -1)).to(int64);
        Tensor table = BySubset(TablesFor(batch.Neurons), 2, 1).squeeze(1).narrow(1, 1, _subsets - 1);
        Tensor places = batch.Cells.narrow(1, 1, _subsets - 1);
        table.scatter_add_(2, places, ofRows);
        Tensor shared = table.gather(2, places).sum(1, keepdim: true).to(float32);

        // Σ_β c′_β log₂ r_β(+1)/r_β(−1). (TorchSharp takes what is added to the product as the last argument.)
        ratios.threshold_(HeldScalar.Of(GoalTerms.NegligibleRatio), HeldScalar.One);
        Tensor logarithms = (ratios.select(1, 0) / ratios.select(1, 1)).log2_();
        Tensor slope = OfBatch(_weights).baddbmm(logarithms, shared, beta: (float)(1 / _unit / WholeMass), alpha: 1);

        // −γ_res log₂ p(+1)/p(−1).
        if (_residualWeights is not null)
        {
            Tensor logarithm = outputMasses.log2_();
            slope.addcmul_(logarithm.select(1, 1) - logarithm.select(1, 0), OfBatch(_residualWeights), HeldScalar.One);
        }

        return slope.view(batch.Neurons, -1).mul_(masses).MoveToOuterDisposeScope();

        Tensor OfBatch(Tensor ofNeurons) => ofNeurons.narrow(0, batch.First, batch.Neurons);
    }

    /// <summary>The redundancies of a batch's neurons.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="block">The block that they are of.</param>
    /// <param name="start">The first of them.</param>
    /// <param name="count">Their number.</param>
    /// <returns>I∩ of each antichain, in the lattice's order, neurons × antichains; H(Y) of each neuron; in bits.</returns>
    public (Tensor Redundancies, Tensor Entropies) Measure(Batch batch, int block, long start, long count)
    {
        using DisposeScope scope = NewDisposeScope();
        var part = new Batch(
            start,
            batch.Cells.narrow(0, start - batch.First, count),
            batch.RowMasses.narrow(0, start - batch.First, count),
            batch.Marginals.narrow(0, start - batch.First, count)
        );
        Union[] antichains = [.. _blocks[block].Terms.Terms.Select(Union.Of)];
        using Tensor table = UnionTable(antichains);

        // log₂ r_β; 0 where it does not count.
        (Tensor ratios, _, _) = Unite(part, table);
        Tensor logarithms = ratios
            .threshold_(HeldScalar.Of(GoalTerms.NegligibleRatio), HeldScalar.One)
            .log2_()
            .mul_(part.RowMasses.unsqueeze(2));
        Tensor redundancies = logarithms
            .sum(-1)
            .sum(1)
            .narrow(1, 0, antichains.Length)
            .to(float64)
            .mul_(HeldScalar.Of(1 / WholeMass));
        Tensor masses = part.RowMasses.to(int64).sum(-1).to(float64).mul_(HeldScalar.Of(1 / WholeMass));
        Tensor entropies = masses.clamp_min(HeldScalar.Of(SmallestUnion)).log2_().mul_(masses).sum(1).neg_();
        scope.MoveToOuter(redundancies, entropies);
        return (redundancies, entropies);
    }

    public void Dispose()
    {
        _tables?.Dispose();
        _residualWeights?.Dispose();
        foreach (Tensor tensor in (Tensor[])[_offsets, _strides, _unionTable, _smallest, _weights, _shares])
            tensor.Dispose();
    }

    // One more than the bin of every source, as Binning.IndexOf has it, in whole numbers of single precision.
    private Tensor Bins(Tensor sources)
    {
        Binning binning = _blocks[0].Binning;
        return sources
            .mul(HeldScalar.Of(binning.BinsPerUnit))
            .add_(HeldScalar.Of(_bins / 2f), HeldScalar.One)
            .ceil_()
            .nan_to_num_(1)
            .clamp_(HeldScalar.One, HeldScalar.Of(_bins));
    }

    // r_β(y) = u_β(κ, y) / (u_β(κ) p(y)) of each row's cell, what it is divided by, and p(y), which is the last term; 1 for an
    // output that never occurs, and so counts for nothing.
    private (Tensor Ratios, Tensor Limits, Tensor OutputMasses) Unite(Batch batch, Tensor table)
    {
        long terms = table.shape[1];
        Tensor unions = table
            .expand(2 * batch.Neurons, -1, -1)
            .bmm(batch.Marginals.view(2 * batch.Neurons, _subsets, -1))
            .view(batch.Neurons, 2, terms, -1);
        Tensor outputMasses = unions.narrow(2, terms - 1, 1).threshold(HeldScalar.Of(0L), HeldScalar.One);
        Tensor sums = unions.select(1, 0).add(unions.select(1, 1), HeldScalar.One).unsqueeze(1);
        Tensor limits = _smallest.addcmul(sums, outputMasses, HeldScalar.One);
        return (unions.div_(limits), limits, outputMasses);
    }

    // E of some antichains and, last, of the empty subset, whose union mass is p(y): terms × subsets, for masses that are
    // integers.
    private Tensor UnionTable(Union[] antichains)
    {
        float[] table = new float[(antichains.Length + 1) * _subsets];
        foreach ((int term, Union union) in antichains.Index())
        foreach ((int subset, float sign) in union.Subsets.Zip(union.Signs))
            table[term * _subsets + subset + 1] = (float)(sign / WholeMass);
        table[antichains.Length * _subsets] = (float)(1 / WholeMass);
        return tensor(table, [1, antichains.Length + 1, _subsets], device: _device);
    }

    private Tensor TablesFor(long neurons)
    {
        if (_tables is null || _tables.shape[0] < neurons)
        {
            _tables?.Dispose();
            _tables = empty(neurons, 3, _tableSize, int64, _device).DetachFromDisposeScope();
        }

        return _tables.narrow(0, 0, neurons);
    }

    // Some of the tables of each neuron, each of as many cells as the largest subset has: neurons × tables × subsets × cells.
    // Those of the smaller ones reach into their successors, and none of their rows does.
    private Tensor BySubset(Tensor tables, int first, int count) =>
        tables.as_strided(
            [tables.shape[0], count, _subsets, _tableSize - (_subsets - 1) * _tableStride],
            [3 * _tableSize, _tableSize, _tableStride, 1],
            first * _tableSize
        );

    /// <summary>An antichain's union mass, the same for goals over more sources.</summary>
    private sealed record Union(int[] Subsets, float[] Signs, string Key)
    {
        public static Union Of(GoalTerms.Term term) =>
            new(term.Subsets, term.Signs, string.Join(' ', term.Subsets.Zip(term.Signs)));
    }
}
