using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SampleSupport;

namespace ScoringService;

/// <summary>A single row, and batches, as JSON.</summary>
internal sealed class ScoringEndpoints(ModelHost host, ScoringMetrics metrics, IOptions<ServiceOptions> options)
{
    // Scores of this many rows are made, and go to the network, at a time.
    public const int BlockRows = 256;

    public const string VersionHeader = "Model-Version";

    public Task ScoreRow(HttpContext context) =>
        Score(
            context,
            (scorer, body) =>
            {
                var reader = new Utf8JsonReader(body.Span);
                reader.Read();
                Add(scorer, ref reader, row: 1);
                reader.Read();
            },
            isBatch: false
        );

    public Task ScoreBatch(HttpContext context) =>
        Score(
            context,
            (scorer, body) =>
            {
                var reader = new Utf8JsonReader(body.Span);
                reader.Read();
                if (reader.TokenType != JsonTokenType.StartArray)
                    throw new BadRowException($"A batch is an array of rows, not {JsonTokens.Describe(ref reader)}.");
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (scorer.Count == options.Value.MaxRows)
                        throw new BadHttpRequestException(
                            $"A batch can have {options.Value.MaxRows} rows at most.",
                            StatusCodes.Status413PayloadTooLarge
                        );
                    Add(scorer, ref reader, scorer.Count + 1);
                }
                reader.Read();
            },
            isBatch: true
        );

    /// <summary>Which columns a row has to have, which columns come back, and of which classes the scores are.</summary>
    public IResult DescribeModel()
    {
        using ModelLease? lease = host.Acquire();
        if (lease is null)
            return NoModel();
        RowScorer scorer = lease.Model.Rent();
        try
        {
            return TypedResults.Ok(
                new
                {
                    version = lease.Model.Version,
                    input = scorer
                        .Inputs.Select(column => new
                        {
                            name = column.Name,
                            value = column.Kind,
                            size = column.Size,
                        })
                        .ToArray(),
                    output = scorer
                        .Outputs.Select(column => new { name = column.Name, labels = column.SlotNames })
                        .ToArray(),
                }
            );
        }
        finally
        {
            lease.Model.Return(scorer);
        }
    }

    public static IResult NoModel() =>
        TypedResults.Problem("No model is loaded.", statusCode: StatusCodes.Status503ServiceUnavailable);

    private delegate void Take(RowScorer scorer, ReadOnlyMemory<byte> body);

    private async Task Score(HttpContext context, Take take, bool isBatch)
    {
        using ModelLease? lease = host.Acquire();
        if (lease is null)
        {
            await NoModel().ExecuteAsync(context);
            return;
        }
        if (!context.Request.HasJsonContentType())
            throw new BadHttpRequestException(
                "The request's content type has to be application/json.",
                StatusCodes.Status415UnsupportedMediaType
            );

        using var body = new BodyBuffer();
        await body.ReadAsync(context.Request, options.Value.MaxBodyBytes, context.RequestAborted);
        using var response = new MemoryStream();
        RowScorer scorer = lease.Model.Rent();
        try
        {
            take(scorer, body.Content);
            long start = Stopwatch.GetTimestamp();
            using var writer = new Utf8JsonWriter(response);
            if (isBatch)
                writer.WriteStartArray();
            scorer.Score(writer);
            if (isBatch)
                writer.WriteEndArray();
            writer.Flush();
            metrics.Scored(scorer.Count, Stopwatch.GetElapsedTime(start));
        }
        catch (BadRowException)
        {
            metrics.RowRefused();
            throw;
        }
        finally
        {
            lease.Model.Return(scorer);
        }

        context.Response.ContentType = "application/json";
        context.Response.ContentLength = response.Length;
        context.Response.Headers[VersionHeader] = lease.Model.Version;
        await context.Response.Body.WriteAsync(
            response.GetBuffer().AsMemory(0, (int)response.Length),
            context.RequestAborted
        );
    }

    private static void Add(RowScorer scorer, ref Utf8JsonReader reader, int row)
    {
        try
        {
            scorer.Add(ref reader);
        }
        catch (BadRowException e)
        {
            throw new BadRowException($"Row {row}: {e.Message}.");
        }
    }
}
