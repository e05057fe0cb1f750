using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning.Worker;

/// <summary>Another process that works on a study.</summary>
internal static class WorkerProcess
{
    public static Process Start(string location, string study, int trials, int milliseconds)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true };
        foreach (
            string argument in new[]
            {
                typeof(WorkerProcess).Assembly.Location,
                "worker",
                location,
                study,
                trials.ToString(CultureInfo.InvariantCulture),
                milliseconds.ToString(CultureInfo.InvariantCulture),
            }
        )
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    /// <summary>Waits for the process to end well.</summary>
    public static void Finish(Process process)
    {
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"A worker ended with exit code {process.ExitCode}: {error}");
    }
}
