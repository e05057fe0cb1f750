// N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., section 3.1: whatever the order of its terms, a
// sum of products of n numbers that is rounded to a unit u is off by at most n u / (1 − n u) · Σ|wᵢ xᵢ|, which is at most
// that times ‖w‖ ‖x‖.

using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>
/// The signs of the aggregated inputs of neurons whose activation is a step: those that rounding may have decided are decided
/// anew in double precision. A neuron then fires or not whoever sums its inputs, in whatever order, ONNX Runtime included.
/// </summary>
/// <param name="source">The source.</param>
internal sealed class StepSigns(Source source)
{
    private const double Unit = 1.0 / (1 << 24);

    private readonly double[] _norms =
    [
        .. Enumerable
            .Range(0, source.NeuronCount)
            .Select(neuron => Norm(source.Weights.AsSpan(neuron * source.InputCount, source.InputCount))),
    ];

    /// <summary>Puts right what has the wrong sign, or none.</summary>
    /// <param name="inputs">A row of finite inputs.</param>
    /// <param name="sums">The neurons' sums, in single precision.</param>
    public void Settle(ReadOnlySpan<float> inputs, Span<float> sums)
    {
        double terms = (inputs.Length + 1) * Unit; // the bias is one more
        double bound = terms / (1 - terms);
        double norm = Norm(inputs);
        for (int neuron = 0; neuron < sums.Length; neuron++)
            if (Math.Abs(sums[neuron]) <= bound * (_norms[neuron] * norm + Math.Abs(source.Biases[neuron])))
                sums[neuron] = WithSignOf(Sum(neuron, inputs));
    }

    private double Sum(int neuron, ReadOnlySpan<float> inputs)
    {
        ReadOnlySpan<float> weights = source.Weights.AsSpan(neuron * source.InputCount, source.InputCount);
        double sum = source.Biases[neuron];
        for (int i = 0; i < inputs.Length; i++)
            sum += (double)weights[i] * inputs[i];
        return sum;
    }

    // In single precision a small number may be 0.
    private static float WithSignOf(double sum) => sum > 0 ? Math.Max((float)sum, float.Epsilon) : (float)sum;

    // In double precision: squares of large features are infinite in single.
    private static double Norm(ReadOnlySpan<float> vector)
    {
        double sum = 0;
        foreach (float number in vector)
            sum += (double)number * number;
        return Math.Sqrt(sum);
    }
}
