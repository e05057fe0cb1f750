// arXiv 2412.02482, eq. 3 and figure 4: the self-cosine distance of a receptive field,
// D = 1 − w(t−1) · w(t) / (‖w(t−1)‖ ‖w(t)‖), with w(t) a hidden neuron's feedforward weights at the end of epoch t.

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>How far the receptive fields of the neurons of a layer turn from one epoch to the next.</summary>
internal sealed class SelfCosineDistance
{
    private readonly Parameter[] _weights;
    private readonly float[][] _before;

    /// <summary>Keeps the weights that a training begins with.</summary>
    /// <param name="layer">The layer; it learns.</param>
    public SelfCosineDistance(LayerState layer)
    {
        _weights = [.. layer.Sources[0].Projections.Select(projection => projection.Weights)];
        _before = [.. Enumerable.Range(0, layer.NeuronCount).Select(FieldOf)];
    }

    /// <summary>
    /// The median over the neurons of the self-cosine distance since the call before, 0 to 2. The network's state must have
    /// the weights.
    /// </summary>
    public double Measure()
    {
        double[] distances = new double[_before.Length];
        for (int neuron = 0; neuron < distances.Length; neuron++)
        {
            float[] now = FieldOf(neuron);
            distances[neuron] = Distance(_before[neuron], now);
            _before[neuron] = now;
        }

        Array.Sort(distances);
        int middle = distances.Length / 2;
        return distances.Length % 2 == 1 ? distances[middle] : (distances[middle - 1] + distances[middle]) / 2;
    }

    private float[] FieldOf(int neuron) => [.. _weights.SelectMany(weights => weights.Value[neuron].ToArray())];

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
