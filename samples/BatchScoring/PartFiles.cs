using System.Text;
using Parquet;

namespace BatchScoring;

/// <summary>Writes parts of the output, and puts them together.</summary>
internal abstract class PartFiles
{
    public static PartFiles Of(BatchOptions options, Predictions predictions) =>
        TableFormats.Of(options.Output, "--output") == TableFormat.Parquet
            ? new ParquetParts(predictions)
            : new CsvParts(predictions, options.DelimiterOf(options.Output));

    /// <summary>Writes the predictions that there are.</summary>
    public abstract Task WriteAsync(Stream stream);

    /// <summary>Writes the whole output; in memory is one part of it at most.</summary>
    /// <param name="stream">Where it goes.</param>
    /// <param name="parts">The parts, in their order.</param>
    public abstract Task MergeAsync(Stream stream, IReadOnlyList<string> parts);

    /// <summary>Lines of text; the names of the columns are in none of the parts.</summary>
    private sealed class CsvParts(Predictions predictions, char delimiter) : PartFiles
    {
        public override async Task WriteAsync(Stream stream)
        {
            await using StreamWriter writer = Writer(stream);
            predictions.WriteRows(writer, delimiter);
        }

        public override async Task MergeAsync(Stream stream, IReadOnlyList<string> parts)
        {
            await using (StreamWriter writer = Writer(stream))
                predictions.WriteHeader(writer, delimiter);
            foreach (string part in parts)
            {
                await using FileStream file = File.OpenRead(part);
                await file.CopyToAsync(stream);
            }
        }

        private static StreamWriter Writer(Stream stream) =>
            new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true);
    }

    /// <summary>Parquet files with one row group; each becomes a row group of the output.</summary>
    private sealed class ParquetParts(Predictions predictions) : PartFiles
    {
        public override async Task WriteAsync(Stream stream)
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(predictions.Schema, stream);
            await predictions.WriteAsync(writer);
        }

        public override async Task MergeAsync(Stream stream, IReadOnlyList<string> parts)
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(predictions.Schema, stream);
            foreach (string part in parts)
            {
                await using FileStream file = File.OpenRead(part);
                await using ParquetReader reader = await ParquetReader.CreateAsync(file);
                await predictions.ReadAsync(reader);
                await predictions.WriteAsync(writer);
            }
        }
    }
}
