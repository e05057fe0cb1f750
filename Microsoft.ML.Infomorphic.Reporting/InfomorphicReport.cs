using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// Writes what there is to know about a trained infomorphic network into one HTML file, which needs neither a network
/// nor another file: its goal, its training, every neuron's information, receptive field, responses and typical rows,
/// and what each of these means. Of a model of several networks it shows one, the first unless
/// <see cref="InsightSettings.Network"/> says otherwise.
/// </summary>
public static class InfomorphicReport
{
    /// <summary>Explains a model on labelled data, without training again, and writes the report.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="path">The HTML file; it is written whole or not at all, and one that exists is replaced.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <returns>The explanation that the report shows.</returns>
    /// <exception cref="ArgumentNullException">There is no model or no data.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static NetworkInsight Write(
        InfomorphicModelParameters model,
        IDataView data,
        string path,
        ReportOptions? options = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ReportPage page = Create(model, data, options);
        page.Save(path);
        return page.Insight;
    }

    /// <summary>
    /// Explains a model on labelled data, without training again, as a page that notebooks show and that can be saved.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="data">Labelled data, its features prepared as in training.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentNullException">There is no model or no data.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the model, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public static ReportPage Create(InfomorphicModelParameters model, IDataView data, ReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        options ??= new ReportOptions();
        int? imageWidth = ReportOptions.WidthFor(options, model);
        NetworkInsight insight = model.Explain(
            data,
            options.LabelColumnName,
            options.FeatureColumnName,
            options.ExampleWeightColumnName,
            options.Insight
        );
        FeatureRankingSettings ranked = options.Features ?? ReportOptions.DefaultFeatures;
        FeatureRanking? ranking =
            insight.RowCount < 2
                ? null
                : model.RankFeatures(
                    data,
                    options.LabelColumnName,
                    options.FeatureColumnName,
                    options.ExampleWeightColumnName,
                    imageWidth is null ? ranked : ranked with { EverySlot = true }
                );
        IReadOnlyDictionary<long, float[]> images = imageWidth is null
            ? new Dictionary<long, float[]>()
            : ReadRows(data, options, insight);
        return new ReportPage(
            insight,
            layer => new HtmlReport(insight, ranking, model, options, imageWidth, images, layer).ToString()
        );
    }

    // The features of the rows that are shown.
    private static Dictionary<long, float[]> ReadRows(IDataView data, ReportOptions options, NetworkInsight insight)
    {
        var wanted = insight
            .Layers.SelectMany(layer => layer.Neurons.Take(options.MaximumNeurons))
            .SelectMany(neuron => neuron.MostTypical.Concat(neuron.LeastTypical))
            .Select(row => row.Row)
            .ToHashSet();
        var rows = new Dictionary<long, float[]>();
        DataViewSchema.Column column = data.Schema[options.FeatureColumnName];
        using DataViewRowCursor cursor = data.GetRowCursor([column]);
        ValueGetter<VBuffer<float>> getFeatures = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> features = default;
        while (rows.Count < wanted.Count && cursor.MoveNext())
        {
            if (!wanted.Contains(cursor.Position))
                continue;
            getFeatures(ref features);
            rows.Add(cursor.Position, [.. features.DenseValues()]);
        }
        return rows;
    }
}
