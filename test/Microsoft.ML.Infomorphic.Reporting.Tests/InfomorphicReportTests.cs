using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public sealed partial class InfomorphicReportTests : IDisposable
{
    private readonly MLContext _mlContext = new(1);
    private readonly string _folder = Directory.CreateTempSubdirectory("report").FullName;

    private string ReportPath => Path.Combine(_folder, "report.html");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void The_numbers_embedded_in_a_report_are_those_of_the_interface()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        IDataView data = TinyModel.Data(_mlContext);
        InfomorphicReport.Write(model, data, ReportPath);
        NetworkInsight insight = model.Explain(data);

        ReportData embedded = ReportData.FromJson(EmbeddedData().Match(File.ReadAllText(ReportPath)).Groups[1].Value);

        Assert.AreEqual(insight.Method, embedded.Method);
        Assert.AreEqual(150, embedded.Rows);
        CollectionAssert.AreEqual(TinyModel.ClassNames, embedded.Classes.ToArray());
        Assert.HasCount(2, embedded.Layers);
        foreach ((LayerInsight layer, ReportData.LayerData shown) in insight.Layers.Zip(embedded.Layers))
        {
            CollectionAssert.AreEqual(layer.AtomNames.ToArray(), shown.Atoms.ToArray());
            AssertSame(layer.Mean, shown.Mean);
            AssertSame(layer.StandardDeviation, shown.StandardDeviation);
            Assert.HasCount(layer.Neurons.Count, shown.Neurons);
            foreach ((NeuronInsight expected, NeuronInsight actual) in layer.Neurons.Zip(shown.Neurons))
            {
                AssertSame(expected.Information, actual.Information);
                CollectionAssert.AreEqual(expected.ClassResponses.ToArray(), actual.ClassResponses.ToArray());
                CollectionAssert.AreEqual(expected.MostTypical.ToArray(), actual.MostTypical.ToArray());
                CollectionAssert.AreEqual(expected.LeastTypical.ToArray(), actual.LeastTypical.ToArray());
            }
        }
    }

    // Whole reports by as many threads, and what they and pictures are written by a hundred times by each.
    [TestMethod]
    public void Eight_threads_write_to_one_path()
    {
        const int Threads = 8;
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        IDataView data = TinyModel.Data(_mlContext);
        AtOnce(_ => InfomorphicReport.Write(model, data, ReportPath));
        StringAssert.EndsWith(File.ReadAllText(ReportPath).Trim(), "</html>");

        string picture = Path.Combine(_folder, "new", "picture.svg");
        byte[][] contents =
        [
            .. Enumerable.Range(0, Threads).Select(thread => Enumerable.Repeat((byte)thread, 1 << 16).ToArray()),
        ];
        AtOnce(thread =>
        {
            for (int i = 0; i < 100; i++)
                ReportFile.Write(picture, contents[thread]);
        });
        byte[] written = File.ReadAllBytes(picture);
        CollectionAssert.AreEqual(contents[written[0]], written);
        Assert.HasCount(2, Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));

        static void AtOnce(Action<int> write)
        {
            Task[] tasks =
            [
                .. Enumerable
                    .Range(0, Threads)
                    .Select(thread => Task.Factory.StartNew(() => write(thread), TaskCreationOptions.LongRunning)),
            ];
            Task.WaitAll(tasks);
        }
    }

    [TestMethod]
    public void A_page_of_one_layer_has_its_sections_alone()
    {
        ReportPage report = InfomorphicReport.Create(
            TinyModel.Create(_mlContext, network: TinyModel.Deep()),
            TinyModel.Data(_mlContext)
        );
        string whole = report.ToHtml();
        report.Save(ReportPath);
        Assert.AreEqual(whole, File.ReadAllText(ReportPath));

        CollectionAssert.AreEqual(
            new[] { "atoms-2", "fields-2", "neurons-2" },
            Sections(report.Layer("hidden 2").ToHtml())
        );
        CollectionAssert.AreEqual(new[] { "output", "output-neurons" }, Sections(report.Layer("output").ToHtml()));
        CollectionAssert.IsSubsetOf(Sections(report.Layer("hidden 2").ToHtml()), Sections(whole));
        StringAssert.Contains(report.Layer("output").ToHtml(), "</html>");
        Assert.AreSame(report.Insight, report.Layer("output").Insight);

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => report.Layer("hidden"));
        StringAssert.Contains(error.Message, "its layers are \"hidden 1\", \"hidden 2\", \"hidden 3\", \"output\".");

        static string[] Sections(string html) => [.. Section().Matches(html).Select(match => match.Groups[1].Value)];
    }

    [GeneratedRegex("<section id=\"([^\"]*)\"")]
    private static partial Regex Section();

    // By names, as .NET Interactive does it.
    [TestMethod]
    public void Notebooks_find_how_to_show_reports_and_pictures()
    {
        ReportPage report = InfomorphicReport.Create(TinyModel.Create(_mlContext), TinyModel.Data(_mlContext));
        Picture picture = NeuronAtomsPlot.Draw(report.Insight.OutputLayer, "Atoms");

        string frame = Format(report);
        StringAssert.StartsWith(frame, "<iframe ");
        Assert.AreEqual(
            report.ToHtml(),
            System.Net.WebUtility.HtmlDecode(frame.Split(" srcdoc=\"")[1].Split("\"></iframe>")[0])
        );
        StringAssert.Contains(Format(picture), $"viewBox=\"0 0 {picture.Width} {picture.Height}\"");

        static string Format(object value)
        {
            object attribute = value
                .GetType()
                .GetCustomAttributes(inherit: true)
                .Single(attribute => attribute.GetType().Name == "TypeFormatterSourceAttribute");
            CollectionAssert.AreEqual(new[] { "text/html" }, (string[])Get(attribute, "PreferredMimeTypes"));
            object source = Activator.CreateInstance((Type)Get(attribute, "FormatterSourceType"))!;
            object formatter = ((System.Collections.IEnumerable)Call(source, "CreateTypeFormatters"))
                .Cast<object>()
                .Single();
            Assert.AreEqual("text/html", Get(formatter, "MimeType"));
            using var writer = new StringWriter();
            Assert.IsTrue((bool)Call(formatter, "Format", value, writer));
            Assert.IsFalse((bool)Call(formatter, "Format", "another", TextWriter.Null));
            return writer.ToString();
        }

        static object Get(object of, string property) => of.GetType().GetProperty(property)!.GetValue(of)!;

        static object Call(object of, string method, params object[] arguments) =>
            of.GetType().GetMethod(method)!.Invoke(of, arguments)!;
    }

    [TestMethod]
    public void The_tables_of_a_report_show_the_numbers_of_the_interface()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        NetworkInsight insight = InfomorphicReport.Write(model, TinyModel.Data(_mlContext), ReportPath);

        string html = File.ReadAllText(ReportPath);
        string table = html[html.IndexOf("<section id=\"neurons\">", StringComparison.Ordinal)..];
        string[][] rows =
        [
            .. TableRow()
                .Matches(table)
                .Take(TinyModel.Hidden)
                .Select(row => TableNumber().Matches(row.Value).Select(cell => cell.Groups[1].Value).ToArray()),
        ];
        foreach ((NeuronInsight neuron, string[] shown) in insight.HiddenLayers[0].Neurons.Zip(rows))
        {
            NeuronInformation information = neuron.Information;
            double[] expected =
            [
                information.Goal!.Value,
                information.Entropy,
                information.MutualInformation,
                information.ResidualEntropy,
                .. information.Atoms,
            ];
            CollectionAssert.AreEqual(expected.Select(value => Numbers.Format(value)).ToArray(), shown);
        }
    }

    [TestMethod]
    public void A_report_needs_no_other_file_and_no_network()
    {
        InfomorphicReport.Write(TinyModel.Create(_mlContext), TinyModel.Data(_mlContext), ReportPath);
        string html = File.ReadAllText(ReportPath);
        foreach (Match match in Reference().Matches(html))
        {
            string target = match.Groups[1].Value;
            Assert.IsTrue(target.StartsWith("data:", StringComparison.Ordinal) || target.StartsWith('#'), target);
        }
        Assert.AreEqual(2, html.Split("<script").Length - 1);
        Assert.DoesNotContain("<b>bold", html, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", html, StringComparison.Ordinal);
    }

    [TestMethod]
    public void Identifiers_in_a_report_are_unique()
    {
        InfomorphicReport.Write(TinyModel.Create(_mlContext), TinyModel.Data(_mlContext), ReportPath);
        string[] identifiers =
        [
            .. Identifier().Matches(File.ReadAllText(ReportPath)).Select(match => match.Groups[1].Value),
        ];
        CollectionAssert.AllItemsAreUnique(identifiers);
    }

    [TestMethod]
    [DataRow(0, 0)]
    [DataRow(8, 6 + 2 * 8 * 9)] // fields of 6 neurons, 8 most and 8 least typical rows of 6 + 3 neurons
    [DataRow(null, 6 + 2 * 8 * 9)]
    public void Features_are_shown_as_images_where_they_are_such(int? width, int images)
    {
        InfomorphicReport.Write(
            TinyModel.Create(_mlContext),
            TinyModel.Data(_mlContext),
            ReportPath,
            new ReportOptions { ImageWidth = width }
        );
        Assert.AreEqual(images, File.ReadAllText(ReportPath).Split("<img class=\"field\"").Length - 1);
    }

    [TestMethod]
    public void A_model_without_history_has_a_report()
    {
        InfomorphicReport.Write(TinyModel.Create(_mlContext, epochs: 0), TinyModel.Data(_mlContext), ReportPath);
        StringAssert.Contains(File.ReadAllText(ReportPath), "without the history");
    }

    [TestMethod]
    [DataRow(true, "they are not trained")]
    [DataRow(false, "No hidden layer")]
    public void Layers_without_a_goal_and_networks_without_a_hidden_layer_have_a_report(bool hasHidden, string part)
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext, network: TinyModel.WithoutGoals(hasHidden));
        InfomorphicReport.Write(model, TinyModel.Data(_mlContext), ReportPath);
        StringAssert.Contains(File.ReadAllText(ReportPath), part);
    }

    [TestMethod]
    public void Encoded_features_are_shown_by_their_names_and_curves()
    {
        // Four features, 15 components each: 64 numbers are no image of 8 × 8 points then.
        float[] knots = [.. Enumerable.Range(0, 16).Select(knot => knot / 10f)];
        InfomorphicModelParameters model = TinyModel.Create(
            _mlContext,
            encoding: new FeatureEncoding([knots, knots, knots, knots])
        );
        IDataView data = TinyModel.Data(_mlContext);
        string[] names = ["age", "<height>", "width", "depth"];
        foreach ((int feature, string name) in names.Index())
            data = _mlContext
                .Transforms.CustomMapping<Points, Number>((row, to) => to.Value = row.Features[feature], null)
                .Append(_mlContext.Transforms.CopyColumns(name, "Value"))
                .Fit(data)
                .Transform(data);
        data = _mlContext.Transforms.Concatenate("Features", names).Fit(data).Transform(data);

        NetworkInsight insight = InfomorphicReport.Write(model, data, ReportPath);

        string html = File.ReadAllText(ReportPath);
        string section = html[html.IndexOf("<section id=\"curves\">", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("</section>", StringComparison.Ordinal)];
        Assert.AreEqual(4 * TinyModel.Hidden, section.Split("<polyline").Length - 1);
        foreach (string name in new[] { "age", "&lt;height&gt;", "width", "depth" })
            Assert.AreEqual(TinyModel.Hidden, section.Split($"<td>{name}<br>").Length - 1, name);
        Assert.DoesNotContain("<section id=\"fields\">", html);
        FeatureCurve curve = insight.HiddenLayers[0].FeatureCurve(2, 1);
        Assert.AreEqual("<height>", curve.Name);
        Assert.HasCount(16, curve.Values);
        string ends = string.Create(
            CultureInfo.InvariantCulture,
            $"0 to 1.5: {curve.Values[0]:G3} to {curve.Values[^1]:G3}"
        );
        Assert.Contains(ends, section);
    }

    [TestMethod]
    public void The_ranking_in_a_report_is_that_of_the_interface()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        IDataView data = TinyModel.Data(_mlContext);
        var settings = new FeatureRankingSettings
        {
            Repeats = 2,
            MaximumRows = 100,
            Seed = 4,
        };
        InfomorphicReport.Write(
            model,
            data,
            ReportPath,
            new ReportOptions
            {
                ImageWidth = 0,
                Features = settings,
                MaximumFeatures = 20,
            }
        );
        FeatureRanking expected = model.RankFeatures(data, settings: settings);
        string html = File.ReadAllText(ReportPath);
        FeatureRanking embedded = ReportData.FromJson(EmbeddedData().Match(html).Groups[1].Value).Features!;

        Assert.AreEqual(100, embedded.RowCount);
        Assert.AreEqual(expected.CrossEntropy, embedded.CrossEntropy);
        Assert.HasCount(TinyModel.Features, embedded.Features);
        foreach ((FeatureInformation of, FeatureInformation shown) in expected.Features.Zip(embedded.Features))
        {
            Assert.AreEqual(of.Name, shown.Name);
            Assert.AreEqual(of.Information, shown.Information);
            Assert.AreEqual(of.AccuracyLoss, shown.AccuracyLoss);
            CollectionAssert.AreEqual(of.ByClass.ToArray(), shown.ByClass.ToArray());
            CollectionAssert.AreEqual(of.ByLayer.ToArray(), shown.ByLayer.ToArray());
            CollectionAssert.AreEqual(of.ByNeuron[0].ToArray(), shown.ByNeuron[0].ToArray());
        }

        string section = html[html.IndexOf("<section id=\"features\">", StringComparison.Ordinal)..];
        section = section[..section.IndexOf("</section>", StringComparison.Ordinal)];
        string[] rows = [.. TableRow().Matches(section).Select(match => match.Value)];
        Assert.HasCount(20, rows);
        foreach ((FeatureInformation of, string row) in expected.Features.Zip(rows))
        {
            Assert.Contains($">{of.Name}</th>", row);
            double[] numbers =
            [
                of.Information.Bits,
                of.Information.Margin,
                .. of.ByClass.Select(estimate => estimate.Bits),
            ];
            string[] cells = [.. TableNumber().Matches(row).Select(match => match.Groups[1].Value)];
            CollectionAssert.AreEqual(
                numbers.Select(value => Numbers.Format(value)).ToArray(),
                cells.Where(cell => !cell.EndsWith("points", StringComparison.Ordinal)).ToArray()
            );
        }
    }

    [TestMethod]
    public void Warnings_of_the_training_are_shown()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext, warnings: ["<No> class was learned."]);
        InfomorphicReport.Write(model, TinyModel.Data(_mlContext), ReportPath);
        Assert.Contains("&lt;No&gt; class was learned.", File.ReadAllText(ReportPath));
    }

    [TestMethod]
    public void Contributions_to_an_image_are_drawn_a_class_a_map()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        float[] row = [.. Enumerable.Range(0, TinyModel.Features).Select(i => i % 7 / 7f)];
        RowExplanation explanation = model.ExplainRow(row);
        Picture picture = ContributionPlot.Draw(explanation, TinyModel.ClassNames, 8, "Why");
        using SKBitmap drawn = SKBitmap.Decode(picture.ToPng());
        int coloured = Enumerable
            .Range(0, drawn.Width * drawn.Height)
            .Count(i =>
                drawn.GetPixel(i % drawn.Width, i / drawn.Width) is { } p && (p.Red != p.Green || p.Green != p.Blue)
            );
        Assert.IsGreaterThan(drawn.Width * drawn.Height / 100, coloured);
        Assert.Throws<ArgumentException>(() => ContributionPlot.Draw(explanation, ["one"], 8, "Why"));
        Assert.Throws<ArgumentException>(() => ContributionPlot.Draw(explanation, TinyModel.ClassNames, 7, "Why"));
    }

    private sealed class Points
    {
        [VectorType(TinyModel.Features)]
        public float[] Features { get; set; } = [];
    }

    private sealed class Number
    {
        public float Value { get; set; }
    }

    [TestMethod]
    public void Every_layer_is_reported()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext, network: TinyModel.Deep());
        NetworkInsight insight = model.Explain(TinyModel.Data(_mlContext));
        var images = new Dictionary<long, float[]>();
        string html = new HtmlReport(insight, null, model, new ReportOptions(), 8, images).ToString();

        string[] sections = [.. SectionIdentifier().Matches(html).Select(match => match.Groups[1].Value)];
        CollectionAssert.AreEqual(
            new[]
            {
                "read",
                "goal",
                "training",
                "atoms-1",
                "fields-1",
                "neurons-1",
                "atoms-2",
                "fields-2",
                "neurons-2",
                "atoms-3",
                "neurons-3",
                "output",
                "output-neurons",
            },
            sections
        );
        CollectionAssert.AllItemsAreUnique(Identifier().Matches(html).Select(match => match.Groups[1].Value).ToArray());
        foreach (Match link in Link().Matches(html))
            CollectionAssert.Contains(sections, link.Groups[1].Value);
        StringAssert.Contains(html, "3 hidden layers of 6, 4 and 5 neurons");
        StringAssert.Contains(html, "The neurons of hidden layer 3 have no goal");
        foreach (int layer in new[] { 1, 2 })
            StringAssert.Contains(html, $"The mean of every atom over the neurons of hidden layer {layer}, by epoch");
        // The fields of the two layers that hear the features; the second one hears another layer before them.
        Assert.AreEqual(6 + 4, html.Split("<img class=\"field\"").Length - 1);
        StringAssert.Contains(html, FieldOf(model.Network.HiddenLayers[1].Sources[0].Projections[1], 8));

        ReportData embedded = ReportData.FromJson(EmbeddedData().Match(html).Groups[1].Value);
        Assert.HasCount(4, embedded.Layers);
        foreach ((EpochRecord expected, EpochRecord actual) in model.History.Epochs.Zip(embedded.History.Epochs))
        foreach ((LayerProgress layer, LayerProgress shown) in expected.Layers.Zip(actual.Layers))
        {
            CollectionAssert.AreEqual(layer.Atoms.ToArray(), shown.Atoms.ToArray());
            Assert.AreEqual(layer with { Atoms = [] }, shown with { Atoms = [] });
        }
    }

    [TestMethod]
    public void A_field_that_is_shared_is_shown_by_itself()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext, network: TinyModel.WithSharedFields());
        InfomorphicReport.Write(
            model,
            TinyModel.Data(_mlContext),
            ReportPath,
            new ReportOptions
            {
                ImageWidth = 8,
                Insight = new InsightSettings { TypicalRows = 0 },
            }
        );
        string html = File.ReadAllText(ReportPath);
        Assert.AreEqual(5 + 2, html.Split("<img class=\"field\"").Length - 1);
        StringAssert.Contains(html, FieldOf(model.Network.HiddenLayers[1].Sources[0].Projections[1], 5));
    }

    [TestMethod]
    public void Of_several_networks_a_report_shows_the_one_that_is_asked_for()
    {
        InfomorphicModelParameters model = TinyModel.CreateEnsemble(_mlContext);
        IDataView data = TinyModel.Data(_mlContext);

        NetworkInsight first = InfomorphicReport.Write(model, data, ReportPath);
        string html = File.ReadAllText(ReportPath);
        NetworkInsight second = InfomorphicReport.Write(
            model,
            data,
            ReportPath,
            new ReportOptions
            {
                Insight = new InsightSettings { BatchSize = 64, Network = 1 },
            }
        );
        string other = File.ReadAllText(ReportPath);

        StringAssert.Contains(html, "The model has 2 networks");
        StringAssert.Contains(html, "This report is on network 1,");
        StringAssert.Contains(html, FieldOf(model.Networks[0].HiddenLayers[0].Sources[0].Projections[0], 8));
        StringAssert.Contains(other, "This report is on network 2,");
        StringAssert.Contains(other, FieldOf(model.Networks[1].HiddenLayers[0].Sources[0].Projections[0], 8));
        Assert.AreEqual(12, ReportData.FromJson(EmbeddedData().Match(html).Groups[1].Value).History.Epochs.Count);
        Assert.AreEqual(7, ReportData.FromJson(EmbeddedData().Match(other).Groups[1].Value).History.Epochs.Count);
        Assert.AreNotEqual(first.HiddenLayers[0].Mean.Entropy, second.HiddenLayers[0].Mean.Entropy);
        Assert.AreEqual(
            "There is no network 2: the model has 2, counted from 0. (Parameter 'settings')",
            Assert
                .ThrowsExactly<ArgumentOutOfRangeException>(() =>
                    model.Explain(data, settings: new InsightSettings { Network = 2 })
                )
                .Message
        );
    }

    // The first neuron's, as an embedded image.
    private static string FieldOf(Projection projection, int width)
    {
        using SKBitmap field = ReceptiveFieldPlot.DrawField(projection.WeightsOf(0), width);
        using SKData png = field.Encode(SKEncodedImageFormat.Png, 100);
        return Convert.ToBase64String(png.ToArray());
    }

    [TestMethod]
    public void What_does_not_fit_is_named_and_nothing_is_written()
    {
        InfomorphicModelParameters model = TinyModel.Create(_mlContext);
        IDataView data = TinyModel.Data(_mlContext);
        AssertFails("'Etikett'", data, new ReportOptions { LabelColumnName = "Etikett" });
        AssertFails("'Merkmale'", data, new ReportOptions { FeatureColumnName = "Merkmale" });
        AssertFails("64 features", data, new ReportOptions { ImageWidth = 7 });
        AssertFails("MaximumNeurons", data, new ReportOptions { MaximumNeurons = 0 });
        Assert.IsEmpty(Directory.GetFiles(_folder));

        void AssertFails(string part, IDataView view, ReportOptions options) =>
            StringAssert.Contains(
                Assert
                    .ThrowsExactly<ArgumentOutOfRangeException>(() =>
                        InfomorphicReport.Write(model, view, ReportPath, options)
                    )
                    .Message,
                part
            );
    }

    private static void AssertSame(NeuronInformation expected, NeuronInformation actual)
    {
        CollectionAssert.AreEqual(expected.Atoms.ToArray(), actual.Atoms.ToArray());
        Assert.AreEqual(expected with { Atoms = [] }, actual with { Atoms = [] });
    }

    [GeneratedRegex("""<script type="application/json" id="data">(.*?)</script>""", RegexOptions.Singleline)]
    private static partial Regex EmbeddedData();

    [GeneratedRegex("<tr><th scope=\"row\">.*?</tr>", RegexOptions.Singleline)]
    private static partial Regex TableRow();

    [GeneratedRegex("<td class=\"n\"[^>]*>([^<]*)</td>")]
    private static partial Regex TableNumber();

    [GeneratedRegex("\\s(?:src|href|xlink:href)=\"([^\"]*)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("<section id=\"([^\"]*)\"")]
    private static partial Regex SectionIdentifier();

    [GeneratedRegex("<a href=\"#([^\"]*)\"")]
    private static partial Regex Link();

    [GeneratedRegex("\\sid=\"([^\"]*)\"")]
    private static partial Regex Identifier();
}
