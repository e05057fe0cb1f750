using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

namespace ScoringLoad;

/// <summary>The scoring service as a process of its own, on a free port of the loopback interface.</summary>
internal sealed partial class ServiceProcess : IDisposable
{
    private const string Resident = "VmRSS:";

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private ServiceProcess(Process process, Uri address)
    {
        _process = process;
        Address = address;
    }

    public Uri Address { get; }

    public bool HasEnded => _process.HasExited;

    /// <summary>Memory of the process that is in use, in bytes.</summary>
    public long ResidentBytes
    {
        get
        {
            if (OperatingSystem.IsLinux())
                foreach (string line in File.ReadLines($"/proc/{_process.Id}/status"))
                    if (line.StartsWith(Resident, StringComparison.Ordinal))
                        return 1024
                            * long.Parse(line.AsSpan(Resident.Length)[..^2].Trim(), CultureInfo.InvariantCulture);
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public static async Task<ServiceProcess> StartAsync(string model, CancellationToken cancellation)
    {
        string service = typeof(ServiceProcess)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "ScoringService")
            .Value!;
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
        };
        foreach (string argument in (string[])["exec", service, "--model", model, "--urls", "http://127.0.0.1:0"])
            start.ArgumentList.Add(argument);
        Process process = Process.Start(start)!;
        var address = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            Match match = Listening().Match(line.Data ?? "");
            if (match.Success)
                address.TrySetResult(new Uri(match.Groups[1].Value));
            // The end of the output.
            if (line.Data is null)
                address.TrySetException(new InvalidOperationException("The service ended before it listened."));
        };
        process.BeginOutputReadLine();
        try
        {
            return new ServiceProcess(process, await address.Task.WaitAsync(s_startLimit, cancellation));
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
