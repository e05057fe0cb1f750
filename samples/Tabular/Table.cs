using Microsoft.ML;
using Microsoft.ML.Data;

namespace Tabular;

/// <summary>A table: numbers, and in its last column the class.</summary>
/// <param name="Name">The file's name, without extension.</param>
/// <param name="Rows">The rows: Features (a vector) and Label (a key).</param>
internal sealed record Table(string Name, IDataView Rows)
{
    /// <summary>Reads a file of comma-separated values with a header.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It has no column of features, or no row.</exception>
    public static Table Load(MLContext mlContext, string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"{path} is missing: it comes with the repository, in data/tabular; name its folder with --data."
            );
        int last = (File.ReadLines(path).FirstOrDefault() ?? "").Split(',').Length - 1;
        if (last < 1 || !File.ReadLines(path).Skip(1).Any())
            throw new InvalidDataException(
                $"{path} is no table: it needs a header, then rows of numbers, separated by commas, with the class in the last column."
            );
        IDataView text = mlContext.Data.LoadFromTextFile(
            path,
            [
                new TextLoader.Column("Features", DataKind.Single, 0, last - 1),
                new TextLoader.Column("Label", DataKind.String, last),
            ],
            separatorChar: ',',
            hasHeader: true
        );
        // Read once, not at every pass. All classes are known from the start: a fold may lack one.
        IDataView rows = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(text).Transform(text);
        return new Table(Path.GetFileNameWithoutExtension(path), mlContext.Data.Cache(rows));
    }
}
