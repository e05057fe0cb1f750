using System.Diagnostics;
using System.Reflection;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.ScoringTests;

/// <summary>The service as a process, under load while its model is replaced: see test/ScoringLoad.</summary>
[TestClass]
public sealed class ServiceUnderLoadTests
{
    [TestMethod]
    [DataRow("4", "1")]
    public Task Every_answer_is_right_while_the_model_is_replaced(string seconds, string replace) =>
        Run(seconds, replace);

    private static async Task Run(string seconds, string replace)
    {
        string load = typeof(ServiceUnderLoadTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == "ScoringLoad")
            .Value!;
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["exec", load, "--seconds", seconds, "--replace", replace])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.AreEqual(0, process.ExitCode, await output + await error);
    }
}
