using System.Globalization;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>A column of a model's input: takes its values from JSON or from a table, and hands them to ML.NET.</summary>
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

    /// <summary>Takes a row's value from a table; where the column is a vector, the next value of the row's.</summary>
    /// <exception cref="BadRowException">It is no value of this column.</exception>
    public abstract void Read(Cell cell);

    /// <summary>Says that a row's vector has all its values; nothing where the column is no vector.</summary>
    /// <exception cref="BadRowException">The column takes more.</exception>
    public abstract void EndVector();

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

    private protected delegate bool ReadCell<T>(Cell cell, out T value);

    private protected sealed record Item<T>(string Kind, ReadJson<T> Json, ReadCell<T> Cell);

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
            },
            (Cell cell, out float value) => cell.TryGetNumber(out value)
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
            },
            (Cell cell, out double value) => cell.TryGetNumber(out value)
        );

        public static readonly Item<bool> Boolean = new(
            "true or false",
            (ref Utf8JsonReader reader, out bool value) =>
            {
                value = reader.TokenType == JsonTokenType.True;
                return value || reader.TokenType == JsonTokenType.False;
            },
            (Cell cell, out bool value) => cell.TryGetTruth(out value)
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
            },
            (Cell cell, out ReadOnlyMemory<char> value) => cell.TryGetText(out value)
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
                },
                (Cell cell, out T value) =>
                {
                    bool fits =
                        cell.TryGetWhole(out Int128 whole)
                        && whole >= Int128.CreateChecked(T.MinValue)
                        && whole <= Int128.CreateChecked(T.MaxValue);
                    value = fits ? T.CreateChecked(whole) : default;
                    return fits;
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

        public override void Read(Cell cell)
        {
            if (!item.Cell(cell, out T value))
                throw new BadRowException($"column \"{Name}\" takes {Kind}, not {cell.Describe()}");
            _values.Add(value);
        }

        public override void EndVector() { }

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
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                CheckRoom();
                if (!item.Json(ref reader, out T value))
                    throw NoItem(JsonTokens.Describe(ref reader));
                _values.Add(value);
            }
            EndVector();
        }

        public override void Read(Cell cell)
        {
            CheckRoom();
            if (!item.Cell(cell, out T value))
                throw NoItem(cell.Describe());
            _values.Add(value);
        }

        public override void EndVector()
        {
            if (Size is > 0 && Taken != Size)
                throw new BadRowException($"column \"{Name}\" takes an array{OfSize}, not of {Taken}");
            _ends.Add(_values.Count);
        }

        private string OfSize => Size is > 0 ? $" of {Size} values" : "";

        // Values of the row that is being taken.
        private int Taken => _values.Count - (_ends.Count == 0 ? 0 : _ends[^1]);

        // A value that is not needed any more is not worth its memory.
        private void CheckRoom()
        {
            if (Size is > 0 && Taken >= Size)
                throw new BadRowException($"column \"{Name}\" takes an array{OfSize}, not of more");
        }

        private BadRowException NoItem(string what) =>
            new($"column \"{Name}\" takes {Kind} at index {Taken}, not {what}");

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
