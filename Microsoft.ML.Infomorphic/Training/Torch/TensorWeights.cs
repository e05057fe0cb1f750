// Kingma and Ba, "Adam" (2015), algorithm 1, with L2 regularisation added to the gradient; see Parameter, whose
// operations these are, in the same order.
//
//   symbol  variable         shape                        unit
//   θ       _values          all weights of a layer       –
//   g       _gradients       all weights of a layer       bit    ∂G/∂θ, the gradient of what is maximised
//   m, v    _first, _second  all weights of a layer       –
//   η, λ    _rates, _decays  all weights of a layer       –      null where they are the same for all networks

using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>
/// The parameters of a layer of each network of a group on a device, with their gradients and their optimiser's state, each
/// in one piece of memory, so that an update is a handful of operations. A parameter of all networks is one matrix, one
/// network's rows after another's.
/// </summary>
internal sealed class TensorWeights : IDisposable
{
    private readonly List<Parameter[]> _parameters;
    private readonly List<AdamSettings> _settings;
    private Tensor _values;
    private Tensor _gradients;
    private Tensor _first;
    private Tensor _second;
    private Tensor? _rates;
    private Tensor? _decays;

    /// <param name="device">The device.</param>
    /// <param name="layers">The layer of each network. Their optimisers differ in rates and decays alone.</param>
    public TensorWeights(Device device, IEnumerable<LayerState> layers)
    {
        LayerState[] networks = [.. layers];
        _parameters = [.. networks.Select(layer => layer.Parameters)];
        _settings = [.. networks.Select(layer => layer.Optimizer)];
        long count = _parameters.Sum(parameters => parameters.Sum(SizeOf));
        _values = zeros(count, float32, device);
        _gradients = zeros(count, float32, device);
        _first = zeros(count, float32, device);
        _second = zeros(count, float32, device);
        Values = Split(_values);
        Gradients = Split(_gradients);
        SetOptimizers();
        for (int network = 0; network < networks.Length; network++)
            Upload(network);
    }

    /// <summary>Number of networks.</summary>
    public int NetworkCount => _parameters.Count;

    /// <summary>The weights of each parameter: networks · neurons × inputs.</summary>
    public Tensor[] Values { get; private set; }

    /// <summary>The gradient of the goal by each of them.</summary>
    public Tensor[] Gradients { get; private set; }

    /// <summary>Copies a network's weights to the device.</summary>
    public void Upload(int network)
    {
        for (int i = 0; i < Values.Length; i++)
        {
            using Tensor part = PartOf(Values[i], network);
            part.copy_(_parameters[network][i].Value.Tensor);
        }
    }

    /// <summary>Copies the weights back to the parameters.</summary>
    public void Download()
    {
        for (int network = 0; network < _parameters.Count; network++)
        for (int i = 0; i < Values.Length; i++)
        {
            using Tensor part = PartOf(Values[i], network);
            _parameters[network][i].Value.Tensor.copy_(part);
        }
    }

    /// <summary>Takes a network out.</summary>
    public void Remove(int network)
    {
        _values = Without(_values);
        _gradients = Without(_gradients);
        _first = Without(_first);
        _second = Without(_second);
        _parameters.RemoveAt(network);
        _settings.RemoveAt(network);
        DisposeParts();
        Values = Split(_values);
        Gradients = Split(_gradients);
        SetOptimizers();

        Tensor Without(Tensor memory)
        {
            using var scope = NewDisposeScope();
            var kept = new List<Tensor>();
            foreach (Tensor part in Split(memory))
            {
                long neurons = part.shape[0] / _parameters.Count;
                scope.Attach(part);
                kept.Add(part.narrow(0, 0, network * neurons).reshape(-1));
                kept.Add(
                    part.narrow(0, (network + 1) * neurons, (_parameters.Count - 1 - network) * neurons).reshape(-1)
                );
            }

            scope.Attach(memory);
            return cat(kept, 0).DetachFromDisposeScope();
        }
    }

    /// <summary>One step of gradient ascent.</summary>
    /// <param name="step">The step, from 1.</param>
    public void Update(long step)
    {
        using var scope = NewDisposeScope();

        // η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
        AdamSettings settings = _settings[0];
        double correction1 = 1 - Math.Pow(settings.Beta1, step);
        double correction2 = 1 - Math.Pow(settings.Beta2, step);
        Tensor g = _gradients.neg_();
        g = _decays is null ? g.add_(_values, (float)settings.WeightDecay) : g.addcmul_(_values, _decays, 1);
        _first.mul_((float)settings.Beta1).add_(g, (float)(1 - settings.Beta1));
        _second.mul_((float)settings.Beta2).addcmul_(g, g, (float)(1 - settings.Beta2));
        Tensor root = _second.sqrt().mul_((float)(1 / Math.Sqrt(correction2))).add_((float)settings.Epsilon);
        if (_rates is null)
            _values.addcdiv_(_first, root, (float)(-settings.LearningRate / correction1));
        else
            _values.addcdiv_(_first, root.div_(_rates), (float)(-1 / correction1));
    }

    public void Dispose()
    {
        DisposeParts();
        _values.Dispose();
        _gradients.Dispose();
        _first.Dispose();
        _second.Dispose();
        _rates?.Dispose();
        _decays?.Dispose();
    }

    private static long SizeOf(Parameter parameter) => (long)parameter.Value.Rows * parameter.Value.Columns;

    private Tensor PartOf(Tensor parameter, int network)
    {
        long neurons = parameter.shape[0] / _parameters.Count;
        return parameter.narrow(0, network * neurons, neurons);
    }

    private Tensor[] Split(Tensor memory)
    {
        Parameter[] parameters = _parameters[0];
        int networks = _parameters.Count;
        var parts = new Tensor[parameters.Length];
        long start = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            long size = networks * SizeOf(parameters[i]);
            using Tensor part = memory.narrow(0, start, size);
            parts[i] = part.view(networks * parameters[i].Value.Rows, parameters[i].Value.Columns);
            start += size;
        }

        return parts;
    }

    private void SetOptimizers()
    {
        _rates?.Dispose();
        _decays?.Dispose();
        _rates = ForAllWeights(settings => settings.LearningRate);
        _decays = ForAllWeights(settings => settings.WeightDecay);
    }

    // A setting of each weight's network; null where all have the same.
    private Tensor? ForAllWeights(Func<AdamSettings, double> setting)
    {
        if (_settings.All(settings => setting(settings).Equals(setting(_settings[0]))))
            return null;
        Tensor values = empty_like(_values);
        Tensor[] parts = Split(values);
        foreach (Tensor part in parts)
        {
            for (int network = 0; network < _settings.Count; network++)
            {
                using Tensor ofNetwork = PartOf(part, network);
                ofNetwork.fill_((float)setting(_settings[network]));
            }

            part.Dispose();
        }

        return values;
    }

    private void DisposeParts()
    {
        foreach (Tensor part in Values.Concat(Gradients))
            part.Dispose();
    }
}
