using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// The learning of layers whose neurons have as many samples and as many bins: their goals are one computation over all of
/// their neurons, after all of them have fired. No layer waits for what another one learns.
/// </summary>
internal sealed class TensorLearning : IDisposable
{
    // Neurons go through their goals together, as far as their tables and temporary tensors stay within so many bytes. On the
    // CPU that is little: larger tensors would get their memory from the system anew each time.
    private const long GoalMemory = 3L << 30;
    private const long GoalMemoryOnCpu = 192L << 20;

    private readonly TensorLayer[] _layers;
    private readonly int _maximumSamples;
    private readonly Device _device;

    // Turns A into A and −A: θ = σ(A), 1 − θ = σ(−A).
    private readonly Tensor _signs;
    private TensorGoal _goal;

    /// <param name="layers">The layers; they learn by a goal.</param>
    /// <param name="maximumSamples">Samples of the largest batch.</param>
    /// <param name="device">The device.</param>
    public TensorLearning(IEnumerable<TensorLayer> layers, int maximumSamples, Device device)
    {
        _layers = [.. layers];
        _maximumSamples = maximumSamples;
        _device = device;
        _signs = tensor([1f, -1f], [2, 1], device: device);
        _goal = NewGoal();
    }

    /// <summary>The layers' goals after networks were taken out.</summary>
    public void Refresh()
    {
        _goal.Dispose();
        _goal = NewGoal();
    }

    /// <summary>Makes room for the sums of all layers, side by side.</summary>
    /// <param name="pass">What is presented.</param>
    public void Start(TensorPass pass)
    {
        Tensor sums = empty(_goal.Sources, _goal.Neurons, SamplesOf(pass), float32, _device);
        long start = 0;
        foreach (TensorLayer layer in _layers)
        {
            pass.Layers[layer.State.Index]
                .Start(sums.narrow(0, 0, layer.State.Signals.Count).narrow(1, start, layer.Neurons));
            start += layer.Neurons;
        }

        pass.Sums.Add(this, sums);
    }

    /// <summary>The derivatives of the goals by the layers' weights.</summary>
    /// <param name="pass">What is presented; all layers have fired.</param>
    public void Learn(TensorPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        TensorLayerBuffers[] buffers = [.. _layers.Select(layer => pass.Layers[layer.State.Index])];
        Tensor potential = buffers is [TensorLayerBuffers single]
            ? single.Potential
            : cat([.. buffers.Select(of => of.Potential)]);
        Tensor thetas = (potential.unsqueeze(1) * _signs).sigmoid_();

        // dσ(A)/dA = θ(1 − θ), and 0 where θ is clamped.
        Tensor byPotential = thetas.select(1, 0) * thetas.select(1, 1);
        ForLayers(byPotential, (layer, of) => layer.ClearClamped(of));
        byPotential.mul_(Differentiate(pass, thetas));
        ForLayers(byPotential, (layer, of) => layer.DifferentiateGoal(pass, of));
    }

    public void Dispose()
    {
        _goal.Dispose();
        _signs.Dispose();
    }

    private TensorGoal NewGoal() =>
        new(
            _layers.SelectMany(layer =>
                layer.OfNetworks.Select(network => new TensorGoal.Block(
                    new GoalTerms(network.Goal!),
                    network.Binning,
                    network.NeuronCount
                ))
            ),
            _maximumSamples,
            _device
        );

    private long SamplesOf(TensorPass pass) => pass.Batch.RowCount * _layers[0].State.PositionCount;

    // ∂G/∂θ, of as many neurons at a time as the memory for it holds.
    private Tensor Differentiate(TensorPass pass, Tensor thetas)
    {
        int positions = _layers[0].State.PositionCount;
        Tensor masses =
            positions == 1 ? pass.Batch.Masses! : pass.Batch.Masses!.div(HeldScalar.Of(positions)).repeat(positions);
        Tensor sources = pass.Sums[this];

        // The drive of a neuron that is modulated is needed once more.
        if (
            _layers.Any(layer =>
                layer.State.Activation is not FeedforwardActivation
                && (layer.State.Binning.Adaptive || layer.State.Binning != _layers[0].State.Binning)
            )
        )
            sources = sources.clone();
        _goal.Scale(sources);
        long memory = _device.type == DeviceType.CPU ? GoalMemoryOnCpu : GoalMemory;
        long together = Math.Max(memory / _goal.BytesPerNeuron(_maximumSamples), 1);
        if (together >= _goal.Neurons)
            return Differentiate(pass, sources, thetas, masses, 0, _goal.Neurons);
        Tensor slope = empty(_goal.Neurons, thetas.shape[2], float32, _device);
        for (long start = 0; start < _goal.Neurons; start += together)
        {
            using DisposeScope scope = NewDisposeScope();
            long count = Math.Min(together, _goal.Neurons - start);
            slope.narrow(0, start, count).copy_(Differentiate(pass, sources, thetas, masses, start, count));
        }

        return slope;
    }

    private Tensor Differentiate(TensorPass pass, Tensor sources, Tensor thetas, Tensor masses, long start, long count)
    {
        TensorGoal.Batch batch = _goal.Count(
            sources.narrow(1, start, count),
            thetas.narrow(0, start, count),
            masses,
            start
        );
        if (pass.Statistics.Count > 0)
            Measure(pass, batch);
        return _goal.Differentiate(batch, masses);
    }

    // The information of those neurons of each layer of each network that are in a batch.
    private void Measure(TensorPass pass, TensorGoal.Batch batch)
    {
        long start = 0;
        int block = 0;
        foreach (TensorLayer layer in _layers)
            for (int network = 0; network < layer.OfNetworks.Count; network++, block++)
            {
                long end = start + layer.State.NeuronCount;
                long first = Math.Max(start, batch.First);
                long count = Math.Min(end, batch.First + batch.Neurons) - first;
                if (count > 0)
                    Measure(
                        batch,
                        block,
                        first,
                        count,
                        pass.Statistics[network].Layers[layer.State.Index]!,
                        (int)(first - start)
                    );
                start = end;
            }
    }

    private void Measure(
        TensorGoal.Batch batch,
        int block,
        long first,
        long count,
        LayerStatistics statistics,
        int neuron
    )
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor redundancies, Tensor entropies) = _goal.Measure(batch, block, first, count);
        double[] ofAll = redundancies.contiguous().cpu().data<double>().ToArray();
        double[] entropyOf = entropies.cpu().data<double>().ToArray();
        int antichains = ofAll.Length / entropyOf.Length;
        for (int i = 0; i < entropyOf.Length; i++)
            statistics.Add(neuron + i, ofAll.AsSpan(i * antichains, antichains), entropyOf[i]);
    }

    private void ForLayers(Tensor ofAll, Action<TensorLayer, Tensor> work)
    {
        long start = 0;
        foreach (TensorLayer layer in _layers)
        {
            work(layer, ofAll.narrow(0, start, layer.Neurons));
            start += layer.Neurons;
        }
    }
}
