using Microsoft.ML.Infomorphic.Insight;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <content>Which features matter.</content>
internal sealed partial class HtmlReport
{
    private void WriteFeatures()
    {
        if (_ranking is not FeatureRanking ranking)
            return;
        Add("<section id=\"features\"><h2>Which features matter</h2>");
        Add(
            $"<p>{Text(ranking.Method)} Classes alone are worth {Number(ranking.ClassEntropy)} bits a row, and {Number(ranking.CrossEntropy)} bits are left when the scores are known. Where the rows were trained on, what was learned by heart counts, too.</p>"
        );
        if (_imageWidth is int width)
        {
            float[] bits = new float[_model.Encoding.FeatureCount];
            foreach (FeatureInformation feature in ranking.Features)
                bits[feature.Slots[0]] = (float)feature.Information.Bits;
            using SKBitmap map = ReceptiveFieldPlot.DrawField(bits, width);
            Add(
                $"<figure>{Image(map, " alt=\"information of each point\"").Replace("class=\"field\"", "class=\"map\"", StringComparison.Ordinal)}<figcaption>What each point of the image tells: red where scores lose information without it.</figcaption></figure>"
            );
        }

        bool hasLayers = ranking.LayerNames.Count > 1;
        string layers = hasLayers
            ? string.Concat(ranking.LayerNames.Select(name => $"<th class=\"n\">by {Text(name)}</th>"))
            : "";
        string classes = string.Concat(ranking.ClassNames.Select(name => $"<th class=\"n\">{Text(name)}</th>"));
        int shown = Math.Min(ranking.Features.Count, _options.MaximumFeatures);
        Add(
            $"<h3>The {(shown < ranking.Features.Count ? Invariant($"{shown} most informative of {ranking.Features.Count:N0} features") : "features, the most informative first")}</h3>"
                + $"<div class=\"scroll tall\"><table class=\"features\"><thead><tr><th>feature</th><th class=\"n\">bits</th><th class=\"n\">±</th><th class=\"n\">accuracy</th>{layers}{classes}</tr></thead><tbody>"
        );
        foreach (FeatureInformation feature in ranking.Features.Take(shown))
        {
            IEnumerable<double> rest = (hasLayers ? feature.ByLayer : [])
                .Concat(feature.ByClass)
                .Select(estimate => estimate.Bits);
            Add(
                $"<tr><th scope=\"row\">{Text(feature.Name)}</th>{Cell(Number(feature.Information.Bits))}{Cell(Number(feature.Information.Margin))}{Cell(Invariant($"{-100 * feature.AccuracyLoss:0.0} points"))}{string.Concat(rest.Select(bits => Cell(Number(bits))))}</tr>"
            );
        }

        Add(
            $"</tbody></table></div><p>Beside the bits stands the permutation importance: how the share of rows that are classified rightly changes without the feature.{(hasLayers ? " The bits by layer are lost where one layer alone hears other rows' values." : "")} The last columns have the bits over the rows of each class.</p></section>"
        );

        static string Cell(string text) => $"<td class=\"n\">{text}</td>";
    }
}
