using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The values of a column that passes through, for the rows of a block.</summary>
internal abstract class BufferedColumn
{
    /// <summary>Makes room for the values of a column.</summary>
    /// <param name="cursor">Where they are read.</param>
    /// <param name="column">The column.</param>
    /// <param name="capacity">The largest number of rows.</param>
    public static BufferedColumn Create(DataViewRowCursor cursor, DataViewSchema.Column column, int capacity)
    {
        Type type = column.Type is VectorDataViewType vector
            ? typeof(Vectors<>).MakeGenericType(vector.ItemType.RawType)
            : typeof(Numbers<>).MakeGenericType(column.Type.RawType);
        return (BufferedColumn)Activator.CreateInstance(type, cursor, column, capacity)!;
    }

    /// <summary>Whether values of a type may be kept while a cursor moves on; ML.NET keeps the same ones.</summary>
    public static bool CanHold(DataViewType type) => DataViewUtils.IsCacheable(type);

    /// <summary>Keeps the value of the row at which the cursor is.</summary>
    public abstract void Read(int row);

    /// <summary>What gives the kept values: of the row that <paramref name="place"/> points to.</summary>
    public abstract Delegate GetterOf(Func<(BufferedColumn Column, int Row)> place);

    private sealed class Numbers<T>(DataViewRowCursor cursor, DataViewSchema.Column column, int capacity)
        : BufferedColumn
    {
        private readonly ValueGetter<T> _get = cursor.GetGetter<T>(column);
        private readonly T[] _values = new T[capacity];

        public override void Read(int row) => _get(ref _values[row]);

        public override Delegate GetterOf(Func<(BufferedColumn Column, int Row)> place) =>
            (ValueGetter<T>)(
                (ref T value) =>
                {
                    (BufferedColumn column, int row) = place();
                    value = ((Numbers<T>)column)._values[row];
                }
            );
    }

    private sealed class Vectors<T>(DataViewRowCursor cursor, DataViewSchema.Column column, int capacity)
        : BufferedColumn
    {
        private readonly ValueGetter<VBuffer<T>> _get = cursor.GetGetter<VBuffer<T>>(column);
        private readonly VBuffer<T>[] _values = new VBuffer<T>[capacity];

        public override void Read(int row) => _get(ref _values[row]);

        public override Delegate GetterOf(Func<(BufferedColumn Column, int Row)> place) =>
            (ValueGetter<VBuffer<T>>)(
                (ref VBuffer<T> value) =>
                {
                    (BufferedColumn column, int row) = place();
                    ((Vectors<T>)column)._values[row].CopyTo(ref value);
                }
            );
    }
}
