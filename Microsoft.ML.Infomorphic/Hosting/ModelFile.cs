using System.IO.Compression;
using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Saves a model so that its file is there as a whole, or is what it was before.</summary>
internal static class ModelFile
{
    /// <summary>Saves a model.</summary>
    /// <param name="catalog">The catalog that saves.</param>
    /// <param name="model">The model.</param>
    /// <param name="inputSchema">The schema of its input, or null.</param>
    /// <param name="path">The file.</param>
    /// <param name="create">Creates a file.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(
        ModelOperationsCatalog catalog,
        ITransformer model,
        DataViewSchema? inputSchema,
        string path,
        Func<string, Stream> create
    ) =>
        WholeFile.Write(
            path,
            temporary =>
            {
                using (Stream stream = create(temporary))
                    catalog.Save(model, inputSchema, stream);
                ThrowIfCutOff(temporary);
            }
        );

    // ML.NET swallows an error that meets it when it writes the archive's directory, the last bytes of the file.
    private static void ThrowIfCutOff(string path)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            _ = archive.Entries.Count;
        }
        catch (InvalidDataException exception)
        {
            throw new IOException("The model could not be written to the end; the disk may be full.", exception);
        }
    }
}
