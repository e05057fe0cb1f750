using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Tabular;

/// <summary>
/// A file of values separated by commas, semicolons or tabs, with a header, plain or gzipped (.gz), as ML.NET's text loader
/// reads it.
/// </summary>
internal sealed class CsvFile(string path) : IMultiStreamSource
{
    int IMultiStreamSource.Count => 1;

    string IMultiStreamSource.GetPathOrNull(int index) => path;

    TextReader IMultiStreamSource.OpenTextReader(int index) => new StreamReader(Open());

    Stream IMultiStreamSource.Open(int index) => Open();

    /// <summary>All cells as they are written, line by line; the first line is the header.</summary>
    public IEnumerable<string[]> ReadCells(MLContext mlContext) =>
        Load(
                mlContext,
                hasHeader: false,
                new TextLoader.Column(
                    "Cells",
                    DataKind.String,
                    [new TextLoader.Range(0, null) { AutoEnd = false, VariableEnd = true }]
                )
            )
            .GetColumn<string[]>("Cells");

    /// <summary>The rows below the header, with the given columns. An empty number is NaN.</summary>
    public IDataView Load(MLContext mlContext, params TextLoader.Column[] columns) =>
        Load(mlContext, hasHeader: true, columns);

    private IDataView Load(MLContext mlContext, bool hasHeader, params TextLoader.Column[] columns) =>
        mlContext
            .Data.CreateTextLoader(
                new TextLoader.Options
                {
                    Columns = columns,
                    Separators = [Separator()],
                    HasHeader = hasHeader,
                    AllowQuoting = true,
                    ReadMultilines = true,
                    MissingRealsAsNaNs = true,
                }
            )
            .Load(this);

    // The one that the header has most of.
    private char Separator()
    {
        using var reader = new StreamReader(Open());
        string header = reader.ReadLine() ?? "";
        return ",;\t".MaxBy(separator => header.Count(character => character == separator));
    }

    private Stream Open()
    {
        FileStream file = File.OpenRead(path);
        return path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)
            ? new GZipStream(file, CompressionMode.Decompress)
            : file;
    }
}
