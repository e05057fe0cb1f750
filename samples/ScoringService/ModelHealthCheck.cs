using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ScoringService;

/// <summary>
/// Ready while there is a model. Degraded, and still ready, when the file has changed to something that does not load.
/// </summary>
internal sealed class ModelHealthCheck(ModelHost host) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    )
    {
        (string? version, string? failure) = host.Status;
        var data = new Dictionary<string, object>();
        if (version is not null)
            data["model"] = version;
        return Task.FromResult(
            (version, failure) switch
            {
                (null, _) => HealthCheckResult.Unhealthy(failure, data: data),
                (_, null) => HealthCheckResult.Healthy("The model is loaded.", data),
                _ => HealthCheckResult.Degraded(failure, data: data),
            }
        );
    }
}
