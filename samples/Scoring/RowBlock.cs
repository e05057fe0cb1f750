using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>
/// A block of rows in memory, in the columns of a model's input schema. It is filled, scored and emptied again and
/// again, by one thread at a time.
/// </summary>
internal sealed class RowBlock : IDataView
{
    private readonly InputColumn?[] _columns;

    /// <param name="schema">The model's input schema.</param>
    /// <param name="columns">The columns that hold values; the others can only be left alone.</param>
    public RowBlock(DataViewSchema schema, IEnumerable<InputColumn> columns)
    {
        Schema = schema;
        _columns = new InputColumn?[schema.Count];
        foreach (InputColumn column in columns)
            _columns[column.Index] = column;
    }

    public DataViewSchema Schema { get; }

    public int Count { get; private set; }

    public bool CanShuffle => false;

    /// <summary>Called with the names of the columns that a cursor was asked for.</summary>
    public Action<IEnumerable<DataViewSchema.Column>>? CursorOpened { get; set; }

    // The rows differ from one cursor to the next.
    public long? GetRowCount() => null;

    /// <summary>Says that every column has taken the value of one more row.</summary>
    public void AddRow() => Count++;

    /// <summary>Forgets what the columns have taken of a row that turned out to be bad.</summary>
    public void DropUnfinishedRow()
    {
        foreach (InputColumn? column in _columns)
            column?.Truncate(Count);
    }

    public void Clear()
    {
        Count = 0;
        DropUnfinishedRow();
    }

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        CursorOpened?.Invoke(needed);
        return new Cursor(this, [.. needed.Select(column => column.Index)]);
    }

    public DataViewRowCursor[] GetRowCursorSet(
        IEnumerable<DataViewSchema.Column> columnsNeeded,
        int n,
        Random? rand = null
    ) => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(RowBlock block, HashSet<int> active) : DataViewRowCursor
    {
        private long _position = -1;

        public override long Position => _position;

        public override long Batch => 0;

        public override DataViewSchema Schema => block.Schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => active.Contains(column.Index);

        public override bool MoveNext()
        {
            if (_position + 1 >= block.Count)
                return false;
            _position++;
            return true;
        }

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            block._columns[column.Index]?.Getter(() => (int)_position) as ValueGetter<TValue>
            ?? throw new InvalidOperationException(
                $"The model reads column \"{column.Name}\" as {typeof(TValue).Name}, and it holds {column.Type}."
            );

        public override ValueGetter<DataViewRowId> GetIdGetter() =>
            (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);
    }
}
