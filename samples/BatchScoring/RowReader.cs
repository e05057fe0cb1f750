using SampleSupport;

namespace BatchScoring;

/// <summary>Reads a table from front to back, a row at a time.</summary>
internal abstract class RowReader : IAsyncDisposable
{
    /// <summary>Number of rows; null where only reading them all would tell.</summary>
    public virtual long? RowCount => null;

    /// <summary>How much of the file has been read, from 0 to 1.</summary>
    public abstract double Progress { get; }

    /// <summary>Opens a file, and finds the columns in it.</summary>
    /// <exception cref="InvalidDataException">A column is missing, or it is no such file.</exception>
    public static async Task<RowReader> OpenAsync(BatchOptions options, IReadOnlyList<InputColumn> columns) =>
        TableFormats.Of(options.Input, "--input") == TableFormat.Parquet
            ? await ParquetRows.OpenAsync(options.Input, options.Columns, columns)
            : CsvRows.Open(options.Input, options.DelimiterOf(options.Input), options.Columns, columns);

    /// <summary>Moves to the next row.</summary>
    /// <returns>False after the last one.</returns>
    /// <exception cref="InvalidDataException">It cannot be read.</exception>
    public abstract ValueTask<bool> ReadAsync();

    /// <summary>Passes rows by.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public virtual async ValueTask SkipAsync(long rows)
    {
        for (long row = 0; row < rows; row++)
            if (!await ReadAsync())
                throw new InvalidDataException(
                    $"The input has {row} rows, and {rows} of them have been scored: it has changed."
                );
    }

    /// <summary>Puts the row's values into the columns that the reader was opened with.</summary>
    /// <exception cref="BadRowException">A value does not fit.</exception>
    public abstract void Fill(IReadOnlyList<InputColumn> columns);

    public abstract ValueTask DisposeAsync();
}
