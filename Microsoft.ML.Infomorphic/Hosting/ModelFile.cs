using System.IO.Compression;
using System.IO.Hashing;
using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Saves a model as a whole or not at all, and loads one from a file that may be damaged or hostile.</summary>
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

    /// <summary>Loads a model.</summary>
    /// <param name="catalog">The catalog that loads.</param>
    /// <param name="stream">The file.</param>
    /// <param name="name">What to call it in an error.</param>
    /// <param name="inputSchema">The schema of the model's input.</param>
    /// <exception cref="FormatException">The file is damaged, or holds something else.</exception>
    /// <exception cref="InvalidOperationException">The application was trimmed, and lacks what ML.NET loads models with.</exception>
    public static ITransformer Load(
        ModelOperationsCatalog catalog,
        Stream stream,
        string name,
        out DataViewSchema inputSchema
    )
    {
        bool isWhole = false;
        try
        {
            ThrowIfSomethingElse(stream);
            ThrowIfDamaged(stream);
            stream.Position = 0;
            isWhole = true;
            return catalog.Load(stream, out inputSchema);
        }
        // ML.NET and the archive have dozens of errors for a file that is not what it should be, wrapped in others.
        catch (Exception exception) when (exception is not (OutOfMemoryException or OperationCanceledException))
        {
            if (isWhole && MissingPart(typeof(TransformerChain).Assembly, typeof(ModelFile).Assembly) is string part)
                throw new InvalidOperationException(
                    $"{name} cannot be loaded by this application, whose trimming has removed parts of ML.NET that are found by reflection ({part}): publish it with TrimMode=partial, or without PublishTrimmed.",
                    exception
                );
            if (Innermost(exception) is LaterModelException later)
                throw new FormatException($"{name}: {later.Message}", exception);
            string reason = Innermost(exception).Message.Split('\n')[0].Trim().TrimEnd('.');
            throw new FormatException($"{name} holds no model, or one that is damaged: {reason}.", exception);
        }
    }

    // What ML.NET says where an assembly lacks a part that it finds by reflection; null where all are there. The package check
    // tries it on an application that is trimmed.
    private static string? MissingPart(params Assembly[] assemblies)
    {
        try
        {
            var catalog = new ComponentCatalog();
            foreach (Assembly assembly in assemblies)
                catalog.RegisterAssembly(assembly);
            return null;
        }
        catch (InvalidOperationException exception)
        {
            return exception.Message.TrimEnd('.');
        }
    }

    private static void ThrowIfSomethingElse(Stream stream)
    {
        ReadOnlySpan<byte> signature = "PK"u8; // of a zip archive
        Span<byte> start = stackalloc byte[2];
        int read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (read == 0)
            throw new InvalidDataException("the file is empty");
        if (!start[..read].SequenceEqual(signature))
            throw new InvalidDataException("a saved model is a zip archive, and this file is none");
        stream.Position = 0;
    }

    // ML.NET takes memory for what an entry is said to hold before it reads it, some of its readers never come back from
    // damaged bytes, and .NET does not look at an archive's checksums.
    private static void ThrowIfDamaged(Stream stream)
    {
        const long LargestRatio = 1032; // of deflate: 258 bytes from 2 bits
        const long Slack = 64;
        const string PartOfAnyModel = "Model.key";
        using ZipArchive archive = Open(stream);
        if (!archive.Entries.Any(entry => entry.FullName.EndsWith(PartOfAnyModel, StringComparison.OrdinalIgnoreCase)))
            throw new InvalidDataException($"it is a zip archive, and a model's part '{PartOfAnyModel}' is not in it");
        long left = stream.Length;
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            left -= entry.CompressedLength;
            if (left < 0 || entry.Length > LargestRatio * entry.CompressedLength + Slack || !HasItsChecksum(entry))
                throw new InvalidDataException($"the entry '{entry.FullName}' is damaged");
        }
    }

    private static ZipArchive Open(Stream stream)
    {
        try
        {
            return new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw new InvalidDataException(
                $"the archive's directory, which is at its end, is missing or damaged ({exception.Message.TrimEnd('.')})"
            );
        }
    }

    private static bool HasItsChecksum(ZipArchiveEntry entry)
    {
        var buffer = new byte[64 << 10];
        var checksum = new Crc32();
        using Stream content = entry.Open();
        long length = 0;
        for (int read; length <= entry.Length && (read = content.Read(buffer)) > 0; length += read)
            checksum.Append(buffer.AsSpan(0, read));
        return length == entry.Length && checksum.GetCurrentHashAsUInt32() == entry.Crc32;
    }

    private static Exception Innermost(Exception exception) =>
        exception.InnerException is Exception inner ? Innermost(inner) : exception;

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
