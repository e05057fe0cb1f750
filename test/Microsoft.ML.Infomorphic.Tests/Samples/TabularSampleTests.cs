using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class TabularSampleTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tabular").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [TestCategory("Slow")]
    public async Task DefaultsAreNeverBelowTheMajorityClass()
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(
            "Tabular",
            _folder,
            ["--seeds", "1", "--report", "tabular.json"]
        );

        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        using JsonDocument report = JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(_folder, "tabular.json"))
        );
        Assert.IsTrue(report.RootElement.GetProperty("neverBelowMajority").GetBoolean());
        Assert.AreEqual(15, report.RootElement.GetProperty("lines").GetArrayLength());
    }
}
