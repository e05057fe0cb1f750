using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Infomorphic;

/// <summary>What one of several trainers that are fitted together came to: either of the two.</summary>
/// <typeparam name="TTransformer">The transformer's type.</typeparam>
/// <param name="Transformer">The transformer that scores data with the trained model; null where the training failed or was ended.</param>
/// <param name="Error">What ended the training; null where it gave a model.</param>
public record FitOutcome<TTransformer>(TTransformer? Transformer, Exception? Error)
    where TTransformer : class
{
    /// <summary>The transformer.</summary>
    /// <returns>The transformer that scores data with the trained model.</returns>
    /// <exception cref="Exception">What ended the training, as it was thrown.</exception>
    public TTransformer GetTransformer()
    {
        if (Error is not null)
            ExceptionDispatchInfo.Throw(Error);
        return Transformer!;
    }
}

/// <summary>What one of the trainers that <see cref="InfomorphicTrainer.FitMany"/> fits came to: either of the two.</summary>
/// <param name="Transformer">The transformer that scores data with the trained model; null where the training failed or was ended.</param>
/// <param name="Error">What ended the training; null where it gave a model.</param>
public sealed record FitOutcome(InfomorphicPredictionTransformer? Transformer, Exception? Error)
    : FitOutcome<InfomorphicPredictionTransformer>(Transformer, Error);
