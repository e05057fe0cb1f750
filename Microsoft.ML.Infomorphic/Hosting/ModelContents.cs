using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What a model file holds.</summary>
/// <param name="Trained">The networks, of one shape, and the histories of their training.</param>
/// <param name="Settings">The settings of the training.</param>
/// <param name="Scoring">How rows are scored.</param>
/// <param name="Encoding">What the network reads of a row; null for the features as they are.</param>
internal sealed record ModelContents(
    IReadOnlyList<TrainingResult> Trained,
    TrainingSettings Settings,
    ScoringSettings Scoring,
    FeatureEncoding? Encoding = null
)
{
    /// <summary>Creates the contents of a model of one network.</summary>
    public ModelContents(
        InfomorphicNetwork network,
        TrainingHistory history,
        TrainingSettings settings,
        ScoringSettings scoring,
        FeatureEncoding? encoding = null
    )
        : this([new TrainingResult(network, history)], settings, scoring, encoding) { }

    /// <summary>The networks, of one shape, and the histories of their training.</summary>
    public IReadOnlyList<TrainingResult> Trained { get; } = Trained;

    /// <summary>The networks.</summary>
    public IReadOnlyList<InfomorphicNetwork> Networks { get; } = [.. Trained.Select(of => of.Network)];

    /// <summary>Whether there is the state of an optimiser.</summary>
    public bool HasOptimizers => Trained.Any(of => of.Optimizer is not null);

    /// <summary>The histories of their training.</summary>
    public IReadOnlyList<TrainingHistory> Histories { get; } = [.. Trained.Select(of => of.History)];

    /// <summary>The first network.</summary>
    public InfomorphicNetwork Network => Networks[0];

    /// <summary>The history of its training.</summary>
    public TrainingHistory History => Histories[0];
}
