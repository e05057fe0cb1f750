using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Scores blocks of rows, and says what features contribute: <see cref="ScoringBlock.Explained"/>.</summary>
internal sealed class ContributionScorer(RowContributions contributions, EnsembleScorer scorer, int[]? classes)
    : IBlockScorer
{
    // Numbers of a block: they should stay in the second-level cache. Those of images are many.
    private const int NumbersAtOnce = 1 << 18;

    /// <inheritdoc/>
    public int FeatureCount => scorer.FeatureCount;

    /// <summary>Numbers of a row: classes × features.</summary>
    public int NumbersPerRow { get; } = (classes?.Length ?? 1) * scorer.FeatureCount;

    /// <inheritdoc/>
    public int RowsPerBlock =>
        Math.Clamp(NumbersAtOnce / NumbersPerRow / RowTile.Rows, 1, scorer.RowsPerBlock / RowTile.Rows) * RowTile.Rows;

    /// <inheritdoc/>
    public ScoringBlock Rent()
    {
        ScoringBlock block = scorer.Rent();
        if (block.Explained.Length < RowsPerBlock * NumbersPerRow)
            block.Explained = new float[RowsPerBlock * NumbersPerRow];
        return block;
    }

    /// <inheritdoc/>
    public void Return(ScoringBlock block) => scorer.Return(block);

    /// <inheritdoc/>
    public void Score(ScoringBlock block)
    {
        scorer.Score(block);
        contributions.Calculate(block, classes, block.Explained.AsSpan(0, block.RowCount * NumbersPerRow));
    }
}
