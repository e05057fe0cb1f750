using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using OpenTelemetry.Metrics;
using ScoringService;

WebApplicationBuilder builder = WebApplication.CreateBuilder(
    new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory }
);
builder.Configuration.AddCommandLine(
    args,
    new Dictionary<string, string> { ["--model"] = $"{ServiceOptions.Section}:{nameof(ServiceOptions.Model)}" }
);
builder
    .Services.AddOptions<ServiceOptions>()
    .BindConfiguration(ServiceOptions.Section)
    .ValidateDataAnnotations()
    .ValidateOnStart();
builder.Services.AddSingleton<ScoringMetrics>();
builder.Services.AddSingleton<ModelHost>();
builder.Services.AddHostedService(services => services.GetRequiredService<ModelHost>());
builder.Services.AddSingleton<ScoringEndpoints>();
builder.Services.AddSingleton<StreamEndpoint>();
builder.Services.AddProblemDetails();
builder.Services.AddExceptionHandler<BadRequests>();
builder.Services.AddHealthChecks().AddCheck<ModelHealthCheck>("model");
builder
    .Services.AddOpenTelemetry()
    .WithMetrics(metrics =>
        metrics
            .AddMeter(
                ScoringMetrics.MeterName,
                "Microsoft.AspNetCore.Hosting",
                "Microsoft.AspNetCore.Server.Kestrel",
                "System.Runtime"
            )
            .AddPrometheusExporter()
    );

WebApplication app = builder.Build();
app.UseExceptionHandler(
    new ExceptionHandlerOptions { SuppressDiagnosticsCallback = context => context.ExceptionHandledBy != 0 }
);
app.UseStatusCodePages();
ScoringEndpoints scoring = app.Services.GetRequiredService<ScoringEndpoints>();
app.MapPost("/score", scoring.ScoreRow);
app.MapPost("/score/batch", scoring.ScoreBatch);
app.MapPost("/score/stream", app.Services.GetRequiredService<StreamEndpoint>().Score);
app.MapGet("/model", scoring.DescribeModel);
app.MapPrometheusScrapingEndpoint("/metrics");
app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
app.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = HealthReports.Write });

try
{
    await app.RunAsync();
    return 0;
}
catch (Microsoft.Extensions.Options.OptionsValidationException e)
{
    await Console.Error.WriteLineAsync(e.Failures.First());
    return 2;
}
