using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using SampleSupport;

namespace ScoringService;

/// <summary>Answers a request that is its sender's mistake with a problem in one sentence.</summary>
internal sealed class BadRequests(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(
        HttpContext httpContext,
        Exception exception,
        CancellationToken cancellationToken
    )
    {
        (int status, string detail) = exception switch
        {
            BadRowException row => (StatusCodes.Status400BadRequest, row.Message),
            JsonException json => (
                StatusCodes.Status400BadRequest,
                $"The body cannot be read: {JsonErrors.Describe(json)}"
            ),
            BadHttpRequestException request => (request.StatusCode, request.Message),
            _ => (0, ""),
        };
        if (status == 0)
            return false;
        httpContext.Response.StatusCode = status;
        return await problems.TryWriteAsync(
            new ProblemDetailsContext
            {
                HttpContext = httpContext,
                ProblemDetails = { Status = status, Detail = detail },
            }
        );
    }
}
