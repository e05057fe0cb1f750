// J. I. Munro and M. S. Paterson, "Selection and sorting with limited storage" (1980), with the random offsets of Z. Karnin, K. Lang
// and E. Liberty, "Optimal quantile approximation in streams" (2016), for values with weights: a full buffer of B values is
// collapsed to n values of equal weight, and two collapsed ones of the same generation to one of the next.
//
// Collapsing total weight W takes a value at the same random place in each of n equal shares of it. The weight below any value
// then changes by e or by e − W/n, and not at all in the mean. Of N values of like weights, N / (B·2^g) collapses of generation g
// have W = B·2^g, so that the squares of these ranges W/n add up to less than 2 N²/n². By Hoeffding's inequality a rank is off by
// more than ε N with a probability of at most 2 exp(−ε² n²): with n = 512, of more than 1 % once in 10^11, however many
// values there are.

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Quantiles of any number of values with weights, within 1 % of rank, in 2 KiB for each time that their number doubles beside
/// the buffer; exact as long as all are in the buffer.
/// </summary>
/// <param name="bufferLength">So many values are kept as they are: a multiple of 512.</param>
internal sealed class QuantileSketch(int bufferLength = QuantileSketch.LargestBuffer)
{
    /// <summary>More values are not kept as they are.</summary>
    public const int LargestBuffer = 8192;

    /// <summary>A buffer has at least so many values.</summary>
    public const int SmallestBuffer = 1024;

    private const int SummaryLength = 512;

    // Weights that were added up in another order are equal all the same.
    private const double Slack = 1e-9;

    private readonly List<(float[] Values, double Weight)?> _generations = [];
    private float[] _values = new float[64];
    private float[]? _weights;
    private int _count;
    private ulong _collapses;
    private float _minimum = float.PositiveInfinity;
    private float _maximum = float.NegativeInfinity;

    /// <summary>Adds a value.</summary>
    /// <param name="value">The value, finite.</param>
    /// <param name="weight">Its weight, positive.</param>
    public void Add(float value, float weight = 1)
    {
        if (_count == bufferLength)
            Collapse();
        if (_count == _values.Length)
        {
            Array.Resize(ref _values, 2 * _count);
            if (_weights is not null)
                Array.Resize(ref _weights, 2 * _count);
        }

        if (_weights is null && weight != 1)
        {
            _weights = new float[_values.Length];
            Array.Fill(_weights, 1f);
        }

        _minimum = Math.Min(_minimum, value);
        _maximum = Math.Max(_maximum, value);
        if (_weights is not null)
            _weights[_count] = weight;
        _values[_count++] = value;
    }

    /// <summary>
    /// The values at so many equal steps from the smallest to the largest one, which are among them: at each, the least value
    /// with which the weight up to it reaches the step's share.
    /// </summary>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <returns>steps + 1 values, ascending; none where no value was added.</returns>
    public float[] Quantiles(int steps)
    {
        if (_minimum > _maximum)
            return [];
        (float[] values, double[] weights) = All();
        double total = weights.Sum();
        float[] quantiles = new float[steps + 1];
        quantiles[0] = _minimum;
        quantiles[steps] = _maximum;
        double below = 0;
        for (int step = 1, i = 0; step < steps; step++)
        {
            double reached = total * step / steps - Slack * total;
            while (i + 1 < values.Length && below + weights[i] < reached)
                below += weights[i++];
            quantiles[step] = values[i];
        }

        return quantiles;
    }

    private (float[] Values, double[] Weights) All()
    {
        var values = new List<float>(_values[.._count]);
        var weights = new List<double>(_count);
        for (int i = 0; i < _count; i++)
            weights.Add(_weights is null ? 1 : _weights[i]);
        foreach ((float[] Values, double Weight)? summary in _generations)
        {
            if (summary is not var (kept, weight))
                continue;
            values.AddRange(kept);
            weights.AddRange(Enumerable.Repeat(weight / SummaryLength, SummaryLength));
        }

        float[] all = [.. values];
        double[] ofAll = [.. weights];
        Array.Sort(all, ofAll);
        return (all, ofAll);
    }

    private void Collapse()
    {
        (float[] Values, double Weight) summary = CollapseBuffer();
        _count = 0;
        int generation = 0;
        for (; generation < _generations.Count && _generations[generation] is var (older, weight); generation++)
        {
            summary = Merge(older, weight, summary.Values, summary.Weight);
            _generations[generation] = null;
        }

        if (generation == _generations.Count)
            _generations.Add(null);
        _generations[generation] = summary;
    }

    private (float[], double) CollapseBuffer()
    {
        float[] summary = new float[SummaryLength];
        if (_weights is null)
        {
            // Shares of equally many values.
            Array.Sort(_values);
            int share = bufferLength / SummaryLength;
            int place = (int)(NextOffset() * share);
            for (int i = 0; i < SummaryLength; i++)
                summary[i] = _values[i * share + place];
            return (summary, bufferLength);
        }

        Array.Sort(_values, _weights);
        double total = 0;
        foreach (float weight in _weights)
            total += weight;
        double below = 0;
        double offset = NextOffset();
        for (int i = 0, at = 0; i < SummaryLength; i++)
        {
            double place = (i + offset) * total / SummaryLength;
            while (at + 1 < _values.Length && below + _weights[at] <= place)
                below += _weights[at++];
            summary[i] = _values[at];
        }

        return (summary, total);
    }

    private (float[], double) Merge(float[] first, double firstWeight, float[] second, double secondWeight)
    {
        float[] summary = new float[SummaryLength];
        double total = firstWeight + secondWeight;
        double below = 0;
        double offset = NextOffset();
        for (int i = 0, a = 0, b = 0; i < SummaryLength; i++)
        {
            double place = (i + offset) * total / SummaryLength;
            while (true)
            {
                bool isFirst = b == SummaryLength || a < SummaryLength && first[a] <= second[b];
                double weight = (isFirst ? firstWeight : secondWeight) / SummaryLength;
                summary[i] = isFirst ? first[a] : second[b];
                if (below + weight > place || a + b + 1 == 2 * SummaryLength)
                    break;
                below += weight;
                if (isFirst)
                    a++;
                else
                    b++;
            }
        }

        return (summary, total);
    }

    // From 0 to 1, the same sequence each time.
    private double NextOffset() => (RowStore.Scatter(_collapses++) >> 11) * (1.0 / (1L << 53));
}
