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

    // An image has at least so many pixels: 8 × 8 …
    private const int FewestPixels = 64;

    // … of which neighbours are correlated by at least so much in the mean. Those of pictures are by 0.4 and more; of columns of
    // a table, or of counts of words, hardly any are.
    private const double NeighbourCorrelation = 0.25;

    // Features that vary less are taken as constant: weights divided by a smaller scale could be infinite.
    private const float SmallestScale = 1e-30f;

    /// <summary>The standardisation of <paramref name="rows"/> by the rule <paramref name="kind"/>.</summary>
    public static FeatureScaling Estimate(RowSource rows, Standardization kind) =>
        kind == Standardization.None
            ? Identity(rows.FeatureCount)
            : Estimate(new FeatureMoments(rows), kind, hasImage: false);

    /// <summary>The standardisation of features.</summary>
    /// <param name="moments">Their moments.</param>
    /// <param name="kind">The rule.</param>
    /// <param name="hasImage">Whether they are known to be an image.</param>
    public static FeatureScaling Estimate(FeatureMoments moments, Standardization kind, bool hasImage)
    {
        int features = moments.Means.Length;
        if (kind == Standardization.None)
            return Identity(features);
        bool isAuto = kind == Standardization.Auto;
        if (isAuto)
            kind = ArePixels(moments, hasImage) ? Standardization.Global : Standardization.PerFeature;

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

            if (isAuto)
                ScaleSparse(moments, offsets, scales);
        }

        return new FeatureScaling(kind, offsets, scales);
    }

    // Features that are mostly zero keep their zeros, and what is not zero comes to the same magnitude in all of them: that which
    // it would have by their own deviations if all were as frequent as they are in the mean. By its own deviation a word that is
    // in one row of a million would be a thousand times as large as others, and drown them.
    private static void ScaleSparse(FeatureMoments moments, float[] offsets, float[] scales)
    {
        int[] sparse = [.. Enumerable.Range(0, offsets.Length).Where(moments.IsMostlyZero)];
        if (sparse.Length == 0)
            return;
        double share = sparse.Average(feature => moments.NonZeroShares[feature]);
        foreach (int feature in sparse)
        {
            double square = moments.Variances[feature] + Square(moments.Means[feature]);
            offsets[feature] = 0;
            scales[feature] = ScaleOf(square * share / moments.NonZeroShares[feature]);
        }
    }

    private static FeatureScaling Identity(int features)
    {
        float[] scales = new float[features];
        Array.Fill(scales, 1f);
        return new FeatureScaling(Standardization.None, new float[features], scales);
    }

    /// <summary>
    /// Whether features are pixels: one kind of measurement, and known to be an image, or so many and so like their neighbours
    /// as an image's. Equal ranges alone are found in tables, too, as those of marks and of answers are.
    /// </summary>
    internal static bool ArePixels(FeatureMoments moments, bool hasImage) =>
        AreOfOneKind(moments)
        && (
            hasImage
            || Enumerable.Range(0, moments.Means.Length).Count(moments.Varies) >= FewestPixels
                && moments.CorrelationOfNeighbours() >= NeighbourCorrelation
        );

    /// <summary>
    /// Whether the features look like one kind of measurement, as pixels do: nearly all that vary start at one common
    /// minimum, and most of them span a good part of the overall range. Columns of a table start and end where they
    /// like.
    /// </summary>
    private static bool AreOfOneKind(FeatureMoments moments)
    {
        int[] varying = Enumerable.Range(0, moments.Means.Length).Where(moments.Varies).ToArray();
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

/// <summary>Weighted moments and extremes of each feature, of the values that are not missing.</summary>
internal sealed class FeatureMoments
{
    private const int RowsPerBatch = 256;

    // Of each feature and the one before it.
    private readonly double[] _covariances;

    /// <param name="rows">The rows.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    public FeatureMoments(RowSource rows, Action? checkAlive = null)
    {
        int features = rows.FeatureCount;
        Means = new double[features];
        Variances = new double[features];
        Minima = new double[features];
        Maxima = new double[features];
        NonZeroShares = new double[features];
        MissingShares = new double[features];
        _covariances = new double[features];
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
                double before = 0;
                for (int feature = 0; feature < features; feature++)
                {
                    double value = row[feature];
                    double change = value - Means[feature];
                    if (double.IsNaN(value))
                    {
                        MissingShares[feature] += weight;
                        before = 0;
                        continue;
                    }

                    double missing = MissingShares[feature];
                    Means[feature] += (missing == 0 ? share : weight / (total - missing)) * change;
                    double left = value - Means[feature];
                    Variances[feature] += weight * change * left;
                    _covariances[feature] += weight * before * left;
                    before = change;
                    Minima[feature] = Math.Min(Minima[feature], value);
                    Maxima[feature] = Math.Max(Maxima[feature], value);
                    if (value != 0)
                        NonZeroShares[feature] += weight;
                }
            }
        }

        for (int feature = 0; feature < features; feature++)
        {
            double present = total - MissingShares[feature];
            MissingShares[feature] /= total;
            _covariances[feature] /= total;
            if (!(Maxima[feature] >= Minima[feature]))
            {
                // No value at all: a constant.
                Minima[feature] = Maxima[feature] = 0;
                continue;
            }

            Variances[feature] /= present;
            NonZeroShares[feature] /= present;
        }
    }

    public double[] Means { get; }

    public double[] Variances { get; }

    public double[] Minima { get; }

    public double[] Maxima { get; }

    /// <summary>The share of values that are not zero.</summary>
    public double[] NonZeroShares { get; }

    /// <summary>The share of rows whose value is missing.</summary>
    public double[] MissingShares { get; }

    /// <summary>Whether a feature varies.</summary>
    public bool Varies(int feature) => Maxima[feature] > Minima[feature];

    /// <summary>Whether a feature varies, and is zero in more than half of the rows.</summary>
    public bool IsMostlyZero(int feature) => Varies(feature) && NonZeroShares[feature] < 0.5;

    /// <summary>The mean magnitude of the correlation of a feature and the next one, where both vary.</summary>
    public double CorrelationOfNeighbours()
    {
        double sum = 0;
        int count = 0;
        for (int feature = 1; feature < Means.Length; feature++)
        {
            double product = Variances[feature] * Variances[feature - 1];
            if (!(product > 0))
                continue;
            sum += Math.Abs(_covariances[feature]) / Math.Sqrt(product);
            count++;
        }

        return count == 0 ? 0 : sum / count;
    }
}
