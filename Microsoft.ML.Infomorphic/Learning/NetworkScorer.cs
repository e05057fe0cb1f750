namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>Scores rows with a trained network: managed code alone, safe for any number of threads.</summary>
public sealed class NetworkScorer
{
    /// <summary>Prepares a network for scoring.</summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">How to score.</param>
    public NetworkScorer(InfomorphicNetwork network, ScoringSettings settings)
    {
        Network = network;
        Settings = settings;
    }

    /// <summary>The network.</summary>
    public InfomorphicNetwork Network { get; }

    /// <summary>How rows are scored.</summary>
    public ScoringSettings Settings { get; }

    /// <summary>Scores a row.</summary>
    /// <param name="features">The row's features.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    /// <exception cref="ArgumentException">A length differs from the network's.</exception>
    public void Score(ReadOnlySpan<float> features, Span<float> probabilities) => throw new NotImplementedException();

    /// <summary>Scores a sparse row; the result is that of the dense row, bit for bit.</summary>
    /// <param name="indices">The features that are not zero, ascending.</param>
    /// <param name="values">Their values.</param>
    /// <param name="probabilities">Receives one probability a class; they sum to 1.</param>
    public void Score(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, Span<float> probabilities) =>
        throw new NotImplementedException();
}
