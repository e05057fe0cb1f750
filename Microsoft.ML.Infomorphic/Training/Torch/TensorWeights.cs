using Microsoft.ML.Infomorphic.Kernels;
// Kingma and Ba, "Adam" (2015), algorithm 1, with L2 regularisation added to the gradient; see Parameter, which computes
// the same. Here the gradient is that of what is maximised, and m and the step have its sign.
//
//   symbol       variable         shape                        unit
//   θ            _values          all weights                  –
//   g            _gradients       all weights                  bit    ∂G/∂θ
//   m, v         _first, _second  all weights                  –
//   1/η, ε/η     _inverseRates …  all weights                  –
//   λ            _decays          all weights                  –

using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// The parameters of all layers of each network of a group on a device, with their gradients and their optimiser's state, each
/// in one piece of memory, so that an update is a handful of operations. A parameter of all networks is one matrix, one
/// network's rows after another's.
/// </summary>
internal sealed class TensorWeights : IDisposable
{
    private readonly List<NetworkState> _networks;
    private readonly Device _device;
    private Tensor _values;
    private Tensor _gradients;
    private Tensor _first;
    private Tensor _second;
    private Tensor _inverseRates;
    private Tensor _epsilonsByRate;
    private Tensor _decays;
    private List<Segment> _segments = [];

    /// <param name="device">The device.</param>
    /// <param name="networks">The networks, of one shape. Their optimisers differ in rates and decays alone.</param>
    public TensorWeights(Device device, IEnumerable<NetworkState> networks)
    {
        _networks = [.. networks];
        _device = device;
        long count = NetworkCount * _networks[0].Layers.Sum(SizeOf);
        _values = zeros(count, float32, device);
        _gradients = zeros(count, float32, device);
        _first = zeros(count, float32, device);
        _second = zeros(count, float32, device);
        Values = Split(_values);
        Gradients = Split(_gradients);
        (_inverseRates, _epsilonsByRate, _decays) = NewSettings();
        for (int network = 0; network < NetworkCount; network++)
            Upload(network);
    }

    /// <summary>Number of networks.</summary>
    public int NetworkCount => _networks.Count;

    /// <summary>The weights of each parameter of each layer: networks · neurons × inputs.</summary>
    public Tensor[][] Values { get; private set; }

    /// <summary>The gradient of the goal by each of them.</summary>
    public Tensor[][] Gradients { get; private set; }

    /// <summary>Copies a network's weights to the device, and its moments where it has some, or wants to keep them.</summary>
    public void Upload(int network)
    {
        ForEach(Values, network, (part, parameter) => part.copy_(parameter.Value.Tensor));
        if (!_networks[network].KeepsMoments && _networks[network].Steps == 0)
            return;
        ForEachMoment(
            network,
            (part, parameter) => part.copy_(parameter.First.Tensor).neg_(),
            (part, parameter) => part.copy_(parameter.Second.Tensor)
        );
    }

    /// <summary>Copies the weights back to the parameters, and the moments of networks that keep them.</summary>
    public void Download()
    {
        for (int network = 0; network < NetworkCount; network++)
        {
            ForEach(Values, network, (part, parameter) => parameter.Value.Tensor.copy_(part));
            if (_networks[network].KeepsMoments)
                ForEachMoment(
                    network,
                    (part, parameter) => parameter.First.Tensor.copy_(part).neg_(),
                    (part, parameter) => parameter.Second.Tensor.copy_(part)
                );
        }
    }

    /// <summary>Takes a network out.</summary>
    public void Remove(int network)
    {
        _values = Without(_values);
        _gradients = Without(_gradients);
        _first = Without(_first);
        _second = Without(_second);
        _networks.RemoveAt(network);
        DisposeParts();
        Values = Split(_values);
        Gradients = Split(_gradients);
        DisposeSettings();
        (_inverseRates, _epsilonsByRate, _decays) = NewSettings();

        Tensor Without(Tensor memory)
        {
            using var scope = NewDisposeScope();
            var kept = new List<Tensor>();
            foreach (Tensor part in Split(memory).SelectMany(of => of))
            {
                long neurons = part.shape[0] / NetworkCount;
                scope.Attach(part);
                kept.Add(part.narrow(0, 0, network * neurons).reshape(-1));
                kept.Add(part.narrow(0, (network + 1) * neurons, (NetworkCount - 1 - network) * neurons).reshape(-1));
            }

            scope.Attach(memory);
            return cat(kept, 0).DetachFromDisposeScope();
        }
    }

    /// <summary>One step of gradient ascent of all layers that learn.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="rateFactor">What the learning rates are multiplied by.</param>
    public void Update(long step, double rateFactor)
    {
        foreach (Segment segment in _segments)
        {
            using var scope = NewDisposeScope();
            Tensor values = Of(_values);
            Tensor first = Of(_first);
            Tensor second = Of(_second);

            // η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
            double correction1 = 1 - Math.Pow(segment.Beta1, step);
            double correction2 = 1 - Math.Pow(segment.Beta2, step);
            Scalar rootFactor = HeldScalar.Of((float)(1 / Math.Sqrt(correction2)));
            Scalar rate = HeldScalar.Of((float)(rateFactor / correction1));
            Tensor g = Of(_gradients).addcmul_(values, Of(_decays), HeldScalar.MinusOne);
            first.lerp_(g, segment.NewShare);
            second.mul_(HeldScalar.Of((float)segment.Beta2)).addcmul_(g, g, HeldScalar.Of((float)(1 - segment.Beta2)));
            Tensor root = Of(_epsilonsByRate).addcmul(second.sqrt(), Of(_inverseRates), rootFactor);
            values.addcdiv_(first, root, rate);

            Tensor Of(Tensor all) => all.narrow(0, segment.Start, segment.Count);
        }
    }

    public void Dispose()
    {
        DisposeParts();
        DisposeSettings();
        foreach (Tensor memory in (Tensor[])[_values, _gradients, _first, _second])
            memory.Dispose();
    }

    private static long SizeOf(LayerState layer) => layer.Parameters.Sum(SizeOf);

    private static long SizeOf(Parameter parameter) => (long)parameter.Value.Rows * parameter.Value.Columns;

    // Calls back with each parameter of a network, and with its part of what all networks have.
    private void ForEach(Tensor[][] ofAll, int network, Action<Tensor, Parameter> work)
    {
        foreach ((LayerState layer, Tensor[] parts) in _networks[network].Layers.Zip(ofAll))
        foreach ((Parameter parameter, Tensor all) in layer.Parameters.Zip(parts))
        {
            using Tensor part = all.narrow(0, (long)network * parameter.Value.Rows, parameter.Value.Rows);
            work(part, parameter);
        }
    }

    // Here m is of slopes that are ascended.
    private void ForEachMoment(int network, Action<Tensor, Parameter> first, Action<Tensor, Parameter> second)
    {
        foreach ((Tensor memory, Action<Tensor, Parameter> work) in new[] { (_first, first), (_second, second) })
        {
            Tensor[][] parts = Split(memory);
            ForEach(parts, network, work);
            foreach (Tensor part in parts.SelectMany(of => of))
                part.Dispose();
        }
    }

    private Tensor[][] Split(Tensor memory)
    {
        long start = 0;
        return
        [
            .. _networks[0]
                .Layers.Select(layer => layer.Parameters.Select(parameter => Next(parameter.Value)).ToArray()),
        ];

        Tensor Next(TensorMatrix matrix)
        {
            long size = (long)NetworkCount * matrix.Rows * matrix.Columns;
            using Tensor part = memory.narrow(0, start, size);
            start += size;
            return part.view((long)NetworkCount * matrix.Rows, matrix.Columns);
        }
    }

    // What each weight's network and layer have for the optimiser. No neuron learns to hear itself: these weights have a rate
    // of 0.
    private (Tensor InverseRates, Tensor EpsilonsByRate, Tensor Decays) NewSettings()
    {
        SetSegments();
        Tensor inverseRates = empty_like(_values);
        Tensor epsilonsByRate = empty_like(_values);
        Tensor decays = empty_like(_values);
        Fill(inverseRates, settings => (float)(1 / settings.LearningRate), 0);
        Fill(epsilonsByRate, settings => (float)(settings.Epsilon / settings.LearningRate), float.PositiveInfinity);
        Fill(decays, settings => (float)settings.WeightDecay, 0);
        return (inverseRates, epsilonsByRate, decays);

        void Fill(Tensor memory, Func<AdamSettings, float> setting, float ofSelf)
        {
            Tensor[][] parts = Split(memory);
            for (int network = 0; network < NetworkCount; network++)
            for (int layer = 0; layer < parts.Length; layer++)
            {
                LayerState state = _networks[network].Layers[layer];
                float value = setting(state.Optimizer);
                for (int i = 0; i < parts[layer].Length; i++)
                {
                    long rows = state.Parameters[i].Value.Rows;
                    using Tensor part = parts[layer][i].narrow(0, network * rows, rows);
                    part.fill_(HeldScalar.Of(value));
                    if (state.SelfConnections(i) is not bool[,] self)
                        continue;
                    using var scope = NewDisposeScope();
                    part.masked_fill_(tensor(self, device: _device), HeldScalar.Of(ofSelf));
                }
            }

            foreach (Tensor part in parts.SelectMany(of => of))
                part.Dispose();
        }
    }

    // Neighbouring layers that learn, and decay their moments alike, are updated together.
    private void SetSegments()
    {
        foreach (Segment segment in _segments)
            segment.Dispose();
        _segments = [];
        long start = 0;
        foreach (LayerState layer in _networks[0].Layers)
        {
            long count = NetworkCount * SizeOf(layer);
            (double beta1, double beta2) = (layer.Optimizer.Beta1, layer.Optimizer.Beta2);
            if (layer.Learns)
            {
                if (
                    _segments.LastOrDefault() is Segment last
                    && last.Start + last.Count == start
                    && last.Beta1.Equals(beta1)
                    && last.Beta2.Equals(beta2)
                )
                    last.Count += count;
                else
                    _segments.Add(new Segment(start, count, beta1, beta2, _device));
            }

            start += count;
        }
    }

    private void DisposeSettings()
    {
        _inverseRates.Dispose();
        _epsilonsByRate.Dispose();
        _decays.Dispose();
        foreach (Segment segment in _segments)
            segment.Dispose();
        _segments = [];
    }

    private void DisposeParts()
    {
        foreach (Tensor part in Values.Concat(Gradients).SelectMany(of => of))
            part.Dispose();
    }

    private sealed class Segment(long start, long count, double beta1, double beta2, Device device) : IDisposable
    {
        public long Start => start;

        public long Count { get; set; } = count;

        public double Beta1 => beta1;

        public double Beta2 => beta2;

        /// <summary>1 − β₁.</summary>
        public Tensor NewShare { get; } = tensor([(float)(1 - beta1)], device: device);

        public void Dispose() => NewShare.Dispose();
    }
}
