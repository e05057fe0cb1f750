namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>What is done with blocks of rows; safe for any number of threads.</summary>
internal interface IBlockScorer
{
    /// <summary>Number of features of a row.</summary>
    int FeatureCount { get; }

    /// <summary>A good number of rows.</summary>
    int RowsPerBlock { get; }

    /// <summary>Takes an empty block.</summary>
    ScoringBlock Rent();

    /// <summary>Gives a block back that nobody uses any more.</summary>
    void Return(ScoringBlock block);

    /// <summary>Scores all rows of a block.</summary>
    void Score(ScoringBlock block);
}
