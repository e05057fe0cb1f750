using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Finds the standardisation of training rows.</summary>
internal static class FeatureScalingEstimator
{
    // A feature starts where all do when its minimum is within this share of the overall range of the overall minimum.
    private const double SharedStartTolerance = 0.01;

    // Features are of one kind when at least this share of those that vary start where all do, …
    private const double SharedStartShare = 0.9;

    // … and half of those that vary span at least this share of the overall range.
    private const double SharedSpan = 0.5;

    // Features that vary less are taken as constant: weights divided by a smaller scale could be infinite.
    private const float SmallestScale = 1e-30f;

    /// <summary>The standardisation of <paramref name="rows"/> by the rule <paramref name="kind"/>.</summary>
    /// <param name="rows">The training rows.</param>
    /// <param name="kind">The rule.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    public static FeatureScaling Estimate(RowSource rows, Standardization kind, Action? checkAlive = null)
    {
        int features = rows.FeatureCount;
        if (kind == Standardization.None)
            return Identity(features);

        var moments = new FeatureMoments(rows, checkAlive);
        if (kind == Standardization.Auto)
            kind = AreOfOneKind(moments) ? Standardization.Global : Standardization.PerFeature;

        float[] offsets = new float[features];
        float[] scales = new float[features];
        if (kind == Standardization.Global)
        {
            double mean = moments.Means.Average();
            double variance = 0;
            for (int feature = 0; feature < features; feature++)
                variance += moments.Variances[feature] + Square(moments.Means[feature] - mean);
            Array.Fill(offsets, (float)mean);
            Array.Fill(scales, ScaleOf(variance / features));
        }
        else
        {
            for (int feature = 0; feature < features; feature++)
            {
                offsets[feature] = (float)moments.Means[feature];
                scales[feature] = ScaleOf(moments.Variances[feature]);
            }
        }

        return new FeatureScaling(kind, offsets, scales);
    }

    private static FeatureScaling Identity(int features)
    {
        float[] scales = new float[features];
        Array.Fill(scales, 1f);
        return new FeatureScaling(Standardization.None, new float[features], scales);
    }

    /// <summary>
    /// Whether the features look like one kind of measurement, as pixels do: nearly all that vary start at one common
    /// minimum, and most of them span a good part of the overall range. Columns of a table start and end where they
    /// like.
    /// </summary>
    internal static bool AreOfOneKind(FeatureMoments moments)
    {
        int[] varying = Enumerable
            .Range(0, moments.Means.Length)
            .Where(feature => moments.Maxima[feature] > moments.Minima[feature])
            .ToArray();
        if (varying.Length < 2)
            return false;
        double start = varying.Min(feature => moments.Minima[feature]);
        double range = varying.Max(feature => moments.Maxima[feature]) - start;
        int startingTogether = varying.Count(feature =>
            moments.Minima[feature] - start <= SharedStartTolerance * range
        );
        int spanning = varying.Count(feature =>
            moments.Maxima[feature] - moments.Minima[feature] >= SharedSpan * range
        );
        return startingTogether >= SharedStartShare * varying.Length && 2 * spanning >= varying.Length;
    }

    private static float ScaleOf(double variance)
    {
        float scale = (float)Math.Sqrt(variance);
        return scale >= SmallestScale && float.IsFinite(scale) ? scale : 1;
    }

    private static double Square(double x) => x * x;
}

/// <summary>Weighted moments and extremes of each feature.</summary>
internal sealed class FeatureMoments
{
    private const int RowsPerBatch = 256;

    public FeatureMoments(RowSource rows, Action? checkAlive = null)
    {
        int features = rows.FeatureCount;
        Means = new double[features];
        Variances = new double[features];
        Minima = new double[features];
        Maxima = new double[features];
        Array.Fill(Minima, double.PositiveInfinity);
        Array.Fill(Maxima, double.NegativeInfinity);

        // West, "Updating mean and variance estimates: an improved method" (1979).
        float[] row = new float[features];
        double total = 0;
        foreach (RowBatch batch in rows.All.Batches(RowsPerBatch))
        {
            checkAlive?.Invoke();
            foreach (int i in batch.Indices.Span)
            {
                batch.Rows.Features.CopyRow(i, row);
                double weight = batch.Rows.Weights is null ? 1 : batch.Rows.Weights[i];
                total += weight;
                double share = weight / total;
                for (int feature = 0; feature < features; feature++)
                {
                    double value = row[feature];
                    double change = value - Means[feature];
                    Means[feature] += share * change;
                    Variances[feature] += weight * change * (value - Means[feature]);
                    Minima[feature] = Math.Min(Minima[feature], value);
                    Maxima[feature] = Math.Max(Maxima[feature], value);
                }
            }
        }

        for (int feature = 0; feature < features; feature++)
            Variances[feature] /= total;
    }

    public double[] Means { get; }

    public double[] Variances { get; }

    public double[] Minima { get; }

    public double[] Maxima { get; }
}
