using System.Globalization;
using System.Runtime.ExceptionServices;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What a training tells its host while it runs, and asks of it.</summary>
internal sealed class TrainingCallbacks
{
    /// <summary>Called before every step; throws <see cref="OperationCanceledException"/> to end the training.</summary>
    public Action CheckAlive { get; init; } = static () => { };

    /// <summary>Called after every epoch.</summary>
    public Action<EpochRecord> EpochEnded { get; init; } = static _ => { };

    /// <summary>Called before the first step with what the networks read of a row.</summary>
    public Action<FeatureEncoding> Prepared { get; init; } = static _ => { };

    /// <summary>
    /// Called after every epoch that was evaluated, after <see cref="EpochEnded"/>, with the history so far and, until it
    /// returns, the network as it is; null where nobody asks.
    /// </summary>
    public Action<TrainingHistory, Func<InfomorphicNetwork>>? Evaluated { get; init; }

    /// <summary>What of the data may make a training diverge, if it does: a sentence; null where nothing stands out.</summary>
    public string? Suspicion { get; init; }

    /// <summary>What classes are called, as a sentence lists them: by their numbers, from 1, where nothing else is known.</summary>
    public Func<int[], string> NamesOf { get; init; } =
        static classes =>
            string.Join(", ", classes.Select(label => (label + 1).ToString(CultureInfo.InvariantCulture)));

    /// <summary>Called with what a user may want to know: the standardisation chosen, an early stop.</summary>
    public Action<string> Info { get; init; } = static _ => { };

    /// <summary>Called with what a user should know: that something is wrong with what was learned.</summary>
    public Action<string> Warn { get; init; } = static _ => { };

    /// <summary>Called when the training has failed or was ended.</summary>
    public Action Failed { get; init; } = static () => { };
}

/// <summary>One of several networks that are trained together.</summary>
/// <param name="Settings">Its settings.</param>
/// <param name="Callbacks">What to tell its host. Where one of them throws, this request ends with that exception.</param>
/// <param name="Initial">A network to go on from, or null for a fresh one: all go on from one, or none.</param>
internal sealed record TrainingRequest(
    TrainingSettings Settings,
    TrainingCallbacks Callbacks,
    InfomorphicNetwork? Initial = null
)
{
    /// <summary>The history of that network, which goes on; null for a new one.</summary>
    public TrainingHistory? Before { get; init; }

    /// <summary>The state of that network's optimiser, which goes on; null for a fresh one.</summary>
    public OptimizerState? Optimizer { get; init; }

    /// <summary>Whether a <see cref="LinearReadout"/> is learned beside it.</summary>
    public bool HasLinearReadout { get; init; }
}

/// <summary>What a request came to: either of the two.</summary>
/// <param name="Result">The network and its history; null where the request failed or was ended.</param>
/// <param name="Error">What ended the request; null where it gave a network.</param>
internal sealed record TrainingOutcome(TrainingResult? Result, Exception? Error)
{
    /// <summary>The result.</summary>
    /// <exception cref="Exception">What ended the request, as it was thrown.</exception>
    public TrainingResult GetResult()
    {
        if (Error is not null)
            ExceptionDispatchInfo.Throw(Error);
        return Result!;
    }
}
