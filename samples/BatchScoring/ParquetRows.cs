using Parquet;
using Parquet.Data;
using Parquet.Schema;
using SampleSupport;

namespace BatchScoring;

/// <summary>A Parquet file. Of a row group, the columns that the model reads are in memory, and nothing else.</summary>
internal sealed class ParquetRows : RowReader
{
    private readonly FileStream _file;
    private readonly ParquetReader _reader;
    private readonly string _name;

    // The columns of the file that hold each of the model's.
    private readonly DataField[][] _fields;
    private readonly ParquetColumn[][] _columns;
    private int _group;
    private long _left;
    private long _row;

    private ParquetRows(FileStream file, ParquetReader reader, DataField[][] fields)
    {
        _file = file;
        _reader = reader;
        _name = Path.GetFileName(file.Name);
        _fields = fields;
        _columns = [.. fields.Select(ofColumn => ofColumn.Select(ParquetColumn.Create).ToArray())];
        RowCount = reader.RowGroups.Sum(group => group.RowCount);
    }

    public override long? RowCount { get; }

    public override double Progress => RowCount == 0 ? 1 : (double)_row / RowCount!.Value;

    public static async Task<RowReader> OpenAsync(string path, ColumnNames names, IReadOnlyList<InputColumn> columns)
    {
        string name = Path.GetFileName(path);
        FileStream file = File.OpenRead(path);
        try
        {
            ParquetReader reader;
            try
            {
                reader = await ParquetReader.CreateAsync(file);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidDataException($"{name} is no Parquet file, or a damaged one: {e.Message}");
            }
            return new ParquetRows(
                file,
                reader,
                [.. columns.Select(column => Find(column, reader.Schema, names, name))]
            );
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    public override async ValueTask<bool> ReadAsync()
    {
        while (_left == 0)
        {
            if (_group == _reader.RowGroupCount)
                return false;
            await LoadAsync(_group++);
        }
        _left--;
        _row++;
        return true;
    }

    public override async ValueTask SkipAsync(long rows)
    {
        // Whole row groups are not even read.
        while (_left == 0 && _group < _reader.RowGroupCount && _reader.RowGroups[_group].RowCount <= rows)
        {
            rows -= _reader.RowGroups[_group].RowCount;
            _row += _reader.RowGroups[_group++].RowCount;
        }
        for (; rows > 0; rows--)
        {
            if (!await ReadAsync())
                throw new InvalidDataException($"{_name} has fewer rows than have been scored: it has changed.");
            foreach (ParquetColumn column in _columns.SelectMany(ofColumn => ofColumn))
                column.Skip();
        }
    }

    public override void Fill(IReadOnlyList<InputColumn> columns)
    {
        int taken = 0;
        try
        {
            for (; taken < columns.Count; taken++)
            {
                foreach (ParquetColumn column in _columns[taken])
                    column.Fill(columns[taken]);
                columns[taken].EndVector();
            }
        }
        catch (InvalidOperationException e)
        {
            throw new BadRowException($"{_name} is damaged: {e.Message}");
        }
    }

    public override async ValueTask DisposeAsync()
    {
        foreach (ParquetColumn column in _columns.SelectMany(ofColumn => ofColumn))
            column.Dispose();
        await _reader.DisposeAsync();
        await _file.DisposeAsync();
    }

    private async Task LoadAsync(int group)
    {
        try
        {
            ParquetRowGroupReader rows = _reader.RowGroups[group];
            for (int i = 0; i < _fields.Length; i++)
            for (int k = 0; k < _fields[i].Length; k++)
                _columns[i][k].Load(await rows.ReadRawColumnDataBaseAsync(_fields[i][k]));
            _left = rows.RowCount;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidDataException(
                $"Row {_row + 1} and those after it cannot be read, {_name} is damaged: {e.Message.Split('\n')[0]}"
            );
        }
    }

    private static DataField[] Find(InputColumn column, ParquetSchema schema, ColumnNames names, string file)
    {
        Field? whole = schema.Fields.FirstOrDefault(field => field.Name == names.Of(column));
        DataField[] fields = whole switch
        {
            ListField { Item: DataField item } when column.Size is not null => [item],
            DataField { IsArray: true } array when column.Size is not null => [array],
            _ =>
            [
                .. names
                    .Find(column, [.. schema.Fields.Select(field => field.Name)], file)
                    .Select(place => schema.Fields[place] as DataField ?? throw Unfit(schema.Fields[place])),
            ],
        };
        foreach (DataField field in fields)
            if (!ParquetColumn.CanHold(field.ClrType))
                throw Unfit(field);
        return fields;

        InvalidDataException Unfit(Field field) =>
            new(
                $"Column \"{column.Name}\" takes {column.Kind}, and \"{field.Path.FirstPart}\" of {file} holds {(field is DataField data ? data.ClrType.Name : field.SchemaType)}."
            );
    }
}

/// <summary>A row group's values of a column, taken row by row.</summary>
internal abstract class ParquetColumn : IDisposable
{
    private static readonly Dictionary<Type, Func<DataField, ParquetColumn>> s_kinds = new()
    {
        [typeof(bool)] = field => new Values<bool>(field, value => Cell.Of(value)),
        [typeof(sbyte)] = field => new Values<sbyte>(field, value => Cell.Of((Int128)value)),
        [typeof(byte)] = field => new Values<byte>(field, value => Cell.Of((Int128)value)),
        [typeof(short)] = field => new Values<short>(field, value => Cell.Of((Int128)value)),
        [typeof(ushort)] = field => new Values<ushort>(field, value => Cell.Of((Int128)value)),
        [typeof(int)] = field => new Values<int>(field, value => Cell.Of((Int128)value)),
        [typeof(uint)] = field => new Values<uint>(field, value => Cell.Of((Int128)value)),
        [typeof(long)] = field => new Values<long>(field, value => Cell.Of((Int128)value)),
        [typeof(ulong)] = field => new Values<ulong>(field, value => Cell.Of((Int128)value)),
        [typeof(float)] = field => new Values<float>(field, value => Cell.Of((double)value)),
        [typeof(double)] = field => new Values<double>(field, value => Cell.Of(value)),
        [typeof(string)] = OfTexts,
        [typeof(ReadOnlyMemory<char>)] = OfTexts,
    };

    private ParquetColumn() { }

    private delegate Cell ToCell<T>(T value);

    public static bool CanHold(Type type) => s_kinds.ContainsKey(type);

    public static ParquetColumn Create(DataField field) => s_kinds[field.ClrType](field);

    /// <summary>Takes the values of the next row group.</summary>
    public abstract void Load(RawColumnData data);

    /// <summary>Puts the next row's value, or values, into a column.</summary>
    public abstract void Fill(InputColumn column);

    /// <summary>Passes the next row by.</summary>
    public abstract void Skip();

    public abstract void Dispose();

    private static Values<ReadOnlyMemory<char>> OfTexts(DataField field) => new(field, value => Cell.Of(value.Span));

    // Only values that are there are stored. What is there, and where a row begins, is in the levels: a definition level
    // of the largest number is a value; the one below it is a missing value where values may be missing; what is lower is
    // a list without values.
    private sealed class Values<T>(DataField field, ToCell<T> toCell) : ParquetColumn
        where T : struct
    {
        private RawColumnData<T>? _data;
        private int _value;
        private int _level;

        public override void Load(RawColumnData data)
        {
            _data?.Dispose();
            _data = (RawColumnData<T>)data;
            _value = 0;
            _level = 0;
        }

        public override void Fill(InputColumn column) => Next(column);

        public override void Skip() => Next(null);

        public override void Dispose() => _data?.Dispose();

        private void Next(InputColumn? column)
        {
            Span<T> values = _data!.Values;
            Span<int> present = _data.DefinitionLevels;
            Span<int> repeated = _data.RepetitionLevels;
            do
            {
                bool isThere = present.IsEmpty || present[_level] == field.MaxDefinitionLevel;
                if (isThere)
                    column?.Read(toCell(values[_value]));
                else if (repeated.IsEmpty || field.IsNullable && present[_level] == field.MaxDefinitionLevel - 1)
                    column?.Read(Cell.Missing);
                _value += isThere ? 1 : 0;
                _level++;
            } while (!repeated.IsEmpty && _level < repeated.Length && repeated[_level] > 0);
        }
    }
}
