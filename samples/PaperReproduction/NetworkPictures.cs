using System.Globalization;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Reporting;
using SampleSupport;

namespace PaperReproduction;

/// <summary>What the neurons at each depth of a stored network are for.</summary>
internal static class NetworkPictures
{
    /// <summary>
    /// Writes the report of a network; a picture of the mean neuron's information for each layer; and of a lowest layer of local
    /// fields, one neuron of each field, with what it looks for where it looks for it.
    /// </summary>
    /// <param name="modelPath">The model, as <c>networks --models</c> stored it.</param>
    /// <param name="data">The data that it was trained on; test rows are explained.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="text">Receives the atoms of each layer, in bits.</param>
    public static void Write(string modelPath, ImageData data, string folder, TextWriter text)
    {
        var output = new OutputFolder(folder);
        output.Create();
        var mlContext = new MLContext(1);
        InfomorphicPredictionTransformer model = mlContext.Model.Load(modelPath, out _)
            is IEnumerable<ITransformer> chain
            ? chain.OfType<InfomorphicPredictionTransformer>().Single()
            : throw new InvalidDataException($"{modelPath} is no network that was stored by --models.");
        NetworkInsight insight = InfomorphicReport.Write(
            model.Model,
            ImageData.View(mlContext, data.Test),
            Path.Combine(output.FullPath, "report.html"),
            new ReportOptions { Title = Path.GetFileNameWithoutExtension(modelPath), ImageWidth = data.Shape.Width }
        );
        for (int depth = 0; depth < insight.HiddenLayers.Count; depth++)
        {
            LayerInsight layer = insight.HiddenLayers[depth];
            string name = string.Create(CultureInfo.InvariantCulture, $"layer-{depth + 1}");
            Save($"{name}-information.png", InformationDiagram.Draw(layer, layer.Mean, $"Hidden layer {depth + 1}"));
            text.WriteLine($"{name}, mean of {layer.Neurons.Count} neurons, bits: {Atoms(layer)}");
        }

        if (
            insight.HiddenLayers[0].Layer.Sources[0].Projections[0].Connectivity is LocalFields fields
            && data.Shape.Channels == 1
        )
            Save(
                "layer-1-fields.png",
                ReceptiveFieldPlot.Draw(
                    Enumerable
                        .Range(0, fields.GroupCount)
                        .SelectMany(field => insight.HiddenLayers[0].ReceptiveField(field * fields.NeuronsPerGroup))
                        .ToArray(),
                    data.Shape.Width,
                    data.Shape.Height,
                    "One neuron of each field, where it looks"
                )
            );
        foreach (string path in output.Written)
            text.WriteLine(path);

        void Save(string name, Picture picture) => output.Write(name, stream => stream.Write(picture.ToPng()));
    }

    private static string Atoms(LayerInsight layer)
    {
        var line = new StringBuilder();
        foreach ((string atom, double bits) in layer.AtomNames.Zip(layer.Mean.Atoms))
            line.Append(CultureInfo.InvariantCulture, $"{atom} {bits:F3}, ");
        return line.Append(CultureInfo.InvariantCulture, $"H_res {layer.Mean.ResidualEntropy:F3}").ToString();
    }
}
