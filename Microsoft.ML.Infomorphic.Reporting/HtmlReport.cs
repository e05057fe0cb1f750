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
internal sealed class HtmlReport
{
    private const int StrongestFeatures = 5;

    private readonly StringBuilder _html = new();
    private readonly NetworkInsight _insight;
    private readonly FeatureRanking? _ranking;
    private readonly InfomorphicModelParameters _model;
    private readonly ReportOptions _options;
    private readonly int? _imageWidth;
    private readonly IReadOnlyDictionary<long, float[]> _images;

    /// <param name="insight">The explanation.</param>
    /// <param name="ranking">The features by what they tell; null where there are too few rows for it.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">What the report shows.</param>
    /// <param name="imageWidth">The width of the images that the features are; null where they are none.</param>
    /// <param name="images">The features of rows that are shown, by the row's place.</param>
    /// <param name="only">The only layer that is shown; null for the whole report.</param>
    public HtmlReport(
        NetworkInsight insight,
        FeatureRanking? ranking,
        InfomorphicModelParameters model,
        ReportOptions options,
        int? imageWidth,
        IReadOnlyDictionary<long, float[]> images,
        LayerInsight? only = null
    )
    {
        _insight = insight;
        _ranking = ranking;
        _model = model;
        _options = options;
        _imageWidth = imageWidth;
        _images = images;
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
            <nav aria-label="Sections"><a href="#read">How to read this</a><a href="#goal">{(
                HasSeveral ? "Goals" : "Goal"
            )}</a><a href="#training">Training</a>{(_ranking is null ? "" : "<a href=\"#features\">Features</a>")}{links}<a href="#output">Output layer</a></nav>
            <main>
            """
        );
        WriteIntroduction();
        WriteGoals();
        WriteTraining();
        WriteFeatures();
        foreach (LayerInsight layer in _insight.Layers)
            WriteSections(layer);
        Add(
            $"""
            </main>
            <footer><p>All numbers are in this file, too, as JSON: <code>document.getElementById("data").textContent</code>.
            The method: Schneider, Neuhaus, Ehrlich, Makkeh, Ecker, Priesemann and Wibral, arXiv 2412.02482.</p></footer>
            <script type="application/json" id="data">{ReportData.Create(_insight, _ranking, History).ToJson()}</script>
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

    private void WriteSections(LayerInsight layer)
    {
        bool isOutput = layer == _insight.OutputLayer;
        WriteLayer(
            layer,
            isOutput ? "output" : Id("atoms", layer),
            isOutput ? "The output layer"
                : HasSeveral ? $"Where the information of {LayerName(layer)} comes from"
                : "Where the hidden neurons' information comes from"
        );
        WriteFields(layer, isOutput ? "output-fields" : Id("fields", layer));
        WriteCurves(layer, isOutput ? "output-curves" : Id("curves", layer));
        WriteNeurons(layer, isOutput ? "output-neurons" : Id("neurons", layer), $"The {Neurons(layer)}, one by one");
    }

    private void WriteIntroduction()
    {
        Add(
            """
            <section id="read"><h2>How to read this</h2>
            <p>Nobody tells an infomorphic neuron how wrong the whole network is. Each one looks at a few sources of its own
            and changes its weights so that its output <b>Y</b>, to fire or not to fire, carries the kind of information
            that its <b>goal</b> asks for. These are the sources of a neuron:</p>
            """
        );
        foreach (LayerInsight layer in Learners)
        {
            AddHeading(layer);
            WriteSources(layer);
        }
        Add(
            """
            <p>What the sources together say about the output, the mutual information I(Y&nbsp;:&nbsp;sources), splits into
            <b>atoms</b>: what one source alone says, what several say redundantly, what they say only together. An atom is
            written in braces: in {F}{C}, F and C each say the same thing; {FC} is known only to someone who sees both. An
            output of one neuron has at most 1 bit. An atom can be negative: a source that misleads.</p>
            """
        );
        if (_model.Networks.Count > 1)
            Add(
                Invariant(
                    $"<p class=\"note\"><b>One of several.</b> The model has {_model.Networks.Count:N0} networks, and its scores are the mean of their probabilities. This report is on network {_insight.Settings.Network + 1}, its neurons and its training alone.</p>"
                )
            );
        Add(
            $"<p class=\"note\"><b>What was measured.</b> {Text(_insight.Method)} "
                + "Responses to classes and rows are those of scoring: the label is withheld and neurons pass on their mean output. θ is the probability to fire.</p></section>"
        );
    }

    private void WriteSources(LayerInsight layer)
    {
        Add("<dl>");
        foreach (Source source in layer.Layer.Sources)
            Add($"<dt>{source.Symbol}</dt><dd>{Text(AtomMeaning.Of(source, PlaceOf(layer), HiddenLayers))}</dd>");
        Add("</dl>");
    }

    private void WriteGoals()
    {
        Add($"<section id=\"goal\"><h2>{(HasSeveral ? "The goals" : "The goal")}</h2>");
        if (Learners.Any(layer => layer.Layer.Goal is not null))
            Add(
                """
                <p>A neuron maximises this weighted sum of its atoms and of its residual entropy. A positive weight γ asks
                for such information, a negative one avoids it.</p>
                """
            );
        foreach (LayerInsight layer in Learners)
        {
            AddHeading(layer);
            if (layer.Layer.Goal is GoalFunction goal)
                WriteGoal(layer, goal);
            else
                Add($"<p>The {Neurons(layer)} have no goal: they are not trained.</p>");
        }
        Add("</section>");
    }

    private void WriteGoal(LayerInsight layer, GoalFunction goal)
    {
        Add(
            $"""
            <p class="formula">{Text(goal.Describe())}</p>
            <div class="scroll"><table class="meanings three"><thead><tr><th>atom</th><th class="n">γ</th><th class="n">mean, bits</th><th class="n">γ × mean</th><th>meaning</th></tr></thead><tbody>
            """
        );
        for (int atom = 0; atom < layer.AtomNames.Count; atom++)
            Row(
                layer.AtomNames[atom],
                goal.Gamma[atom],
                layer.Mean.Atoms[atom],
                AtomMeaning.Of(layer.Lattice.Antichains[atom], layer.Sources)
            );
        Row("H_res", goal.ResidualWeight, layer.Mean.ResidualEntropy, AtomMeaning.OfResidual);
        Add(
            $"</tbody><tfoot><tr><th>goal</th><td></td><td></td><td class=\"n\">{Number(layer.Mean.Goal!.Value)}</td><td>mean over the neurons, in bits</td></tr></tfoot></table></div>"
        );

        void Row(string name, double gamma, double mean, string meaning) =>
            Add(
                $"<tr><th>{name}</th><td class=\"n\">{Number(gamma, 2)}</td><td class=\"n\">{Number(mean)}</td><td class=\"n\">{Number(gamma * mean)}</td><td>{Text(meaning)}</td></tr>"
            );
    }

    private void WriteTraining()
    {
        TrainingHistory history = History;
        Add("<section id=\"training\"><h2>The training</h2>");
        foreach (string warning in history.Warnings)
            Add($"<p class=\"note warning\"><b>Warning.</b> {Text(warning)}</p>");
        if (history.Epochs.Count == 0)
        {
            Add("<p>The model came without the history of its training.</p></section>");
            return;
        }
        EpochRecord best = history.Epochs.LastOrDefault(epoch => epoch.Epoch <= history.BestEpoch) ?? history.Epochs[0];
        string validation = best.ValidationAccuracy is double accuracy
            ? $", {Percent(accuracy)} of the validation rows"
            : "";
        Add(
            Invariant(
                $"<p>{history.Epochs.Count:N0} epochs took {history.Seconds:N1} s. The network has the weights of epoch {best.Epoch}, where it classified {Percent(best.TrainingAccuracy)} of the training rows rightly{validation}.</p>"
            )
        );
        Figure(LearningCurvePlot.Draw(history, "Accuracy"), "Accuracy by epoch, with the label withheld.");
        foreach (LayerInsight layer in Learners)
            WriteHistory(layer, history);
        Add("</section>");
    }

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

    private void WriteHistory(LayerInsight layer, TrainingHistory history)
    {
        int place = PlaceOf(layer);
        LayerProgress[] progress = [.. LayerHistory.Of(history, place).Select(epoch => epoch.Layer)];
        if (progress.Any(epoch => epoch.Atoms.Count > 0))
        {
            AddHeading(layer);
            Figure(
                AtomHistoryPlot.Draw(
                    history,
                    [.. layer.AtomNames, "H_res"],
                    $"Information of {(HiddenLayers == 0 ? "an" : "a")} {Neuron(layer)}",
                    place
                ),
                $"The mean of every atom over the {Neurons(layer)}, by epoch; measured on batches of the training."
            );
        }
        if (progress.Any(epoch => double.IsFinite(epoch.Goal)))
            Figure(
                GoalAccuracyPlot.Draw(
                    history,
                    HasSeveral ? $"Goal of {LayerName(layer)}, and accuracy" : "Goal and accuracy",
                    place
                ),
                "One dot an epoch. Where dots climb to the right, what the neurons aim for serves the task."
            );
        if (progress.Any(epoch => double.IsFinite(epoch.SelfCosineDistance)))
            Figure(
                SelfCosineDistancePlot.Draw(
                    history,
                    $"How far the receptive fields{(HasSeveral ? $" of {LayerName(layer)}" : "")} turned",
                    place
                ),
                $"1 minus the cosine of the angle between a {Neuron(layer)}'s feedforward weights before and after each epoch, the median over the neurons (self-cosine distance): 0 where they keep their direction, 1 where nothing of it is left."
            );
    }

    private void WriteLayer(LayerInsight layer, string id, string title)
    {
        Add($"<section id=\"{id}\"><h2>{title}</h2>");
        if (id == "output")
        {
            Add("<p>One neuron a class. These are its sources:</p>");
            WriteSources(layer);
        }
        if (layer.Sources.Length is 2 or 3)
            Figure(
                InformationDiagram.Draw(layer, layer.Mean, $"Mean {Neuron(layer)}"),
                "Each area is one atom. A disc is what a source says by itself, discs overlap where sources say the same, rings hold what is said only together, and the outermost ring is the residual entropy."
            );
        Figure(NeuronAtomsPlot.Draw(layer, $"Atoms of all {Neurons(layer)}"), "One dot a neuron; the bar is the mean.");
        Add(
            "<h3>Mean and spread over the neurons</h3><div class=\"scroll\"><table class=\"meanings two\"><thead><tr><th></th><th class=\"n\">mean</th><th class=\"n\">standard deviation</th><th>meaning</th></tr></thead><tbody>"
        );
        Row(
            "H(Y)",
            layer.Mean.Entropy,
            layer.StandardDeviation.Entropy,
            "how undetermined the output is, at most 1 bit"
        );
        Row(
            $"I(Y : {string.Join(", ", layer.Sources.AsEnumerable())})",
            layer.Mean.MutualInformation,
            layer.StandardDeviation.MutualInformation,
            "what all sources together say: the sum of the atoms"
        );
        Row("H_res", layer.Mean.ResidualEntropy, layer.StandardDeviation.ResidualEntropy, AtomMeaning.OfResidual);
        if (layer.Mean.Goal is double goal)
            Row("goal", goal, layer.StandardDeviation.Goal!.Value, "what the neuron maximises");
        for (int atom = 0; atom < layer.AtomNames.Count; atom++)
            Row(
                layer.AtomNames[atom],
                layer.Mean.Atoms[atom],
                layer.StandardDeviation.Atoms[atom],
                AtomMeaning.Of(layer.Lattice.Antichains[atom], layer.Sources)
            );
        Add("</tbody></table></div></section>");

        void Row(string name, double mean, double spread, string meaning) =>
            Add(
                $"<tr><th>{name}</th><td class=\"n\">{Number(mean)}</td><td class=\"n\">{Number(spread)}</td><td>{Text(meaning)}</td></tr>"
            );
    }

    private void WriteFields(LayerInsight layer, string id)
    {
        if (!ReadsImages(layer))
            return;
        Picture mosaic = FieldImages.Mosaic(layer, _imageWidth!.Value);
        Add($"<section id=\"{id}\"><h2>Receptive fields{(HasSeveral ? $" of {LayerName(layer)}" : "")}</h2>");
        Add(
            $"<figure><img src=\"{DataUri(mosaic.ToPng())}\" width=\"{mosaic.Width}\" height=\"{mosaic.Height}\" alt=\"Receptive fields of the {Neurons(layer)}\"><figcaption>The weights with which each neuron reads the image: red where ink drives it to fire, blue where ink holds it back.</figcaption></figure></section>"
        );
    }

    // The features that move each neuron most, each with its curve.
    private void WriteCurves(LayerInsight layer, string id)
    {
        if (ReadsImages(layer) || !layer.Inputs.Any(input => input.Signal == Signal.Features && !input.IsShared))
            return;
        Add(
            $"""
            <section id="{id}"><h2>What the features say{(HasSeveral ? $" to {LayerName(layer)}" : "")}</h2>
            <p>The features that move a neuron's drive most, the strongest first, and how: the curve is what a feature adds to the
            drive, from its smallest to its largest value in training; of a feature that is not encoded, a line over two standard
            deviations to either side of the mean.</p>
            <div class="scroll tall"><table><thead><tr><th scope="col">neuron</th><th colspan="{StrongestFeatures}">features</th></tr></thead><tbody>
            """
        );
        foreach (NeuronInsight neuron in layer.Neurons.Take(_options.MaximumNeurons))
        {
            Add($"<tr><th scope=\"row\">{Name(layer, neuron)}</th>");
            foreach (FeatureCurve curve in Strongest(layer, neuron.Neuron))
                Add($"<td>{Text(curve.Name)}<br>{Drawn(curve)}</td>");
            Add("</tr>");
        }

        Add("</tbody></table></div></section>");
    }

    private IEnumerable<FeatureCurve> Strongest(LayerInsight layer, int neuron) =>
        layer.FeatureCurves(neuron).OrderByDescending(Strength).Take(StrongestFeatures);

    // The standard deviation of what a feature adds: knots are about as likely as each other.
    private double Strength(FeatureCurve curve)
    {
        if (curve.Knots.Count == 0)
            return Math.Abs(curve.Weight) * _model.Network.FeatureScaling.Scales[curve.Feature];
        double mean = curve.Values.Average();
        return Math.Sqrt(curve.Values.Average(value => (value - mean) * (value - mean)));
    }

    private string Drawn(FeatureCurve curve)
    {
        const double Width = 120;
        const double Height = 36;
        FeatureScaling scaling = _model.Network.FeatureScaling;
        double mean = scaling.Offsets[curve.Feature];
        double deviation = scaling.Scales[curve.Feature];
        double[] places =
            curve.Knots.Count == 0
                ? [mean - 2 * deviation, mean + 2 * deviation]
                : [.. curve.Knots.Select(knot => (double)knot)];
        double[] values = [.. places.Select(curve.At)];
        double lowest = values.Min();
        double range = Math.Max(values.Max() - lowest, 1e-30);
        string points = string.Join(
            ' ',
            places.Select(
                (place, i) =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Width * (place - places[0]) / (places[^1] - places[0]):F1},{Height * (1 - (values[i] - lowest) / range):F1}"
                    )
            )
        );
        string what = string.Create(
            CultureInfo.InvariantCulture,
            $"{places[0]:G4} to {places[^1]:G4}: {values[0]:G3} to {values[^1]:G3}"
        );
        return $"<svg viewBox=\"-2 -2 {Width + 4} {Height + 4}\" width=\"{Width}\" height=\"{Height}\" role=\"img\" aria-label=\"{what}\"><title>{what}</title><polyline points=\"{points}\" fill=\"none\" stroke=\"currentColor\"/></svg>";
    }

    private bool ReadsImages(LayerInsight layer) => _imageWidth is not null && FieldImages.ReadsFeatures(layer);

    private (float[] Weights, int Width) FieldOf(LayerInsight layer, NeuronInsight neuron) =>
        FieldImages.Of(layer, neuron, _imageWidth!.Value);

    private void WriteNeurons(LayerInsight layer, string id, string title)
    {
        NeuronInsight[] shown = [.. layer.Neurons.Take(_options.MaximumNeurons)];
        bool fields = ReadsImages(layer);
        string more =
            shown.Length < layer.Neurons.Count
                ? $" The first {shown.Length:N0} of {layer.Neurons.Count:N0} are shown."
                : "";
        Add(
            $"""
            <section id="{id}"><h2>{title}</h2>
            <p>Choose a column's title to sort by it. Information is in bits.{more}</p>
            <div class="scroll tall"><table class="sortable"><thead><tr><th scope="col">neuron</th>{(
                fields ? "<th data-sort=\"none\">field</th>" : ""
            )}{(layer.Layer.Goal is null ? "" : "<th>goal</th>")}<th>H(Y)</th><th>I(Y : all)</th><th>H_res</th>
            """
        );
        foreach (string name in layer.AtomNames)
            Add($"<th>{name}</th>");
        Add("</tr></thead><tbody>");
        double scale = Math.Max(shown.SelectMany(neuron => neuron.Information.Atoms).Max(Math.Abs), 1e-9);
        foreach (NeuronInsight neuron in shown)
        {
            NeuronInformation information = neuron.Information;
            Add($"<tr><th scope=\"row\">{Name(layer, neuron)}</th>");
            if (fields)
                Add($"<td>{Field(FieldOf(layer, neuron))}</td>");
            if (information.Goal is double goal)
                Add($"<td class=\"n\">{Number(goal)}</td>");
            Add(
                $"<td class=\"n\">{Number(information.Entropy)}</td><td class=\"n\">{Number(information.MutualInformation)}</td><td class=\"n\">{Number(information.ResidualEntropy)}</td>"
            );
            foreach (double atom in information.Atoms)
                Add($"<td class=\"n\"{Shade(atom / scale)}>{Number(atom)}</td>");
            Add("</tr>");
        }
        Add("</tbody></table></div>");

        Add(
            "<h3>Which classes a neuron responds to</h3><p>The mean firing probability θ over the rows of each class.</p><div class=\"scroll tall\"><table class=\"sortable\"><thead><tr><th scope=\"col\">neuron</th>"
        );
        foreach (string name in _insight.ClassNames)
            Add($"<th>{Text(name)}</th>");
        Add("</tr></thead><tbody>");
        foreach (NeuronInsight neuron in shown)
        {
            Add($"<tr><th scope=\"row\">{Name(layer, neuron)}</th>");
            foreach (double theta in neuron.ClassResponses)
                Add(
                    double.IsNaN(theta)
                        ? "<td class=\"n\" title=\"no row of this class\">–</td>"
                        : $"<td class=\"n\"{Shade(2 * theta - 1)}>{Number(theta, 2)}</td>"
                );
            Add("</tr>");
        }
        Add("</tbody></table></div>");
        if (shown.Length > 0 && shown[0].MostTypical.Count > 0)
            WriteTypicalRows(layer, shown);
        Add("</section>");
    }

    private void WriteTypicalRows(LayerInsight layer, NeuronInsight[] shown)
    {
        Add(
            "<h3>Most and least typical rows</h3><p>The rows for which the neuron fires most surely, and least surely (largest and smallest θ); the first one first.</p><div class=\"typical\">"
        );
        foreach (NeuronInsight neuron in shown)
        {
            Add($"<article><h4>{Name(layer, neuron)}</h4>");
            Rows("most", neuron.MostTypical);
            Rows("least", neuron.LeastTypical);
            Add("</article>");
        }
        Add("</div>");

        void Rows(string which, IReadOnlyList<TypicalRow> rows)
        {
            Add($"<p><span>{which}</span> ");
            foreach (TypicalRow row in rows)
            {
                string about = Text(
                    Invariant($"row {row.Row}, class {_insight.ClassNames[row.Label]}, θ {row.Theta:0.0000}")
                );
                Add(
                    _images.TryGetValue(row.Row, out float[]? features)
                        ? Row(features, about)
                        : $"<span class=\"row\" title=\"{about}\">{Text(_insight.ClassNames[row.Label])}<small>row {row.Row.ToString(CultureInfo.InvariantCulture)}</small></span> "
                );
            }
            Add("</p>");
        }
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

    private static string Field((float[] Weights, int Width) field)
    {
        using SKBitmap bitmap = ReceptiveFieldPlot.DrawField(field.Weights, field.Width);
        return Image(bitmap, " alt=\"receptive field\"");
    }

    private string Row(float[] features, string about)
    {
        using SKBitmap bitmap = Grey(features);
        return Image(bitmap, $" alt=\"{about}\" title=\"{about}\"");
    }

    private static string Image(SKBitmap bitmap, string title)
    {
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return $"<img class=\"field\" width=\"{bitmap.Width}\" height=\"{bitmap.Height}\" src=\"{DataUri(png.ToArray())}\"{title}>";
    }

    // From its smallest value, white, to its largest, black.
    private SKBitmap Grey(float[] values)
    {
        int width = _imageWidth!.Value;
        float least = values.Min();
        float range = Math.Max(values.Max() - least, float.Epsilon);
        var bitmap = new SKBitmap(new SKImageInfo(width, values.Length / width, SKColorType.Gray8));
        for (int i = 0; i < values.Length; i++)
        {
            byte level = (byte)(255 - (int)(255 * ((values[i] - least) / range)));
            bitmap.SetPixel(i % width, i / width, new SKColor(level, level, level));
        }
        return bitmap;
    }

    private void Figure(Picture picture, string caption) =>
        Add(
            $"<figure><div class=\"scroll\">{HtmlPage.Inline(picture)}</div><figcaption>{Text(caption)}</figcaption></figure>"
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
