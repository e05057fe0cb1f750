using System.Globalization;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>What features are called.</summary>
internal static class FeatureNames
{
    /// <summary>The name of a feature's slot; its place, from 0, where it has none.</summary>
    /// <param name="names">The names of the slots; null where they have none.</param>
    /// <param name="feature">The feature, from 0.</param>
    public static string Of(IReadOnlyList<string>? names, int feature) =>
        names?[feature] is { Length: > 0 } name ? name : feature.ToString(CultureInfo.InvariantCulture);
}
