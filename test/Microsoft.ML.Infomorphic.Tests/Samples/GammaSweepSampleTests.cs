using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class GammaSweepSampleTests
{
    private const string Table = "table.csv";

    private readonly string _folder = Directory.CreateTempSubdirectory("sweep").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task The_sample_searches_reports_and_goes_on()
    {
        string[] any = ["--hidden", "4", "--train-rows", "200", "--store", "trials.db"];
        string[] small = [.. any, "--epochs", "1"];
        SampleProcess.Outcome first = await Run([.. small, "--trials", "6", "--report", "found/report.html"]);
        Assert.AreEqual(0, first.ExitCode, first.Output + first.Error);
        StringAssert.Contains(Line(first.Output), "Begins the study gamma in ");
        StringAssert.Contains(first.Output, "Best goal, of trial ");
        StringAssert.Contains(first.Output, "of the goal heuristic, trained and scored alike");
        Assert.HasCount(7, File.ReadAllLines(Path.Combine(_folder, "found", "trials.csv"))); // a header and six trials
        StringAssert.Contains(
            File.ReadAllText(Path.Combine(_folder, "found", "report.html")),
            "<dt>completed</dt><dd>6"
        );

        SampleProcess.Outcome again = await Run([.. small, "--trials", "8"]);
        Assert.AreEqual(1, again.ExitCode);
        StringAssert.Contains(Line(again.Error), "The store has a study gamma already: go on with it by --resume");

        SampleProcess.Outcome other = await Run([.. any, "--trials", "8", "--resume", "--epochs", "2"]);
        Assert.AreEqual(2, other.ExitCode);
        StringAssert.Contains(Line(other.Error), "The study gamma was begun with another objective");

        await WriteTable();
        SampleProcess.Outcome otherData = await Run([.. small, "--trials", "8", "--resume", "--data", Table]);
        Assert.AreEqual(2, otherData.ExitCode, otherData.Output);
        StringAssert.Contains(Line(otherData.Error), "of 200 MNIST images: ");
        StringAssert.Contains(Line(otherData.Error), "of table.csv (SHA-256 ");

        SampleProcess.Outcome resumed = await Run([
            .. small,
            "--trials",
            "8",
            "--resume",
            "--report",
            "found/report.html",
        ]);
        Assert.AreEqual(0, resumed.ExitCode, resumed.Output + resumed.Error);
        StringAssert.Contains(Line(resumed.Output), "Goes on with the study gamma in ");
        Assert.HasCount(9, File.ReadAllLines(Path.Combine(_folder, "found", "trials.csv")));

        SampleProcess.Outcome folder = await Run([.. small, "--report", "found"]);
        Assert.AreEqual(1, folder.ExitCode);
        StringAssert.Contains(Line(folder.Error), "found is a folder, and --report takes a file.");
    }

    [TestMethod]
    public async Task The_sample_trains_several_trials_at_once()
    {
        await WriteTable();
        string[] arguments = ["--hidden", "4", "--data", Table, "--epochs", "1", "--store", "trials.db"];
        SampleProcess.Outcome outcome = await Run([
            .. arguments,
            "--trials",
            "5",
            "--at-once",
            "3",
            "--report",
            "r.html",
        ]);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        Assert.HasCount(6, File.ReadAllLines(Path.Combine(_folder, "trials.csv")));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("class\na\nb\n")]
    [DataRow("width,class\n")]
    public async Task A_table_that_is_not_what_it_must_be_is_refused(string content)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "table.csv"), content);
        SampleProcess.Outcome outcome = await Run(["--data", "table.csv", "--store", "trials.db"]);
        Assert.AreEqual(1, outcome.ExitCode, outcome.Output);
        Assert.AreEqual(
            "table.csv is no table: it needs a header, then rows with as many cells, separated by commas, with the class in the last column.",
            Line(outcome.Error).Trim()
        );
    }

    [TestMethod]
    public async Task Ends_trials_that_fall_behind()
    {
        SampleProcess.Outcome outcome = await Run([
            .. new[] { "--hidden", "4", "--train-rows", "600", "--epochs", "3", "--store", "trials.db" },
            .. new[] { "--trials", "12", "--workers", "1", "--prune", "--report", "r.html" },
        ]);
        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        string[] trials = File.ReadAllLines(Path.Combine(_folder, "trials.csv"))[1..];
        Assert.HasCount(12, trials);
        int pruned = trials.Count(t => t.Contains("pruned", StringComparison.OrdinalIgnoreCase));
        Assert.IsTrue(pruned is > 0 and < 12, $"{pruned} of 12 trials were pruned.");
    }

    private Task WriteTable() =>
        File.WriteAllLinesAsync(
            Path.Combine(_folder, Table),
            [
                "width,height,class",
                .. Enumerable.Range(0, 60).Select(i => $"{i % 7},{i % 5},{(i % 2 == 0 ? "a" : "b")}"),
            ]
        );

    private Task<SampleProcess.Outcome> Run(string[] arguments) =>
        SampleProcess.RunAsync("GammaSweep", _folder, arguments);

    // Long lines are broken where a console would break them.
    private static string Line(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries));
}
