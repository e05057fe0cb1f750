using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>What is found out about the neurons of a layer, batch by batch. Neurons may be added in parallel.</summary>
internal sealed class LayerAccumulator
{
    private readonly RedundancyLattice _lattice;
    private readonly NeuronAccumulator[] _neurons;

    public LayerAccumulator(InfomorphicLayer layer, int classes, int typicalRows)
    {
        Layer = layer;
        _lattice = RedundancyLattice.ForSources(layer.Sources.Count);
        _neurons = new NeuronAccumulator[layer.NeuronCount];
        for (int neuron = 0; neuron < _neurons.Length; neuron++)
            _neurons[neuron] = new NeuronAccumulator(_lattice.Antichains.Count, classes, typicalRows);
    }

    public InfomorphicLayer Layer { get; }

    /// <summary>Adds the decomposition of a batch, by the weight of its rows.</summary>
    public void Decompose(int neuron, ExplainerWorkspace workspace, ExplainedBatch rows)
    {
        workspace.Cells.AsSpan().Clear();
        int stride = 1;
        foreach (float[] source in workspace.Sources)
        {
            VectorizedBinning.Accumulate(Layer.Binning, source, workspace.Cells, stride);
            stride *= Layer.Binning.Count;
        }

        Span<double> redundancies = stackalloc double[_lattice.Antichains.Count];
        double entropy = workspace.Decomposition.Measure(
            workspace.Cells,
            workspace.Theta,
            workspace.Complement,
            rows.Mass,
            redundancies
        );
        double mass = 0;
        foreach (float weight in rows.Mass)
            mass += weight;
        NeuronAccumulator tally = _neurons[neuron];
        tally.Mass += mass;
        tally.Entropy += mass * entropy;
        for (int i = 0; i < redundancies.Length; i++)
            tally.Redundancies[i] += mass * redundancies[i];
    }

    /// <summary>Adds how a neuron responds to the rows of a batch when they are scored.</summary>
    public void Respond(int neuron, ExplainerWorkspace workspace, ExplainedBatch rows)
    {
        NeuronAccumulator tally = _neurons[neuron];
        for (int i = 0; i < rows.Chosen.Length; i++)
        {
            int label = rows.Labels[i];
            tally.ClassTheta[label] += (double)rows.Mass[i] * workspace.Theta[i];
            tally.ClassMass[label] += rows.Mass[i];

            // θ rounds to 1 where 1 − θ does not round to 0: their logarithms tell such rows apart.
            double logOdds = Math.Log(workspace.Theta[i]) - Math.Log(workspace.Complement[i]);
            var row = new RankedRow(rows.Chosen[i], label, workspace.Theta[i], logOdds);
            tally.Most.Add(row, -logOdds);
            tally.Least.Add(row, logOdds);
        }
    }

    public LayerInsight ToInsight(string name, IReadOnlyList<long>? places) =>
        new(name, Layer, [.. _neurons.Select((tally, neuron) => ToInsight(neuron, tally, places))]);

    private NeuronInsight ToInsight(int neuron, NeuronAccumulator tally, IReadOnlyList<long>? places)
    {
        // Π = M I; H_res = H(Y) − I(Y : all sources).
        int count = _lattice.Antichains.Count;
        double[] atoms = new double[count];
        for (int alpha = 0; alpha < count; alpha++)
        for (int beta = 0; beta < count; beta++)
            atoms[alpha] += _lattice.MoebiusInverse[alpha, beta] * tally.Redundancies[beta] / tally.Mass;
        double entropy = tally.Entropy / tally.Mass;
        double mutual = tally.Redundancies[_lattice.TopIndex] / tally.Mass;
        double residual = entropy - mutual;
        double? goal = Layer.Goal?.ValueOf([.. atoms, residual]);
        return new NeuronInsight(
            neuron,
            new NeuronInformation(atoms, residual, entropy, mutual, goal),
            [.. tally.ClassTheta.Zip(tally.ClassMass, (theta, mass) => theta / mass)],
            ToRows(tally.Most),
            ToRows(tally.Least)
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
internal readonly record struct RankedRow(int Row, int Label, float Theta, double LogOdds);

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
