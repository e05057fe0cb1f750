using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows whose weights are multiplied by a number for their class.</summary>
internal sealed class ClassWeightedRows : RowSource
{
    private readonly RowSource _rows;
    private readonly float[] _factors;

    private ClassWeightedRows(RowSource rows, float[] factors)
    {
        _rows = rows;
        _factors = factors;
    }

    public override int RowCount => _rows.RowCount;

    public override int FeatureCount => _rows.FeatureCount;

    public override int ClassCount => _rows.ClassCount;

    public override bool HasDifferentLabels => _rows.HasDifferentLabels;

    public override double MeanNonZeros => _rows.MeanNonZeros;

    /// <summary>The rows of a source with other weights.</summary>
    /// <param name="rows">The source.</param>
    /// <param name="factors">A positive number for each class.</param>
    public static RowSource Of(RowSource rows, float[] factors) =>
        rows is RowsInMemory inMemory
            ? new RowsInMemory(Of(inMemory.Rows, factors))
            : new ClassWeightedRows(rows, factors);

    public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
    {
        LabeledRows? rows = null;
        LabeledRows? weighted = null;
        foreach (RowBatch batch in _rows.Batches(order, batchSize))
        {
            // An object for each content, as there is of what is weighted.
            if (!ReferenceEquals(batch.Rows, rows))
                (rows, weighted) = (batch.Rows, Of(batch.Rows, _factors));
            yield return batch with
            {
                Rows = weighted!,
            };
        }
    }

    public override void Shuffle(int[] order, RandomStream random) => _rows.Shuffle(order, random);

    public override RowSelection Select(int[] chosen) => _rows.Select(chosen).Of(rows => Of(rows, _factors));

    private static LabeledRows Of(LabeledRows rows, float[] factors)
    {
        float[] weights = new float[rows.RowCount];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = factors[rows.Labels[i]] * (rows.Weights is null ? 1 : rows.Weights[i]);
        return rows with { Weights = weights };
    }
}
