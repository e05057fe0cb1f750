using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>A column of a model's input: takes its values as JSON or as text, and hands them to ML.NET.</summary>
internal abstract class InputColumn(DataViewSchema.Column column)
{
    public string Name { get; } = column.Name;

    public int Index { get; } = column.Index;

    /// <summary>The number of values in a row: 0 where rows may differ in it, null where the column is no vector.</summary>
    public int? Size { get; } = column.Type is VectorDataViewType vector ? vector.Size : null;

    /// <summary>What a value is, for a reader: "a number", "whole number", "text", "true or false".</summary>
    public abstract string Kind { get; }

    /// <summary>Takes a row's value from the token that the reader stands on, and leaves the reader on its last.</summary>
    /// <exception cref="BadRowException">It is no value of this column.</exception>
    public abstract void Read(ref Utf8JsonReader reader);

    /// <summary>Forgets the values beyond the first <paramref name="rows"/> rows.</summary>
    public abstract void Truncate(int rows);

    /// <summary>A <see cref="ValueGetter{TValue}"/> of the row that <paramref name="position"/> names.</summary>
    public abstract Delegate Getter(Func<int> position);

    /// <summary>The column that takes values of a type; null if no JSON value means one.</summary>
    public static InputColumn? Create(DataViewSchema.Column column)
    {
        DataViewType type = column.Type is VectorDataViewType vector ? vector.ItemType : column.Type;
        if (type is KeyDataViewType)
            return null;
        Type raw = type.RawType;
        if (raw == typeof(float))
            return Of(column, Items.Single);
        if (raw == typeof(double))
            return Of(column, Items.Double);
        if (raw == typeof(bool))
            return Of(column, Items.Boolean);
        if (raw == typeof(ReadOnlyMemory<char>))
            return Of(column, Items.Text);
        if (raw == typeof(sbyte))
            return Of(column, Items.Whole<sbyte>());
        if (raw == typeof(byte))
            return Of(column, Items.Whole<byte>());
        if (raw == typeof(short))
            return Of(column, Items.Whole<short>());
        if (raw == typeof(ushort))
            return Of(column, Items.Whole<ushort>());
        if (raw == typeof(int))
            return Of(column, Items.Whole<int>());
        if (raw == typeof(uint))
            return Of(column, Items.Whole<uint>());
        if (raw == typeof(long))
            return Of(column, Items.Whole<long>());
        return raw == typeof(ulong) ? Of(column, Items.Whole<ulong>()) : null;
    }

    private static InputColumn Of<T>(DataViewSchema.Column column, Item<T> item) =>
        column.Type is VectorDataViewType ? new VectorColumn<T>(column, item) : new ScalarColumn<T>(column, item);

    private protected delegate bool ReadJson<T>(ref Utf8JsonReader reader, out T value);

    private protected sealed record Item<T>(string Kind, ReadJson<T> Json);

    private static class Items
    {
        // A missing value is NaN, as ML.NET's own loaders have it.
        public static readonly Item<float> Single = new(
            "a number",
            (ref Utf8JsonReader reader, out float value) =>
            {
                value = float.NaN;
                return reader.TokenType == JsonTokenType.Null
                    || reader.TokenType == JsonTokenType.Number
                        && reader.TryGetSingle(out value)
                        && float.IsFinite(value);
            }
        );

        public static readonly Item<double> Double = new(
            "a number",
            (ref Utf8JsonReader reader, out double value) =>
            {
                value = double.NaN;
                return reader.TokenType == JsonTokenType.Null
                    || reader.TokenType == JsonTokenType.Number
                        && reader.TryGetDouble(out value)
                        && double.IsFinite(value);
            }
        );

        public static readonly Item<bool> Boolean = new(
            "true or false",
            (ref Utf8JsonReader reader, out bool value) =>
            {
                value = reader.TokenType == JsonTokenType.True;
                return value || reader.TokenType == JsonTokenType.False;
            }
        );

        public static readonly Item<ReadOnlyMemory<char>> Text = new(
            "text",
            (ref Utf8JsonReader reader, out ReadOnlyMemory<char> value) =>
            {
                value = default;
                if (reader.TokenType == JsonTokenType.Null)
                    return true;
                if (reader.TokenType != JsonTokenType.String)
                    return false;
                value = reader.GetString().AsMemory();
                return true;
            }
        );

        public static Item<T> Whole<T>()
            where T : struct, System.Numerics.IBinaryInteger<T>, System.Numerics.IMinMaxValue<T> =>
            new(
                $"a whole number from {T.MinValue} to {T.MaxValue}",
                (ref Utf8JsonReader reader, out T value) =>
                {
                    value = default;
                    return reader.TokenType == JsonTokenType.Number
                        && !reader.HasValueSequence
                        && T.TryParse(
                            reader.ValueSpan,
                            NumberStyles.AllowLeadingSign,
                            CultureInfo.InvariantCulture,
                            out value
                        );
                }
            );
    }

    private sealed class ScalarColumn<T>(DataViewSchema.Column column, Item<T> item) : InputColumn(column)
    {
        private readonly List<T> _values = [];

        public override string Kind => item.Kind;

        public override void Read(ref Utf8JsonReader reader)
        {
            if (!item.Json(ref reader, out T value))
                throw new BadRowException($"column \"{Name}\" takes {Kind}, not {JsonTokens.Describe(ref reader)}");
            _values.Add(value);
        }

        public override void Truncate(int rows)
        {
            if (_values.Count > rows)
                _values.RemoveRange(rows, _values.Count - rows);
        }

        public override Delegate Getter(Func<int> position) =>
            (ValueGetter<T>)((ref T value) => value = _values[position()]);
    }

    private sealed class VectorColumn<T>(DataViewSchema.Column column, Item<T> item) : InputColumn(column)
    {
        private readonly List<T> _values = [];
        private readonly List<int> _ends = [];

        public override string Kind => item.Kind;

        public override void Read(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.StartArray)
                throw new BadRowException(
                    $"column \"{Name}\" takes an array{OfSize}, not {JsonTokens.Describe(ref reader)}"
                );
            int start = _values.Count;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                // A value that is not needed any more is not worth its memory.
                if (Size is > 0 && _values.Count - start >= Size)
                    throw new BadRowException($"column \"{Name}\" takes an array{OfSize}, not of more");
                if (!item.Json(ref reader, out T value))
                    throw new BadRowException(
                        $"column \"{Name}\" takes {Kind} at index {_values.Count - start}, not {JsonTokens.Describe(ref reader)}"
                    );
                _values.Add(value);
            }
            End(_values.Count - start);
        }

        private string OfSize => Size is > 0 ? $" of {Size} values" : "";

        private void End(int count)
        {
            if (Size is > 0 && count != Size)
                throw new BadRowException($"column \"{Name}\" takes an array{OfSize}, not of {count}");
            _ends.Add(_values.Count);
        }

        public override void Truncate(int rows)
        {
            if (_ends.Count > rows)
                _ends.RemoveRange(rows, _ends.Count - rows);
            int count = rows == 0 ? 0 : _ends[rows - 1];
            if (_values.Count > count)
                _values.RemoveRange(count, _values.Count - count);
        }

        public override Delegate Getter(Func<int> position) =>
            (ValueGetter<VBuffer<T>>)(
                (ref VBuffer<T> value) =>
                {
                    int row = position();
                    int start = row == 0 ? 0 : _ends[row - 1];
                    int count = _ends[row] - start;
                    VBufferEditor<T> editor = VBufferEditor.Create(ref value, count);
                    System
                        .Runtime.InteropServices.CollectionsMarshal.AsSpan(_values)
                        .Slice(start, count)
                        .CopyTo(editor.Values);
                    value = editor.Commit();
                }
            );
    }
}
