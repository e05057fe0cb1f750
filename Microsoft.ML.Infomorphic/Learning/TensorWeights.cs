// Kingma and Ba, "Adam" (2015), algorithm 1, with L2 regularisation added to the gradient; see Parameter, whose
// operations these are, in the same order.
//
//   symbol  variable         shape                        unit
//   θ       _values          all weights of a layer       –
//   g       _gradients       all weights of a layer       bit    ∂G/∂θ, the gradient of what is maximised
//   m, v    _first, _second  all weights of a layer       –

using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// The parameters of a layer on a device, with their gradients and their optimiser's state, each in one piece of memory,
/// so that an update is a handful of operations.
/// </summary>
internal sealed class TensorWeights : IDisposable
{
    private readonly Parameter[] _parameters;
    private readonly Tensor _values;
    private readonly Tensor _gradients;
    private readonly Tensor _first;
    private readonly Tensor _second;

    public TensorWeights(Device device, params Parameter[] parameters)
    {
        _parameters = parameters;
        long count = parameters.Sum(SizeOf);
        _values = zeros(count, float32, device);
        _gradients = zeros(count, float32, device);
        _first = zeros(count, float32, device);
        _second = zeros(count, float32, device);
        Values = Split(_values);
        Gradients = Split(_gradients);
        Take();

        Tensor[] Split(Tensor memory)
        {
            var parts = new Tensor[parameters.Length];
            long start = 0;
            for (int i = 0; i < parts.Length; i++)
            {
                using Tensor part = memory.narrow(0, start, SizeOf(parameters[i]));
                parts[i] = part.view(parameters[i].Value.Rows, parameters[i].Value.Columns);
                start += SizeOf(parameters[i]);
            }

            return parts;
        }

        static long SizeOf(Parameter parameter) => (long)parameter.Value.Rows * parameter.Value.Columns;
    }

    /// <summary>The weights of each parameter, in its shape.</summary>
    public Tensor[] Values { get; }

    /// <summary>The gradient of the goal by each of them.</summary>
    public Tensor[] Gradients { get; }

    /// <summary>Copies the parameters' weights to the device.</summary>
    public void Take()
    {
        for (int i = 0; i < Values.Length; i++)
            Values[i].copy_(_parameters[i].Value.Tensor);
    }

    /// <summary>Copies the weights back to the parameters.</summary>
    public void Bring()
    {
        for (int i = 0; i < Values.Length; i++)
            _parameters[i].Value.Tensor.copy_(Values[i]);
    }

    /// <summary>One step of gradient ascent.</summary>
    /// <param name="settings">The optimiser's settings.</param>
    /// <param name="step">The step, from 1.</param>
    public void Update(AdamSettings settings, long step)
    {
        using var scope = NewDisposeScope();

        // η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
        double correction1 = 1 - Math.Pow(settings.Beta1, step);
        double correction2 = 1 - Math.Pow(settings.Beta2, step);
        Tensor g = _gradients.neg_().add_(_values, (float)settings.WeightDecay);
        _first.mul_((float)settings.Beta1).add_(g, (float)(1 - settings.Beta1));
        _second.mul_((float)settings.Beta2).addcmul_(g, g, (float)(1 - settings.Beta2));
        Tensor root = _second.sqrt().mul_((float)(1 / Math.Sqrt(correction2))).add_((float)settings.Epsilon);
        _values.addcdiv_(_first, root, (float)(-settings.LearningRate / correction1));
    }

    public void Dispose()
    {
        foreach (Tensor part in Values.Concat(Gradients))
            part.Dispose();
        _values.Dispose();
        _gradients.Dispose();
        _first.Dispose();
        _second.Dispose();
    }
}
