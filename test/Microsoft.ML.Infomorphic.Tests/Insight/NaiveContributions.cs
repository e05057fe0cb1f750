using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Training;

namespace Microsoft.ML.Infomorphic.Tests.Insight;

/// <summary>
/// What features contribute to the log-odds of classes, from the definition: loops, double precision, slopes by differences.
/// </summary>
internal static class NaiveContributions
{
    /// <summary>ln(p / (1 − p)) of each class, of the mean probabilities of networks, calibrated.</summary>
    public static double[] LogOdds(IReadOnlyList<InfomorphicNetwork> networks, float[] encoded)
    {
        double[] means = new double[networks[0].ClassCount];
        foreach (InfomorphicNetwork network in networks)
        {
            double[] logits =
            [
                .. NaiveNetwork
                    .Sums(network, encoded, (theta, _, _) => 2 * theta - 1)
                    .Select((sum, k) => network.Calibration.Slopes[k] * sum + network.Calibration.Offsets[k]),
            ];
            double sum = logits.Sum(Math.Exp);
            for (int k = 0; k < means.Length; k++)
                means[k] += Math.Exp(logits[k]) / sum / networks.Count;
        }

        return [.. means.Select((p, k) => Math.Log(p / means.Where((_, j) => j != k).Sum()))];
    }

    /// <summary>
    /// The integral of each number's slope on the straight path from the base to the row, times the number's difference, by the
    /// midpoint rule: classes × numbers.
    /// </summary>
    public static double[][] OfPath(IReadOnlyList<InfomorphicNetwork> networks, float[] from, float[] to, int nodes)
    {
        const float Step = 1f / 512;
        double[][] shares = [.. new double[networks[0].ClassCount][].Select(_ => new double[from.Length])];
        for (int node = 0; node < nodes; node++)
        {
            float t = (node + 0.5f) / nodes;
            float[] at = [.. from.Zip(to, (a, b) => a + t * (b - a))];
            for (int i = 0; i < at.Length; i++)
            {
                if (from[i] == to[i])
                    continue;
                float x = at[i];
                (float below, float above) = (x - Step, x + Step);
                at[i] = above;
                double[] high = LogOdds(networks, at);
                at[i] = below;
                double[] low = LogOdds(networks, at);
                at[i] = x;
                for (int k = 0; k < shares.Length; k++)
                    shares[k][i] += (high[k] - low[k]) / ((double)above - below) * ((double)to[i] - from[i]) / nodes;
            }
        }

        return shares;
    }

    /// <summary>
    /// Shapley's value of features that come in parts of one size: the mean of what a part adds over all orders of all parts,
    /// added up by feature. Classes × features.
    /// </summary>
    public static double[][] ShapleyOfParts(
        IReadOnlyList<InfomorphicNetwork> networks,
        float[] from,
        float[] to,
        int parts
    )
    {
        int features = from.Length;
        int players = features * parts;
        int classes = networks[0].ClassCount;

        // Coalitions differ in how many parts of each feature they have, and in nothing else.
        var values = new Dictionary<string, double[]>();
        double[][] shares = [.. new double[classes][].Select(_ => new double[features])];
        int[] counts = new int[features];
        do
        {
            int size = counts.Sum();
            double ways = counts.Aggregate(1d, (product, count) => product * Binomial(parts, count));
            for (int feature = 0; feature < features; feature++)
            {
                int left = parts - counts[feature];
                if (left == 0)
                    continue;
                double[] without = Value(counts);
                counts[feature]++;
                double[] with = Value(counts);
                counts[feature]--;

                // Each of the parts that are left, after each of so many coalitions of this size without it.
                double weight = ways * left / (players * Binomial(players - 1, size));
                for (int k = 0; k < classes; k++)
                    shares[k][feature] += weight * (with[k] - without[k]);
            }
        } while (Next(counts, parts));

        return shares;

        double[] Value(int[] of)
        {
            string key = string.Join(',', of);
            if (!values.TryGetValue(key, out double[]? value))
                values[key] = value = LogOdds(
                    networks,
                    [.. from.Select((x, i) => x + (float)of[i] / parts * (to[i] - x))]
                );
            return value;
        }
    }

    private static bool Next(int[] counts, int largest)
    {
        for (int i = 0; i < counts.Length; i++)
        {
            if (++counts[i] <= largest)
                return true;
            counts[i] = 0;
        }

        return false;
    }

    private static double Binomial(int n, int k)
    {
        double product = 1;
        for (int i = 1; i <= k; i++)
            product *= (double)(n - k + i) / i;
        return product;
    }
}
