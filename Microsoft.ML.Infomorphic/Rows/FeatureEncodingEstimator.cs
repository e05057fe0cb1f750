using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Finds the encoding of training rows.</summary>
internal static class FeatureEncodingEstimator
{
    /// <summary>Knots are quantiles at so many equal steps, as far as these differ.</summary>
    public const int Steps = 16;

    // So that what is read beside the features stays of the size of a table. Steps are halved while there would be more, and
    // features as numerous as that get no components.
    private const int MostComponents = 4096;
    private const int MostComponentsAskedFor = 1 << 16;
    private const int FewestSteps = 4;

    // Of a feature that is zero in all but one step of its rows, quantiles say nothing.
    private const double SparseShare = 1.0 / Steps;

    // Values that are kept as they are, 2 MiB of them, unless there are more than 512 features.
    private const int MostBuffered = 1 << 19;

    private const int RowsPerBatch = 512;

    /// <summary>At most so many numbers are read beside the features.</summary>
    /// <param name="features">Number of features.</param>
    /// <param name="kind">Which of them are encoded.</param>
    /// <param name="missing">What becomes of missing values.</param>
    /// <param name="hasImage">Whether the features are known to be an image.</param>
    public static int MostAdded(int features, FeatureEncodingKind kind, MissingValues missing, bool hasImage)
    {
        long components = kind switch
        {
            FeatureEncodingKind.Auto when !hasImage => Math.Min((long)Steps * features, MostComponents),
            FeatureEncodingKind.PiecewiseLinear => Math.Min((long)Steps * features, MostComponentsAskedFor),
            _ => 0,
        };
        return (int)Math.Min(components + (missing == MissingValues.Indicate ? features : 0), int.MaxValue / 2);
    }

    /// <summary>The encoding of rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="moments">Their moments.</param>
    /// <param name="kind">Which features are encoded.</param>
    /// <param name="missing">What becomes of missing values.</param>
    /// <param name="hasImage">Whether the features are known to be an image.</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    /// <exception cref="ArgumentException">More features vary than can be encoded.</exception>
    public static FeatureEncoding Estimate(
        RowSource rows,
        FeatureMoments moments,
        FeatureEncodingKind kind,
        MissingValues missing,
        bool hasImage,
        int threads = 1,
        Action? checkAlive = null
    )
    {
        int features = rows.FeatureCount;
        var knots = new float[features][];
        Array.Fill(knots, []);
        (int[] encoded, int steps) = Choose(moments, kind, hasImage);
        QuantileSketch[] sketches = SketchesOf(rows, encoded, threads, checkAlive);
        for (int i = 0; i < encoded.Length; i++)
        {
            float[] ofFeature = [.. sketches[i].Quantiles(steps).Distinct()];

            // Two values are what the feature itself says.
            if (ofFeature.Length > (kind == FeatureEncodingKind.Auto ? 2 : 1))
                knots[encoded[i]] = ofFeature;
        }

        if (missing == MissingValues.Skip)
            return new FeatureEncoding(knots);
        return new FeatureEncoding(
            knots,
            [.. moments.Means.Select(mean => (float)mean)],
            [.. Enumerable.Range(0, features).Where(feature => moments.MissingShares[feature] > 0)]
        );
    }

    /// <summary>The standardisation of encoded rows: components, which span −1 to 1, weigh half as much as features.</summary>
    /// <param name="scaling">The standardisation of the features.</param>
    /// <param name="encoding">The encoding.</param>
    public static FeatureScaling Extend(FeatureScaling scaling, FeatureEncoding encoding)
    {
        if (encoding.IsIdentity)
            return scaling;
        float[] offsets = new float[encoding.EncodedCount];
        float[] scales = new float[encoding.EncodedCount];
        Array.Fill(scales, 2f);
        scaling.Offsets.CopyTo(offsets, 0);
        scaling.Scales.CopyTo(scales, 0);
        return new FeatureScaling(scaling.Kind, offsets, scales);
    }

    private static (int[] Features, int Steps) Choose(FeatureMoments moments, FeatureEncodingKind kind, bool hasImage)
    {
        bool isAuto = kind == FeatureEncodingKind.Auto;
        if (
            kind == FeatureEncodingKind.None
            || isAuto && (hasImage || FeatureScalingEstimator.ArePixels(moments, hasImage))
        )
            return ([], Steps);
        int[] features =
        [
            .. Enumerable
                .Range(0, moments.Means.Length)
                .Where(feature =>
                    moments.Varies(feature)
                    && float.IsFinite((float)(moments.Maxima[feature] - moments.Minima[feature]))
                    && !(isAuto && moments.NonZeroShares[feature] < SparseShare)
                ),
        ];
        int most = isAuto ? MostComponents : MostComponentsAskedFor;
        int steps = Steps;
        while (steps > FewestSteps && (long)features.Length * steps > most)
            steps /= 2;
        if ((long)features.Length * steps <= most)
            return (features, steps);
        if (isAuto)
            return ([], Steps);
        throw new ArgumentException(
            $"{features.Length} features vary, and a piecewise linear encoding is for at most {MostComponentsAskedFor / FewestSteps}: choose the encoding Auto or None."
        );
    }

    private static QuantileSketch[] SketchesOf(RowSource rows, int[] features, int threads, Action? checkAlive)
    {
        var sketches = new QuantileSketch[features.Length];
        if (features.Length == 0)
            return sketches;
        int buffer = QuantileSketch.LargestBuffer;
        while (buffer > QuantileSketch.SmallestBuffer && (long)buffer * features.Length > MostBuffered)
            buffer /= 2;
        for (int i = 0; i < sketches.Length; i++)
            sketches[i] = new QuantileSketch(buffer);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads };
        float[] row = new float[rows.FeatureCount];
        float[] columns = new float[features.Length * RowsPerBatch];
        float[] weights = new float[RowsPerBatch];
        foreach (RowBatch batch in rows.All.Batches(RowsPerBatch))
        {
            checkAlive?.Invoke();
            int count = batch.Indices.Length;
            for (int k = 0; k < count; k++)
            {
                int place = batch.Indices.Span[k];
                batch.Rows.Features.CopyRow(place, row);
                weights[k] = batch.Rows.Weights is null ? 1 : batch.Rows.Weights[place];
                for (int i = 0; i < features.Length; i++)
                    columns[i * RowsPerBatch + k] = row[features[i]];
            }

            Parallel.For(
                0,
                features.Length,
                parallel,
                i =>
                {
                    ReadOnlySpan<float> column = columns.AsSpan(i * RowsPerBatch, count);
                    for (int k = 0; k < column.Length; k++)
                        if (!float.IsNaN(column[k]))
                            sketches[i].Add(column[k], weights[k]);
                }
            );
        }

        return sketches;
    }
}
