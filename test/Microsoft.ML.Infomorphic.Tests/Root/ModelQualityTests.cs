using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>How good scores are, against ML.NET's own evaluators, and the report on a fitted pipeline that shows it.</summary>
[TestClass]
public sealed class ModelQualityTests
{
    private readonly MLContext _context = new(1);

    [TestMethod]
    public void Measures_of_several_classes_are_the_hosts()
    {
        IDataView data = Samples.View(_context);
        Infomorphic.InfomorphicTrainer.Options options = Samples.Options();
        options.NumberOfEpochs = 3;
        InfomorphicPredictionTransformer trained = _context
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(data);
        MulticlassClassificationMetrics expected = _context.MulticlassClassification.Evaluate(trained.Transform(data));

        ModelQuality actual = trained.Model.Assess(data);

        Assert.AreEqual(Samples.Rows().Count, actual.RowCount);
        Assert.AreEqual(expected.MicroAccuracy, actual.Accuracy, 1e-12);
        Assert.AreEqual(expected.MacroAccuracy, actual.MacroAccuracy, 1e-12);
        Assert.AreEqual(expected.LogLoss, actual.LogLoss, 1e-6);
        Assert.AreEqual(expected.LogLossReduction, 1 - actual.LogLoss / actual.ClassEntropy, 1e-6);
        for (int label = 0; label < Samples.ClassCount; label++)
            CollectionAssert.AreEqual(
                expected.ConfusionMatrix.Counts[label].ToArray(),
                actual.Confusion[label].ToArray()
            );

        // Of pairs of rows of one class and others: in how many the one has the larger score.
        float[][] scores = Samples.Scores(trained.Transform(data));
        int[] labels = [.. data.GetColumn<uint>("Label").Select(key => (int)key - 1)];
        Assert.HasCount(Samples.ClassCount, actual.RocCurves);
        foreach (RocCurve curve in actual.RocCurves)
        {
            double pairs = 0;
            double won = 0;
            for (int one = 0; one < labels.Length; one++)
            for (int other = 0; other < labels.Length; other++)
                if (labels[one] == curve.Class && labels[other] != curve.Class)
                {
                    pairs++;
                    float difference = scores[one][curve.Class] - scores[other][curve.Class];
                    won +=
                        difference > 0 ? 1
                        : difference == 0 ? 0.5
                        : 0;
                }

            Assert.AreEqual(won / pairs, curve.Area, 1e-12);
            CollectionAssert.AreEqual(curve.TruePositiveRates.Order().ToArray(), curve.TruePositiveRates.ToArray());
            Assert.AreEqual(1, curve.FalsePositiveRates[^1]);
        }

        // Rows by the tenth in which the probability of the predicted class is.
        double error = Enumerable
            .Range(0, labels.Length)
            .GroupBy(row => Math.Min((int)(10 * (double)scores[row].Max()), 9))
            .Sum(bin =>
                Math.Abs(bin.Sum(row => scores[row].Max() - (labels[row] == IndexOfLargest(scores[row]) ? 1.0 : 0)))
            );
        Assert.AreEqual(error / labels.Length, actual.CalibrationError, 1e-6);
        Assert.AreEqual(labels.Length, actual.CalibrationCurve.Sum(bin => bin.Weight));
    }

    [TestMethod]
    public void Measures_of_two_classes_are_the_hosts_and_a_report_on_the_pipeline_shows_them()
    {
        IDataView data = BinarySamples.View(_context, BinarySamples.Rows(300));
        var pipeline = _context
            .Transforms.CopyColumns("Inputs", "Features")
            .Append(
                BinarySamples.Trainer(
                    _context,
                    options =>
                    {
                        options.FeatureColumnName = "Inputs";
                        options.NumberOfEpochs = 5;
                    }
                )
            )
            .Fit(data);
        CalibratedBinaryClassificationMetrics expected = _context.BinaryClassification.Evaluate(
            pipeline.Transform(data)
        );
        ModelQuality quality = pipeline.LastTransformer.Model.Assess(data);
        Assert.AreEqual(expected.Accuracy, quality.Accuracy, 1e-12);
        Assert.AreEqual(expected.AreaUnderRocCurve, quality.RocCurves.Single().Area, 1e-9);
        Assert.AreEqual(expected.LogLoss * Math.Log(2), quality.LogLoss, 1e-6);
        Assert.AreEqual(expected.Entropy * Math.Log(2), quality.ClassEntropy, 1e-9);

        string path = Path.GetTempFileName();
        try
        {
            InfomorphicReport.WriteForPipeline(pipeline, data, path);
            string html = File.ReadAllText(path);
            foreach (string section in new[] { "rows", "quality", "features", "examples", "neurons", "goal" })
                Assert.Contains($"<section id=\"{section}\">", html);
            Assert.Contains(
                FormattableString.Invariant($"AUC, True</th><td class=\"n\">{expected.AreaUnderRocCurve:F3}</td>"),
                html
            );
            Assert.Contains(
                FormattableString.Invariant($"accuracy</th><td class=\"n\">{100 * expected.Accuracy:0.0} %</td>"),
                html
            );
            foreach (ScoredExample example in quality.Examples)
            {
                float[] row = BinarySamples.Rows(300)[(int)example.Row].Features;
                RowExplanation why = pipeline.LastTransformer.Model.ExplainRow(row);
                double logOdds =
                    why.Base[example.Predicted] + why.Contributions[example.Predicted].Sum(value => (double)value);
                Assert.AreEqual(Math.Log(example.Probability / (1 - example.Probability)), logOdds, 1e-3);
                Assert.Contains(
                    FormattableString.Invariant(
                        $"<tr><th>log-odds</th><td></td><td class=\"n\">{Math.Abs(logOdds):F3}</td></tr>"
                    ),
                    html.Replace("−", "", StringComparison.Ordinal)
                );
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void A_pipeline_without_a_model_of_ours_is_refused_and_names_what_it_has()
    {
        IDataView data = BinarySamples.View(_context);
        ITransformer pipeline = _context.Transforms.CopyColumns("Inputs", "Features").Fit(data);
        Assert.Contains(
            "ColumnCopyingTransformer",
            Assert.ThrowsExactly<ArgumentException>(() => InfomorphicReport.CreateForPipeline(pipeline, data)).Message
        );
    }

    private static int IndexOfLargest(float[] scores) => Array.IndexOf(scores, scores.Max());
}
