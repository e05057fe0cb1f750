// The goal of every neuron of a layer and its derivative by each row's firing probability, as operations on tensors.
// arXiv 2412.02482, sections 2 and A.1; the specification is GoalFunction in the Information room, and VectorizedGoal
// has the formula of D. Nothing is computed by cell: a row stands for its cell.
//
//   symbol             variable        shape                                   unit
//   θ_b                theta           neurons × rows                          probability
//   w_b                mass            rows, sums to 1                         probability
//   q_b(±1)            RowMasses       2 × neurons × rows                      probability   w_b θ_b and w_b (1 − θ_b)
//   κ_s(b)             Entries         subsets × neurons × rows                –             cell of the sources in s
//   m_s(κ(b), ±1)      Marginals       2 × subsets × (neurons · rows)          probability   Σ q over rows of that κ_s
//   p(±1)              OutputMasses    2 × 1 × neurons × 1                     probability
//   u_β(κ(b), ±1)      unions          2 × antichains × neurons × rows         probability   u_β = Σ_s E_βs m_s
//   D(κ(b))            slope           neurons × rows                          bit
//   ∂G/∂θ_b            (returned)      neurons × rows                          bit           w_b D(κ(b))
//
// What the cells κ′ ~s κ share with κ is a sum over cells of p(κ′, y) times something that is the same for all rows of
// a cell, and p(κ′, y) is the sum of q_b(y) over them: so each row adds its own part.
//
// Sums over rows of the same cell are made by scattered additions, whose order a GPU does not keep. They are therefore
// made of integers, multiples of a power of two: sums of integers do not depend on their order, so that the same seed
// gives the same bits. (The deterministic algorithms of libtorch would sort the indices instead.)

using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// The goals of the neurons of a layer over the rows of a batch, on any device: one goal for all, or one for those of each
/// of some networks. Tensors that are returned belong to the
/// caller's <see cref="DisposeScope"/>.
/// </summary>
internal sealed class TensorGoal : IDisposable
{
    // Masses as integers: all of a neuron's are 2⁶⁰, so that the smallest one is 10⁻¹⁸.
    private const float MassUnit = 1f / (1L << 60);

    // Keeps quotients finite where a neuron gives one output alone, as in VectorizedGoal.
    private const float SmallestOutputMass = 1e-20f;

    // Keeps quotients of union masses finite; half of the smallest mass is far above it.
    private const float SmallestUnion = 1e-30f;

    private const double PerBit = 1.4426950408889634; // 1 / ln 2

    private readonly Binning _binning;
    private readonly int _sources;
    private readonly int _subsets;

    // Antichains with a weight in the derivative of any network, and the most that a row shares.
    private readonly int _derivativeTerms;
    private readonly double _sharesPerRow;

    // For each subset, the stride of each source's bin in its cell's number, and its number of cells.
    private readonly Tensor _strides;
    private readonly long[] _cells;

    // E of the antichains in the derivative, and of all.
    private readonly Tensor _derivativeUnions;
    private readonly Tensor _allUnions;

    // By network: c′; c′E/ln 2 by subset; Σ c′ and γ_res.
    private readonly Tensor _weights;
    private readonly Tensor _shares;
    private readonly Tensor _sameWeights;
    private readonly Tensor _residualWeights;

    // Where the tables of each subset and neuron start, by the number of neurons.
    private readonly Dictionary<int, Tensor> _starts = [];
    private readonly Device _device;

    public TensorGoal(GoalTerms terms, Binning binning, Device device)
        : this([terms], binning, device) { }

    /// <param name="networks">The goal of each network's neurons; all are over the same sources.</param>
    /// <param name="binning">The binning.</param>
    /// <param name="device">The device.</param>
    public TensorGoal(IReadOnlyList<GoalTerms> networks, Binning binning, Device device)
    {
        GoalTerms terms = networks[0];
        _binning = binning;
        _device = device;
        _sources = terms.SourceCount;
        _subsets = terms.SubsetCount;
        _cells = new long[_subsets];
        float[] strides = new float[_subsets * _sources];
        for (int subset = 0; subset < _subsets; subset++)
        {
            long stride = 1;
            for (int source = 0; source < _sources; source++)
            {
                if (((subset + 1) >> source & 1) == 0)
                    continue;
                strides[subset * _sources + source] = stride;
                stride *= binning.Count;
            }

            _cells[subset] = stride;
        }

        int[] weighted =
        [
            .. Enumerable
                .Range(0, terms.Terms.Length)
                .Where(antichain => networks.Any(network => network.Terms[antichain].DerivativeWeight != 0)),
        ];
        _derivativeTerms = weighted.Length;
        int count = weighted.Length;
        float[] weights = new float[networks.Count * count];
        float[] shares = new float[networks.Count * _subsets * count];
        for (int network = 0; network < networks.Count; network++)
        for (int i = 0; i < count; i++)
        {
            GoalTerms.Term term = networks[network].Terms[weighted[i]];
            weights[network * count + i] = term.SingleDerivativeWeight;
            for (int j = 0; j < term.Subsets.Length; j++)
                shares[(network * _subsets + term.Subsets[j]) * count + i] = (float)(
                    term.Signs[j] * term.DerivativeWeight * PerBit
                );
        }

        _sharesPerRow = shares.Chunk(Math.Max(count, 1)).Select(row => row.Sum(Math.Abs)).Append(0).Max();
        _strides = tensor(strides, [_subsets, _sources], device: device);
        _derivativeUnions = UnionTable([.. weighted.Select(antichain => terms.Terms[antichain])]);
        _allUnions = UnionTable(terms.Terms);
        _weights = tensor(weights, [networks.Count, 1, count], device: device);
        _shares = tensor(shares, [networks.Count, _subsets, count], device: device);
        _sameWeights = tensor(
            networks.Select(network => network.DerivativeTerms.Sum(term => term.DerivativeWeight)).ToArray(),
            [networks.Count, 1, 1],
            device: device
        );
        _residualWeights = tensor(
            networks.Select(network => network.ResidualWeight).ToArray(),
            [networks.Count, 1, 1],
            device: device
        );

        Tensor UnionTable(GoalTerms.Term[] of)
        {
            float[] table = new float[of.Length * _subsets];
            for (int term = 0; term < of.Length; term++)
            for (int i = 0; i < of[term].Subsets.Length; i++)
                table[term * _subsets + of[term].Subsets[i]] = of[term].Signs[i];
            return tensor(table, [of.Length, _subsets], device: device);
        }
    }

    /// <summary>A batch that was counted.</summary>
    /// <param name="Entries">Where each row falls in the tables: subsets × neurons × rows.</param>
    /// <param name="RowMasses">q: outputs × neurons × rows.</param>
    /// <param name="Marginals">m of each row's cells: outputs × subsets × (neurons · rows).</param>
    /// <param name="OutputMasses">p(±1), in double precision: outputs × 1 × neurons × 1.</param>
    /// <param name="FirstNetwork">The first network that the neurons are of.</param>
    /// <param name="Networks">Number of networks that they are of, each of as many.</param>
    public readonly record struct Batch(
        Tensor Entries,
        Tensor RowMasses,
        Tensor Marginals,
        Tensor OutputMasses,
        int FirstNetwork,
        int Networks
    )
    {
        public long Neurons => RowMasses.shape[1];

        public long Rows => RowMasses.shape[2];
    }

    /// <summary>About how many bytes of the device's memory a neuron takes while its batch is counted and differentiated.</summary>
    public long BytesPerNeuron(int rows) =>
        24 * _cells.Sum() + rows * (48L * _subsets + 40L * _derivativeTerms + 16L * _sources + 64);

    /// <summary>Counts a batch: the joint masses of cells and outputs, and all their marginals.</summary>
    /// <param name="sources">The aggregated inputs: sources × neurons × rows.</param>
    /// <param name="theta">θ, neurons × rows.</param>
    /// <param name="complement">1 − θ, neurons × rows.</param>
    /// <param name="mass">The probability mass of each row; sums to 1.</param>
    /// <param name="firstNetwork">The first network that the neurons are of.</param>
    /// <param name="networks">Number of networks that they are of, each of as many.</param>
    public Batch Count(
        Tensor sources,
        Tensor theta,
        Tensor complement,
        Tensor mass,
        int firstNetwork = 0,
        int networks = 1
    )
    {
        using DisposeScope scope = NewDisposeScope();
        int neurons = (int)theta.shape[0];
        long rows = theta.shape[1];

        // Numbers of cells are at most 2²⁴, so that products in single precision give them exactly.
        Tensor entries = _strides
            .mm(Bins(sources).reshape(_sources, neurons * rows))
            .to(int64)
            .view(_subsets, neurons, rows)
            .add_(StartsFor(neurons));

        // Masses as integers, and what they stand for.
        Tensor counts = stack([theta, complement]).mul_(mass * (1 / MassUnit)).to(int64);
        Tensor rowMasses = counts.to(float32).mul_(MassUnit);
        Tensor outputMasses = counts.sum(-1, keepdim: true).to(float64).mul_(MassUnit).unsqueeze(1);
        counts = counts.view(2, -1);
        Tensor tables = zeros(2, neurons * _cells.Sum(), int64, _device);
        for (int subset = 0; subset < _subsets; subset++)
            tables.scatter_add_(1, entries[subset].view(1, -1).expand(2, -1), counts);
        Tensor marginals = tables
            .to(float32)
            .mul_(MassUnit)
            .index_select(1, entries.view(-1))
            .view(2, _subsets, neurons * rows);
        scope.MoveToOuter(entries, rowMasses, marginals, outputMasses);
        return new Batch(entries, rowMasses, marginals, outputMasses, firstNetwork, networks);
    }

    /// <summary>∂G/∂θ of each row of a batch: neurons × rows, in bits.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="mass">The probability mass of each row, as counted.</param>
    public Tensor Differentiate(Batch batch, Tensor mass)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor unions, Tensor counts, _) = Unite(batch, _derivativeUnions);
        long rowsOfNetwork = batch.Neurons / batch.Networks * batch.Rows;

        // Σ_β c′_β log₂ u_β(+1)/u_β(−1), and the parts of the logarithms that are the same for every cell.
        Tensor logarithms = ByNetwork((unions[0] / unions[1]).log2_());
        Tensor slope = OfNetworks(_weights).bmm(logarithms).view(batch.Neurons, batch.Rows).add_(SamePart(batch));

        // Σ_β c′_β E_βs / u_β(κ, ±1) / ln 2 by subset; times p(κ, ±1) what κ has for itself, times q what each row
        // shares with others.
        Tensor inverses = unions.reciprocal_().mul_(counts);
        Tensor slopeByNetwork = slope.view(batch.Networks, rowsOfNetwork);
        var shares = new Tensor[2];
        for (int output = 0; output < 2; output++)
        {
            Tensor byMass = OfNetworks(_shares).bmm(ByNetwork(inverses[output]));
            slopeByNetwork.addcmul_(
                byMass.select(1, _subsets - 1),
                batch.Marginals[output, _subsets - 1].view(batch.Networks, rowsOfNetwork),
                output == 0 ? 1 : -1
            );
            shares[output] = byMass
                .narrow(1, 0, _subsets - 1)
                .mul_(batch.RowMasses[output].view(batch.Networks, 1, rowsOfNetwork));
        }

        slope.add_(SumShared(batch, shares[0].sub_(shares[1]))).mul_(mass);
        return slope.MoveToOuterDisposeScope();

        // Terms × neurons × rows, one matrix a network: terms × (neurons · rows).
        Tensor ByNetwork(Tensor terms) => terms.view(_derivativeTerms, batch.Networks, rowsOfNetwork).transpose(0, 1);

        Tensor OfNetworks(Tensor weights) => weights.narrow(0, batch.FirstNetwork, batch.Networks);
    }

    /// <summary>The redundancies of a batch.</summary>
    /// <returns>I∩ of each antichain, in the lattice's order, antichains × neurons; H(Y) of each neuron; in bits.</returns>
    public (Tensor Redundancies, Tensor Entropies) Measure(Batch batch)
    {
        using DisposeScope scope = NewDisposeScope();

        // log₂ r_β, with r_β = u_β / (u_β(κ) p(y)); 0 where it does not count.
        (Tensor unions, _, Tensor limits) = Unite(batch, _allUnions);
        Tensor logarithms = unions.div_(limits.clamp_min_(SmallestUnion)).log2_().mul_(batch.RowMasses.unsqueeze(1));
        Tensor redundancies = logarithms.sum(-1).sum(dim: 0).to(float64);
        Tensor masses = batch.OutputMasses.clamp_min(SmallestOutputMass);
        Tensor entropies = masses.log2().mul_(masses).sum(dim: 0).neg_().view(-1);
        scope.MoveToOuter(redundancies, entropies);
        return (redundancies, entropies);
    }

    public void Dispose()
    {
        _strides.Dispose();
        _derivativeUnions.Dispose();
        _allUnions.Dispose();
        _weights.Dispose();
        _shares.Dispose();
        _sameWeights.Dispose();
        _residualWeights.Dispose();
        foreach (Tensor starts in _starts.Values)
            starts.Dispose();
    }

    // The bin of every source, as Binning.IndexOf has it, in whole numbers of single precision.
    private Tensor Bins(Tensor sources)
    {
        Tensor values = sources;
        if (_binning.Adaptive)
        {
            Tensor largest = sources.abs().amax([-1], keepdim: true);
            values = sources / largest.add_(largest.eq(0));
        }

        return (values * _binning.BinsPerUnit)
            .add_(_binning.Count / 2f)
            .ceil_()
            .sub_(1)
            .clamp_(0, _binning.Count - 1)
            .nan_to_num_();
    }

    // u_β(κ, y) of each row's cell, u_β(κ) p(y), and whether the term counts; where not, the latter replaces the former.
    private static (Tensor Unions, Tensor Counts, Tensor Limits) Unite(Batch batch, Tensor table)
    {
        // What rounding leaves below zero is zero.
        Tensor unions = Product(table, batch.Marginals)
            .clamp_min_(0)
            .view(2, table.shape[0], batch.Neurons, batch.Rows);
        Tensor limits = (unions[0] + unions[1]) * batch.OutputMasses.clamp_min(SmallestOutputMass).to(float32);
        Tensor counts = unions.ge(limits * (float)GoalTerms.NegligibleRatio);
        return (where(counts, unions, limits).clamp_min_(SmallestUnion), counts, limits);
    }

    // A table times the matrices of both outputs.
    private static Tensor Product(Tensor table, Tensor masses) => table.unsqueeze(0).expand(2, -1, -1).bmm(masses);

    // −γ_res log₂ p(+1)/p(−1) − Σ_β c′_β log₂ p(+1)/p(−1); in the former an output that never occurs counts for nothing.
    private Tensor SamePart(Batch batch)
    {
        Tensor masses = batch.OutputMasses.view(2, batch.Networks, -1, 1);
        Tensor logarithms = masses.clamp_min(SmallestOutputMass).log2_();
        Tensor residual = logarithms * masses.gt(0);
        Tensor same = (logarithms * _sameWeights.narrow(0, batch.FirstNetwork, batch.Networks))
            .addcmul_(residual, _residualWeights.narrow(0, batch.FirstNetwork, batch.Networks), 1)
            .neg_();
        return (same[0] - same[1]).to(float32).view(-1, 1);
    }

    // Adds up, for all proper subsets, what rows share whose sources fall into the same bins. Shares are networks × subsets ×
    // (neurons · rows).
    private Tensor SumShared(Batch batch, Tensor shares)
    {
        // A row's share is at most 2 · _sharesPerRow, as q is never more than u: the largest unit that cannot overflow.
        double unit = Math.Pow(2, Math.Floor(61 - Math.Log2(2 * _sharesPerRow * batch.Rows + 1)));
        Tensor entries = batch.Entries.narrow(0, 0, _subsets - 1).view(-1);
        Tensor tables = zeros(batch.Neurons * _cells.SkipLast(1).Sum(), int64, _device);
        tables.scatter_add_(0, entries, shares.mul_(unit).transpose(0, 1).to(int64).reshape(-1));
        return tables
            .to(float32)
            .mul_(1 / unit)
            .index_select(0, entries)
            .view(_subsets - 1, batch.Neurons, batch.Rows)
            .sum(dim: 0);
    }

    private Tensor StartsFor(int neurons)
    {
        if (_starts.TryGetValue(neurons, out Tensor? known))
            return known;
        long[] starts = new long[_subsets * neurons];
        long start = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = start;
            start += _cells[i / neurons];
        }

        Tensor placed = tensor(starts, [_subsets, neurons, 1], device: _device).DetachFromDisposeScope();
        _starts.Add(neurons, placed);
        return placed;
    }
}
