using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>A column that a model adds: writes its values as JSON, keys as what they stand for.</summary>
internal abstract class OutputColumn(DataViewSchema.Column column)
{
    public DataViewSchema.Column Column { get; } = column;

    public string Name { get; } = column.Name;

    /// <summary>What writes the value of the row that a cursor stands on.</summary>
    public abstract Action<Utf8JsonWriter> Bind(DataViewRow row);

    /// <summary>The column's writer; null where JSON has no word for its values.</summary>
    public static OutputColumn? Create(DataViewSchema.Column column)
    {
        DataViewType type = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        if (type is KeyDataViewType)
            return type.RawType == typeof(uint) ? Of(column, Keys(column)) : null;
        Type raw = type.RawType;
        if (raw == typeof(float))
            return Of<float>(column, (writer, value) => WriteFinite(writer, value));
        if (raw == typeof(double))
            return Of<double>(column, WriteFinite);
        if (raw == typeof(bool))
            return Of<bool>(column, (writer, value) => writer.WriteBooleanValue(value));
        if (raw == typeof(ReadOnlyMemory<char>))
            return Of<ReadOnlyMemory<char>>(column, (writer, value) => writer.WriteStringValue(value.Span));
        if (raw == typeof(int))
            return Of<int>(column, (writer, value) => writer.WriteNumberValue(value));
        if (raw == typeof(uint))
            return Of<uint>(column, (writer, value) => writer.WriteNumberValue(value));
        if (raw == typeof(long))
            return Of<long>(column, (writer, value) => writer.WriteNumberValue(value));
        return raw == typeof(ulong) ? Of<ulong>(column, (writer, value) => writer.WriteNumberValue(value)) : null;
    }

    private static OutputColumn Of<T>(DataViewSchema.Column column, Action<Utf8JsonWriter, T> write) =>
        column.Type is VectorDataViewType ? new Vector<T>(column, write) : new Scalar<T>(column, write);

    // JSON has no NaN and no infinity.
    private static void WriteFinite(Utf8JsonWriter writer, float value)
    {
        if (float.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            writer.WriteNullValue();
    }

    private static void WriteFinite(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            writer.WriteNullValue();
    }

    private static Action<Utf8JsonWriter, uint> Keys(DataViewSchema.Column column)
    {
        string[]? names = null;
        if (
            column.Annotations.Schema.GetColumnOrNull("KeyValues") is { } annotation
            && annotation.Type is VectorDataViewType { ItemType: TextDataViewType }
        )
        {
            VBuffer<ReadOnlyMemory<char>> values = default;
            column.Annotations.GetValue("KeyValues", ref values);
            names = [.. values.DenseValues().Select(value => value.ToString())];
        }
        return (writer, key) =>
        {
            // Key 0 is a missing value, and counts start at 1.
            if (key == 0)
                writer.WriteNullValue();
            else if (names is not null && key <= names.Length)
                writer.WriteStringValue(names[key - 1]);
            else
                writer.WriteNumberValue(key);
        };
    }

    private sealed class Scalar<T>(DataViewSchema.Column column, Action<Utf8JsonWriter, T> write) : OutputColumn(column)
    {
        public override Action<Utf8JsonWriter> Bind(DataViewRow row)
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

    private sealed class Vector<T>(DataViewSchema.Column column, Action<Utf8JsonWriter, T> write) : OutputColumn(column)
    {
        public override Action<Utf8JsonWriter> Bind(DataViewRow row)
        {
            ValueGetter<VBuffer<T>> getter = row.GetGetter<VBuffer<T>>(Column);
            VBuffer<T> value = default;
            return writer =>
            {
                getter(ref value);
                writer.WriteStartArray();
                foreach (KeyValuePair<int, T> item in value.Items(all: true))
                    write(writer, item.Value);
                writer.WriteEndArray();
            };
        }
    }
}
