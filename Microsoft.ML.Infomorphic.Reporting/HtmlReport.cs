using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>A report as HTML: text, tables and pictures, one section after another.</summary>
internal sealed partial class HtmlReport
{
    private const int StrongestFeatures = 5;

    private readonly StringBuilder _html = new();
    private readonly NetworkInsight _insight;
    private readonly FeatureRanking? _ranking;
    private readonly InfomorphicModelParameters _model;
    private readonly ReportOptions _options;
    private readonly int? _imageWidth;
    private readonly IReadOnlyDictionary<long, float[]> _images;
    private readonly ScoreReport? _scores;
    private readonly string[]? _featureNames;

    /// <param name="insight">The explanation.</param>
    /// <param name="ranking">The features by what they tell; null where there are too few rows for it.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">What the report shows.</param>
    /// <param name="imageWidth">The width of the images that the features are; null where they are none.</param>
    /// <param name="images">The features of rows that are shown, by the row's place.</param>
    /// <param name="only">The only layer that is shown; null for the whole report.</param>
    /// <param name="scores">How good scores are, and why; null to leave that out.</param>
    /// <param name="featureNames">The names of the features' slots; null where they have none.</param>
    public HtmlReport(
        NetworkInsight insight,
        FeatureRanking? ranking,
        InfomorphicModelParameters model,
        ReportOptions options,
        int? imageWidth,
        IReadOnlyDictionary<long, float[]> images,
        LayerInsight? only = null,
        ScoreReport? scores = null,
        string[]? featureNames = null
    )
    {
        _insight = insight;
        _ranking = ranking;
        _model = model;
        _options = options;
        _imageWidth = imageWidth;
        _images = images;
        _scores = scores;
        _featureNames = featureNames;
        if (only is null)
            Write();
        else
            Write(only);
    }

    public override string ToString() => _html.ToString();

    private int HiddenLayers => _insight.HiddenLayers.Count;

    private TrainingHistory History => _model.Histories[_insight.Settings.Network];

    private bool HasSeveral => HiddenLayers > 1;

    // The layers whose goal and history are shown: the hidden ones, or the output layer where there is no other.
    private LayerInsight[] Learners => HiddenLayers > 0 ? [.. _insight.HiddenLayers] : [_insight.OutputLayer];

    private void Write()
    {
        string links = string.Concat(
            _insight.HiddenLayers.Select(layer =>
                HasSeveral
                    ? $"<a href=\"#{Id("atoms", layer)}\">{Sentence(LayerName(layer))}</a>"
                    : "<a href=\"#atoms\">Information</a><a href=\"#neurons\">Neurons</a>"
            )
        );
        Add(
            $"""
            {HtmlPage.Begin(_options.Title, refreshSeconds: _options.RefreshSeconds)}
            <header>
            <h1>{Text(_options.Title)}</h1>
            <p class="lead">{Size()}, {_insight.ClassNames.Count:N0} classes, looked at on {_insight.RowCount:N0} rows.</p>
            </header>
            <nav aria-label="Sections">{(
                _scores is null ? "" : "<a href=\"#rows\">Data</a><a href=\"#quality\">Quality</a>"
            )}{(_ranking is null ? "" : "<a href=\"#features\">Features</a>")}{(
                _scores is null ? "" : "<a href=\"#examples\">Why</a>"
            )}<a href="#read">How to read this</a><a href="#goal">{(
                HasSeveral ? "Goals" : "Goal"
            )}</a><a href="#training">Training</a>{links}<a href="#output">Output layer</a></nav>
            <main>
            """
        );
        if (_scores is not null)
        {
            WriteData(_scores.Quality);
            WriteQuality(_scores.Quality);
        }

        WriteFeatures();
        if (_scores is not null)
            WriteExamples(_scores);
        WriteIntroduction();
        WriteGoals();
        WriteTraining();
        foreach (LayerInsight layer in _insight.Layers)
            WriteSections(layer);
        Add(
            $"""
            </main>
            <footer><p>All numbers are in this file, too, as JSON: <code>document.getElementById("data").textContent</code>.
            The method: Schneider, Neuhaus, Ehrlich, Makkeh, Ecker, Priesemann and Wibral, arXiv 2412.02482.</p></footer>
            <script type="application/json" id="data">{ReportData.Create(
                _insight,
                _ranking,
                History,
                _scores?.Quality,
                _scores?.Examples
            ).ToJson()}</script>
            {HtmlPage.End()}
            """
        );
    }

    // The page of one layer, for those who know how to read it.
    private void Write(LayerInsight only)
    {
        Add($"{HtmlPage.Begin($"{_options.Title}: {LayerName(only)}")}\n<main>");
        WriteSections(only);
        Add($"</main>\n{HtmlPage.End()}");
    }

    private int PlaceOf(LayerInsight layer)
    {
        int place = 0;
        while (place < HiddenLayers && _insight.HiddenLayers[place] != layer)
            place++;
        return place;
    }

    private string LayerName(LayerInsight layer) => LayerNames.Layer(PlaceOf(layer), HiddenLayers);

    private string Neuron(LayerInsight layer) => LayerNames.Neuron(PlaceOf(layer), HiddenLayers);

    private string Neurons(LayerInsight layer) => LayerNames.Neurons(PlaceOf(layer), HiddenLayers);

    // Identifiers are numbered where there are several hidden layers.
    private string Id(string section, LayerInsight layer) =>
        HasSeveral ? Invariant($"{section}-{PlaceOf(layer) + 1}") : section;

    private void AddHeading(LayerInsight layer)
    {
        if (HasSeveral)
            Add($"<h3>{Sentence(LayerName(layer))}</h3>");
    }

    private string Size() =>
        HiddenLayers switch
        {
            0 => "No hidden layer",
            1 => $"{_insight.HiddenLayers[0].Neurons.Count:N0} hidden neurons",
            _ =>
                $"{HiddenLayers:N0} hidden layers of {string.Join(", ", _insight.HiddenLayers.SkipLast(1).Select(layer => $"{layer.Neurons.Count:N0}"))} and {_insight.HiddenLayers[^1].Neurons.Count:N0} neurons",
        };

    private string Name(LayerInsight layer, NeuronInsight neuron) =>
        layer != _insight.OutputLayer
            ? neuron.Neuron.ToString(CultureInfo.InvariantCulture)
            : Text(_insight.ClassNames[neuron.Neuron]);

    private void Figure(Picture picture, string caption, bool isSquare = false) =>
        Add(
            $"<figure{(isSquare ? " class=\"square\"" : "")}><div class=\"scroll\">{HtmlPage.Inline(picture)}</div><figcaption>{Text(caption)}</figcaption></figure>"
        );

    private static string Shade(double value)
    {
        SKColor color = ColourScale.Of(value);
        SKColor ink = ColourScale.InkOn(value);
        return $" style=\"background:#{color.Red:x2}{color.Green:x2}{color.Blue:x2};color:#{ink.Red:x2}{ink.Green:x2}{ink.Blue:x2}\"";
    }

    private static string Number(double value, int digits = 3) => Numbers.Format(value, digits);

    private static string Percent(double share) => Invariant($"{100 * share:0.0} %");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private static string DataUri(byte[] png) => $"data:image/png;base64,{Convert.ToBase64String(png)}";

    private static string Sentence(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private void Add(string html) => _html.Append(html).Append('\n');
}
