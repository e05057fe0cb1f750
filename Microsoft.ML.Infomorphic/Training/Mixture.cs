namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// The maximum a posteriori a, b of p = softmax(a·F + b·G) for two scores F and G of the same classes, with independent normal
/// priors of variance 1 around a = 1 and b = 0, and neither negative: Newton's method, and the best of the borders where it
/// leaves the quadrant. J = −Σ w ln p(label) + ½ (a − 1)² + ½ b² is convex.
/// </summary>
internal static class Mixture
{
    private const int MaximumIterations = 50;
    private const double SmallestImprovement = 1e-7;

    /// <summary>Fits the factors.</summary>
    /// <param name="first">F, classes × rows.</param>
    /// <param name="second">G, classes × rows.</param>
    /// <param name="labels">The class of each row.</param>
    /// <param name="weights">The weight of each row.</param>
    public static (double First, double Second) Fit(
        float[][] first,
        float[][] second,
        int[] labels,
        IReadOnlyList<double> weights
    )
    {
        double unit = weights.Count / weights.Sum();
        (double A, double B, double Loss) free = Minimize(true, true);
        if (free is { A: >= 0, B: >= 0 })
            return (free.A, free.B);
        (double A, double B, double Loss) one = Minimize(true, false);
        (double A, double B, double Loss) other = Minimize(false, true);
        return one.A >= 0 && (other.B < 0 || one.Loss <= other.Loss) ? (one.A, 0)
            : other.B >= 0 ? (0, other.B)
            : (1, 0);

        (double A, double B, double Loss) Minimize(bool hasA, bool hasB)
        {
            double a = hasA ? 1 : 0;
            double b = hasA ? 0 : 1;
            (double loss, double[] slope, double[] curvature) = Evaluate(a, b);
            for (int iteration = 0; iteration < MaximumIterations; iteration++)
            {
                double stepA = hasA ? slope[0] / curvature[0] : 0;
                double stepB = hasB ? slope[1] / curvature[2] : 0;
                if (hasA && hasB)
                {
                    double determinant = curvature[0] * curvature[2] - curvature[1] * curvature[1];
                    stepA = (curvature[2] * slope[0] - curvature[1] * slope[1]) / determinant;
                    stepB = (curvature[0] * slope[1] - curvature[1] * slope[0]) / determinant;
                }

                double before = loss;
                for (double length = 1; length > 1e-6; length /= 2)
                {
                    (double Loss, double[], double[]) next = Evaluate(a - length * stepA, b - length * stepB);
                    if (!(next.Loss < loss))
                        continue;
                    (a, b) = (a - length * stepA, b - length * stepB);
                    (loss, slope, curvature) = next;
                    break;
                }

                if (before - loss < SmallestImprovement * labels.Length)
                    break;
            }

            return (a, b, loss);
        }

        // J, its slope by a and b, and its curvature by aa, ab and bb.
        (double Loss, double[] Slope, double[] Curvature) Evaluate(double a, double b)
        {
            double loss = ((a - 1) * (a - 1) + b * b) / 2;
            double[] slope = [a - 1, b];
            double[] curvature = [1, 0, 1];
            double[] p = new double[first.Length];
            for (int row = 0; row < labels.Length; row++)
            {
                double largest = double.NegativeInfinity;
                for (int k = 0; k < p.Length; k++)
                    largest = Math.Max(largest, p[k] = a * first[k][row] + b * second[k][row]);
                double ofLabel = p[labels[row]] - largest;
                double sum = 0;
                for (int k = 0; k < p.Length; k++)
                    sum += p[k] = Math.Exp(p[k] - largest);
                double f = 0;
                double g = 0;
                double ff = 0;
                double fg = 0;
                double gg = 0;
                for (int k = 0; k < p.Length; k++)
                {
                    double share = p[k] / sum;
                    double x = first[k][row];
                    double y = second[k][row];
                    f += share * x;
                    g += share * y;
                    ff += share * x * x;
                    fg += share * x * y;
                    gg += share * y * y;
                }

                double mass = weights[row] * unit;
                loss += mass * (Math.Log(sum) - ofLabel);
                slope[0] += mass * (f - first[labels[row]][row]);
                slope[1] += mass * (g - second[labels[row]][row]);
                curvature[0] += mass * (ff - f * f);
                curvature[1] += mass * (fg - f * g);
                curvature[2] += mass * (gg - g * g);
            }

            return (loss, slope, curvature);
        }
    }
}
