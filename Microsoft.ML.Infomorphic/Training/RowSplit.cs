using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Which training rows are learned from.</summary>
/// <param name="Learned">Places of the training rows that are learned from, ascending.</param>
/// <param name="HeldOut">Places of the others, ascending, which are validation rows.</param>
internal sealed record RowSplit(int[] Learned, int[] HeldOut)
{
    /// <summary>
    /// A share of the training rows are validation rows, of each class its share. A class keeps at least one row to be learned
    /// from. Streamed rows are read once for their labels.
    /// </summary>
    /// <param name="train">The training rows.</param>
    /// <param name="fraction">The share, from 0 to less than 1.</param>
    /// <param name="seed">Everything random follows from it.</param>
    public static RowSplit Of(RowSource train, double fraction, ulong seed)
    {
        var random = new RandomStream(seed, RandomStreams.ValidationRows);
        int[] rows = [.. Enumerable.Range(0, train.RowCount)];
        if (fraction == 0)
            return new RowSplit(rows, []);
        int[] labels = LabelsOf(train);
        IEnumerable<int[]> groups = rows.GroupBy(row => labels[row])
            .OrderBy(group => group.Key)
            .Select(group => group.ToArray());
        var heldOut = new List<int>();
        double owed = 0; // what rounding has left out so far, so that the shares of many small classes add up
        foreach (int[] group in groups)
        {
            random.Shuffle(group);
            owed += fraction * group.Length;
            int count = Math.Clamp((int)Math.Round(owed), 0, group.Length - 1);
            owed -= count;
            heldOut.AddRange(group.AsSpan(0, count));
        }

        heldOut.Sort();
        var isHeldOut = new HashSet<int>(heldOut);
        return new RowSplit([.. rows.Where(row => !isHeldOut.Contains(row))], [.. heldOut]);
    }

    private static int[] LabelsOf(RowSource rows)
    {
        if (rows is RowsInMemory inMemory)
            return inMemory.Rows.Labels;
        const int RowsAtOnce = 1024;
        int[] labels = new int[rows.RowCount];
        int row = 0;
        foreach (RowBatch batch in rows.All.Batches(RowsAtOnce))
        foreach (int index in batch.Indices.Span)
            labels[row++] = batch.Rows.Labels[index];
        return labels;
    }
}
