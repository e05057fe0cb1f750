namespace BatchScoring;

internal enum TableFormat
{
    Text,
    Parquet,
}

/// <summary>Which format a file has, by its name.</summary>
internal static class TableFormats
{
    /// <exception cref="ArgumentException">The name ends otherwise.</exception>
    public static TableFormat Of(string path, string option) =>
        HasExtension(path, ".csv") || HasExtension(path, ".tsv") ? TableFormat.Text
        : HasExtension(path, ".parquet") ? TableFormat.Parquet
        : throw new ArgumentException($"{option} takes a .csv, .tsv or .parquet file, not \"{path}\".");

    public static bool HasExtension(string path, string extension) =>
        path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);
}
