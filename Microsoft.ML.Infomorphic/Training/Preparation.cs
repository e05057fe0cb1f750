using System.Globalization;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What a user is told of what was found out from the rows before a training: a sentence each.</summary>
internal static class Preparation
{
    /// <summary>How features are standardised, and why so.</summary>
    public static string Describe(FeatureScaling scaling, int features, Standardization asked, bool continued)
    {
        string rule = scaling.Kind switch
        {
            Standardization.Global => string.Create(
                CultureInfo.InvariantCulture,
                $"by one mean ({scaling.Offsets[0]:G6}) and one standard deviation ({scaling.Scales[0]:G6}) over all features"
            ),
            Standardization.PerFeature => DescribePerFeature(scaling.Offsets.AsSpan(0, features).Count(0f)),
            _ => "not at all",
        };
        string why =
            continued ? "as in the model to go on from"
            : asked == Standardization.Auto ? "chosen from the data"
            : "as asked for";
        return $"Features are standardised {rule} ({why}).";

        string DescribePerFeature(int withZeros) =>
            withZeros == features ? "each to one magnitude, and keep their zeros"
            : withZeros == 0 ? "each by its own mean and standard deviation"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"each by its own mean and standard deviation, but for {withZeros} of {features}, which come to one magnitude and keep their zeros"
            );
    }

    /// <summary>That there are features of one value; nothing where there is none.</summary>
    public static string[] DescribeConstants(int constants, int features) =>
        constants == 0
            ? []
            :
            [
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{constants} of {features} features {(constants == 1 ? "has" : "have")} one value in all rows, and can say nothing."
                ),
            ];

    /// <summary>What hidden neurons see, where that was chosen by the number of features.</summary>
    public static IEnumerable<string> DescribeSubsets(TrainingSettings asked, TrainingSettings fitted, int features) =>
        asked
            .HiddenLayers.Zip(fitted.HiddenLayers)
            .Where(layer => layer.First.HasAutomaticConnections)
            .Select(layer => layer.Second)
            .Select(layer =>
                layer.Connections is RandomSubsetSettings subsets
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"{subsets.Count * layer.Neurons} hidden neurons are in groups of {layer.Neurons}, each on {subsets.Inputs} of {features} features drawn at random; where their number is set, each sees all."
                    )
                    : string.Create(CultureInfo.InvariantCulture, $"{layer.Neurons} hidden neurons see all features.")
            );

    /// <summary>Which features are encoded, and why so; nothing where none is.</summary>
    public static string[] Describe(FeatureEncoding encoding, FeatureEncodingKind asked, bool continued)
    {
        if (encoding.IsIdentity)
            return [];
        string why =
            continued ? "as in the model to go on from"
            : asked == FeatureEncodingKind.Auto ? "chosen from the data"
            : "as asked for";
        int encoded = Enumerable.Range(0, encoding.FeatureCount).Count(feature => encoding.KnotsOf(feature).Count > 0);
        string missing = encoding.Substitutes is null
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"; missing values are replaced by means, and indicated for {encoding.IndicatedFeatures.Count} features"
            );
        return
        [
            string.Create(
                CultureInfo.InvariantCulture,
                $"{encoded} of {encoding.FeatureCount} features have a piecewise linear encoding of {encoding.ComponentCount} components beside them ({why}){missing}."
            ),
        ];
    }
}
