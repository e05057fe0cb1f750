// The log-odds of a class against all others, and how they follow from what the output neurons aggregate, z = a·F + b.
//
//   symbol   variable         unit
//   z        logits           nats     calibrated sums of network m and class j, networks × classes
//   p        –                         softmax of a network's z
//   P, Q     –                         means over the networks of pₖ and of 1 − pₖ
//   Lₖ       values           nats     ln P − ln Q, so that the score of class k is 1 / (1 + e^−L)
//
// [L′]  ∂Lₖ/∂z_mj = p_mk (δ_jk − p_mj) (1/P + 1/Q) / networks

using System.Runtime.CompilerServices;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>Log-odds of classes, ln(p / (1 − p)), in double precision.</summary>
internal sealed class ClassLogOdds
{
    private readonly int _networks;
    private readonly int _classes;
    private readonly double[] _p;
    private readonly double[] _q;
    private readonly double[] _logP;
    private readonly double[] _logQ;

    /// <param name="networks">Number of networks.</param>
    /// <param name="classes">Number of classes.</param>
    public ClassLogOdds(int networks, int classes)
    {
        (_networks, _classes) = (networks, classes);
        _p = new double[networks * classes];
        _q = new double[networks * classes];
        _logP = new double[networks * classes];
        _logQ = new double[networks * classes];
    }

    /// <summary>
    /// Those of scores: ln pₖ − ln Σ pⱼ, j ≠ k, which keeps its precision where pₖ is close to 1; ±∞ where scores are 0.
    /// </summary>
    public static double OfScore(ReadOnlySpan<float> scores, int k)
    {
        double others = 0;
        for (int j = 0; j < scores.Length; j++)
            if (j != k)
                others += scores[j];
        return Math.Log(scores[k]) - Math.Log(others);
    }

    /// <summary>Looks at logits; the other methods tell of these.</summary>
    /// <param name="logits">z, networks × classes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(ReadOnlySpan<double> logits)
    {
        for (int m = 0; m < _networks; m++)
        {
            ReadOnlySpan<double> z = logits.Slice(m * _classes, _classes);
            int largest = 0;
            for (int j = 1; j < _classes; j++)
                if (z[j] > z[largest])
                    largest = j;
            double second = double.NegativeInfinity;
            for (int j = 0; j < _classes; j++)
                if (j != largest && z[j] > second)
                    second = z[j];
            double others = 0;
            for (int j = 0; j < _classes; j++)
                if (j != largest)
                    others += Math.Exp(z[j] - second);
            double logOthers = second + Math.Log(others);

            // z_largest + ln(1 + Σ of the others / e^z_largest)
            double logSum = z[largest] + Log1P(Math.Exp(logOthers - z[largest]));
            for (int j = 0; j < _classes; j++)
            {
                int at = m * _classes + j;
                _logP[at] = z[j] - logSum;
                _p[at] = Math.Exp(_logP[at]);
                _logQ[at] = j == largest ? logOthers - logSum : Log1P(-_p[at]);
                _q[at] = Math.Exp(_logQ[at]);
            }
        }
    }

    /// <summary>Lₖ.</summary>
    public double Value(int k) => LogSum(_logP, k) - LogSum(_logQ, k);

    /// <summary>The slopes of Lₖ.</summary>
    /// <param name="k">The class.</param>
    /// <param name="weight">What the slopes are multiplied with.</param>
    /// <param name="slopes">To which they are added: networks × classes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddSlopes(int k, double weight, Span<double> slopes)
    {
        double logP = LogSum(_logP, k);
        double logQ = LogSum(_logQ, k);
        for (int m = 0; m < _networks; m++)
        {
            int start = m * _classes;

            // p_mk / P and 1 / Q: where Q is next to nothing, its logarithm is still there.
            double share = weight * Math.Exp(_logP[start + k] - logP);
            double ofP = weight * _p[start + k];
            bool isSmall = logQ < -600;
            double inverse = isSmall ? 0 : Math.Exp(-logQ);
            for (int j = 0; j < _classes; j++)
            {
                double p = j == k ? _q[start + k] : _p[start + j];
                double log = j == k ? _logQ[start + k] : _logP[start + j];
                double slope = share * p + ofP * (isSmall ? Math.Exp(log - logQ) : p * inverse);
                slopes[start + j] += j == k ? slope : -slope;
            }
        }
    }

    // ln Σ e^x over the networks.
    private double LogSum(double[] logs, int k)
    {
        double largest = logs[k];
        for (int m = 1; m < _networks; m++)
            largest = Math.Max(largest, logs[m * _classes + k]);
        if (_networks == 1 || double.IsInfinity(largest))
            return largest;
        double sum = 0;
        for (int m = 0; m < _networks; m++)
            sum += Math.Exp(logs[m * _classes + k] - largest);
        return largest + Math.Log(sum);
    }

    // ln(1 + x), to full relative precision (W. Kahan's correction of ln(1 + x) by what rounding made of x).
    private static double Log1P(double x)
    {
        double sum = 1 + x;
        return sum == 1 ? x : Math.Log(sum) * (x / (sum - 1));
    }
}
