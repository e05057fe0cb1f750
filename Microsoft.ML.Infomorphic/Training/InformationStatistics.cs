using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What the neurons of a network know, averaged over batches.</summary>
internal sealed class InformationStatistics(NetworkState state)
{
    /// <summary>What the neurons of each layer know; null where none learns.</summary>
    public LayerStatistics?[] Layers { get; } =
    [.. state.Layers.Select(layer => layer.Goal is null ? null : new LayerStatistics(layer.Goal, layer.NeuronCount))];
}

/// <summary>The redundancies of the neurons of a layer, summed over batches. Neurons may be added in parallel.</summary>
internal sealed class LayerStatistics(GoalFunction goal, int neurons)
{
    private readonly int _antichains = goal.Lattice.Antichains.Count;
    private readonly double[] _redundancies = new double[neurons * goal.Lattice.Antichains.Count];
    private readonly double[] _entropies = new double[neurons];
    private readonly int[] _batches = new int[neurons];

    /// <summary>Adds the batch that a neuron's kernel counted last.</summary>
    public void Add(int neuron, VectorizedGoal counted)
    {
        Span<double> redundancies = stackalloc double[_antichains];
        double entropy = counted.Measure(redundancies);
        Add(neuron, redundancies, entropy);
    }

    /// <summary>Adds a batch.</summary>
    /// <param name="neuron">The neuron.</param>
    /// <param name="redundancies">I∩ of each antichain, in the lattice's order, in bits.</param>
    /// <param name="entropy">H(Y), in bits.</param>
    public void Add(int neuron, ReadOnlySpan<double> redundancies, double entropy)
    {
        _entropies[neuron] += entropy;
        _batches[neuron]++;
        for (int i = 0; i < redundancies.Length; i++)
            _redundancies[neuron * _antichains + i] += redundancies[i];
    }

    /// <summary>The mean of each atom over the neurons and, last, of the residual entropy, in bits.</summary>
    public double[] MeanAtoms()
    {
        double[] redundancies = new double[_antichains];
        double entropy = 0;
        for (int neuron = 0; neuron < neurons; neuron++)
        {
            int batches = Math.Max(_batches[neuron], 1);
            entropy += _entropies[neuron] / batches / neurons;
            for (int i = 0; i < _antichains; i++)
                redundancies[i] += _redundancies[neuron * _antichains + i] / batches / neurons;
        }

        // Π = M · I; H_res = H(Y) − I(Y : all sources).
        double[] atoms = new double[_antichains + 1];
        for (int alpha = 0; alpha < _antichains; alpha++)
        for (int beta = 0; beta < _antichains; beta++)
            atoms[alpha] += goal.Lattice.MoebiusInverse[alpha, beta] * redundancies[beta];
        atoms[_antichains] = entropy - redundancies[goal.Lattice.TopIndex];
        return atoms;
    }

    /// <summary>The mean goal, in bits.</summary>
    public double GoalOf(IReadOnlyList<double> atoms) => goal.ValueOf(atoms);
}
