// Rows that do not fit in memory, in any order. A block of memory takes the rows that are next in the order; they are
// scattered over the whole view, so that one reading of the view fills one block, and only rows that go into it are
// read. As many readings as there are blocks make an epoch, and its order is the very one that rows in memory would
// have been trained in: whether rows are streamed does not change the result.
//
// A view that is much larger than the block would be read too often. Then an epoch is MaximumReadings readings: each
// takes a random part of all rows, in the view's order, and fills the block several times, so that rows are shuffled
// over MaximumReadings blocks' worth of neighbours. That will not do where the view is sorted by class.

using System.Globalization;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows that are read again and again into one block of memory.</summary>
internal sealed class StreamedRows : RowSource
{
    /// <summary>The view is read at most so many times an epoch to train on its rows, unless it is sorted by class.</summary>
    public const int MaximumReadings = 8;

    private const int RowsBetweenChecks = 256;

    private readonly IRowReader _reader;
    private readonly RowSurvey _survey;
    private readonly RowStore _block;
    private readonly int _rowsToKeep;
    private readonly GarbageLimit _garbage;

    // The rows of the block, ascending, and where in the block the next rows of the order are.
    private readonly int[] _rows;
    private readonly int[] _indices;
    private readonly int[] _scratch;
    private ulong? _checksum;

    /// <summary>Allocates the block.</summary>
    /// <param name="reader">Reads the rows.</param>
    /// <param name="survey">What the first reading found.</param>
    /// <param name="rowsPerBlock">The block's size: a multiple of the batch size.</param>
    /// <param name="rowsToKeep">So many rows may be kept in memory beside the block, where they are all that is selected.</param>
    /// <param name="garbage">What readings leave behind.</param>
    public StreamedRows(IRowReader reader, RowSurvey survey, int rowsPerBlock, int rowsToKeep, GarbageLimit garbage)
    {
        _garbage = garbage;
        _reader = reader;
        _survey = survey;
        _rowsToKeep = rowsToKeep;
        _block = new RowStore(survey, rowsPerBlock);
        _rows = new int[rowsPerBlock];
        _indices = new int[rowsPerBlock];
        _scratch = new int[rowsPerBlock];
    }

    public override int RowCount => _survey.RowCount;

    public override int FeatureCount => _survey.FeatureCount;

    public override int ClassCount => _survey.ClassCount;

    public override bool HasDifferentLabels => _survey.HasDifferentLabels;

    public override double MeanNonZeros => _survey.MeanNonZeros;

    /// <summary>Rows that are in memory at a time.</summary>
    public int RowsPerBlock => _block.Capacity;

    /// <summary>How often the view is read in an epoch to train on its rows.</summary>
    public int ReadingsPerEpoch => (int)((RowCount + (long)RowsPerReading - 1) / RowsPerReading);

    /// <summary>Whether rows are shuffled over all of the view, as they would be in memory.</summary>
    public bool ShufflesOverAll => RowsPerReading == RowsPerBlock;

    // A whole number of blocks.
    private int RowsPerReading
    {
        get
        {
            long blocks = ((long)RowCount + RowsPerBlock - 1) / RowsPerBlock;
            if (_survey.IsSortedByClass || blocks <= MaximumReadings)
                return RowsPerBlock;
            long blocksPerReading = (blocks + MaximumReadings - 1) / MaximumReadings;
            return (int)Math.Min(int.MaxValue / RowsPerBlock, blocksPerReading) * RowsPerBlock;
        }
    }

    public override void Shuffle(int[] order, RandomStream random)
    {
        base.Shuffle(order, random);
        if (ShufflesOverAll)
            return;
        int rowsPerReading = RowsPerReading;
        for (int start = 0; start < order.Length; start += Math.Min(rowsPerReading, order.Length - start))
        {
            Span<int> part = order.AsSpan(start, Math.Min(rowsPerReading, order.Length - start));
            part.Sort();
            for (int block = 0; block < part.Length; block += RowsPerBlock)
                random.Shuffle(part.Slice(block, Math.Min(RowsPerBlock, part.Length - block)));
        }
    }

    public override RowSelection Select(int[] chosen)
    {
        if (chosen.Length > _rowsToKeep)
            return base.Select(chosen);
        RowStore kept = new RowStore(_survey, chosen.Length);
        int[] rows = [.. chosen];
        int[] indices = new int[rows.Length];
        Sort(rows, indices, new int[rows.Length]);
        var reading = new Reading(this);
        try
        {
            reading.Fill(kept, rows);
            reading.End();
        }
        finally
        {
            reading.Dispose();
        }
        return new RowSelection(new RowsInMemory(kept.ToRows()), indices);
    }

    public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
    {
        int count = order?.Length ?? RowCount;
        using var reading = new Reading(this);
        for (int start = 0; start < count; start += Math.Min(RowsPerBlock, count - start))
        {
            int size = Math.Min(RowsPerBlock, count - start);
            for (int i = 0; i < size; i++)
            {
                _rows[i] = order is null ? start + i : order[start + i];
                _indices[i] = i;
            }
            if (order is not null)
                Sort(_rows.AsSpan(0, size), _indices.AsSpan(0, size), _scratch.AsSpan(0, size));

            reading.Fill(_block, _rows.AsMemory(0, size));
            LabeledRows rows = _block.ToRows();
            for (int batch = 0; batch < size; batch += batchSize)
                yield return new RowBatch(rows, _indices.AsMemory(batch, Math.Min(batchSize, size - batch)));
        }

        reading.End();
        if (count == RowCount)
            Check(reading.Checksum);
    }

    // Sorts rows, and says where each of them has gone.
    private static void Sort(Span<int> rows, Span<int> indices, Span<int> scratch)
    {
        for (int i = 0; i < scratch.Length; i++)
            scratch[i] = i;
        rows.Sort(scratch);
        for (int i = 0; i < scratch.Length; i++)
            indices[scratch[i]] = i;
    }

    // Every row once, in whatever order, sums up to the same; values that change from reading to reading do not.
    private void Check(ulong checksum)
    {
        _checksum ??= checksum;
        if (checksum != _checksum)
            throw Changed(_reader.Purpose, "its values differ");
    }

    /// <summary>The exception for data that cannot be streamed because no two readings are the same.</summary>
    /// <param name="purpose">What the data are for.</param>
    /// <param name="how">What has changed.</param>
    public static InvalidOperationException Changed(string purpose, string how) =>
        new(
            $"The {purpose} data has changed between two readings ({how}): data that is larger than the memory budget is "
                + "read several times and must be the same each time, so save it to a file first, or raise the budget."
        );

    /// <summary>One reading of the view or, where rows come in an order that needs them, several.</summary>
    private sealed class Reading(StreamedRows owner) : IDisposable
    {
        private readonly Lock _lock = new();
        private IRowPass? _pass;
        private int _row = -1;
        private bool _isWorking;
        private bool _isDisposed;

        /// <summary>The sum over all rows read.</summary>
        public ulong Checksum { get; private set; }

        /// <summary>Fills a block with rows, ascending.</summary>
        public void Fill(RowStore block, ReadOnlyMemory<int> rows) => WaitFor(() => FillNow(block, rows.Span));

        /// <summary>Ends the reading where the view ends.</summary>
        public void End() => WaitFor(EndNow);

        /// <summary>Ends the reading; at once where it is at work, which somebody no longer waits for, when that is done.</summary>
        public void Dispose()
        {
            IRowPass? ended = null;
            lock (_lock)
            {
                _isDisposed = true;
                if (!_isWorking)
                    ended = TakePass();
            }

            ended?.Dispose();
        }

        private void WaitFor(Action work)
        {
            _isWorking = true;
            owner._reader.WaitFor(() =>
            {
                bool succeeds = false;
                try
                {
                    work();
                    succeeds = true;
                }
                finally
                {
                    IRowPass? ended = null;
                    lock (_lock)
                    {
                        _isWorking = false;
                        if (_isDisposed || !succeeds)
                            ended = TakePass();
                    }

                    ended?.Dispose();
                }
            });
        }

        private void FillNow(RowStore block, ReadOnlySpan<int> rows)
        {
            block.Clear();
            if (_pass is not null && rows[0] <= _row)
                EndNow();
            _pass ??= owner._reader.Begin();
            foreach (int row in rows)
            {
                for (; _row < row; _row++)
                {
                    if (_row % RowsBetweenChecks == 0)
                        owner._garbage.Check();
                    if (!_pass.MoveNext())
                        throw Changed((_row + 1).ToString(CultureInfo.InvariantCulture));
                }
                if (!block.TryAdd(_pass.Read()))
                    throw StreamedRows.Changed(owner._reader.Purpose, "its values differ");
                unchecked
                {
                    Checksum += RowStore.Scatter(block.HashOfLastRow() + (ulong)row);
                }
            }
        }

        private void EndNow()
        {
            if (_pass is null)
                return;
            for (; _pass.MoveNext(); _row++)
                if (_row + 1 >= owner.RowCount)
                    throw Changed("more");
            if (_row + 1 != owner.RowCount)
                throw Changed((_row + 1).ToString(CultureInfo.InvariantCulture));
            TakePass()?.Dispose();
        }

        private IRowPass? TakePass()
        {
            IRowPass? pass = _pass;
            _pass = null;
            _row = -1;
            return pass;
        }

        private InvalidOperationException Changed(string rows) =>
            StreamedRows.Changed(
                owner._reader.Purpose,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"it had {owner.RowCount} valid instances and now has {rows}"
                )
            );
    }
}
