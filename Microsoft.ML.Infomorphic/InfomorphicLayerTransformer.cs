using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(InfomorphicLayerTransformer),
    null,
    typeof(SignatureLoadModel),
    "Infomorphic Layer Transformer",
    InfomorphicLayerTransformer.LoaderSignature
)]
[assembly: LoadableClass(
    typeof(IRowMapper),
    typeof(InfomorphicLayerTransformer),
    null,
    typeof(SignatureLoadRowMapper),
    "Infomorphic Layer Transformer",
    InfomorphicLayerTransformer.LoaderSignature
)]

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// Gives the outputs of a layer of an <see cref="InfomorphicModelParameters"/> as a column. Safe for any number of threads.
/// </summary>
/// <remarks>
/// The column is a vector of <see cref="float"/> with <see cref="InfomorphicLayer.OutputCount"/> slots: the mean outputs of the
/// last presentation with the label withheld, from −1 to 1, whatever neurons pass on where rows are scored. Slots are named by
/// layer, cell and neuron: "hidden 1: neuron 3", "hidden 1: cell 2, neuron 3" where neurons are at several positions,
/// "output: neuron 0"; cells and neurons count from 0. Of several networks the column has the outputs of all, one network after
/// another: "network 1, hidden 1: neuron 3". A row with a missing or an infinite feature gets NaN in every slot.
/// No libtorch is needed.
/// </remarks>
public sealed class InfomorphicLayerTransformer : RowToRowTransformerBase
{
    internal const string LoaderSignature = "InfomorphicLayerXfer";
    private const string ModelDirectory = "Model";

    internal InfomorphicLayerTransformer(
        IHostEnvironment environment,
        InfomorphicModelParameters model,
        int layer,
        string featureColumn,
        string outputColumn
    )
        : base(environment.Register(nameof(InfomorphicLayerTransformer)))
    {
        Model = model;
        Layer = layer;
        FeatureColumnName = featureColumn;
        OutputColumnName = outputColumn;
    }

    private InfomorphicLayerTransformer(IHost host, ModelLoadContext context)
        : base(host)
    {
        // *** Binary format ***
        // int: place of the layer
        // id of string: feature column
        // id of string: column of outputs
        // model: the network
        Layer = context.Reader.ReadInt32();
        FeatureColumnName = context.LoadNonEmptyString();
        OutputColumnName = context.LoadNonEmptyString();
        context.LoadModel<InfomorphicModelParameters, SignatureLoadModel>(
            host,
            out InfomorphicModelParameters model,
            ModelDirectory
        );
        Model = model;
        if (ObstacleTo(Layer, Model.Network.Layers.Count) is string obstacle)
            throw host.ExceptDecode(obstacle);
    }

    /// <summary>The model.</summary>
    public InfomorphicModelParameters Model { get; }

    /// <summary>The layer's place in the network, from 0 for the lowest.</summary>
    public int Layer { get; }

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The name of the column of outputs.</summary>
    public string OutputColumnName { get; }

    private static VersionInfo VersionInfo =>
        new(
            modelSignature: "INFO LYR",
            verWrittenCur: 0x00010001,
            verReadableCur: 0x00010001,
            verWeCanReadBack: 0x00010001,
            loaderSignature: LoaderSignature,
            loaderAssemblyName: typeof(InfomorphicLayerTransformer).Assembly.GetName().Name
        );

    /// <summary>Why a network has no such layer, in one sentence; null where it has it.</summary>
    internal static string? ObstacleTo(int layer, int layers) =>
        (uint)layer < (uint)layers
            ? null
            : $"There is no layer {layer}: the number of layers is {layers}, and the output layer is layer {layers - 1}.";

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicLayerTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        context.CheckAtModel(VersionInfo);
        return new InfomorphicLayerTransformer(environment.Register(nameof(InfomorphicLayerTransformer)), context);
    }

    // Data that is saved with its transforms holds the mapper in place of the transformer, in the same format.
    internal static IRowMapper Create(
        IHostEnvironment environment,
        ModelLoadContext context,
        DataViewSchema inputSchema
    ) => Create(environment, context).MakeRowMapper(inputSchema);

    /// <inheritdoc/>
    protected override void SaveModel(ModelSaveContext ctx)
    {
        Host.CheckValue(ctx, nameof(ctx));
        ctx.CheckAtModel();
        ctx.SetVersionInfo(VersionInfo);
        ctx.Writer.Write(Layer);
        ctx.SaveNonEmptyString(FeatureColumnName);
        ctx.SaveNonEmptyString(OutputColumnName);
        ctx.SaveModel(Model, ModelDirectory);
    }

    /// <inheritdoc/>
    protected override IRowMapper MakeRowMapper(DataViewSchema schema) => new Mapper(this, schema);

    private sealed class Mapper : MapperBase
    {
        private readonly InfomorphicLayerTransformer _parent;
        private readonly InfomorphicLayer _layer;
        private readonly int _outputs;
        private readonly DataViewSchema.Column _features;

        public Mapper(InfomorphicLayerTransformer parent, DataViewSchema schema)
            : base(parent.Host.Register(nameof(Mapper)), schema, parent)
        {
            _parent = parent;
            _layer = parent.Model.Network.Layers[parent.Layer];
            _outputs = parent.Model.Networks.Count * _layer.OutputCount;
            _features = InsightReader.FindFeatures(
                Host,
                nameof(schema),
                schema,
                parent.FeatureColumnName,
                parent.Model.Encoding.FeatureCount
            );
        }

        protected override DataViewSchema.DetachedColumn[] GetOutputColumnsCore()
        {
            var annotations = new DataViewSchema.Annotations.Builder();
            annotations.AddSlotNames(_outputs, GetSlotNames);
            annotations.Add(
                AnnotationUtils.Kinds.IsNormalized,
                BooleanDataViewType.Instance,
                (ref bool isNormalized) => isNormalized = true
            );
            return
            [
                new DataViewSchema.DetachedColumn(
                    _parent.OutputColumnName,
                    new VectorDataViewType(NumberDataViewType.Single, _outputs),
                    annotations.ToAnnotations()
                ),
            ];
        }

        protected override Delegate MakeGetter(
            DataViewRow input,
            int iinfo,
            Func<int, bool> activeOutput,
            out Action? disposer
        )
        {
            disposer = null;
            ValueGetter<VBuffer<float>> getFeatures = input.GetGetter<VBuffer<float>>(_features);
            VBuffer<float> features = default;
            return (ValueGetter<VBuffer<float>>)(
                (ref VBuffer<float> outputs) =>
                {
                    getFeatures(ref features);
                    VBufferEditor<float> editor = VBufferEditor.Create(ref outputs, _outputs);
                    _parent.Model.Scorer.LayerOutputs(
                        !features.IsDense,
                        features.IsDense ? [] : features.GetIndices(),
                        features.GetValues(),
                        _parent.Layer,
                        editor.Values
                    );
                    outputs = editor.Commit();
                }
            );
        }

        protected override Func<int, bool> GetDependenciesCore(Func<int, bool> activeOutput) =>
            column => activeOutput(0) && column == _features.Index;

        protected override void SaveModel(ModelSaveContext ctx) => _parent.SaveModel(ctx);

        private void GetSlotNames(ref VBuffer<ReadOnlyMemory<char>> names)
        {
            string layer =
                _parent.Layer < _parent.Model.Network.HiddenLayers.Count ? $"hidden {_parent.Layer + 1}" : "output";
            VBufferEditor<ReadOnlyMemory<char>> editor = VBufferEditor.Create(ref names, _outputs);
            for (int i = 0; i < editor.Values.Length; i++)
            {
                (int network, int output) = Math.DivRem(i, _layer.OutputCount);
                (int cell, int neuron) = Math.DivRem(output, _layer.NeuronCount);
                string ofNetwork = _outputs == _layer.OutputCount ? "" : $"network {network + 1}, ";
                string ofCell = _layer.Positions is null ? "" : $"cell {cell}, ";
                editor.Values[i] = $"{ofNetwork}{layer}: {ofCell}neuron {neuron}".AsMemory();
            }

            names = editor.Commit();
        }
    }
}
