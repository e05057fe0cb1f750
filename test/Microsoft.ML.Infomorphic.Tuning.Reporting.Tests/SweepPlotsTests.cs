using System.Xml.Linq;
using Microsoft.ML.Infomorphic.Reporting;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting.Tests;

[TestClass]
public sealed class SweepPlotsTests
{
    private static readonly StoredTrial[] s_trials = TinyStudy.Trials();

    [TestMethod]
    [DataRow("history")]
    [DataRow("curves")]
    [DataRow("importance")]
    [DataRow("ablation")]
    [DataRow("slice {F}{C}")]
    [DataRow("slice rate")]
    [DataRow("slice bins")]
    [DataRow("slice kind")]
    [DataRow("contour strong rate")]
    [DataRow("contour kind bins")]
    public void Plots_are_had_as_PNG_and_as_SVG(string name)
    {
        Picture picture = Draw(name, s_trials);
        using SKBitmap bitmap = SKBitmap.Decode(picture.ToPng());
        Assert.AreEqual((picture.Width, picture.Height), (bitmap.Width, bitmap.Height));
        Assert.IsGreaterThan(2, bitmap.Pixels.Distinct().Take(3).Count());
        string svg = picture.ToSvg();
        Assert.AreEqual("svg", XDocument.Parse(svg).Root!.Name.LocalName);
    }

    [TestMethod]
    public void A_single_trial_is_drawn()
    {
        StoredTrial[] one = [s_trials[0]];
        foreach (string name in new[] { "history", "curves", "slice rate", "contour strong rate" })
            Assert.IsNotEmpty(Draw(name, one).ToPng());
    }

    [TestMethod]
    public void Equal_values_have_one_colour()
    {
        StoredTrial[] equal = [.. s_trials.Where(t => t.Value is not null).Select(t => t with { Value = 0.547619 })];
        using SKBitmap bitmap = SKBitmap.Decode(Draw("contour strong rate", equal).ToPng());
        using SKBitmap other = SKBitmap.Decode(Draw("contour strong rate", s_trials).ToPng());
        // In the map, left of the scale: white, the dots and one colour; the rest is where lines meet them.
        Assert.HasCount(1, Areas(bitmap));
        Assert.IsGreaterThan(3, Areas(other).Length);

        static SKColor[] Areas(SKBitmap map) =>
            [
                .. Enumerable
                    .Range(0, map.Width * map.Height)
                    .Where(i => i % map.Width < map.Width * 3 / 4)
                    .Select(i => map.GetPixel(i % map.Width, i / map.Width))
                    .Where(color => color != SKColors.White)
                    .CountBy(color => color)
                    .Where(color => color.Value > 3000)
                    .Select(color => color.Key),
            ];
    }

    [TestMethod]
    public void The_best_trial_is_best_in_the_sweeps_direction()
    {
        Assert.AreEqual(
            s_trials.Max(t => t.Value),
            CompletedTrials.Best(s_trials, OptimizationDirection.Maximize).Value
        );
        Assert.AreEqual(
            s_trials.Min(t => t.Value),
            CompletedTrials.Best(s_trials, OptimizationDirection.Minimize).Value
        );
    }

    [TestMethod]
    public void What_cannot_be_drawn_is_refused()
    {
        StoredTrial[] none = [.. s_trials.Where(t => t.State == StoredTrialState.Failed)];
        foreach (string name in new[] { "history", "curves", "slice rate", "contour strong rate" })
            StringAssert.StartsWith(
                Assert.Throws<ArgumentException>(() => Draw(name, none)).Message,
                "There is no completed trial to draw."
            );
        Assert.Throws<ArgumentException>(() => Draw("slice nothing", s_trials));
        Assert.Throws<ArgumentException>(() => Draw("contour rate rate", s_trials));
    }

    private static Picture Draw(string name, StoredTrial[] trials) =>
        name.Split(' ') switch
        {
            ["history"] => TrialHistoryPlot.Draw(trials, "accuracy", OptimizationDirection.Maximize, "History"),
            ["curves"] => TrialCurvesPlot.Draw(trials, "accuracy", OptimizationDirection.Maximize, "Curves"),
            ["importance"] => ImportancePlot.Draw([new("a", 0.7), new("b", 0.3)], "Importance"),
            ["ablation"] => ImportancePlot.Draw(
                [new Ablation("{F}", 1, 0.9, 0.5), new Ablation("{C}", 1, 0.9, 0.91)],
                "accuracy",
                "Ablation"
            ),
            ["slice", string parameter] => SlicePlot.Draw(
                trials,
                parameter,
                "accuracy",
                OptimizationDirection.Maximize
            ),
            ["contour", string x, string y] => ContourPlot.Draw(
                trials,
                x,
                y,
                "accuracy",
                OptimizationDirection.Maximize
            ),
            _ => throw new ArgumentException(name),
        };
}
