using System.Globalization;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>What a report says of a model's scores.</summary>
/// <param name="Quality">How good they are.</param>
/// <param name="Examples">A few rows, and why they have their scores.</param>
/// <param name="Obstacle">Why rows have no contributions, in one sentence; null where they have.</param>
internal sealed record ScoreReport(ModelQuality Quality, IReadOnlyList<ExplainedExample> Examples, string? Obstacle);

/// <summary>A row, and why it has its scores.</summary>
/// <param name="Example">The row.</param>
/// <param name="Features">Its features.</param>
/// <param name="Why">Its scores, and what features contribute to them.</param>
internal sealed record ExplainedExample(ScoredExample Example, float[] Features, RowExplanation Why);

/// <content>The data, how good the scores are, and why a few rows have theirs.</content>
internal sealed partial class HtmlReport
{
    private const int MostClassesInTables = 50;
    private const int FeaturesOfExample = 8;

    private void WriteData(ModelQuality quality)
    {
        double all = quality.ClassWeights.Sum();
        Add(
            Invariant(
                $"<section id=\"rows\"><h2>The data</h2><p>{quality.RowCount:N0} rows of {_model.Encoding.FeatureCount:N0} features; the network reads {_model.Encoding.EncodedCount:N0} numbers of each. Best, none of the rows was trained on.</p>"
            )
        );
        Add(
            "<div class=\"scroll tall\"><table class=\"features\"><thead><tr><th>class</th><th class=\"n\">rows</th><th class=\"n\">share</th><th class=\"n\">predicted rightly</th></tr></thead><tbody>"
        );
        for (int k = 0; k < quality.ClassNames.Count; k++)
            Add(
                $"<tr><th scope=\"row\">{Text(quality.ClassNames[k])}</th><td class=\"n\">{Count(quality.ClassWeights[k])}</td><td class=\"n\">{Percent(quality.ClassWeights[k] / all)}</td><td class=\"n\">{(quality.ClassWeights[k] > 0 ? Percent(quality.Confusion[k][k] / quality.ClassWeights[k]) : "–")}</td></tr>"
            );
        Add("</tbody></table></div></section>");
    }

    private void WriteQuality(ModelQuality quality)
    {
        Add(
            "<section id=\"quality\"><h2>How good the scores are</h2><div class=\"scroll\"><table class=\"meanings one\"><thead><tr><th>measure</th><th class=\"n\">value</th><th>meaning</th></tr></thead><tbody>"
        );
        Measure("accuracy", Percent(quality.Accuracy), "the share of rows whose class is predicted");
        Measure("macro accuracy", Percent(quality.MacroAccuracy), "the mean of that share over the classes");
        Measure("log-loss", Number(quality.LogLoss), "the mean of −ln of the right class's probability, in nats");
        Measure(
            "classes alone",
            Number(quality.ClassEntropy),
            "the log-loss of whoever knows the classes' shares alone"
        );
        foreach (RocCurve curve in quality.RocCurves)
            Measure(
                $"AUC, {Text(quality.ClassNames[curve.Class])}",
                Number(curve.Area),
                "the area under the ROC curve: how probably a row of the class has a larger score than another one"
            );
        Measure(
            "calibration error",
            Number(quality.CalibrationError),
            "the mean difference between what is said to be probable and what is frequent"
        );
        Add("</tbody></table></div>");
        if (quality.RocCurves.Any(curve => double.IsFinite(curve.Area)))
            Figure(
                QualityPlot.DrawRoc(quality, "Receiver operating characteristic"),
                "For every threshold of a class's probability: the share of its rows that are above it, by the share of the others' rows that are. The diagonal is chance.",
                isSquare: true
            );
        Figure(
            QualityPlot.DrawCalibration(quality, "Calibration"),
            $"How frequent what is predicted is, by its probability, in ten bins: {(quality.ClassNames.Count == 2 ? $"of {quality.ClassNames[1]}" : "of the predicted class")}. On the diagonal probabilities are as frequent as they say; the larger a dot, the more rows.",
            isSquare: true
        );
        if (quality.ClassNames.Count <= MostClassesInTables)
            WriteConfusion(quality);
        Add("</section>");

        void Measure(string name, string value, string meaning) =>
            Add($"<tr><th scope=\"row\">{name}</th><td class=\"n\">{value}</td><td>{meaning}</td></tr>");
    }

    private void WriteConfusion(ModelQuality quality)
    {
        Add(
            "<h3>What is taken for what</h3><p>Rows by their class, down, and by the predicted one, across.</p><div class=\"scroll tall\"><table class=\"features confusion\"><thead><tr><th></th>"
        );
        foreach (string name in quality.ClassNames)
            Add($"<th class=\"n\">{Text(name)}</th>");
        Add("</tr></thead><tbody>");
        for (int label = 0; label < quality.ClassNames.Count; label++)
        {
            Add($"<tr><th scope=\"row\">{Text(quality.ClassNames[label])}</th>");
            for (int predicted = 0; predicted < quality.ClassNames.Count; predicted++)
            {
                double share = quality.Confusion[label][predicted] / Math.Max(quality.ClassWeights[label], 1e-30);
                Add(
                    $"<td class=\"n\"{Shade(label == predicted ? -share : share)}>{Count(quality.Confusion[label][predicted])}</td>"
                );
            }

            Add("</tr>");
        }

        Add("</tbody></table></div>");
    }

    private void WriteExamples(ScoreReport scores)
    {
        Add(
            """
            <section id="examples"><h2>Why a few rows have their scores</h2>
            <p>The rows that are predicted most surely, rightly and wrongly, and the one of most doubt. A contribution is a feature's part
            in the log-odds of the class, ln(p / (1 − p)) of its probability p, in nats: more than 0 where it speaks for the class.
            The base, the log-odds of a row that is as the mean, and all contributions add up to them.</p>
            """
        );
        if (scores.Obstacle is string obstacle)
            Add($"<p class=\"note\"><b>No contributions.</b> {Text(obstacle)}</p>");
        foreach (ExplainedExample example in scores.Examples)
            WriteExample(example, scores.Quality.ClassNames);
        Add("</section>");
    }

    private void WriteExample(ExplainedExample of, IReadOnlyList<string> classNames)
    {
        (ScoredExample example, float[] features, RowExplanation why) = of;
        int predicted = example.Predicted;
        Add(
            $"<h3>Row {example.Row.ToString(CultureInfo.InvariantCulture)}: {Text(classNames[predicted])} with {Number(example.Probability)}, and it is {Text(classNames[example.Label])}</h3>"
        );
        if (_imageWidth is int width)
        {
            Figure(
                ContributionPlot.Draw(why, classNames, width, "Contributions to each class"),
                "Red points speak for the class, blue ones against it."
            );
            return;
        }

        IReadOnlyList<float> contributions = why.Contributions[predicted];
        int[] order = [.. Enumerable.Range(0, features.Length).OrderByDescending(i => Math.Abs(contributions[i]))];
        int[] shown = [.. order.Take(FeaturesOfExample)];
        double scale = Math.Max(shown.Select(i => Math.Abs(contributions[i])).DefaultIfEmpty().Max(), 1e-30f);
        Add(
            "<div class=\"scroll\"><table class=\"features contributions\"><thead><tr><th>feature</th><th class=\"n\">value</th><th class=\"n\">contribution</th></tr></thead><tbody>"
        );
        foreach (int i in shown)
            Row(
                Text(_featureNames?[i] is { Length: > 0 } name ? name : i.ToString(CultureInfo.InvariantCulture)),
                features[i].ToString("G4", CultureInfo.InvariantCulture),
                contributions[i],
                Shade(contributions[i] / scale)
            );
        if (order.Length > shown.Length)
            Row(
                Invariant($"the other {order.Length - shown.Length:N0}"),
                "",
                order.Skip(shown.Length).Sum(i => (double)contributions[i]),
                ""
            );
        Row("base", "", why.Base[predicted], "");
        Add(
            $"</tbody><tfoot><tr><th>log-odds</th><td></td><td class=\"n\">{Number(why.Base[predicted] + contributions.Sum(value => (double)value))}</td></tr></tfoot></table></div>"
        );

        void Row(string name, string value, double contribution, string shade) =>
            Add(
                $"<tr><th scope=\"row\">{name}</th><td class=\"n\">{value}</td><td class=\"n\"{shade}>{Number(contribution)}</td></tr>"
            );
    }

    // Whole numbers where rows are not weighed.
    private static string Count(double weight) => weight.ToString("#,0.##", CultureInfo.InvariantCulture);
}
