using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The neurons of an explained layer as a data view, a neuron a row.</summary>
internal static class InsightDataView
{
    /// <summary>The annotation of the column of atoms that says what they are.</summary>
    public const string MethodAnnotation = "Method";

    public static IDataView Create(IHostEnvironment environment, NetworkInsight insight, LayerInsight layer)
    {
        var schema = SchemaDefinition.Create(typeof(NeuronRow), SchemaDefinition.Direction.Read);
        SchemaDefinition.Column atoms = schema[nameof(NeuronRow.Atoms)];
        AddVector(atoms, NumberDataViewType.Double, layer.AtomNames);
        atoms.AddAnnotation(MethodAnnotation, insight.Method.AsMemory(), TextDataViewType.Instance);
        AddVector(schema[nameof(NeuronRow.ClassResponses)], NumberDataViewType.Double, insight.ClassNames);
        int rows = layer.Neurons.Count == 0 ? 0 : layer.Neurons[0].MostTypical.Count;
        foreach (string column in new[] { nameof(NeuronRow.MostTypicalRows), nameof(NeuronRow.LeastTypicalRows) })
            if (rows > 0)
                schema[column].ColumnType = new VectorDataViewType(NumberDataViewType.Int64, rows);
            else
                schema.Remove(schema[column]);
        AddVector(
            schema[nameof(NeuronRow.ReceptiveField)],
            NumberDataViewType.Single,
            [
                .. layer.Inputs.SelectMany(
                    (input, part) =>
                        layer
                            .ReceptiveFieldNames(part)
                            .Select(name => layer.Inputs.Count == 1 ? name : $"{input.Name}: {name}")
                ),
            ]
        );
        return DataViewConstructionUtils.CreateFromList(
            environment,
            layer.Neurons.Select(neuron => ToRow(layer, neuron)).ToList(),
            schema
        );
    }

    internal static void AddVector(
        SchemaDefinition.Column column,
        PrimitiveDataViewType type,
        IReadOnlyList<string> slots
    )
    {
        column.ColumnType = new VectorDataViewType(type, slots.Count);
        column.AddAnnotation(
            AnnotationUtils.Kinds.SlotNames,
            new VBuffer<ReadOnlyMemory<char>>(slots.Count, [.. slots.Select(slot => slot.AsMemory())]),
            new VectorDataViewType(TextDataViewType.Instance, slots.Count)
        );
    }

    private static NeuronRow ToRow(LayerInsight layer, NeuronInsight neuron) =>
        new()
        {
            Neuron = neuron.Neuron,
            Atoms = [.. neuron.Information.Atoms],
            ResidualEntropy = neuron.Information.ResidualEntropy,
            Entropy = neuron.Information.Entropy,
            MutualInformation = neuron.Information.MutualInformation,
            Goal = neuron.Information.Goal ?? double.NaN,
            ClassResponses = [.. neuron.ClassResponses],
            MostTypicalRows = [.. neuron.MostTypical.Select(row => row.Row)],
            LeastTypicalRows = [.. neuron.LeastTypical.Select(row => row.Row)],
            ReceptiveField = [.. layer.Inputs.SelectMany((_, part) => layer.ReceptiveField(neuron.Neuron, part))],
        };

    private sealed class NeuronRow
    {
        public int Neuron { get; set; }
        public double[] Atoms { get; set; } = [];
        public double ResidualEntropy { get; set; }
        public double Entropy { get; set; }
        public double MutualInformation { get; set; }
        public double Goal { get; set; }
        public double[] ClassResponses { get; set; } = [];
        public long[] MostTypicalRows { get; set; } = [];
        public long[] LeastTypicalRows { get; set; } = [];
        public float[] ReceptiveField { get; set; } = [];
    }
}
