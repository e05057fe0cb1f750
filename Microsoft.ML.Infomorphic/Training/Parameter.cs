// Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1, with L2 regularisation added to the
// gradient (not decoupled), as in the paper's table 1.
//
//   symbol  variable  shape             unit
//   θ       Value     rows × columns    –
//   g       Gradient  rows × columns    bit    ∂G/∂θ, the gradient of what is maximised
//   m, v    First, Second               –
//   η, λ    settings                    –

using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>A matrix of weights with its gradient and its optimiser's state; one row a neuron.</summary>
internal sealed class Parameter : IDisposable
{
    public Parameter(int rows, int columns)
    {
        Value = new TensorMatrix(rows, columns);
        Gradient = new TensorMatrix(rows, columns);
        First = new TensorMatrix(rows, columns);
        Second = new TensorMatrix(rows, columns);
    }

    /// <summary>The weights.</summary>
    public TensorMatrix Value { get; }

    /// <summary>The gradient of the goal by the weights.</summary>
    public TensorMatrix Gradient { get; }

    /// <summary>m, the mean of the slopes that are descended: those of the goal have the other sign.</summary>
    public TensorMatrix First { get; }

    /// <summary>v, the mean of their squares.</summary>
    public TensorMatrix Second { get; }

    /// <summary>Forgets the optimiser's moments, so that the next step may be its first.</summary>
    public void ResetMoments()
    {
        First.Clear();
        Second.Clear();
    }

    /// <summary>One step of gradient ascent for one neuron.</summary>
    /// <param name="row">The neuron.</param>
    /// <param name="settings">The optimiser's settings.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="rateFactor">What the learning rate is multiplied by.</param>
    public void Update(int row, AdamSettings settings, long step, double rateFactor = 1)
    {
        Span<float> value = Value[row];
        Span<float> gradient = Gradient[row];
        Span<float> first = First[row];
        Span<float> second = Second[row];

        // η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
        double correction1 = 1 - Math.Pow(settings.Beta1, step);
        double correction2 = 1 - Math.Pow(settings.Beta2, step);
        var rate = Vector512.Create((float)(rateFactor * settings.LearningRate / correction1));
        var rootCorrection = Vector512.Create((float)(1 / Math.Sqrt(correction2)));
        var decay = Vector512.Create((float)settings.WeightDecay);
        var beta1 = Vector512.Create((float)settings.Beta1);
        var beta2 = Vector512.Create((float)settings.Beta2);
        var rest1 = Vector512.Create((float)(1 - settings.Beta1));
        var rest2 = Vector512.Create((float)(1 - settings.Beta2));
        var epsilon = Vector512.Create((float)settings.Epsilon);
        for (int i = 0; i < value.Length; i += Vector512<float>.Count)
        {
            Vector512<float> w = VectorMath.Load(value, i);
            Vector512<float> g = decay * w - VectorMath.Load(gradient, i);
            Vector512<float> m = beta1 * VectorMath.Load(first, i) + rest1 * g;
            Vector512<float> v = beta2 * VectorMath.Load(second, i) + rest2 * g * g;
            VectorMath.Store(m, first, i);
            VectorMath.Store(v, second, i);
            VectorMath.Store(w - rate * m / (Vector512.Sqrt(v) * rootCorrection + epsilon), value, i);
        }
    }

    public void Dispose()
    {
        Value.Dispose();
        Gradient.Dispose();
        First.Dispose();
        Second.Dispose();
    }
}
