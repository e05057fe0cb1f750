using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>What is found out about the neurons of a layer, batch by batch. Neurons may be added in parallel.</summary>
internal sealed class LayerAccumulator
{
    private readonly InfomorphicLayer _layer;
    private readonly RedundancyLattice _lattice;
    private readonly NeuronAccumulator[] _neurons;

    public LayerAccumulator(InfomorphicLayer layer, int classes, int typicalRows)
    {
        _layer = layer;
        _lattice = RedundancyLattice.ForSources(layer.Sources.Count);
        _neurons = new NeuronAccumulator[layer.NeuronCount];
        for (int neuron = 0; neuron < _neurons.Length; neuron++)
            _neurons[neuron] = new NeuronAccumulator(_lattice.Antichains.Count, classes, typicalRows);
    }

    /// <summary>Adds the decomposition of a batch, by the weight of its rows.</summary>
    public void Decompose(int neuron, ExplainedLayer layer, ExplainerWorkspace workspace)
    {
        workspace.Cells.AsSpan().Clear();
        int stride = 1;
        foreach (Outputs sums in layer.Sums)
        {
            VectorizedBinning.Accumulate(_layer.Binning, sums[neuron], workspace.Cells, stride);
            stride *= _layer.Binning.Count;
        }

        Span<double> redundancies = stackalloc double[_lattice.Antichains.Count];
        double entropy = workspace.Decomposition.Measure(
            workspace.Cells,
            workspace.Theta,
            workspace.Complement,
            layer.Mass,
            redundancies
        );
        double mass = 0;
        foreach (float weight in layer.Mass)
            mass += weight;
        NeuronAccumulator known = _neurons[neuron];
        known.Mass += mass;
        known.Entropy += mass * entropy;
        for (int i = 0; i < redundancies.Length; i++)
            known.Redundancies[i] += mass * redundancies[i];
    }

    /// <summary>Adds how a neuron responds to the rows of a batch when they are scored: its mean θ over positions.</summary>
    public void Respond(int neuron, ExplainedBatch batch, ExplainerWorkspace workspace)
    {
        NeuronAccumulator known = _neurons[neuron];
        int rows = batch.Chosen.Length;
        for (int row = 0; row < rows; row++)
        {
            double theta = 0;
            double complement = 0;
            for (int sample = row; sample < workspace.Theta.Length; sample += rows)
            {
                theta += workspace.Theta[sample];
                complement += workspace.Complement[sample];
            }

            theta /= _layer.PositionCount;
            complement /= _layer.PositionCount;
            int label = batch.Labels[row];
            known.ClassTheta[label] += batch.Mass[row] * theta;
            known.ClassMass[label] += batch.Mass[row];

            // θ rounds to 1 where 1 − θ does not round to 0: their logarithms tell such rows apart.
            double logOdds = Math.Log(theta) - Math.Log(complement);
            var ranked = new RankedRow(batch.Chosen[row], label, theta);
            known.Most.Add(ranked, -logOdds);
            known.Least.Add(ranked, logOdds);
        }
    }

    /// <summary>What is known of the neurons in the end.</summary>
    public IReadOnlyList<NeuronInsight> ToInsights(IReadOnlyList<long>? places) =>
        [.. _neurons.Select((known, neuron) => ToInsight(neuron, known, places))];

    private NeuronInsight ToInsight(int neuron, NeuronAccumulator known, IReadOnlyList<long>? places)
    {
        // Π = M I; H_res = H(Y) − I(Y : all sources).
        int count = _lattice.Antichains.Count;
        double[] atoms = new double[count];
        for (int alpha = 0; alpha < count; alpha++)
        for (int beta = 0; beta < count; beta++)
            atoms[alpha] += _lattice.MoebiusInverse[alpha, beta] * known.Redundancies[beta] / known.Mass;
        double entropy = known.Entropy / known.Mass;
        double mutual = known.Redundancies[_lattice.TopIndex] / known.Mass;
        double residual = entropy - mutual;
        double? goal = _layer.Goal?.ValueOf([.. atoms, residual]);
        return new NeuronInsight(
            neuron,
            new NeuronInformation(atoms, residual, entropy, mutual, goal),
            [.. known.ClassTheta.Zip(known.ClassMass, (theta, mass) => theta / mass)],
            ToRows(known.Most),
            ToRows(known.Least)
        );

        TypicalRow[] ToRows(RankedRows rows) =>
            [.. rows.Rows.Select(row => new TypicalRow(places?[row.Row] ?? row.Row, row.Label, row.Theta))];
    }

    private sealed class NeuronAccumulator(int antichains, int classes, int typicalRows)
    {
        public double[] Redundancies { get; } = new double[antichains];

        public double Entropy { get; set; }

        public double Mass { get; set; }

        public double[] ClassTheta { get; } = new double[classes];

        public double[] ClassMass { get; } = new double[classes];

        public RankedRows Most { get; } = new(typicalRows);

        public RankedRows Least { get; } = new(typicalRows);
    }
}

/// <summary>A row and how surely a neuron fires for it.</summary>
internal readonly record struct RankedRow(int Row, int Label, double Theta);

/// <summary>The few rows of the lowest keys, ascending; rows of one key in the order of the data.</summary>
internal sealed class RankedRows(int capacity)
{
    private readonly List<(double Key, RankedRow Row)> _rows = [];

    public IEnumerable<RankedRow> Rows => _rows.Select(entry => entry.Row);

    public void Add(RankedRow row, double key)
    {
        if (_rows.Count == capacity && (capacity == 0 || !Precedes(key, row.Row, _rows[^1])))
            return;
        int place = _rows.Count;
        while (place > 0 && Precedes(key, row.Row, _rows[place - 1]))
            place--;
        _rows.Insert(place, (key, row));
        if (_rows.Count > capacity)
            _rows.RemoveAt(capacity);
    }

    private static bool Precedes(double key, int row, (double Key, RankedRow Row) other) =>
        key < other.Key || key == other.Key && row < other.Row.Row;
}
