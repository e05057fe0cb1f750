using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Benchmarks.Scoring;

/// <summary>A row as ML.NET reads it.</summary>
internal sealed class ScoredRow
{
    [VectorType(BenchmarkData.Features)]
    public float[] Features { get; set; } = new float[BenchmarkData.Features];

    [KeyType(BenchmarkData.Classes)]
    public uint Label { get; set; }

    /// <summary>Rows as a view; each is made when it is read.</summary>
    public static IDataView View(MLContext context, LabeledRows rows, int count) =>
        context.Data.LoadFromEnumerable(
            Enumerable.Range(0, Math.Min(count, rows.RowCount)).Select(index => Of(rows, index))
        );

    public static ScoredRow Of(LabeledRows rows, int index)
    {
        var row = new ScoredRow { Label = (uint)rows.Labels[index] + 1 };
        rows.Features.CopyRow(index, row.Features);
        return row;
    }
}

/// <summary>What is predicted of a row.</summary>
internal sealed class RowPrediction
{
    [VectorType(BenchmarkData.Classes)]
    public float[] Score { get; set; } = new float[BenchmarkData.Classes];

    [KeyType(BenchmarkData.Classes)]
    public uint PredictedLabel { get; set; }
}
