using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScoringService;

/// <summary>The state of the model as JSON.</summary>
internal static class HealthReports
{
    public static Task Write(HttpContext context, HealthReport report)
    {
        HealthReportEntry model = report.Entries["model"];
        return context.Response.WriteAsJsonAsync(
            new
            {
                status = report.Status.ToString(),
                description = model.Description,
                model = model.Data.GetValueOrDefault("model"),
            }
        );
    }
}
