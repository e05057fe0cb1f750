using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Training;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public sealed partial class PictureTests
{
    private static readonly MLContext s_mlContext = new(1);
    private static readonly InfomorphicModelParameters s_model = TinyModel.Create(s_mlContext);
    private static readonly NetworkInsight s_insight = s_model.Explain(TinyModel.Data(s_mlContext));

    [TestMethod]
    [DataRow("learning curve")]
    [DataRow("atoms by epoch")]
    [DataRow("goal and accuracy")]
    [DataRow("self-cosine distance")]
    [DataRow("atoms by neuron")]
    [DataRow("receptive fields")]
    [DataRow("three sources")]
    [DataRow("two sources")]
    [DataRow("confusions")]
    public void Is_had_in_both_formats(string name)
    {
        Picture picture = Draw(name);
        using SKBitmap bitmap = SKBitmap.Decode(picture.ToPng());
        Assert.AreEqual((picture.Width, picture.Height), (bitmap.Width, bitmap.Height));
        Assert.IsGreaterThan(2, bitmap.Pixels.Distinct().Take(3).Count());

        XElement svg = XDocument.Parse(picture.ToSvg()).Root!;
        Assert.AreEqual($"0 0 {picture.Width} {picture.Height}", svg.Attribute("viewBox")!.Value);
        foreach (XElement text in svg.Descendants().Where(element => element.Name.LocalName == "text"))
        {
            string? size = text.AncestorsAndSelf()
                .Select(element => element.Attribute("font-size")?.Value)
                .FirstOrDefault(value => value is not null);
            Assert.IsGreaterThanOrEqualTo(11, double.Parse(size!, CultureInfo.InvariantCulture));
        }
    }

    [TestMethod]
    [DataRow("three sources", 19)]
    [DataRow("two sources", 5)]
    public void A_diagram_names_every_atom_once_and_no_text_covers_another(string name, int areas)
    {
        XElement svg = XDocument.Parse(Draw(name).ToSvg()).Root!;
        XElement[] texts = [.. svg.Descendants().Where(element => element.Name.LocalName == "text")];
        string[] names =
        [
            .. texts.Select(text => text.Value.Trim()).Where(text => text.StartsWith('{') || text == "H_res"),
        ];
        Assert.HasCount(areas, names);
        CollectionAssert.AllItemsAreUnique(names);

        SKRect[] boxes = [.. texts.Select(Box)];
        for (int i = 0; i < boxes.Length; i++)
        for (int j = 0; j < i; j++)
            Assert.IsFalse(boxes[i].IntersectsWith(boxes[j]), $"{texts[i].Value} covers {texts[j].Value}");
    }

    [TestMethod]
    public void Is_saved_by_its_extension()
    {
        string folder = Directory.CreateTempSubdirectory("picture").FullName;
        try
        {
            Picture picture = Draw("goal and accuracy");
            picture.Save(Path.Combine(folder, "a.svg"));
            picture.Save(Path.Combine(folder, "a.png"));
            Assert.ThrowsExactly<ArgumentException>(() => picture.Save(Path.Combine(folder, "a.gif")));
            CollectionAssert.AreEquivalent(
                new[] { "a.png", "a.svg" },
                Directory.GetFiles(folder).Select(Path.GetFileName).ToArray()
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_single_epoch_and_neurons_of_no_shape_are_refused_or_drawn()
    {
        TrainingHistory one = TinyModel.Create(s_mlContext, epochs: 1).History;
        Assert.IsNotEmpty(LearningCurvePlot.Draw(one, "one").ToPng());
        Assert.IsNotEmpty(GoalAccuracyPlot.Draw(one, "one").ToPng());
        Assert.IsNotEmpty(SelfCosineDistancePlot.Draw(one, "one").ToPng());
        // Turned by nothing that single precision tells, and not measured.
        EpochRecord epoch = one.Epochs[0];
        TrainingHistory still = one with { Epochs = [Turned(epoch, 0)] };
        Assert.IsNotEmpty(SelfCosineDistancePlot.Draw(still, "still").ToPng());
        TrainingHistory unmeasured = one with { Epochs = [Turned(epoch, double.NaN)] };
        Assert.ThrowsExactly<ArgumentException>(() => SelfCosineDistancePlot.Draw(unmeasured, "unmeasured"));
        TrainingHistory none = TinyModel.Create(s_mlContext, epochs: 0).History;
        Assert.ThrowsExactly<ArgumentException>(() => LearningCurvePlot.Draw(none, "none"));
        Assert.ThrowsExactly<ArgumentException>(() => GoalAccuracyPlot.Draw(none, "none"));
        Assert.ThrowsExactly<ArgumentException>(() => SelfCosineDistancePlot.Draw(none, "none"));
        Assert.ThrowsExactly<ArgumentException>(() => AtomHistoryPlot.Draw(none, [], "none"));
        Assert.ThrowsExactly<ArgumentException>(() => ReceptiveFieldPlot.Draw(new float[65], 8, 8, "65"));

        static EpochRecord Turned(EpochRecord epoch, double distance) =>
            epoch with
            {
                HiddenLayers = [epoch.HiddenLayers[0] with { SelfCosineDistance = distance }],
            };
    }

    [TestMethod]
    public void The_history_of_every_layer_is_drawn_over_the_epochs_in_which_it_learned()
    {
        TrainingHistory history = TinyModel.Create(s_mlContext, network: TinyModel.Deep()).History;
        string[] pictures = [.. Enumerable.Range(0, 2).SelectMany(Draw), .. Draw(3)];
        CollectionAssert.AllItemsAreUnique(pictures);
        StringAssert.Contains(pictures[1], "neurons of hidden layer 1");
        StringAssert.Contains(pictures[4], "neurons of hidden layer 2");
        StringAssert.Contains(pictures[^1], "output neurons");

        // The first one by default.
        AssertSame(GoalAccuracyPlot.Draw(history, "a", 0), GoalAccuracyPlot.Draw(history, "a"));
        // What did not learn.
        Assert.ThrowsExactly<ArgumentException>(() => AtomHistoryPlot.Draw(history, Names(19), "a", 2));
        Assert.ThrowsExactly<ArgumentException>(() => GoalAccuracyPlot.Draw(history, "a", 2));
        Assert.ThrowsExactly<ArgumentException>(() => SelfCosineDistancePlot.Draw(history, "a", 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => GoalAccuracyPlot.Draw(history, "a", 4));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => GoalAccuracyPlot.Draw(history, "a", -1));

        // One after another: the second layer learns when the first one is done.
        TrainingHistory bottomUp = history with
        {
            Epochs =
            [
                .. history.Epochs.Select(epoch =>
                    epoch with
                    {
                        HiddenLayers =
                            epoch.Epoch > 6
                                ? [LayerProgress.None, epoch.HiddenLayers[1], LayerProgress.None]
                                : [epoch.HiddenLayers[0], LayerProgress.None, LayerProgress.None],
                    }
                ),
            ],
        };
        TrainingHistory last = history with { Epochs = [.. history.Epochs.Skip(6)] };
        AssertSame(AtomHistoryPlot.Draw(last, Names(5), "a", 1), AtomHistoryPlot.Draw(bottomUp, Names(5), "a", 1));
        AssertSame(GoalAccuracyPlot.Draw(last, "a", 1), GoalAccuracyPlot.Draw(bottomUp, "a", 1));
        AssertSame(SelfCosineDistancePlot.Draw(last, "a", 1), SelfCosineDistancePlot.Draw(bottomUp, "a", 1));

        // No distances are measured of the output layer.
        string[] Draw(int layer) =>
            [
                ToText(AtomHistoryPlot.Draw(history, Names(layer == 0 ? 19 : 5), "a", layer)),
                ToText(GoalAccuracyPlot.Draw(history, "a", layer)),
                .. layer == 3 ? [] : new[] { ToText(SelfCosineDistancePlot.Draw(history, "a", layer)) },
            ];

        static string[] Names(int count) => [.. Enumerable.Range(0, count).Select(atom => $"atom {atom}")];
    }

    private static void AssertSame(Picture expected, Picture actual) =>
        Assert.IsTrue(ToText(expected) == ToText(actual), "The pictures differ.");

    // SkiaSharp numbers its clips.
    private static string ToText(Picture picture) => ClipNumber().Replace(picture.ToSvg(), "clip");

    private static Picture Draw(string name)
    {
        LayerInsight hidden = s_insight.HiddenLayers[0];
        return name switch
        {
            "learning curve" => LearningCurvePlot.Draw(s_model.History, name),
            "atoms by epoch" => AtomHistoryPlot.Draw(s_model.History, [.. hidden.AtomNames, "H_res"], name),
            "goal and accuracy" => GoalAccuracyPlot.Draw(s_model.History, name),
            "self-cosine distance" => SelfCosineDistancePlot.Draw(s_model.History, name),
            "atoms by neuron" => NeuronAtomsPlot.Draw(hidden, name),
            "receptive fields" => ReceptiveFieldPlot.Draw(hidden.Layer.Sources[0].Projections[0].Weights, 8, 8, name),
            "three sources" => InformationDiagram.Draw(hidden, hidden.Neurons[0].Information, name),
            "two sources" => InformationDiagram.Draw(s_insight.OutputLayer, s_insight.OutputLayer.Mean, name),
            _ => ConfusionPlot.Draw(
                [
                    [5, 1],
                    [0, 7],
                ],
                "class",
                name
            ),
        };
    }

    // SkiaSharp writes where each letter begins, and the height follows from the size.
    private static SKRect Box(XElement text)
    {
        float[] x = [.. Numbers("x")];
        float y = Numbers("y").First();
        float size = float.Parse(text.Attribute("font-size")!.Value, CultureInfo.InvariantCulture);
        return new SKRect(x.Min(), y - 0.72f * size, x.Max() + 0.5f * size, y);

        IEnumerable<float> Numbers(string name) =>
            text.Attribute(name)!
                .Value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(number => float.Parse(number, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("cl_[0-9a-f]+")]
    private static partial Regex ClipNumber();
}
