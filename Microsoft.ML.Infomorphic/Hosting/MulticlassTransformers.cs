using System.Runtime.CompilerServices;
using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// What ML.NET's own transformer of multiclass models does not tell. Files saved by the first versions of this library
/// hold such transformers.
/// </summary>
/// <typeparam name="TModel">The model's type.</typeparam>
internal static class MulticlassTransformers<TModel>
    where TModel : class
{
    /// <summary>The names of a transformer's columns.</summary>
    /// <param name="transformer">The transformer.</param>
    /// <exception cref="InvalidOperationException">A member is not where it is expected.</exception>
    public static (string? Label, string Score, string PredictedLabel) Columns(
        MulticlassPredictionTransformer<TModel> transformer
    )
    {
        try
        {
            return (TrainLabelColumn(transformer), ScoreColumn(transformer), PredictedLabelColumn(transformer));
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
