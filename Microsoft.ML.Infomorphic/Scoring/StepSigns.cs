// N. J. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., section 3.1: whatever the order of its terms, a
// sum of products of n numbers that is rounded to a unit u is off by at most n u / (1 − n u) · Σ|wᵢ xᵢ|, which is at most
// that times ‖w‖ ‖x‖.

using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>
/// The signs of the aggregated inputs of neurons whose activation is a step: those that rounding may have decided are decided
/// anew in double precision. A neuron then fires or not whoever sums its inputs, in whatever order, ONNX Runtime included.
/// </summary>
/// <param name="projections">What the neurons are connected to: numbers of the features.</param>
/// <param name="biases">One a neuron.</param>
internal sealed class StepSigns(IReadOnlyList<Projection> projections, float[] biases)
{
    private const double Unit = 1.0 / (1 << 24);

    private readonly Projection[] _projections = [.. projections];

    private readonly double[] _norms =
    [
        .. Enumerable
            .Range(0, biases.Length)
            .Select(neuron => Math.Sqrt(projections.Sum(projection => Square(projection.WeightsOf(neuron))))),
    ];

    private readonly int _terms = projections.Sum(projection => projection.Connectivity.ConnectionsPerNeuron) + 1;

    /// <summary>Puts right what has the wrong sign, or none.</summary>
    /// <param name="features">A row of finite features.</param>
    /// <param name="sums">The neurons' sums, position by position, in single precision.</param>
    public void Correct(ReadOnlySpan<float> features, Span<float> sums)
    {
        double terms = _terms * Unit;
        double bound = terms / (1 - terms);
        double norm = Math.Sqrt(Square(features) * _projections.Length);
        for (int start = 0; start < sums.Length; start += biases.Length)
        for (int neuron = 0; neuron < biases.Length; neuron++)
        {
            ref float sum = ref sums[start + neuron];
            if (Math.Abs(sum) <= bound * (_norms[neuron] * norm + Math.Abs(biases[neuron])))
                sum = WithSignOf(Sum(neuron, start / biases.Length, features));
        }
    }

    private double Sum(int neuron, int position, ReadOnlySpan<float> features)
    {
        double sum = biases[neuron];
        foreach (Projection projection in _projections)
        {
            ReadOnlySpan<float> weights = projection.WeightsOf(neuron);
            ReadOnlySpan<int> places = projection.Connectivity switch
            {
                DrawnConnected drawn => drawn.Of(neuron),
                GroupConnected groups => groups.OfGroup(neuron / groups.NeuronsPerGroup),
                SharedFields shared => shared.AtPosition(position),
                _ => default,
            };
            for (int i = 0; i < weights.Length; i++)
                sum += (double)weights[i] * features[places.IsEmpty ? i : places[i]];
        }

        return sum;
    }

    // In single precision a small number may be 0.
    private static float WithSignOf(double sum) => sum > 0 ? Math.Max((float)sum, float.Epsilon) : (float)sum;

    // In double precision: squares of large features are infinite in single.
    private static double Square(ReadOnlySpan<float> vector)
    {
        double sum = 0;
        foreach (float number in vector)
            sum += (double)number * number;
        return sum;
    }
}
