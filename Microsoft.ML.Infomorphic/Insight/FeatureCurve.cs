using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>How a feature drives a neuron: by a straight line or, where the model encodes it, by a curve with kinks at its knots.</summary>
/// <param name="Feature">The feature's place in a row, from 0.</param>
/// <param name="Name">The name of its slot, or its number where it has none.</param>
/// <param name="Weight">The weight of the feature itself: the slope of the line, and of the curve beyond its knots.</param>
/// <param name="Knots">The values of the feature at which the curve has its kinks, ascending; none where it is a line.</param>
/// <param name="Values">What the feature adds to the neuron's drive at each knot; in between, the curve is straight.</param>
/// <param name="WhenMissing">What it adds where it is missing; null where the model has no scores for such a row.</param>
public sealed record FeatureCurve(
    int Feature,
    string Name,
    double Weight,
    IReadOnlyList<float> Knots,
    IReadOnlyList<double> Values,
    double? WhenMissing
)
{
    /// <summary>The curve's mean slope from its first to its last knot; of a line, its slope.</summary>
    public double MeanSlope => Knots.Count == 0 ? Weight : (Values[^1] - Values[0]) / ((double)Knots[^1] - Knots[0]);

    /// <summary>What the feature adds to the neuron's drive.</summary>
    /// <param name="value">A value of the feature.</param>
    public double At(double value)
    {
        if (Knots.Count == 0 || value <= Knots[0])
            return Knots.Count == 0 ? Weight * value : Values[0] + Weight * (value - Knots[0]);
        for (int i = 1; i < Knots.Count; i++)
            if (value <= Knots[i])
                return Values[i - 1]
                    + (Values[i] - Values[i - 1]) * (value - Knots[i - 1]) / ((double)Knots[i] - Knots[i - 1]);
        return Values[^1] + Weight * (value - Knots[^1]);
    }

    /// <summary>The curve of a feature, from what a neuron's weights of an encoded row are.</summary>
    internal static FeatureCurve Of(FeatureEncoding encoding, int feature, string name, ReadOnlySpan<float> weights)
    {
        double weight = weights[feature];
        IReadOnlyList<float> knots = encoding.KnotsOf(feature);
        (int first, int count) = encoding.ComponentsOf(feature);
        double[] values = new double[knots.Count];

        // Below the first knot all components are −1; each of them is 1 from its own upper knot on.
        double components = 0;
        for (int i = 0; i < count; i++)
            components -= weights[first + i];
        for (int knot = 0; knot < values.Length; knot++)
        {
            if (knot > 0)
                components += 2.0 * weights[first + knot - 1];
            values[knot] = weight * knots[knot] + components;
        }

        double? whenMissing = null;
        if (encoding.Substitutes is not null)
        {
            whenMissing = weight * encoding.Substitutes[feature];
            for (int i = 0; i < encoding.IndicatedFeatures.Count; i++)
                if (encoding.IndicatedFeatures[i] == feature)
                    whenMissing += weights[encoding.FeatureCount + encoding.ComponentCount + i];
        }

        return new FeatureCurve(feature, name, weight, knots, values, whenMissing);
    }
}
