using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Infomorphic;

/// <summary>What one of the trainers that <see cref="InfomorphicTrainer.FitMany"/> fits came to: either of the two.</summary>
/// <param name="Transformer">The transformer that scores data with the trained model; null where the training failed or was ended.</param>
/// <param name="Error">What ended the training; null where it gave a model.</param>
public sealed record FitOutcome(InfomorphicPredictionTransformer? Transformer, Exception? Error)
{
    /// <summary>The transformer.</summary>
    /// <returns>The transformer that scores data with the trained model.</returns>
    /// <exception cref="Exception">What ended the training, as it was thrown.</exception>
    public InfomorphicPredictionTransformer GetTransformer()
    {
        if (Error is not null)
            ExceptionDispatchInfo.Throw(Error);
        return Transformer!;
    }
}
