using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Networks;

/// <summary>The specification of <see cref="FeatureEncoding"/>, in double precision.</summary>
internal static class NaiveEncoding
{
    public static double[] Encode(FeatureEncoding encoding, IReadOnlyList<float> row)
    {
        var features = new List<double>();
        var components = new List<double>();
        for (int feature = 0; feature < row.Count; feature++)
        {
            double x = row[feature];
            IReadOnlyList<float> knots = encoding.KnotsOf(feature);
            bool isMissing = double.IsNaN(x) && encoding.Substitutes is not null;
            features.Add(isMissing ? encoding.Substitutes![feature] : x);
            for (int i = 0; i + 1 < knots.Count; i++)
            {
                if (isMissing)
                    components.Add(0);
                else if (x <= knots[i])
                    components.Add(-1);
                else if (x >= knots[i + 1])
                    components.Add(1);
                else
                    components.Add(2 * (x - knots[i]) / ((double)knots[i + 1] - knots[i]) - 1);
            }
        }

        return
        [
            .. features,
            .. components,
            .. encoding.IndicatedFeatures.Select(feature => float.IsNaN(row[feature]) ? 1.0 : 0),
        ];
    }
}
