using SampleSupport;

namespace Tabular;

/// <summary>Finds the files of the tables that a command line names.</summary>
internal static class TableFiles
{
    /// <summary>The files, those of a folder in the order of their names.</summary>
    /// <param name="paths">Files, or folders of files that end in .csv or .csv.gz; none for the repository's own.</param>
    /// <param name="only">The names of the tables that are wanted, separated by commas; null for all.</param>
    /// <exception cref="ArgumentException">There are none.</exception>
    public static string[] Find(IReadOnlyList<string> paths, string? only)
    {
        if (paths.Count == 0)
            paths = [DataFolder.Find("tabular")];
        string[] files = [.. paths.SelectMany(path => Directory.Exists(path) ? FilesOf(path) : [path])];
        if (only is not null)
        {
            string[] names = [.. files.Select(Name)];
            files =
            [
                .. only.Split(',', StringSplitOptions.TrimEntries)
                    .Select(name =>
                        Array.FindIndex(names, other => other.Equals(name, StringComparison.OrdinalIgnoreCase))
                            is var found
                                and >= 0
                            ? files[found]
                            : throw new ArgumentException(
                                $"There is no table \"{name}\"; there are {string.Join(", ", names)}."
                            )
                    ),
            ];
        }
        return files.Length > 0
            ? files
            : throw new ArgumentException($"{string.Join(", ", paths)} has no files that end in .csv or .csv.gz.");
    }

    /// <summary>A table's name: its file's, without extension.</summary>
    public static string Name(string path) => Path.GetFileName(path).Split('.')[0];

    private static IEnumerable<string> FilesOf(string folder) =>
        Directory
            .EnumerateFiles(folder)
            .Where(path =>
                path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)
                || path.EndsWith(".csv.gz", StringComparison.OrdinalIgnoreCase)
            )
            .Order(StringComparer.Ordinal);
}
