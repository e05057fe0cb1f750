using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(InfomorphicPredictionTransformer),
    null,
    typeof(SignatureLoadModel),
    "Infomorphic Prediction Transformer",
    InfomorphicPredictionTransformer.LoaderSignature
)]

namespace Microsoft.ML.Infomorphic;

/// <summary>
/// Scores data with an <see cref="InfomorphicModelParameters"/>: blocks of rows on all cores where a whole view is read,
/// single rows in a prediction engine, with the same scores to the bit. Safe for any number of threads.
/// </summary>
public sealed class InfomorphicPredictionTransformer
    : SingleFeaturePredictionTransformerBase<InfomorphicModelParameters>
{
    internal const string LoaderSignature = "InfomorphicPredXfer";

    private readonly string? _labelColumn;
    private readonly string _scoreColumn;
    private readonly string _predictedLabelColumn;

    internal InfomorphicPredictionTransformer(
        IHostEnvironment environment,
        InfomorphicModelParameters model,
        DataViewSchema trainSchema,
        string featureColumn,
        string? labelColumn,
        string scoreColumn = AnnotationUtils.Const.ScoreValueKind.Score,
        string predictedLabelColumn = DefaultColumnNames.PredictedLabel
    )
        : base(environment.Register(nameof(InfomorphicPredictionTransformer)), model, trainSchema, featureColumn)
    {
        _labelColumn = labelColumn;
        _scoreColumn = scoreColumn;
        _predictedLabelColumn = predictedLabelColumn;
        SetScorer();
    }

    private InfomorphicPredictionTransformer(IHost host, ModelLoadContext context)
        : base(host, context)
    {
        // *** Binary format ***
        // <base info>
        // id of string: label column of the training data, or none
        // id of string: column of scores
        // id of string: column of predicted labels
        _labelColumn = context.LoadStringOrNull();
        _scoreColumn = context.LoadNonEmptyString();
        _predictedLabelColumn = context.LoadNonEmptyString();
        SetScorer();
    }

    private static VersionInfo VersionInfo =>
        new(
            modelSignature: "INFO PRD",
            verWrittenCur: 0x00010001,
            verReadableCur: 0x00010001,
            verWeCanReadBack: 0x00010001,
            loaderSignature: LoaderSignature,
            loaderAssemblyName: typeof(InfomorphicPredictionTransformer).Assembly.FullName
        );

    internal InfomorphicPredictionTransformer With(InfomorphicModelParameters model) =>
        new(Host, model, TrainSchema, FeatureColumnName, _labelColumn, _scoreColumn, _predictedLabelColumn);

    /// <summary>The transformer itself, or one that scores alike where it is ML.NET's own.</summary>
    internal static InfomorphicPredictionTransformer Of(
        ISingleFeaturePredictionTransformer<InfomorphicModelParameters> transformer
    )
    {
        if (transformer is InfomorphicPredictionTransformer own)
            return own;
        if (transformer is not MulticlassPredictionTransformer<InfomorphicModelParameters> host)
            throw new ArgumentException(
                $"A transformer of type {transformer.GetType().Name} does not say which columns it was trained on: take the one that training or loading gave.",
                nameof(transformer)
            );
        (string? label, string score, string predictedLabel) =
            MulticlassTransformers<InfomorphicModelParameters>.Columns(host);
        InfomorphicModelParameters model = host.Model;
        return new(model.Environment, model, host.TrainSchema, host.FeatureColumnName, label, score, predictedLabel);
    }

    // More visible than the constructor, or ML.NET does not take it for the loader.
    internal static InfomorphicPredictionTransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        SupportedHost.ThrowIfUnsupported();
        Contracts.CheckValue(environment, nameof(environment));
        environment.CheckValue(context, nameof(context));
        ModelFormat.Check(context, VersionInfo);
        return new InfomorphicPredictionTransformer(
            environment.Register(nameof(InfomorphicPredictionTransformer)),
            context
        );
    }

    /// <inheritdoc/>
    protected override void SaveCore(ModelSaveContext ctx)
    {
        ctx.SetVersionInfo(VersionInfo);
        base.SaveCore(ctx);
        ctx.SaveStringOrNull(_labelColumn);
        ctx.SaveNonEmptyString(_scoreColumn);
        ctx.SaveNonEmptyString(_predictedLabelColumn);
    }

    private void SetScorer()
    {
        var schema = new RoleMappedSchema(TrainSchema, _labelColumn, FeatureColumnName);
        if (schema.Label is DataViewSchema.Column label)
            Model.WithClassNames(ClassNames.Of(label), LabelValues.Of(label));
        Scorer = new BlockScorer(
            Host,
            Model.Scorer,
            BindableMapper.Bind(Host, schema),
            schema,
            _scoreColumn,
            _predictedLabelColumn
        );
    }
}
