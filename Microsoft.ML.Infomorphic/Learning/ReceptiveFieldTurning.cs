// arXiv 2412.02482, eq. 3 and figure 4: the self-cosine distance of a receptive field,
// D = 1 − w(t−1) · w(t) / (‖w(t−1)‖ ‖w(t)‖), with w(t) a hidden neuron's feedforward weights at the end of epoch t.

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>How far the receptive fields of hidden neurons turn from one epoch to the next.</summary>
internal sealed class ReceptiveFieldTurning
{
    private readonly Parameter? _weights;
    private readonly float[][] _before;

    /// <summary>Keeps the weights that a training begins with.</summary>
    public ReceptiveFieldTurning(NetworkState state)
    {
        _weights = state.Hidden?.Goal is null ? null : state.Hidden.Sources[0].Weights;
        _before = new float[_weights?.Value.Rows ?? 0][];
        for (int neuron = 0; neuron < _before.Length; neuron++)
            _before[neuron] = _weights!.Value[neuron].ToArray();
    }

    /// <summary>
    /// The median over the hidden neurons of the self-cosine distance since the call before, 0 to 2; NaN where none learns.
    /// The network's state must have the weights.
    /// </summary>
    public double Measure()
    {
        if (_weights is null)
            return double.NaN;
        double[] distances = new double[_before.Length];
        for (int neuron = 0; neuron < distances.Length; neuron++)
        {
            ReadOnlySpan<float> now = _weights.Value[neuron];
            distances[neuron] = Distance(_before[neuron], now);
            now.CopyTo(_before[neuron]);
        }

        Array.Sort(distances);
        int middle = distances.Length / 2;
        return distances.Length % 2 == 1 ? distances[middle] : (distances[middle - 1] + distances[middle]) / 2;
    }

    // 1 − cos of the angle between two vectors as ½‖u − v‖² of their directions: the difference of 1 and a cosine near 1
    // would keep no digit of a small angle.
    internal static double Distance(ReadOnlySpan<float> before, ReadOnlySpan<float> now)
    {
        double length = Math.Sqrt(SquaredLength(before));
        double lengthNow = Math.Sqrt(SquaredLength(now));
        double sum = 0;
        for (int i = 0; i < now.Length; i++)
        {
            double difference = now[i] / lengthNow - before[i] / length;
            sum += difference * difference;
        }

        return sum / 2;
    }

    private static double SquaredLength(ReadOnlySpan<float> vector)
    {
        double sum = 0;
        foreach (float value in vector)
            sum += (double)value * value;
        return sum;
    }
}
