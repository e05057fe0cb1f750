namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>How a trained network is looked into.</summary>
public sealed record InsightSettings
{
    /// <summary>Which of the model's networks is looked into, from 0.</summary>
    public int Network { get; init; }

    /// <summary>
    /// Rows from which a decomposition is counted: at least 2, the training's batch size as a rule. Estimates from few
    /// rows are larger than those from many, so that numbers compare with those of the training at its batch size alone.
    /// </summary>
    public int BatchSize { get; init; } = 1024;

    /// <summary>Whether one decomposition is counted from all rows together, instead of the mean over batches.</summary>
    public bool WholeSet { get; init; }

    /// <summary>
    /// Whether hidden neurons pass on their mean output, y = 2θ − 1, instead of a sample of it (±1), as in training.
    /// </summary>
    public bool MeanField { get; init; }

    /// <summary>The samples, and which rows form a batch, follow from this number.</summary>
    public ulong Seed { get; init; }

    /// <summary>How many of the most and of the least typical rows of each neuron are found; not negative.</summary>
    public int TypicalRows { get; init; } = 8;

    private const int MaximumThreads = 1024;

    /// <summary>Threads to use, at most 1,024; null for as many as the machine has processors. The result does not depend on it.</summary>
    public int? Threads { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(Network);
        ArgumentOutOfRangeException.ThrowIfNegative(TypicalRows);
        if (Threads is int threads)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1, nameof(Threads));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, MaximumThreads, nameof(Threads));
        }
    }
}
