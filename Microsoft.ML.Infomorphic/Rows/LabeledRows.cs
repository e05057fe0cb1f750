namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows with their classes and, where they have them, their weights. All numbers are finite.</summary>
/// <param name="Features">The features.</param>
/// <param name="Labels">The class of each row, from 0.</param>
/// <param name="Weights">The positive weight of each row, or null where all weigh the same.</param>
/// <param name="ClassCount">Number of classes; a class may have no row.</param>
internal sealed record LabeledRows(FeatureMatrix Features, int[] Labels, float[]? Weights, int ClassCount)
{
    /// <summary>
    /// Whether the rows are of one epoch or one batch, and never asked for again: nothing that is made of them is worth keeping.
    /// </summary>
    public bool IsTransient { get; init; }

    /// <summary>Number of rows.</summary>
    public int RowCount => Features.RowCount;
}
