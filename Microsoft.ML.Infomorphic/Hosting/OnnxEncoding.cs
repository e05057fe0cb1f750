using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The encoding of features as part of an ONNX graph; the numbers are those of <see cref="FeatureEncoding"/>, to the bit.</summary>
internal static class OnnxEncoding
{
    /// <summary>Adds what a network reads of rows.</summary>
    /// <param name="nodes">The graph's nodes.</param>
    /// <param name="encoding">The encoding.</param>
    /// <param name="features">The name of the features, rows × features.</param>
    /// <returns>The name of what the network reads, rows × numbers.</returns>
    public static string Add(OnnxNodes nodes, FeatureEncoding encoding, string features)
    {
        string known = features;
        string? isMissing = null;
        if (encoding.Substitutes is IReadOnlyList<float> substitutes)
        {
            isMissing = nodes.Node("IsNaN", [features], "x/missing");
            string means = nodes.Constant("x/means", (float[])[.. substitutes], 1, encoding.FeatureCount);
            known = nodes.Node("Where", [isMissing, means, features], "x/known");
        }

        var parts = new List<string> { known };
        if (encoding.ComponentCount > 0)
            parts.Add(Components(nodes, encoding, known, isMissing));
        if (encoding.IndicatedFeatures.Count > 0)
        {
            string indicated = Take(nodes, isMissing!, encoding.IndicatedFeatures, "x/indicated");
            parts.Add(nodes.Cast(indicated, "x/indicators", OnnxNodes.Single));
        }

        return parts.Count == 1 ? known : nodes.Node("Concat", [.. parts], "x/encoded", ("axis", 1));
    }

    // 2·min(max((x − low) / width, 0), 1) − 1; 0 where x is missing.
    private static string Components(OnnxNodes nodes, FeatureEncoding encoding, string known, string? isMissing)
    {
        int[] owners =
        [
            .. Enumerable
                .Range(0, encoding.FeatureCount)
                .SelectMany(feature => Enumerable.Repeat(feature, encoding.ComponentsOf(feature).Count)),
        ];
        float[] lows = new float[owners.Length];
        float[] widths = new float[owners.Length];
        for (int i = 0; i < owners.Length; i++)
        {
            IReadOnlyList<float> knots = encoding.KnotsOf(owners[i]);
            int knot = encoding.FeatureCount + i - encoding.ComponentsOf(owners[i]).First;
            lows[i] = knots[knot];
            widths[i] = knots[knot + 1] - knots[knot];
        }

        string x = Take(nodes, known, owners, "x/repeated");
        string above = nodes.Node("Sub", [x, nodes.Constant("x/knots", lows, 1, lows.Length)], "x/above");
        string share = nodes.Node("Div", [above, nodes.Constant("x/widths", widths, 1, widths.Length)], "x/share");
        string positive = nodes.Node("Max", [share, nodes.Number("zero", 0)], "x/positive");
        string clamped = nodes.Node("Min", [positive, nodes.Number("one", 1)], "x/clamped");
        string twice = nodes.Node("Add", [clamped, clamped], "x/twice");
        string components = nodes.Node("Sub", [twice, nodes.Number("one", 1)], "x/components");
        if (isMissing is null)
            return components;
        string missing = Take(nodes, isMissing, owners, "x/components/missing");
        return nodes.Node("Where", [missing, nodes.Number("zero", 0), components], "x/components/known");
    }

    private static string Take(OnnxNodes nodes, string values, IReadOnlyList<int> columns, string name) =>
        nodes.Node(
            "Gather",
            [
                values,
                nodes.Constant(name + "/columns", (long[])[.. columns.Select(column => (long)column)], columns.Count),
            ],
            name,
            ("axis", 1)
        );
}
