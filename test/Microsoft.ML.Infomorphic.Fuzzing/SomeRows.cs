using System.Globalization;
using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>Two rows of any schema: one of zeros and missing values, and one of ones.</summary>
/// <param name="schema">The schema.</param>
internal sealed class SomeRows(DataViewSchema schema) : IDataView
{
    private const int Count = 2;

    public bool CanShuffle => false;

    public DataViewSchema Schema => schema;

    public long? GetRowCount() => Count;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(schema);

    public DataViewRowCursor[] GetRowCursorSet(
        IEnumerable<DataViewSchema.Column> columnsNeeded,
        int n,
        Random? rand = null
    ) => [GetRowCursor(columnsNeeded, rand)];

    private sealed class Cursor(DataViewSchema schema) : DataViewRowCursor
    {
        // Vectors of ones that are longer have a single one.
        private const int LongestDense = 1 << 16;

        private static readonly MethodInfo s_vectorGetter = Method(nameof(VectorGetter));
        private static readonly MethodInfo s_valueGetter = Method(nameof(ValueGetter));
        private long _position = -1;

        public override long Position => _position;

        public override long Batch => 0;

        public override DataViewSchema Schema => schema;

        public override bool IsColumnActive(DataViewSchema.Column column) => true;

        public override bool MoveNext() => ++_position < Count;

        public override ValueGetter<DataViewRowId> GetIdGetter() =>
            (ref DataViewRowId id) => id = new DataViewRowId((ulong)_position, 0);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) =>
            column.Type is VectorDataViewType vector
                ? Get<TValue>(s_vectorGetter, vector.ItemType.RawType, vector.Size)
                : Get<TValue>(s_valueGetter, column.Type.RawType);

        private ValueGetter<TValue> Get<TValue>(MethodInfo method, Type type, params object[] arguments) =>
            method.MakeGenericMethod(type).Invoke(this, arguments) as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"A column of {type} was read as {typeof(TValue)}.");

        private ValueGetter<VBuffer<T>> VectorGetter<T>(int size) =>
            (ref VBuffer<T> value) =>
                value =
                    _position == 0 ? new VBuffer<T>(size, 0, [], [])
                    : size <= LongestDense ? new VBuffer<T>(size, [.. Enumerable.Repeat(One<T>(), size)])
                    : new VBuffer<T>(size, 1, [One<T>()], [size - 1]);

        private ValueGetter<T> ValueGetter<T>() => (ref T value) => value = _position == 0 ? default! : One<T>();

        private static T One<T>() =>
            typeof(T) == typeof(ReadOnlyMemory<char>) ? (T)(object)"one".AsMemory()
            : typeof(T).IsPrimitive ? (T)Convert.ChangeType(1, typeof(T), CultureInfo.InvariantCulture)
            : default!;

        private static MethodInfo Method(string name) =>
            typeof(Cursor).GetMethod(name, BindingFlags.Instance | BindingFlags.NonPublic)!;
    }
}
