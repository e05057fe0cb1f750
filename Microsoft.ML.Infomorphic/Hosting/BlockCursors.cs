using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Makes cursors that read a view in blocks of rows and add columns to it.</summary>
/// <param name="host">Where cursors report.</param>
/// <param name="source">The view that is read.</param>
/// <param name="columns">The columns.</param>
/// <param name="scorer">What is done with blocks.</param>
internal sealed class BlockCursors(IHost host, IDataView source, ScoredColumns columns, IBlockScorer scorer)
{
    /// <summary>A cursor that has its blocks scored by all cores; null where rows have to be read one by one.</summary>
    /// <param name="needed">The columns that are asked for.</param>
    /// <param name="order">In which order rows are read; null for that of the source.</param>
    public DataViewRowCursor? TryCursor(IEnumerable<DataViewSchema.Column> needed, Random? order) =>
        CanReadBlocks(needed, out bool[] active, out IReadOnlyList<DataViewSchema.Column> inputs)
            ? Cursor(source.GetRowCursor(inputs, order), active, NetworkScorer.Helpers)
            : null;

    /// <summary>
    /// As many cursors as the source gives; each scores on the thread that moves it, a single one on all. Null where rows have to
    /// be read one by one.
    /// </summary>
    /// <param name="needed">The columns that are asked for.</param>
    /// <param name="n">A good number of cursors.</param>
    /// <param name="order">In which order rows are read; null for that of the source.</param>
    public DataViewRowCursor[]? TryCursors(IEnumerable<DataViewSchema.Column> needed, int n, Random? order)
    {
        if (!CanReadBlocks(needed, out bool[] active, out IReadOnlyList<DataViewSchema.Column> inputs))
            return null;
        DataViewRowCursor[] cursors = source.GetRowCursorSet(inputs, n, order);
        int helpers = cursors.Length == 1 ? NetworkScorer.Helpers : 0;
        return [.. cursors.Select(cursor => Cursor(cursor, active, helpers))];
    }

    private ScoringCursor Cursor(DataViewRowCursor rows, bool[] active, int helpers)
    {
        try
        {
            return new ScoringCursor(host, columns, active, rows, scorer, helpers);
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    // Whether a new column is asked for, and all that passes through may be kept for a while.
    private bool CanReadBlocks(
        IEnumerable<DataViewSchema.Column> needed,
        out bool[] active,
        out IReadOnlyList<DataViewSchema.Column> inputs
    )
    {
        active = new bool[columns.Schema.Count];
        var sources = new SortedDictionary<int, DataViewSchema.Column>();
        bool anyNew = false;
        bool canHold = true;
        foreach (DataViewSchema.Column column in needed)
        {
            host.Check(column.Index < active.Length, "A column is not one of the scored data.");
            active[column.Index] = true;
            if (columns.SourceOf[column.Index] is DataViewSchema.Column passed)
            {
                sources[passed.Index] = passed;
                canHold &= BufferedColumn.CanHold(passed.Type);
            }
            else
            {
                anyNew = true;
            }
        }

        sources[columns.Features.Index] = columns.Features;
        inputs = [.. sources.Values];
        return anyNew && canHold;
    }
}
