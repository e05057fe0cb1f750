using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Makes the transformers that score data with a model.</summary>
/// <typeparam name="TModel">The model's type.</typeparam>
internal static class MulticlassTransformers<TModel>
    where TModel : class
{
    /// <summary>The transformer of a freshly trained model.</summary>
    /// <param name="environment">The environment.</param>
    /// <param name="model">The model.</param>
    /// <param name="trainSchema">The schema of the training data.</param>
    /// <param name="featureColumn">The name of the feature column.</param>
    /// <param name="labelColumn">The name of the label column.</param>
    public static MulticlassPredictionTransformer<TModel> Create(
        IHostEnvironment environment,
        TModel model,
        DataViewSchema trainSchema,
        string featureColumn,
        string labelColumn
    ) => new(environment, model, trainSchema, featureColumn, labelColumn);

    /// <summary>The same transformer with another model: same columns, same labels.</summary>
    /// <param name="environment">The environment.</param>
    /// <param name="transformer">The transformer.</param>
    /// <param name="model">The other model.</param>
    /// <exception cref="InvalidOperationException">A member is not where it is expected.</exception>
    public static MulticlassPredictionTransformer<TModel> WithModel(
        IHostEnvironment environment,
        MulticlassPredictionTransformer<TModel> transformer,
        TModel model
    )
    {
        try
        {
            return new(
                environment,
                model,
                transformer.TrainSchema,
                transformer.FeatureColumnName,
                TrainLabelColumn(transformer),
                ScoreColumn(transformer),
                PredictedLabelColumn(transformer)
            );
        }
        catch (MissingFieldException exception)
        {
            throw SupportedHost.Describe(exception);
        }
    }

    // Private in ML.NET, and publicised references leave private what is private.
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_trainLabelColumn")]
    private static extern ref string TrainLabelColumn(MulticlassPredictionTransformer<TModel> transformer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_scoreColumn")]
    private static extern ref string ScoreColumn(MulticlassPredictionTransformer<TModel> transformer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_predictedLabelColumn")]
    private static extern ref string PredictedLabelColumn(MulticlassPredictionTransformer<TModel> transformer);
}
