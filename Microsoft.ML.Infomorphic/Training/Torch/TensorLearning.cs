using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>The goals of a layer of all networks, by their firing probabilities.</summary>
/// <param name="layers">The layer of each network; they learn.</param>
/// <param name="maximumSamples">Samples of the largest batch.</param>
/// <param name="device">The device.</param>
internal sealed class TensorLearning(IReadOnlyList<LayerState> layers, int maximumSamples, Device device) : IDisposable
{
    // Neurons go through their goal together, as far as their tables and temporary tensors stay within so many bytes.
    private const long GoalMemory = 3L << 30;

    private readonly LayerState _layer = layers[0];
    private readonly int _networks = layers.Count;
    private readonly TensorGoal _goal = new(
        [.. layers.Select(layer => new GoalTerms(layer.Goal!))],
        layers[0].Binning,
        device
    );

    /// <summary>∂G/∂θ, of as many neurons at a time as the memory for it holds: of several networks, or of a part of one.</summary>
    /// <param name="pass">What is presented.</param>
    /// <param name="sums">The sources, with room for the own label.</param>
    /// <param name="theta">θ.</param>
    /// <param name="complement">1 − θ.</param>
    public Tensor Differentiate(TensorPass pass, Tensor sums, Tensor theta, Tensor complement)
    {
        long neurons = _layer.NeuronCount;
        int positions = _layer.PositionCount;
        Tensor mass = positions == 1 ? pass.Batch.Mass! : (pass.Batch.Mass! / positions).repeat(positions);
        if (_layer.HasOwnLabel)
            sums[^1].view(_networks, neurons, -1).copy_(pass.Batch.OneHot!.t());
        long together = Math.Clamp(GoalMemory / _goal.BytesPerNeuron(maximumSamples), 1, _networks * neurons);
        long networksTogether = Math.Max(together / neurons, 1);
        long neuronsTogether = Math.Min(together, neurons);
        LayerStatistics[] statistics = [.. pass.Statistics.Select(of => of.Layers[_layer.Index]!)];
        Tensor slope = empty_like(theta);
        for (long network = 0; network < _networks; network += networksTogether)
        for (long neuron = 0; neuron < neurons; neuron += neuronsTogether)
        {
            using DisposeScope scope = NewDisposeScope();
            long networks = Math.Min(networksTogether, _networks - network);
            long start = network * neurons + neuron;
            long count = networks > 1 ? networks * neurons : Math.Min(neuronsTogether, neurons - neuron);
            TensorGoal.Batch batch = _goal.Count(
                sums.narrow(1, start, count),
                theta.narrow(0, start, count),
                complement.narrow(0, start, count),
                mass,
                (int)network,
                (int)networks
            );
            if (statistics.Length > 0)
                Measure(batch, (int)neuron, statistics.AsSpan((int)network, (int)networks));
            slope.narrow(0, start, count).copy_(_goal.Differentiate(batch, mass));
        }

        return slope;
    }

    public void Dispose() => _goal.Dispose();

    private void Measure(TensorGoal.Batch batch, int start, Span<LayerStatistics> statistics)
    {
        (Tensor redundancies, Tensor entropies) = _goal.Measure(batch);
        double[] ofAll = redundancies.t().contiguous().cpu().data<double>().ToArray();
        double[] entropyOf = entropies.cpu().data<double>().ToArray();
        int antichains = ofAll.Length / entropyOf.Length;
        int neurons = entropyOf.Length / statistics.Length;
        for (int i = 0; i < entropyOf.Length; i++)
            statistics[i / neurons].Add(start + i % neurons, ofAll.AsSpan(i * antichains, antichains), entropyOf[i]);
    }
}
