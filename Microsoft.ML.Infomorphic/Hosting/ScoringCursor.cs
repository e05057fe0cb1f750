using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What a cursor of a scored view has to know of its columns.</summary>
/// <param name="Schema">The schema of the scored view.</param>
/// <param name="Features">The feature column of the source.</param>
/// <param name="SourceOf">The source's column that each passes through; null for new ones.</param>
/// <param name="GetterOf">Makes the getter of a new column, of the row of a block at which the cursor is.</param>
/// <param name="ReportsRows">Whether rows without scores are warned of.</param>
internal sealed record ScoredColumns(
    DataViewSchema Schema,
    DataViewSchema.Column Features,
    IReadOnlyList<DataViewSchema.Column?> SourceOf,
    Func<int, Func<(ScoringBlock Block, int Row)>, Delegate> GetterOf,
    bool ReportsRows
);

/// <summary>
/// Reads a source block by block, has the blocks scored, and hands out their rows in order. All that passes through is
/// kept for a block's time, so that it stays in step with the scores, and the source is read once.
/// </summary>
internal sealed class ScoringCursor : RootCursorBase
{
    private const int RowsAtFirst = RowTile.Rows;

    private readonly ScoredColumns _columns;
    private readonly DataViewRowCursor _source;
    private readonly IBlockScorer _scorer;
    private readonly bool[] _active;
    private readonly ValueGetter<VBuffer<float>> _getFeatures;
    private readonly ValueGetter<DataViewRowId> _getId;
    private readonly DataViewSchema.Column[] _passed;
    private readonly ScoringQueue _queue;
    private readonly Queue<Rows> _reading = new();
    private readonly Stack<Rows> _free = new();
    private readonly int _largestBlock;
    private VBuffer<float> _features;
    private bool _readsInPlace = true;
    private Rows? _current;
    private int _row = -1;
    private int _nextBlock = RowsAtFirst;
    private bool _ended;
    private long _rowCount;
    private long _withoutClass;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Begins before the first row.</summary>
    /// <param name="provider">Where the cursor reports.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="active">Which of them are asked for; at least one new one.</param>
    /// <param name="source">The source's cursor, which this one will dispose; its active columns may be kept.</param>
    /// <param name="scorer">What scores.</param>
    /// <param name="helpers">Threads of the pool that may help.</param>
    public ScoringCursor(
        IChannelProvider provider,
        ScoredColumns columns,
        bool[] active,
        DataViewRowCursor source,
        IBlockScorer scorer,
        int helpers
    )
        : base(provider)
    {
        _columns = columns;
        _active = active;
        _source = source;
        _scorer = scorer;
        _getFeatures = source.GetGetter<VBuffer<float>>(columns.Features);
        _getId = source.GetIdGetter();
        _passed =
        [
            .. columns
                .SourceOf.Where((column, index) => active[index] && column is not null)
                .Select(column => column!.Value),
        ];
        _largestBlock = scorer.RowsPerBlock;
        _queue = new ScoringQueue(scorer, helpers);
    }

    /// <inheritdoc/>
    public override DataViewSchema Schema => _columns.Schema;

    /// <inheritdoc/>
    public override long Batch => _current?.Batches[_row] ?? 0;

    /// <inheritdoc/>
    public override bool IsColumnActive(DataViewSchema.Column column)
    {
        Ch.Check(column.Index < _active.Length);
        return _active[column.Index];
    }

    /// <inheritdoc/>
    public override ValueGetter<DataViewRowId> GetIdGetter() =>
        (ref DataViewRowId id) =>
        {
            (Rows rows, int row) = Current();
            id = rows.Ids[row];
        };

    /// <inheritdoc/>
    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Ch.Check(IsColumnActive(column), "The column is not active.");
        Delegate getter;
        if (_columns.SourceOf[column.Index] is DataViewSchema.Column source)
        {
            int index = Array.FindIndex(_passed, passed => passed.Index == source.Index);
            getter = Of(source)
                .GetterOf(() =>
                {
                    (Rows rows, int row) = Current();
                    return (rows.Columns[index], row);
                });
        }
        else
        {
            getter = _columns.GetterOf(
                column.Index,
                () =>
                {
                    (Rows rows, int row) = Current();
                    return (rows.Block, row);
                }
            );
        }

        return getter as ValueGetter<TValue>
            ?? throw Ch.Except(
                $"Invalid TValue in GetGetter: '{typeof(TValue)}', expected type: '{getter.GetType().GetGenericArguments()[0]}'."
            );
    }

    /// <inheritdoc/>
    protected override bool MoveNextCore()
    {
        if (_current is not null && ++_row < _current.Block.RowCount)
            return true;
        if (_current is not null)
            _free.Push(_current);
        _current = null;

        // At least one block more, and as many as there is time for until the oldest is scored.
        bool first = true;
        while (!_ended && _queue.Count < _queue.Capacity && (first || !_queue.HasScored))
        {
            ReadBlock();
            first = false;
        }

        if (_queue.Count == 0)
        {
            _failure?.Throw();
            ReportRowsWithoutClass();
            return false;
        }

        _queue.Dequeue();
        _current = _reading.Dequeue();
        _row = 0;
        CountRowsWithoutClass(_current.Block);
        return true;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (_current is not null)
                _free.Push(_current);
            _current = null;
            _ended = true;
            foreach (ScoringBlock block in _queue.Abandon())
                _scorer.Return(block);
            foreach (Rows rows in _free)
                _scorer.Return(rows.Block);
            _free.Clear();
            _source.Dispose();
        }

        base.Dispose(disposing);
    }

    private void CountRowsWithoutClass(ScoringBlock block)
    {
        _rowCount += block.RowCount;
        for (int row = 0; row < block.RowCount; row++)
            if (float.IsNaN(block.Probabilities(row)[0]))
                _withoutClass++;
    }

    // Whoever counts right answers, say, would not notice.
    private void ReportRowsWithoutClass()
    {
        if (_withoutClass > 0 && _columns.ReportsRows)
            Ch.Warning(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_withoutClass} of {_rowCount} scored instances got no class: their features are missing or infinite (column '{_columns.Features.Name}')"
                )
            );
        _withoutClass = 0;
    }

    // Small blocks first: who looks at a few rows does not wait for many.
    private void ReadBlock()
    {
        Rows rows = _free.Count > 0 ? _free.Pop() : new Rows(this);
        rows.Block.Clear();
        int count = Math.Min(_nextBlock, _largestBlock);
        _nextBlock = Math.Min(2 * count, _largestBlock);
        try
        {
            while (rows.Block.RowCount < count)
            {
                if (!_source.MoveNext())
                {
                    _ended = true;
                    break;
                }

                Read(rows);
            }
        }
        catch (Exception exception)
        {
            // The rows before it are handed out first.
            _failure = ExceptionDispatchInfo.Capture(exception);
            _ended = true;
        }

        if (rows.Block.RowCount == 0)
        {
            _free.Push(rows);
            return;
        }

        _reading.Enqueue(rows);
        _queue.Enqueue(rows.Block);
    }

    private void Read(Rows rows)
    {
        int row = rows.Block.RowCount;
        rows.Batches[row] = _source.Batch;
        _getId(ref rows.Ids[row]);
        foreach (BufferedColumn column in rows.Columns)
            column.Read(row);
        if (_readsInPlace)
        {
            ReadInPlace(rows.Block);
            return;
        }

        _getFeatures(ref _features);
        CheckLength(_features);
        if (_features.IsDense)
            rows.Block.Add(_features.GetValues());
        else
            rows.Block.Add(_features.GetIndices(), _features.GetValues());
    }

    // Full features are written where they are needed. A source may also keep the memory that it is given, and give its
    // own: then that memory is lost, and from there on features are copied.
    private void ReadInPlace(ScoringBlock block)
    {
        float[] row = block.NextRow;
        var features = new VBuffer<float>(row.Length, row);
        _getFeatures(ref features);
        CheckLength(features);
        ReadOnlySpan<float> values = features.GetValues();
        if (features.IsDense && Unsafe.AreSame(ref MemoryMarshal.GetReference(values), ref row[0]))
        {
            block.Add(values);
            return;
        }

        _readsInPlace = false;
        block.GiveNextRowAway();
        if (features.IsDense)
            block.Add(values);
        else
            block.Add(features.GetIndices(), values);
    }

    private void CheckLength(in VBuffer<float> features)
    {
        int expected = _scorer.FeatureCount;
        if (features.Length != expected)
            throw Ch.Except($"The model was trained on {expected} features, and the row has {features.Length}.");
    }

    private (Rows Rows, int Row) Current()
    {
        if (_current is null)
            throw Ch.Except("The cursor is not at a row.");
        return (_current, _row);
    }

    private BufferedColumn Of(DataViewSchema.Column source) => BufferedColumn.Create(_source, source, 0);

    private sealed class Rows
    {
        public Rows(ScoringCursor owner)
        {
            int capacity = owner._largestBlock;
            Block = owner._scorer.Rent();
            Columns = [.. owner._passed.Select(column => BufferedColumn.Create(owner._source, column, capacity))];
            Ids = new DataViewRowId[capacity];
            Batches = new long[capacity];
        }

        public ScoringBlock Block { get; }

        public BufferedColumn[] Columns { get; }

        public DataViewRowId[] Ids { get; }

        public long[] Batches { get; }
    }
}
