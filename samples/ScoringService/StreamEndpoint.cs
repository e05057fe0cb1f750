using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Options;
using SampleSupport;

namespace ScoringService;

/// <summary>
/// Rows and predictions as lines of JSON, both streamed: what has arrived is scored and sent before more is read, so
/// that memory stays the same however long the stream is. A line that is no row gets a line with its error.
/// </summary>
internal sealed class StreamEndpoint(ModelHost host, ScoringMetrics metrics, IOptions<ServiceOptions> options)
{
    private const string MediaType = "application/x-ndjson";

    private static readonly string[] s_mediaTypes = [MediaType, "application/jsonl", "application/json-lines"];

    public async Task Score(HttpContext context)
    {
        using ModelLease? lease = host.Acquire();
        if (lease is null)
        {
            await ScoringEndpoints.NoModel().ExecuteAsync(context);
            return;
        }
        string? type = context.Request.ContentType?.Split(';')[0].Trim();
        if (!s_mediaTypes.Contains(type, StringComparer.OrdinalIgnoreCase))
            throw new BadHttpRequestException(
                $"The request's content type has to be {MediaType}.",
                StatusCodes.Status415UnsupportedMediaType
            );

        // A stream is limited in its lines, not in its length, and may wait for what its sender waits for.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;

        context.Response.ContentType = MediaType;
        context.Response.Headers[ScoringEndpoints.VersionHeader] = lease.Model.Version;
        RowScorer scorer = lease.Model.Rent();
        try
        {
            await ScoreLines(context, scorer);
        }
        finally
        {
            lease.Model.Return(scorer);
        }
    }

    private async Task ScoreLines(HttpContext context, RowScorer scorer)
    {
        PipeReader lines = context.Request.BodyReader;
        PipeWriter output = context.Response.BodyWriter;
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });
        var block = new Block(scorer, writer, output, metrics);
        long row = 0;
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        while (true)
        {
            idle.CancelAfter(TimeSpan.FromSeconds(options.Value.StreamIdleSeconds));
            ReadResult read;
            try
            {
                read = await lines.ReadAsync(idle.Token);
            }
            catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
            {
                block.End($"The stream sent nothing for {options.Value.StreamIdleSeconds} seconds.");
                break;
            }
            idle.CancelAfter(Timeout.Infinite);

            ReadOnlySequence<byte> rest = read.Buffer;
            string? end = null;
            while (end is null && TryTakeLine(ref rest, read.IsCompleted, out ReadOnlySequence<byte> line))
            {
                row++;
                if (line.Length > options.Value.MaxLineBytes)
                    end = TooLong(row);
                else if (row > options.Value.MaxStreamRows)
                    end = $"A stream can have {options.Value.MaxStreamRows} rows at most.";
                else if (!block.Add(line, row))
                    continue;
                if (scorer.Count >= ScoringEndpoints.BlockRows)
                {
                    block.Score();
                    await output.FlushAsync(context.RequestAborted);
                }
            }
            if (end is null && rest.Length > options.Value.MaxLineBytes)
                end = TooLong(row + 1);
            lines.AdvanceTo(rest.Start, rest.End);
            if (end is not null)
                block.End(end);
            else
                block.Score();
            await output.FlushAsync(context.RequestAborted);
            if (end is not null || read.IsCompleted)
                break;
        }
    }

    private string TooLong(long row) => $"Row {row}: a line can have {options.Value.MaxLineBytes} bytes at most.";

    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, bool isLast, out ReadOnlySequence<byte> line)
    {
        if (rest.PositionOf((byte)'\n') is { } end)
        {
            line = rest.Slice(0, end);
            rest = rest.Slice(rest.GetPosition(1, end));
            return true;
        }
        line = rest;
        if (!isLast || rest.IsEmpty)
            return false;
        rest = rest.Slice(rest.End);
        return true;
    }

    /// <summary>Rows that are scored together; whatever is written keeps the order of the lines.</summary>
    private sealed class Block(RowScorer scorer, Utf8JsonWriter writer, PipeWriter output, ScoringMetrics metrics)
    {
        /// <returns>Whether it was a row; an empty line, or one with an error that is written, is none.</returns>
        public bool Add(ReadOnlySequence<byte> line, long row)
        {
            ReadOnlySpan<byte> text = line.IsSingleSegment ? line.FirstSpan : line.ToArray();
            if (text.Trim(" \t\r"u8).IsEmpty)
                return false;
            try
            {
                scorer.Add(text);
                return true;
            }
            catch (Exception e) when (e is BadRowException or JsonException)
            {
                metrics.RowRefused();
                Score();
                WriteError(
                    e is JsonException json ? $"Row {row}: {JsonErrors.Describe(json)}" : $"Row {row}: {e.Message}."
                );
                return false;
            }
        }

        public void Score()
        {
            if (scorer.Count == 0)
                return;
            long start = Stopwatch.GetTimestamp();
            scorer.Score(writer, EndLine);
            metrics.Scored(scorer.Count, Stopwatch.GetElapsedTime(start));
            scorer.Clear();
        }

        public void End(string error)
        {
            Score();
            WriteError(error);
        }

        private void WriteError(string error)
        {
            writer.WriteStartObject();
            writer.WriteString("error", error);
            writer.WriteEndObject();
            EndLine();
        }

        private void EndLine()
        {
            writer.Flush();
            writer.Reset();
            output.Write("\n"u8);
        }
    }
}
