using SampleSupport;
using Sylvan.Data.Csv;

namespace BatchScoring;

/// <summary>A text file with a line of column names.</summary>
internal sealed class CsvRows : RowReader
{
    // A record of some thousand columns.
    private const int BufferSize = 1 << 16;
    private const int LongestRecord = 1 << 26;

    private readonly FileStream _file;
    private readonly CsvDataReader _reader;
    private readonly int[][] _places;
    private long _row;

    private CsvRows(FileStream file, CsvDataReader reader, int[][] places)
    {
        _file = file;
        _reader = reader;
        _places = places;
    }

    public override double Progress => _file.Length == 0 ? 1 : (double)_file.Position / _file.Length;

    public static CsvRows Open(string path, char delimiter, ColumnNames names, IReadOnlyList<InputColumn> columns)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferSize);
        try
        {
            CsvDataReader reader = CsvDataReader.Create(
                new StreamReader(file),
                new CsvDataReaderOptions
                {
                    Delimiter = delimiter,
                    BufferSize = BufferSize,
                    MaxBufferSize = LongestRecord,
                    HeaderComparer = StringComparer.Ordinal,
                }
            );
            string[] present = [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
            string name = Path.GetFileName(path);
            return new CsvRows(file, reader, [.. columns.Select(column => names.Find(column, present, name))]);
        }
        catch (CsvMissingHeadersException)
        {
            file.Dispose();
            throw new InvalidDataException(
                $"{Path.GetFileName(path)} is empty, and needs a first line of column names."
            );
        }
        catch (Exception e)
        {
            file.Dispose();
            throw e is FormatException or CsvFormatException
                ? new InvalidDataException($"{Path.GetFileName(path)}: {e.Message}")
                : e;
        }
    }

    public override ValueTask<bool> ReadAsync()
    {
        _row++;
        try
        {
            return ValueTask.FromResult(_reader.Read());
        }
        catch (Exception e) when (e is FormatException or CsvFormatException)
        {
            throw new InvalidDataException($"Row {_row}: {e.Message}");
        }
    }

    public override void Fill(IReadOnlyList<InputColumn> columns)
    {
        if (_reader.RowFieldCount != _reader.FieldCount)
            throw new BadRowException(
                $"it has {_reader.RowFieldCount} values, and the first line has {_reader.FieldCount}"
            );
        for (int i = 0; i < columns.Count; i++)
        {
            foreach (int place in _places[i])
                columns[i].Read(Cell.Of(_reader.GetFieldSpan(place)));
            columns[i].EndVector();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await _file.DisposeAsync();
    }
}
