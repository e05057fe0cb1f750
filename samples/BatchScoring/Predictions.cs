using System.Globalization;
using System.Text;
using Parquet;
using Parquet.Schema;
using SampleSupport;

namespace BatchScoring;

/// <summary>
/// Predictions of some rows, in flat columns: a value of a vector is a column of its own, named "Score.red" for instance.
/// </summary>
internal sealed class Predictions : IValueWriter
{
    private readonly ResultColumn[] _columns;
    private int _next;

    /// <exception cref="InvalidDataException">The model adds a vector of unknown size.</exception>
    public Predictions(IReadOnlyList<OutputColumn> outputs)
    {
        _columns = [.. outputs.SelectMany(Flatten)];
        Schema = new ParquetSchema(_columns.Select(column => column.Field));
    }

    /// <summary>The columns, as Parquet has them.</summary>
    public ParquetSchema Schema { get; }

    public int Count => _columns[0].Count;

    public void Clear()
    {
        foreach (ResultColumn column in _columns)
            column.Clear();
    }

    /// <summary>Writes the names of the columns as a line of text.</summary>
    public void WriteHeader(TextWriter writer, char delimiter) =>
        WriteLine(writer, delimiter, _columns.Select(column => column.Field.Name));

    /// <summary>Writes the rows as lines of text.</summary>
    public void WriteRows(TextWriter writer, char delimiter)
    {
        for (int row = 0; row < Count; row++)
        {
            int at = row;
            WriteLine(writer, delimiter, _columns.Select(column => column.Text(at)));
        }
    }

    /// <summary>Writes the rows as a row group.</summary>
    public async Task WriteAsync(ParquetWriter writer)
    {
        using ParquetRowGroupWriter rows = writer.CreateRowGroup();
        foreach (ResultColumn column in _columns)
            await column.WriteAsync(rows);
        rows.CompleteValidate();
    }

    /// <summary>Reads rows that <see cref="WriteAsync"/> has written.</summary>
    public async Task ReadAsync(ParquetReader reader)
    {
        Clear();
        for (int group = 0; group < reader.RowGroupCount; group++)
            foreach (ResultColumn column in _columns)
                await column.ReadAsync(reader.RowGroups[group]);
    }

    void IValueWriter.Missing() => Next.AddMissing();

    void IValueWriter.Number(float value) => Next.Add(value);

    void IValueWriter.Number(double value) => Next.Add(value);

    void IValueWriter.Whole(long value) => Next.Add(value);

    void IValueWriter.Whole(ulong value) => Next.Add(value);

    void IValueWriter.Truth(bool value) => Next.Add(value);

    void IValueWriter.Text(ReadOnlySpan<char> value) => ((Texts)Next).Add(value);

    void IValueWriter.BeginVector() { }

    void IValueWriter.EndVector() { }

    private ResultColumn Next
    {
        get
        {
            ResultColumn column = _columns[_next++];
            _next %= _columns.Length;
            return column;
        }
    }

    private static IEnumerable<ResultColumn> Flatten(OutputColumn output)
    {
        if (!output.IsVector)
            return [ResultColumn.Create(output.Name, output.ValueType)];
        return output.SlotNames is { } slots
            ? Distinct(slots).Select(slot => ResultColumn.Create($"{output.Name}.{slot}", output.ValueType))
            : throw new InvalidDataException(
                $"The model adds column \"{output.Name}\" with as many values as a row has, which no table can hold."
            );
    }

    // Names that occur twice get their number besides.
    private static IEnumerable<string> Distinct(IReadOnlyList<string> names)
    {
        HashSet<string> twice =
        [
            .. names.GroupBy(name => name).Where(group => group.Count() > 1).Select(group => group.Key),
        ];
        return names.Select((name, i) => twice.Contains(name) ? $"{name}.{i}" : name);
    }

    private static void WriteLine(TextWriter writer, char delimiter, IEnumerable<string?> values)
    {
        bool isFirst = true;
        foreach (string? value in values)
        {
            if (!isFirst)
                writer.Write(delimiter);
            isFirst = false;
            if (value is null)
                continue;
            // RFC 4180. An empty text is in quotes, and nothing at all is not.
            bool isQuoted =
                value.Length == 0
                || value.Contains(delimiter, StringComparison.Ordinal)
                || value.AsSpan().IndexOfAny('"', '\r', '\n') >= 0;
            writer.Write(isQuoted ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value);
        }
        writer.Write('\n');
    }

    private abstract class ResultColumn(DataField field)
    {
        public DataField Field { get; } = field;

        public abstract int Count { get; }

        public static ResultColumn Create(string name, Type type) =>
            Type.GetTypeCode(type) switch
            {
                TypeCode.Single => new Values<float>(name),
                TypeCode.Double => new Values<double>(name),
                TypeCode.Int64 => new Values<long>(name),
                TypeCode.UInt64 => new Values<ulong>(name),
                TypeCode.Boolean => new Values<bool>(name),
                TypeCode.String => new Texts(name),
                _ => throw new NotSupportedException($"A column of {type} was asked for."),
            };

        public void Add<T>(T value)
            where T : struct => ((Values<T>)this).Take(value);

        public abstract void AddMissing();

        public abstract void Clear();

        /// <summary>A value as text; null where there is none.</summary>
        public abstract string? Text(int row);

        public abstract Task WriteAsync(ParquetRowGroupWriter rows);

        public abstract Task ReadAsync(ParquetRowGroupReader rows);
    }

    private sealed class Values<T>(string name) : ResultColumn(new DataField(name, typeof(T), isNullable: true))
        where T : struct
    {
        private readonly List<T?> _values = [];

        public override int Count => _values.Count;

        // A score of a row that cannot be scored is not a number, and missing.
        public void Take(T value) => _values.Add(value is float.NaN or double.NaN ? null : value);

        public override void AddMissing() => _values.Add(null);

        public override void Clear() => _values.Clear();

        public override string? Text(int row) =>
            Convert.ToString(_values[row], CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;

        public override Task WriteAsync(ParquetRowGroupWriter rows) => rows.WriteAsync<T>(Field, _values.ToArray());

        public override async Task ReadAsync(ParquetRowGroupReader rows)
        {
            var values = new T?[rows.RowCount];
            await rows.ReadAsync<T>(Field, values);
            _values.AddRange(values);
        }
    }

    private sealed class Texts(string name) : ResultColumn(new DataField(name, typeof(string), isNullable: true))
    {
        private readonly List<string?> _values = [];

        // Few texts, many times: the labels.
        private readonly HashSet<string> _known = [];

        public override int Count => _values.Count;

        public void Add(ReadOnlySpan<char> value)
        {
            const int Most = 10_000;
            HashSet<string>.AlternateLookup<ReadOnlySpan<char>> known = _known.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!known.TryGetValue(value, out string? text))
            {
                text = value.ToString();
                if (_known.Count < Most)
                    _known.Add(text);
            }
            _values.Add(text);
        }

        public override void AddMissing() => _values.Add(null);

        public override void Clear() => _values.Clear();

        public override string? Text(int row) => _values[row];

        public override Task WriteAsync(ParquetRowGroupWriter rows) => rows.WriteAsync(Field, _values!);

        public override async Task ReadAsync(ParquetRowGroupReader rows)
        {
            var values = new string?[rows.RowCount];
            await rows.ReadAsync(Field, values!);
            _values.AddRange(values);
        }
    }
}
