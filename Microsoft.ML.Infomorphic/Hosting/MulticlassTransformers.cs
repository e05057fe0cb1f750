using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

using Transformer = MulticlassPredictionTransformer<InfomorphicModelParameters>;

/// <summary>Makes the transformers that score data with a model.</summary>
internal static class MulticlassTransformers
{
    /// <summary>The transformer of a freshly trained model.</summary>
    /// <param name="host">The environment.</param>
    /// <param name="model">The model.</param>
    /// <param name="trainSchema">The schema of the training data.</param>
    /// <param name="featureColumn">The name of the feature column.</param>
    /// <param name="labelColumn">The name of the label column.</param>
    public static Transformer Create(
        IHostEnvironment host,
        InfomorphicModelParameters model,
        DataViewSchema trainSchema,
        string featureColumn,
        string labelColumn
    ) => new(host, model, trainSchema, featureColumn, labelColumn);

    /// <summary>The same transformer with another model: same columns, same labels.</summary>
    /// <param name="host">The environment.</param>
    /// <param name="transformer">The transformer.</param>
    /// <param name="model">The other model.</param>
    public static Transformer WithModel(
        IHostEnvironment host,
        Transformer transformer,
        InfomorphicModelParameters model
    ) =>
        new(
            host,
            model,
            transformer.TrainSchema,
            transformer.FeatureColumnName,
            TrainLabelColumn(transformer),
            ScoreColumn(transformer),
            PredictedLabelColumn(transformer)
        );

    // Private in ML.NET, and publicised references leave private what is private.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_trainLabelColumn")]
    private static extern ref string TrainLabelColumn(Transformer transformer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_scoreColumn")]
    private static extern ref string ScoreColumn(Transformer transformer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_predictedLabelColumn")]
    private static extern ref string PredictedLabelColumn(Transformer transformer);
}
