using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>What a report shows, and how.</summary>
public sealed record ReportOptions
{
    /// <summary>The report's title.</summary>
    public string Title { get; init; } = "What the neurons aim for";

    /// <summary>The label column: a key with the model's classes.</summary>
    public string LabelColumnName { get; init; } = "Label";

    /// <summary>The feature column.</summary>
    public string FeatureColumnName { get; init; } = "Features";

    /// <summary>The column of positive weights of the rows, or null.</summary>
    public string? ExampleWeightColumnName { get; init; }

    /// <summary>How to look at the network; null for the training's batch size and otherwise the defaults.</summary>
    public InsightSettings? Insight { get; init; }

    /// <summary>
    /// How features are ranked; null for <see cref="DefaultFeatures"/>. The report's rows are taken, best such that were not
    /// trained on.
    /// </summary>
    public FeatureRankingSettings? Features { get; init; }

    /// <summary>What a report ranks features by where nothing else is said: at most 1,000 rows, three others each.</summary>
    public static FeatureRankingSettings DefaultFeatures { get; } =
        new()
        {
            MaximumRows = 1000,
            Repeats = 3,
            Neurons = false,
        };

    /// <summary>At most so many features are shown one by one, the most informative ones; all are in the report's data.</summary>
    public int MaximumFeatures { get; init; } = 50;

    /// <summary>
    /// The width of the image that the features are, row by row; 0 where they are none. Null takes a square number of
    /// features of 64 or more for a square image.
    /// </summary>
    public int? ImageWidth { get; init; }

    /// <summary>At most so many neurons of a layer are shown one by one; the numbers of all are in the report's data.</summary>
    public int MaximumNeurons { get; init; } = 200;

    internal static int? WidthFor(ReportOptions options, int features)
    {
        if (options.MaximumNeurons < 1)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.MaximumNeurons,
                $"{nameof(MaximumNeurons)} must be at least 1."
            );
        if (options.MaximumFeatures < 1)
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.MaximumFeatures,
                $"{nameof(MaximumFeatures)} must be at least 1."
            );
        if (options.ImageWidth is int width)
        {
            if (width == 0)
                return null;
            if (width < 0 || features % width != 0)
                throw new ArgumentOutOfRangeException(
                    nameof(options),
                    width,
                    $"{nameof(ImageWidth)}: {features} features are no image of whole rows of {width} points; 0 shows no images."
                );
            return width;
        }

        int side = (int)Math.Sqrt(features);
        return features >= 64 && side * side == features ? side : null;
    }
}
