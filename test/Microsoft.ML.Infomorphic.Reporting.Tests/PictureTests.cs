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
    public void A_picture_has_its_data_as_PNG_and_as_SVG(string name)
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

        // The same again; and where one number is another, neither format is the same.
        CollectionAssert.AreEqual(picture.ToPng(), Draw(name).ToPng());
        AssertSame(picture, Draw(name));
        Picture other = Draw(name, isOther: true);
        CollectionAssert.AreNotEqual(picture.ToPng(), other.ToPng());
        Assert.AreNotEqual(ToText(picture), ToText(other));
    }

    [TestMethod]
    public void Curves_and_dots_lie_where_the_numbers_are()
    {
        IReadOnlyList<EpochRecord> epochs = s_model.History.Epochs;
        AssertCurve("learning curve", epoch => 100 * epoch.TrainingAccuracy);
        AssertCurve("learning curve", epoch => 100 * epoch.ValidationAccuracy!.Value);
        AssertCurve("self-cosine distance", epoch => Math.Log10(epoch.HiddenLayers[0].SelfCosineDistance));
        for (int atom = 0; atom < 19; atom++)
        {
            int of = atom;
            AssertCurve("atoms by epoch", epoch => epoch.HiddenLayers[0].Atoms[of]);
        }

        (double X, double Y)[] path =
        [
            .. epochs.Select(epoch => (epoch.HiddenLayers[0].Goal, 100 * epoch.ValidationAccuracy!.Value)),
        ];
        Assert.IsTrue(Fits(path, Dots("goal and accuracy")));

        // One line an atom, the first one on top, each with a dot a neuron.
        LayerInsight layer = s_insight.HiddenLayers[0];
        (double X, double Y)[] dots = Dots("atoms by neuron");
        double[] values =
        [
            .. Enumerable
                .Range(0, 18)
                .SelectMany(atom => layer.Neurons.Select(neuron => neuron.Information.Atoms[atom])),
            .. layer.Neurons.Select(neuron => neuron.Information.ResidualEntropy),
        ];
        Assert.HasCount(values.Length, dots);
        Assert.IsTrue(IsLinear(values, [.. dots.Select(dot => dot.X)], rises: true));
        double[] heights = [.. dots.Chunk(TinyModel.Hidden).Select(line => line.Average(dot => dot.Y))];
        CollectionAssert.AreEqual(heights.Order().ToArray(), heights);

        void AssertCurve(string name, Func<EpochRecord, double> value) =>
            Assert.IsTrue(
                Paths(name)
                    .Any(places => Fits([.. epochs.Select(epoch => ((double)epoch.Epoch, value(epoch)))], places)),
                name
            );
    }

    [TestMethod]
    [DataRow("three sources")]
    [DataRow("two sources")]
    public void An_area_of_a_diagram_says_what_its_atom_comes_to(string name)
    {
        bool isThree = name == "three sources";
        LayerInsight layer = isThree ? s_insight.HiddenLayers[0] : s_insight.OutputLayer;
        NeuronInformation information = isThree ? layer.Neurons[0].Information : layer.Mean;
        string[] texts = [.. Elements(Draw(name), "text").Select(text => text.Value.Trim())];
        for (int atom = 0; atom < layer.AtomNames.Count; atom++)
            Assert.AreEqual(
                Numbers.Format(information.Atoms[atom]),
                texts[Array.IndexOf(texts, layer.AtomNames[atom]) + 1]
            );
        Assert.AreEqual(Numbers.Format(information.ResidualEntropy), texts[Array.IndexOf(texts, "H_res") + 1]);
    }

    [TestMethod]
    public void Counts_of_confusions_lie_in_the_row_of_the_true_and_the_column_of_the_predicted_class()
    {
        XElement[] texts = [.. Elements(Draw("confusions"), "text")];
        (double X, double Y) first = PlaceOf("52");
        Assert.IsGreaterThan(first.X, PlaceOf("13").X);
        Assert.AreEqual(first.Y, PlaceOf("13").Y);
        Assert.AreEqual(first.X, PlaceOf("34").X);
        Assert.IsGreaterThan(first.Y, PlaceOf("34").Y);
        Assert.AreEqual((PlaceOf("13").X, PlaceOf("34").Y), PlaceOf("71"));

        (double X, double Y) PlaceOf(string count) =>
            PictureTests.PlaceOf(
                Translation().Match(texts.Single(text => text.Value.Trim() == count).Attribute("transform")!.Value)
            );
    }

    [TestMethod]
    public void A_receptive_field_is_red_where_a_weight_is_positive_and_blue_where_it_is_negative()
    {
        using SKBitmap field = ReceptiveFieldPlot.DrawField([1, -1, 0, 0.5f, 0, -0.5f], 3);
        Assert.AreEqual((3, 2), (field.Width, field.Height));
        SKColor[] colours = [.. Enumerable.Range(0, 6).Select(i => field.GetPixel(i % 3, i / 3))];
        CollectionAssert.AreEqual(
            new[] { 1, -1, 0, 1, 0, -1 },
            colours.Select(colour => Math.Sign(colour.Red - colour.Blue)).ToArray()
        );

        // And the darker the larger it is.
        Assert.IsLessThan(Lightness(colours[3]), Lightness(colours[0]));
        Assert.IsLessThan(Lightness(colours[5]), Lightness(colours[1]));
        Assert.IsLessThan(Lightness(colours[2]), Lightness(colours[3]));

        static int Lightness(SKColor colour) => colour.Red + colour.Green + colour.Blue;
    }

    [TestMethod]
    [DataRow("three sources", 19)]
    [DataRow("two sources", 5)]
    public void A_diagram_names_every_atom_once_and_no_text_covers_another(string name, int areas)
    {
        XElement[] texts = [.. Elements(Draw(name), "text")];
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
    public void A_picture_is_saved_in_the_format_of_its_extension()
    {
        string folder = Directory.CreateTempSubdirectory("picture").FullName;
        try
        {
            Picture picture = Draw("goal and accuracy");
            picture.Save(Path.Combine(folder, "a.svg"));
            picture.Save(Path.Combine(folder, "a.png"));
            StringAssert.Contains(File.ReadAllText(Path.Combine(folder, "a.svg")), "<svg ");
            CollectionAssert.AreEqual(picture.ToPng(), File.ReadAllBytes(Path.Combine(folder, "a.png")));
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

    // The other one differs in the last epoch, in a neuron, in a weight or in a count.
    private static Picture Draw(string name, bool isOther = false)
    {
        LayerInsight hidden = s_insight.HiddenLayers[0];
        TrainingHistory history = s_model.History;
        if (isOther)
        {
            EpochRecord last = history.Epochs[^1];
            LayerProgress layer = last.HiddenLayers[0];
            last = last with
            {
                TrainingAccuracy = last.TrainingAccuracy - 0.05,
                ValidationAccuracy = last.ValidationAccuracy - 0.05,
                HiddenLayers =
                [
                    new LayerProgress(
                        0.9 * layer.Goal,
                        [.. layer.Atoms.Select(atom => 0.9 * atom)],
                        0.5 * layer.SelfCosineDistance
                    ),
                ],
            };
            history = history with { Epochs = [.. history.Epochs.SkipLast(1), last] };
            hidden = new LayerInsight(
                s_model.Network,
                0,
                [hidden.Neurons[0] with { Information = hidden.Neurons[1].Information }, .. hidden.Neurons.Skip(1)]
            );
        }

        float[] weights = [.. hidden.Layer.Sources[0].Projections[0].Weights];
        weights[^1] += isOther ? 1 : 0;
        LayerInsight output = s_insight.OutputLayer;
        return name switch
        {
            "learning curve" => LearningCurvePlot.Draw(history, name),
            "atoms by epoch" => AtomHistoryPlot.Draw(history, [.. hidden.AtomNames, "H_res"], name),
            "goal and accuracy" => GoalAccuracyPlot.Draw(history, name),
            "self-cosine distance" => SelfCosineDistancePlot.Draw(history, name),
            "atoms by neuron" => NeuronAtomsPlot.Draw(hidden, name),
            "receptive fields" => ReceptiveFieldPlot.Draw(weights, 8, 8, name),
            "three sources" => InformationDiagram.Draw(hidden, hidden.Neurons[0].Information, name),
            "two sources" => InformationDiagram.Draw(
                output,
                isOther ? output.Neurons[0].Information : output.Mean,
                name
            ),
            _ => ConfusionPlot.Draw(
                [
                    [52, 13],
                    [34, isOther ? 72 : 71],
                ],
                "class",
                name
            ),
        };
    }

    private static IEnumerable<XElement> Elements(Picture picture, string name) =>
        XDocument.Parse(picture.ToSvg()).Descendants().Where(element => element.Name.LocalName == name);

    // Where the corners of lines are.
    private static IEnumerable<(double X, double Y)[]> Paths(string name) =>
        Elements(Draw(name), "path")
            .Select(path => Corner().Matches(path.Attribute("d")!.Value).Select(PlaceOf).ToArray());

    private static (double X, double Y) PlaceOf(Match place) =>
        (
            double.Parse(place.Groups[1].Value, CultureInfo.InvariantCulture),
            double.Parse(place.Groups[2].Value, CultureInfo.InvariantCulture)
        );

    private static (double X, double Y)[] Dots(string name) =>
        [
            .. Elements(Draw(name), "ellipse")
                .Where(dot => dot.Attribute("fill")?.Value is string fill && fill != "none")
                .Select(dot => ((double)dot.Attribute("cx")!, (double)dot.Attribute("cy")!)),
        ];

    // To the right and upwards, as the axes have it.
    private static bool Fits((double X, double Y)[] numbers, (double X, double Y)[] places) =>
        numbers.Length == places.Length
        && IsLinear([.. numbers.Select(of => of.X)], [.. places.Select(of => of.X)], rises: true)
        && IsLinear([.. numbers.Select(of => of.Y)], [.. places.Select(of => of.Y)], rises: false);

    // To half a pixel.
    private static bool IsLinear(double[] numbers, double[] places, bool rises)
    {
        int least = Array.IndexOf(numbers, numbers.Min());
        int most = Array.IndexOf(numbers, numbers.Max());
        double range = numbers[most] - numbers[least];
        double slope = range == 0 ? 0 : (places[most] - places[least]) / range;
        return (range == 0 || slope > 0 == rises)
            && numbers
                .Zip(places)
                .All(of => Math.Abs(places[least] + slope * (of.First - numbers[least]) - of.Second) < 0.5);
    }

    // SkiaSharp writes where each letter begins, and the height follows from the size.
    private static SKRect Box(XElement text)
    {
        float[] x = [.. Places("x")];
        float y = Places("y").First();
        float size = float.Parse(text.Attribute("font-size")!.Value, CultureInfo.InvariantCulture);
        return new SKRect(x.Min(), y - 0.72f * size, x.Max() + 0.5f * size, y);

        IEnumerable<float> Places(string name) =>
            text.Attribute(name)!
                .Value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)
                .Select(number => float.Parse(number, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("[ML](-?[0-9.]+) (-?[0-9.]+)")]
    private static partial Regex Corner();

    [GeneratedRegex("translate.([0-9.]+) ([0-9.]+)")]
    private static partial Regex Translation();

    [GeneratedRegex("cl_[0-9a-f]+")]
    private static partial Regex ClipNumber();
}
