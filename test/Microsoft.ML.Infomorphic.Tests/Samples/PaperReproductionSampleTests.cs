using Microsoft.ML.Infomorphic.Information;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using PaperReproduction;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class PaperReproductionSampleTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("paper").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task RunsAndReportsAndRunsNothingTwice()
    {
        string[] run =
        [
            "run",
            "--system",
            "setup1,setup2,setup3,bivariate-lateral,random,none,backprop",
            "--hidden",
            "5",
            "--epochs",
            "1",
            "--seeds",
            "1",
            "--train-rows",
            "1000",
            "--results",
            "cells",
        ];
        SampleProcess.Outcome first = await SampleProcess.RunAsync("PaperReproduction", _folder, run);
        Assert.AreEqual(0, first.ExitCode, first.Error);
        Assert.HasCount(7, Directory.GetFiles(Path.Combine(_folder, "cells")));

        SampleProcess.Outcome second = await SampleProcess.RunAsync("PaperReproduction", _folder, run);
        Assert.AreEqual(0, second.ExitCode, second.Error);
        StringAssert.Contains(second.Output, "7 cells, 7 of them finished before");

        SampleProcess.Outcome report = await SampleProcess.RunAsync(
            "PaperReproduction",
            _folder,
            "report",
            "--results",
            "cells",
            "--output",
            "RESULTS.md"
        );
        Assert.AreEqual(0, report.ExitCode, report.Error);
        StringAssert.Contains(await File.ReadAllTextAsync(Path.Combine(_folder, "RESULTS.md")), "| backprop | 5 | 1 |");
    }

    [TestMethod]
    public async Task NetworksRunBesideTheirControlsAndAreReported()
    {
        string[] run =
        [
            "networks",
            "--network",
            "none,fields16",
            "--control",
            "learned,random,backprop",
            "--augmentation",
            "1,5,10,flip",
            "--epochs",
            "1",
            "--train-rows",
            "500",
            "--results",
            "cells",
        ];
        SampleProcess.Outcome first = await SampleProcess.RunAsync("PaperReproduction", _folder, run);
        Assert.AreEqual(0, first.ExitCode, first.Error);
        Assert.HasCount(6, Directory.GetFiles(Path.Combine(_folder, "cells")));

        SampleProcess.Outcome second = await SampleProcess.RunAsync("PaperReproduction", _folder, run);
        Assert.AreEqual(0, second.ExitCode, second.Error);
        StringAssert.Contains(second.Output, "6 cells, 6 of them finished before");

        SampleProcess.Outcome report = await SampleProcess.RunAsync(
            "PaperReproduction",
            _folder,
            "networks-report",
            "--results",
            "cells",
            "--output",
            "NETWORKS.md"
        );
        Assert.AreEqual(0, report.ExitCode, report.Error);
        string page = await File.ReadAllTextAsync(Path.Combine(_folder, "NETWORKS.md"));
        foreach (string control in (string[])["learned", "random", "backprop"])
            StringAssert.Contains(
                page,
                $"| 16 neurons a field | {control} | ±1 × ±1 pixels, ±5°, ±10 %, mirrored | 1 | 400 | 1 | "
            );
    }

    [TestMethod]
    [DataRow("--network", "flat9", "fields64")]
    [DataRow("--control", "none", "backprop")]
    [DataRow("--control", "7", "backprop")]
    [DataRow("--augmentation", "1,2", "degrees")]
    [DataRow("--data-set", "svhn", "fashion")]
    public Task BadUsageOfNetworksGetsOneSentence(string option, string value, string part) =>
        AssertRefused("networks", option, value, part);

    [TestMethod]
    [DataRow("--system", "setup9", "setup1")]
    [DataRow("--seeds", "3-1", "--seeds")]
    [DataRow("--goal", "{F}{X}", "position 5")]
    [DataRow("--data-set", "svhn", "cifar10")]
    [DataRow("--train-rows", "60001", "60,000")]
    public Task BadUsageGetsOneSentence(string option, string value, string part) =>
        AssertRefused("run", option, value, part);

    private async Task AssertRefused(string command, string option, string value, string part)
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(
            "PaperReproduction",
            _folder,
            command,
            option,
            value
        );
        Assert.AreEqual(2, outcome.ExitCode, outcome.Error);
        StringAssert.Contains(outcome.Error, part);
        Assert.HasCount(1, outcome.Error.Trim().Split('\n'), outcome.Error);
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public void ReportKeepsEpochsAndHardwareApart()
    {
        string goal = PaperSystem.Find("setup1").WriteOut("opt_1_100_tpe");
        var cell = new Cell("mnist", "setup1", goal, 100, 100, 1, 60_000);
        CellResult one = CellStoreTests.ResultOf(cell, 0.950);
        CellResult two = CellStoreTests.ResultOf(cell with { Seed = 2 }, 0.954);
        CellResult shorter = CellStoreTests.ResultOf(cell with { Epochs = 10 }, 0.5);
        CellResult elsewhere = CellStoreTests.ResultOf(cell with { Seed = 3 }, 0.7);
        elsewhere = elsewhere with { Hardware = elsewhere.Hardware with { Processor = "a slide rule" } };

        string page = ResultsReport.Markdown([one, two, shorter, elsewhere]);
        StringAssert.Contains(page, "| 2 | 95.2 | 95.00 / 95.20 / 95.20 / 95.40 | 0.00 |");
        StringAssert.Contains(page, "| 1 | – | 50.00 / 50.00 / 50.00 / 50.00 | – |");
        StringAssert.Contains(page, "a slide rule");
        StringAssert.Contains(page, "| setup1 | · | · | · | · | 3 | · | · | · | · |");
        StringAssert.Contains(page, "| setup3 | · | · | · | · | · | · | · | · | · |");
    }

    [TestMethod]
    public void ReportTellsWhatEachTermOfTheGoalIsWorth()
    {
        GoalFunction goal = GoalFunction.Parse("opt_1_100_tpe");
        string without = Ablation.With(goal, (1, 0)).ToString();
        var cell = new Cell("mnist", "setup1", goal.ToString(), 100, 100, 1, 60_000);
        CellResult Judged(int seed, string written, double accuracy)
        {
            CellResult result = CellStoreTests.ResultOf(cell with { Seed = seed, Goal = written });
            return result with { Outcome = result.Outcome with { SampledValidation = accuracy } };
        }

        string page = ResultsReport.Markdown([
            Judged(1, cell.Goal, 0.95),
            Judged(2, cell.Goal, 0.96),
            Judged(1, without, 0.94),
            Judged(2, without, 0.93),
            // Without its seed's training of the goal itself a drop cannot be told.
            Judged(3, without, 0.10),
        ]);
        // Drops of 1 and 3 points: mean 2, t(1; 0.975) = 12.706 times √2/√2.
        StringAssert.Contains(page, "| {F}{C} | 0.978 | 2 | 93.50 | 2.00 | -10.71 to 14.71 | 94.59 |");
        Assert.IsFalse(page.Contains("| {F}{L} |", StringComparison.Ordinal));
    }

    [TestMethod]
    public async Task ReportOfNothingLeavesThePageThatIsThere()
    {
        string page = Path.Combine(_folder, "RESULTS.md");
        await File.WriteAllTextAsync(page, "what was written before");
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(
            "PaperReproduction",
            _folder,
            "report",
            "--results",
            "cels",
            "--output",
            "RESULTS.md"
        );
        Assert.AreEqual(1, outcome.ExitCode, outcome.Output);
        StringAssert.Contains(outcome.Error, "cels holds no results: run cells first");
        Assert.AreEqual("what was written before", await File.ReadAllTextAsync(page));
    }

    [TestMethod]
    public void Cifar10HasItsOwnGoal()
    {
        foreach (string system in new[] { "setup1", "setup2", "setup3" })
        {
            Assert.AreEqual("opt_1_100_tpe", PaperSystem.Find(system).GoalOn("mnist"));
            Assert.AreEqual("opt_1_100_CIFAR", PaperSystem.Find(system).GoalOn("cifar10"));
        }
        Assert.AreEqual("naive", PaperSystem.Find("heuristic").GoalOn("cifar10"));
        Assert.IsNull(PaperSystem.Find("random").GoalOn("cifar10"));
    }

    [TestMethod]
    public void AblationsOnOtherDataHaveNoPublishedValues()
    {
        GoalFunction goal = GoalFunction.Parse("opt_1_100_CIFAR");
        var cell = new Cell("cifar10", "setup1", goal.ToString(), 100, 100, 1, 50_000);
        string page = ResultsReport.Markdown([
            CellStoreTests.ResultOf(cell, 0.4),
            CellStoreTests.ResultOf(cell with { Goal = Ablation.With(goal, (1, 0)).ToString() }, 0.3),
        ]);
        StringAssert.Contains(page, "One weight of opt_1_100_CIFAR set to zero");
        string row = page.Split('\n').Single(line => line.StartsWith("| {F}{C} |", StringComparison.Ordinal));
        StringAssert.EndsWith(row, "| – |");
    }

    [TestMethod]
    public void GoalsAreReadOverTheSystemsOwnSources()
    {
        PaperSystem context = PaperSystem.Find("bivariate-context");
        Assert.AreEqual("context/naive", context.NameOf(context.WriteOut("context/naive")));
        Assert.AreEqual("naive", PaperSystem.Find("heuristic").NameOf("{F}{C}"));
        Assert.ThrowsExactly<ArgumentException>(() => context.WriteOut("{F}{L}"));
        Assert.ThrowsExactly<ArgumentException>(() => PaperSystem.Find("random").WriteOut("{F}{C}"));
        foreach (PublishedValue value in Published.All)
        {
            PaperSystem system = PaperSystem.Find(value.System);
            Assert.AreEqual(value.Goal.Length == 0, system.Sources.Length == 0, value.System);
            if (value.Goal.Length > 0)
                Assert.AreEqual(value.Goal, system.NameOf(system.WriteOut(value.Goal)));
        }
    }

    [TestMethod]
    public void SpreadIsThatOfAHandCalculation()
    {
        Spread spread = Spread.Of([4, 1, 2, 3]);
        Assert.AreEqual(
            (4, 1.0, 2.5, 2.5, 4.0),
            (spread.Count, spread.Minimum, spread.Mean, spread.Median, spread.Maximum)
        );
        // s = √(5/3), t(3; 0.975) = 3.182.
        Assert.AreEqual(3.182 * Math.Sqrt(5.0 / 3) / 2, spread.HalfInterval!.Value, 1e-12);
        Assert.IsNull(Spread.Of([1]).HalfInterval);
    }

    [TestMethod]
    public void AblationOrdersTheCumulativePartByTheSingleOne()
    {
        // Accuracy counts what is left: {F}{C} matters most, {F} least.
        var seen = new List<string>();
        var ablation = new Ablation(
            "{F}{C} + 0.5{F}{L} + 0.1{F}",
            [1, 2],
            (goal, seed) => new Cell("mnist", "setup1", goal, 5, 1, seed, 1000),
            cells =>
            {
                seen.AddRange(cells.Select(cell => cell.Goal));
                return
                [
                    .. cells.Select(cell =>
                    {
                        double left = GoalFunction.Parse(cell.Goal).Gamma.Sum();
                        CellResult result = CellStoreTests.ResultOf(cell);
                        return result with { Outcome = result.Outcome with { SampledValidation = left / 2 } };
                    }),
                ];
            }
        );
        ablation.Run(
            ["cumulative"],
            _folder,
            Spectre.Console.AnsiConsole.Create(
                new Spectre.Console.AnsiConsoleSettings { Out = new Spectre.Console.AnsiConsoleOutput(TextWriter.Null) }
            )
        );
        CollectionAssert.AreEqual(
            new[] { "0.5{F}{L} + {F}{C}", "{F}{C}" }.Select(PaperSystem.Find("setup1").WriteOut).ToArray(),
            seen[8..].Distinct().ToArray()
        );
        string csv = File.ReadAllText(Path.Combine(_folder, "ablation.csv"));
        StringAssert.Contains(csv, "single,{F}{C},0,2,0.3000,");
        Assert.IsGreaterThan(5000, new FileInfo(Path.Combine(_folder, "ablation.png")).Length);
    }
}
