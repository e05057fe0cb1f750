using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>The numbers of a report, as they are embedded in it (JSON). Information is in bits.</summary>
internal sealed record ReportData(
    string Method,
    int Rows,
    IReadOnlyList<string> Classes,
    IReadOnlyList<ReportData.LayerData> Layers,
    TrainingHistory History,
    FeatureRanking? Features = null,
    ModelQuality? Quality = null,
    IReadOnlyList<ExplainedExample>? Examples = null
)
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // They follow from the others.
        IgnoreReadOnlyProperties = true,
        // A class without rows has no mean.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        // The default escapes what could end a script element.
        Encoder = JavaScriptEncoder.Default,
    };

    internal sealed record LayerData(
        string Name,
        string Sources,
        IReadOnlyList<string> Atoms,
        IReadOnlyList<string> Meanings,
        IReadOnlyList<double>? Gamma,
        NeuronInformation Mean,
        NeuronInformation StandardDeviation,
        IReadOnlyList<NeuronInsight> Neurons
    );

    public static ReportData Create(
        NetworkInsight insight,
        FeatureRanking? ranking,
        TrainingHistory history,
        ModelQuality? quality = null,
        IReadOnlyList<ExplainedExample>? examples = null
    ) =>
        new(
            insight.Method,
            insight.RowCount,
            insight.ClassNames,
            [.. insight.Layers.Select(ToData)],
            history,
            ranking,
            quality,
            examples
        );

    public string ToJson() => JsonSerializer.Serialize(this, s_format);

    public static ReportData FromJson(string json) => JsonSerializer.Deserialize<ReportData>(json, s_format)!;

    private static LayerData ToData(LayerInsight layer) =>
        new(
            layer.Name,
            layer.Sources,
            layer.AtomNames,
            [.. layer.Lattice.Antichains.Select(atom => AtomMeaning.Of(atom, layer.Sources))],
            layer.Layer.Goal?.Gamma,
            layer.Mean,
            layer.StandardDeviation,
            layer.Neurons
        );
}
