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
        ScoreReport scores = Score(model, data, options);
        string[]? names = SlotNames(data.Schema[options.FeatureColumnName]);
        return new ReportPage(
            insight,
            layer =>
                new HtmlReport(insight, ranking, model, options, imageWidth, images, layer, scores, names).ToString()
        );
    }

    /// <summary>
    /// Explains a fitted pipeline on labelled data, without training again: the last infomorphic model in it, binary or not, on what
    /// the transformers before it make of the data.
    /// </summary>
    /// <param name="pipeline">The fitted pipeline: a transformer, or a chain of them.</param>
    /// <param name="data">Labelled data as the pipeline takes them, best such that were not trained on.</param>
    /// <param name="options">
    /// What the report shows; null for the defaults. The feature column is that of the model, whatever they say.
    /// </param>
    /// <returns>The report.</returns>
    /// <exception cref="ArgumentNullException">There is no pipeline or no data.</exception>
    /// <exception cref="ArgumentException">The pipeline has no infomorphic model.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public static ReportPage CreateForPipeline(ITransformer pipeline, IDataView data, ReportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pipeline);
        ArgumentNullException.ThrowIfNull(data);
        ITransformer[] all = [.. Flatten(pipeline)];
        int last = Array.FindLastIndex(all, transformer => ModelOf(transformer).Model is not null);
        if (last < 0)
            throw new ArgumentException(
                $"The pipeline has no infomorphic model: its transformers are {string.Join(", ", all.Select(transformer => transformer.GetType().Name))}.",
                nameof(pipeline)
            );
        foreach (ITransformer before in all[..last])
            data = before.Transform(data);
        (InfomorphicModelParameters? model, string? featureColumn) = ModelOf(all[last]);
        return Create(model!, data, (options ?? new ReportOptions()) with { FeatureColumnName = featureColumn! });
    }

    /// <summary>Writes the report on a fitted pipeline: see <see cref="CreateForPipeline"/>.</summary>
    /// <param name="pipeline">The fitted pipeline: a transformer, or a chain of them.</param>
    /// <param name="data">Labelled data as the pipeline takes them, best such that were not trained on.</param>
    /// <param name="path">The HTML file; it is written whole or not at all, and one that exists is replaced.</param>
    /// <param name="options">What the report shows; null for the defaults.</param>
    /// <returns>The explanation that the report shows.</returns>
    /// <exception cref="ArgumentNullException">There is no pipeline or no data.</exception>
    /// <exception cref="ArgumentException">The pipeline has no infomorphic model.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit, or an option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static NetworkInsight WriteForPipeline(
        ITransformer pipeline,
        IDataView data,
        string path,
        ReportOptions? options = null
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ReportPage page = CreateForPipeline(pipeline, data, options);
        page.Save(path);
        return page.Insight;
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [transformer];

    private static (InfomorphicModelParameters? Model, string? FeatureColumn) ModelOf(ITransformer transformer) =>
        transformer switch
        {
            ISingleFeaturePredictionTransformer<InfomorphicModelParameters> several => (
                several.Model,
                several.FeatureColumnName
            ),
            ISingleFeaturePredictionTransformer<InfomorphicBinaryModelParameters> binary => (
                binary.Model.TwoClasses,
                binary.FeatureColumnName
            ),
            _ => (null, null),
        };

    private static ScoreReport Score(InfomorphicModelParameters model, IDataView data, ReportOptions options)
    {
        ModelQuality quality = model.Assess(
            data,
            options.LabelColumnName,
            options.FeatureColumnName,
            options.ExampleWeightColumnName
        );
        Dictionary<long, float[]> rows = ReadRows(data, options, [.. quality.Examples.Select(example => example.Row)]);
        try
        {
            return new ScoreReport(
                quality,
                [
                    .. quality.Examples.Select(example => new ExplainedExample(
                        example,
                        rows[example.Row],
                        model.ExplainRow(rows[example.Row])
                    )),
                ],
                null
            );
        }
        catch (InvalidOperationException exception)
        {
            // Scores of some models jump.
            return new ScoreReport(quality, [], exception.Message);
        }
    }

    private static string[]? SlotNames(DataViewSchema.Column features)
    {
        if (!features.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        features.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    // The features of the rows that are shown as images.
    private static Dictionary<long, float[]> ReadRows(IDataView data, ReportOptions options, NetworkInsight insight) =>
        ReadRows(
            data,
            options,
            insight
                .Layers.SelectMany(layer => layer.Neurons.Take(options.MaximumNeurons))
                .SelectMany(neuron => neuron.MostTypical.Concat(neuron.LeastTypical))
                .Select(row => row.Row)
                .ToHashSet()
        );

    private static Dictionary<long, float[]> ReadRows(IDataView data, ReportOptions options, HashSet<long> wanted)
    {
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
