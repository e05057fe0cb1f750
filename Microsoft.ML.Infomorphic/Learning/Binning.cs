namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// How aggregated inputs become discrete before the information is estimated (appendix A.6): equal bins, bin i of n
/// holding (edge_i, edge_{i+1}]; values outside the range fall into the first or the last bin.
/// </summary>
/// <param name="Count">Number of bins per source, 2 to 64; 20 in the paper.</param>
/// <param name="Range">Half-width R of the range (−R, R) that the bins cover; 20 in the paper's hidden layer.</param>
/// <param name="Adaptive">
/// Whether each neuron's values are first divided by their largest magnitude in the batch, as in the paper's output
/// layer.
/// </param>
public sealed record Binning(int Count = 20, double Range = 20, bool Adaptive = false)
{
    /// <summary>The binning of the paper's output layer: 20 bins on (−1, 1) of values divided by their largest magnitude in the batch.</summary>
    public static Binning PaperOutputLayer { get; } = new(20, 1, Adaptive: true);

    /// <summary>The largest number of bins per source.</summary>
    public const int MaximumCount = 64;

    internal void Validate()
    {
        if (Count is < 2 or > MaximumCount)
            throw new ArgumentOutOfRangeException(
                nameof(Count),
                Count,
                $"The number of bins must be between 2 and {MaximumCount}."
            );
        if (!(Range > 0) || !double.IsFinite(Range))
            throw new ArgumentOutOfRangeException(
                nameof(Range),
                Range,
                "The binning range must be a positive, finite number."
            );
    }
}
