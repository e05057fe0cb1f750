namespace Microsoft.ML.Infomorphic.Tuning;

// Optuna's multivariate Parzen estimator, described here by its formulas (places of [0, 1] on each parameter's scale):
//
//   symbol   variable        shape      meaning
//   n, d     –               1          observations and parameters
//   w        _weights        n + 1      1 for the 25 newest, less for older ones, down to 1/n; last the prior's; normalised
//   μ        _centers        n + 1, d   the observations; the prior's is ½
//   b        Bandwidth       1          of TpeOptions
//   h        _bandwidth      1          b n^(−1/(d + 4)) (Scott's rule), at least 1 / min(100, n + 2); the prior's is 1
//   Z        _logConstants   n + 1, d   mass of the kernel within [0, 1]
//
// A real parameter's kernel is a normal density truncated to [0, 1]; an integer's is the mass of that on the share of
// each whole number; a choice's is 1 + p for the observed choice and p for the others, p = w₀ / (n + 1), normalised.

/// <summary>A density over a search space: a mixture of kernels on observed points and of a prior that covers everything.</summary>
internal sealed class ParzenMixture
{
    private const int NewestAtFullWeight = 25;

    private readonly SearchSpace _space;
    private readonly int _dimensions;
    private readonly double[] _weights;

    // For real parameters, by kernel and dimension; the others' elements are not used.
    private readonly double[] _centers;
    private readonly double[] _logConstants; // log of the weight and of all real parameters' 1 / (√(2π) h Z)
    private readonly double _bandwidth;
    private readonly int[] _real;
    private readonly int[] _discrete;

    // By discrete dimension: log of the kernel's mass at each value met so far.
    private readonly Dictionary<double, double[]>[] _logMasses;
    private readonly double[][] _observed;

    /// <summary>Creates a mixture.</summary>
    /// <param name="space">The space.</param>
    /// <param name="points">The observations, oldest first; may be empty.</param>
    /// <param name="options">b and the prior's weight w₀, in observations.</param>
    public ParzenMixture(SearchSpace space, IReadOnlyList<ParameterPoint> points, TpeOptions options)
    {
        double priorWeight = options.PriorWeight;
        _space = space;
        _dimensions = space.Parameters.Count;
        int n = points.Count;
        PriorWeight = priorWeight;
        _weights = WeightsOf(n, priorWeight);
        _bandwidth = Math.Max(
            options.Bandwidth * Math.Pow(Math.Max(n, 1), -1.0 / (_dimensions + 4)),
            1.0 / Math.Min(100, n + 2)
        );
        _real = [.. Enumerable.Range(0, _dimensions).Where(i => space.Parameters[i] is RealParameter)];
        _discrete = [.. Enumerable.Range(0, _dimensions).Except(_real)];
        _observed = [.. points.Select(p => p.Values.ToArray())];
        _logMasses = [.. Enumerable.Range(0, _dimensions).Select(_ => new Dictionary<double, double[]>())];

        _centers = new double[(n + 1) * _dimensions];
        for (int k = 0; k <= n; k++)
        for (int i = 0; i < _dimensions; i++)
            _centers[k * _dimensions + i] = k < n ? space.Parameters[i].ToUnit(_observed[k][i]) : 0.5;

        _logConstants = new double[n + 1];
        for (int k = 0; k <= n; k++)
        {
            double sum = Math.Log(_weights[k]);
            double h = BandwidthOf(k);
            foreach (int i in _real)
            {
                double center = _centers[k * _dimensions + i];
                double mass = StandardNormal.Between(-center / h, (1 - center) / h);
                sum -= 0.5 * Math.Log(2 * Math.PI) + Math.Log(h * mass);
            }
            _logConstants[k] = sum;
        }
    }

    private double PriorWeight { get; }

    /// <summary>Draws a point.</summary>
    public ParameterPoint Sample(TuningRandom random)
    {
        int k = random.NextIndex(_weights);
        double[] values = new double[_dimensions];
        for (int i = 0; i < _dimensions; i++)
        {
            Parameter parameter = _space.Parameters[i];
            if (parameter is ChoiceParameter choice)
            {
                values[i] = SampleChoice(choice, i, k, random.NextUniform());
                continue;
            }
            double h = BandwidthOf(k);
            double center = _centers[k * _dimensions + i];
            double low = StandardNormal.Cumulative(-center / h);
            double high = StandardNormal.Cumulative((1 - center) / h);
            double place = center + h * StandardNormal.Quantile(low + random.NextUniform() * (high - low));
            values[i] = parameter.FromUnit(Math.Clamp(place, 0, 1));
        }
        return _space.CreatePoint(values);
    }

    /// <summary>The log of the density: over real parameters' places in [0, 1], and the mass of discrete values.</summary>
    public double LogDensity(ParameterPoint point)
    {
        double[] places = point.ToUnit();
        Span<double> logs =
            _logConstants.Length <= 512 ? stackalloc double[_logConstants.Length] : new double[_logConstants.Length];
        double largest = double.NegativeInfinity;
        for (int k = 0; k < logs.Length; k++)
        {
            double squares = 0;
            ReadOnlySpan<double> center = _centers.AsSpan(k * _dimensions, _dimensions);
            foreach (int i in _real)
            {
                double difference = places[i] - center[i];
                squares += difference * difference;
            }
            double h = BandwidthOf(k);
            logs[k] = _logConstants[k] - squares / (2 * h * h);
        }
        foreach (int i in _discrete)
        {
            double[] masses = LogMassesAt(i, point.Values[i]);
            for (int k = 0; k < logs.Length; k++)
                logs[k] += masses[k];
        }
        foreach (double log in logs)
            largest = Math.Max(largest, log);
        double total = 0;
        foreach (double log in logs)
            total += Math.Exp(log - largest);
        return largest + Math.Log(total);
    }

    private static double[] WeightsOf(int n, double priorWeight)
    {
        double[] weights = new double[n + 1];
        int ramp = Math.Max(0, n - NewestAtFullWeight);
        for (int k = 0; k < n; k++)
            weights[k] =
                k >= ramp ? 1
                : ramp == 1 ? 1.0 / n
                : 1.0 / n + (1 - 1.0 / n) * k / (ramp - 1);
        weights[n] = priorWeight;
        double sum = weights.Sum();
        for (int k = 0; k <= n; k++)
            weights[k] /= sum;
        return weights;
    }

    private double BandwidthOf(int kernel) => kernel < _observed.Length ? _bandwidth : 1;

    private double[] LogMassesAt(int dimension, double value)
    {
        if (_logMasses[dimension].TryGetValue(value, out double[]? masses))
            return masses;
        masses = new double[_weights.Length];
        for (int k = 0; k < masses.Length; k++)
            masses[k] = Math.Log(
                _space.Parameters[dimension] switch
                {
                    ChoiceParameter choice => ChoiceMass(choice, dimension, k, value),
                    IntegerParameter integer => IntegerMass(integer, dimension, k, value),
                    _ => throw new InvalidOperationException("Real parameters have densities."),
                }
            );
        return _logMasses[dimension][value] = masses;
    }

    private double IntegerMass(IntegerParameter parameter, int dimension, int kernel, double value)
    {
        double h = BandwidthOf(kernel);
        double center = _centers[kernel * _dimensions + dimension];
        double low = parameter.ToUnit(value - 0.5);
        double high = parameter.ToUnit(value + 0.5);
        return StandardNormal.Between((low - center) / h, (high - center) / h)
            / StandardNormal.Between(-center / h, (1 - center) / h);
    }

    private double ChoiceMass(ChoiceParameter parameter, int dimension, int kernel, double value)
    {
        int choices = parameter.Choices.Count;
        if (kernel == _observed.Length)
            return 1.0 / choices;
        double share = PriorWeight / (_observed.Length + 1);
        return ((_observed[kernel][dimension] == value ? 1 : 0) + share) / (1 + choices * share);
    }

    private double SampleChoice(ChoiceParameter parameter, int dimension, int kernel, double uniform)
    {
        for (int value = 0; value < parameter.Choices.Count - 1; value++)
        {
            uniform -= ChoiceMass(parameter, dimension, kernel, value);
            if (uniform < 0)
                return value;
        }
        return parameter.Choices.Count - 1;
    }
}
