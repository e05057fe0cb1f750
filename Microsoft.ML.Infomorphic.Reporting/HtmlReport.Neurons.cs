using System.Globalization;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <content>A layer and its neurons, one by one.</content>
internal sealed partial class HtmlReport
{
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
}
