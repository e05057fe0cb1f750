using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Ranked features as a data view, a feature a row.</summary>
internal static class RankingDataView
{
    public static IDataView Create(IHostEnvironment environment, FeatureRanking ranking)
    {
        var schema = SchemaDefinition.Create(typeof(FeatureRow), SchemaDefinition.Direction.Read);
        schema[nameof(FeatureRow.Bits)]
            .AddAnnotation(InsightDataView.MethodAnnotation, ranking.Method.AsMemory(), TextDataViewType.Instance);
        InsightDataView.AddVector(schema[nameof(FeatureRow.ByClass)], NumberDataViewType.Double, ranking.ClassNames);
        InsightDataView.AddVector(schema[nameof(FeatureRow.ByLayer)], NumberDataViewType.Double, ranking.LayerNames);
        string[] neurons = [.. Neurons(ranking)];
        if (neurons.Length > 0)
            InsightDataView.AddVector(schema[nameof(FeatureRow.ByNeuron)], NumberDataViewType.Double, neurons);
        else
            schema.Remove(schema[nameof(FeatureRow.ByNeuron)]);
        return DataViewConstructionUtils.CreateFromList(
            environment,
            ranking.Features.Select((feature, i) => ToRow(feature, i + 1)).ToList(),
            schema
        );
    }

    private static IEnumerable<string> Neurons(FeatureRanking ranking) =>
        ranking.Features.Count == 0
            ? []
            : ranking
                .Features[0]
                .ByNeuron.SelectMany(
                    (layer, i) => layer.Select((_, neuron) => $"{ranking.HiddenLayerNames[i]}: neuron {neuron}")
                );

    private static FeatureRow ToRow(FeatureInformation feature, int rank) =>
        new()
        {
            Rank = rank,
            Feature = feature.Name,
            Bits = feature.Information.Bits,
            Low = feature.Information.Low,
            High = feature.Information.High,
            AccuracyLoss = feature.AccuracyLoss,
            ByClass = [.. feature.ByClass.Select(estimate => estimate.Bits)],
            ByLayer = [.. feature.ByLayer.Select(estimate => estimate.Bits)],
            ByNeuron = [.. feature.ByNeuron.SelectMany(layer => layer)],
        };

    private sealed class FeatureRow
    {
        public int Rank { get; set; }
        public string Feature { get; set; } = "";
        public double Bits { get; set; }
        public double Low { get; set; }
        public double High { get; set; }
        public double AccuracyLoss { get; set; }
        public double[] ByClass { get; set; } = [];
        public double[] ByLayer { get; set; } = [];
        public double[] ByNeuron { get; set; } = [];
    }
}
