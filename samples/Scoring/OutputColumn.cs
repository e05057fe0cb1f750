using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>A column that a model adds: hands its values to a writer, keys as what they stand for.</summary>
internal abstract class OutputColumn
{
    private OutputColumn(DataViewSchema.Column column, Type valueType)
    {
        Column = column;
        ValueType = valueType;
    }

    public DataViewSchema.Column Column { get; }

    public string Name => Column.Name;

    public bool IsVector => Column.Type is VectorDataViewType;

    /// <summary>What the writer gets: string, float, double, long, ulong or bool.</summary>
    public Type ValueType { get; }

    /// <summary>
    /// What a vector's values are of: the classes, of scores; else the names that the model has for them, or their numbers
    /// from 0. Null where the column is no vector, or one of unknown size.
    /// </summary>
    public IReadOnlyList<string>? SlotNames
    {
        get
        {
            if (Column.Type is not VectorDataViewType { IsKnownSize: true } vector)
                return null;
            string[]? names =
                Names(Column, "TrainingLabelValues", vector.Size) ?? Names(Column, "SlotNames", vector.Size);
            return
            [
                .. Enumerable
                    .Range(0, vector.Size)
                    .Select(slot =>
                        names is not null && names[slot].Length > 0
                            ? names[slot]
                            : slot.ToString(CultureInfo.InvariantCulture)
                    ),
            ];
        }
    }

    /// <summary>What writes the value of the row that a cursor stands on.</summary>
    public abstract Action<IValueWriter> Bind(DataViewRow row);

    /// <summary>The column's writer; null where there is no word for its values.</summary>
    public static OutputColumn? Create(DataViewSchema.Column column)
    {
        DataViewType type = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        if (type is KeyDataViewType key)
            return type.RawType == typeof(uint) ? OfKeys(column, key) : null;
        Type raw = type.RawType;
        if (raw == typeof(float))
            return Of<float, float>(column, (writer, value) => writer.Number(value));
        if (raw == typeof(double))
            return Of<double, double>(column, (writer, value) => writer.Number(value));
        if (raw == typeof(bool))
            return Of<bool, bool>(column, (writer, value) => writer.Truth(value));
        if (raw == typeof(ReadOnlyMemory<char>))
            return Of<ReadOnlyMemory<char>, string>(column, (writer, value) => writer.Text(value.Span));
        if (raw == typeof(int))
            return Of<int, long>(column, (writer, value) => writer.Whole(value));
        if (raw == typeof(uint))
            return Of<uint, long>(column, (writer, value) => writer.Whole(value));
        if (raw == typeof(long))
            return Of<long, long>(column, (writer, value) => writer.Whole(value));
        return raw == typeof(ulong) ? Of<ulong, ulong>(column, (writer, value) => writer.Whole(value)) : null;
    }

    private static OutputColumn Of<T, TValue>(DataViewSchema.Column column, Action<IValueWriter, T> write) =>
        column.Type is VectorDataViewType
            ? new Vector<T>(column, typeof(TValue), write)
            : new Scalar<T>(column, typeof(TValue), write);

    private static OutputColumn OfKeys(DataViewSchema.Column column, KeyDataViewType key)
    {
        string[]? names = key.Count <= int.MaxValue ? Texts(column, "KeyValues", (int)key.Count) : null;
        return names is null ? Of<uint, long>(column, Write) : Of<uint, string>(column, Write);

        void Write(IValueWriter writer, uint value)
        {
            // Key 0 is a missing value, and counts start at 1.
            if (value == 0)
                writer.Missing();
            else if (names is not null && value <= names.Length)
                writer.Text(names[value - 1]);
            else
                writer.Whole((long)value);
        }
    }

    // An annotation with a text for each value.
    private static string[]? Texts(DataViewSchema.Column column, string annotation, int count) =>
        Read<ReadOnlyMemory<char>>(column, annotation, count, text => text.ToString());

    // The same of texts or numbers.
    private static string[]? Names(DataViewSchema.Column column, string annotation, int count) =>
        Texts(column, annotation, count)
        ?? Numbers<float>(column, annotation, count)
        ?? Numbers<double>(column, annotation, count)
        ?? Numbers<byte>(column, annotation, count)
        ?? Numbers<int>(column, annotation, count)
        ?? Numbers<uint>(column, annotation, count)
        ?? Numbers<long>(column, annotation, count);

    private static string[]? Numbers<T>(DataViewSchema.Column column, string annotation, int count)
        where T : IFormattable =>
        Read<T>(column, annotation, count, n => n.ToString(null, CultureInfo.InvariantCulture));

    private static string[]? Read<T>(DataViewSchema.Column column, string annotation, int count, Func<T, string> name)
    {
        if (
            column.Annotations.Schema.GetColumnOrNull(annotation)?.Type is not VectorDataViewType type
            || type.Size != count
            || type.ItemType.RawType != typeof(T)
        )
            return null;
        VBuffer<T> values = default;
        column.Annotations.GetValue(annotation, ref values);
        return [.. values.DenseValues().Select(name)];
    }

    private sealed class Scalar<T>(DataViewSchema.Column column, Type valueType, Action<IValueWriter, T> write)
        : OutputColumn(column, valueType)
    {
        public override Action<IValueWriter> Bind(DataViewRow row)
        {
            ValueGetter<T> getter = row.GetGetter<T>(Column);
            T value = default!;
            return writer =>
            {
                getter(ref value);
                write(writer, value);
            };
        }
    }

    private sealed class Vector<T>(DataViewSchema.Column column, Type valueType, Action<IValueWriter, T> write)
        : OutputColumn(column, valueType)
    {
        public override Action<IValueWriter> Bind(DataViewRow row)
        {
            ValueGetter<VBuffer<T>> getter = row.GetGetter<VBuffer<T>>(Column);
            VBuffer<T> value = default;
            return writer =>
            {
                getter(ref value);
                writer.BeginVector();
                foreach (KeyValuePair<int, T> item in value.Items(all: true))
                    write(writer, item.Value);
                writer.EndVector();
            };
        }
    }
}
