using Microsoft.ML.Infomorphic.Reporting.Tests;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting.Tests;

/// <summary>Sweeps that are watched while they run, on an objective without a network.</summary>
[TestClass]
public sealed class LiveSweepTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("live").FullName;

    [TestCleanup]
    public void Clean()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [TestMethod]
    public void The_report_of_a_sweep_that_runs_shows_its_trials_and_is_read_again()
    {
        string path = Path.Combine(_folder, "sweep.html");
        using TrialStore store = TrialStore.Open(Path.Combine(_folder, "trials.db"));
        var pages = new List<string>();
        var live = new LiveSweepReport(path, store, "tiny", "accuracy", new SweepReportOptions { Title = "Tiny" });

        Run(
            store,
            progress =>
            {
                if (progress.Completed < 3)
                    return;
                live.Write(progress);
                pages.Add(File.ReadAllText(path));
            }
        );

        StringAssert.Contains(pages[0], "<meta http-equiv=\"refresh\" content=\"10\">");
        StringAssert.Contains(pages[0], "<h1>Tiny: 3 trials completed</h1>");
        StringAssert.Contains(pages[0], "accuracy is maximised");
        Assert.AreEqual(pages[0], pages[^1]); // ten seconds have not gone by
        Assert.ThrowsExactly<InvalidOperationException>(() =>
            new LiveSweepReport(path, store, "another", "accuracy").Write(Progress(1, null, null))
        );
    }

    [TestMethod]
    [TestCategory("Slow")]
    public async Task A_browser_shows_the_sweep_as_it_goes_on()
    {
        const string Heading = "document.querySelector('h1')?.textContent";
        string path = Path.Combine(_folder, "sweep.html");
        using TrialStore store = TrialStore.Open(Path.Combine(_folder, "trials.db"));
        var live = new LiveSweepReport(
            path,
            store,
            "tiny",
            "accuracy",
            new SweepReportOptions { Title = "Tiny" },
            TimeSpan.FromSeconds(1)
        );
        using var begun = new ManualResetEventSlim();
        using var seen = new ManualResetEventSlim();
        Task run = Task.Run(() =>
            Run(
                store,
                progress =>
                {
                    if (progress.Completed == 3)
                    {
                        live.Write(progress);
                        begun.Set();
                        Assert.IsTrue(seen.Wait(TimeSpan.FromSeconds(60)));
                    }
                    else if (progress.Completed == 5)
                    {
                        Thread.Sleep(TimeSpan.FromSeconds(5)); // longer than its pace, whatever it takes
                        live.Write(progress);
                    }
                }
            )
        );
        Assert.IsTrue(begun.Wait(TimeSpan.FromSeconds(60)));

        await using Chromium chromium = await Chromium.OpenAsync(path, 390);
        await chromium.WaitForAsync(Heading, title => (string)title! == "Tiny: 3 trials completed");
        await chromium.CheckLayoutAsync(390);
        seen.Set();
        await chromium.WaitForAsync(Heading, title => (string)title! == "Tiny: 5 trials completed");
        await run;
        await chromium.ResizeAsync(1280);
        await chromium.CheckLayoutAsync(1280);
        Assert.IsEmpty(chromium.Errors, string.Join('\n', chromium.Errors));
    }

    [TestMethod]
    public void Every_trial_has_a_run_of_its_own_in_TensorBoard()
    {
        using TrialStore store = TrialStore.Open(Path.Combine(_folder, "trials.db"));
        string runs = Path.Combine(_folder, "runs");
        using (var log = new SweepTensorBoardLog(runs))
            Run(store, log.Write);

        string[] names = [.. Directory.GetDirectories(runs).Select(path => Path.GetFileName(path)!).Order()];
        CollectionAssert.AreEqual(
            new[] { "sweep", "trial-00000", "trial-00001", "trial-00002", "trial-00003", "trial-00004" },
            names
        );
        foreach (string name in names)
        {
            byte[] file = File.ReadAllBytes(Directory.GetFiles(Path.Combine(runs, name)).Single());
            Assert.IsGreaterThan(100, file.Length);
            Assert.Contains(
                name == "sweep" ? "objective/best so far" : "objective/after the epoch",
                System.Text.Encoding.Latin1.GetString(file)
            );
        }
    }

    [TestMethod]
    public void What_is_not_finite_is_left_out()
    {
        using (var log = new SweepTensorBoardLog(_folder))
        {
            log.Write(Progress(4, 1, double.NaN));
            log.Write(Progress(4, 2, 0.5));
        }
        Assert.HasCount(1, Directory.GetFiles(Path.Combine(_folder, "trial-00004")));
    }

    private static SweepProgress Progress(int trial, int? epoch, double? value) =>
        new(1, 0, 0, 0, null, 0, null, TimeSpan.Zero, trial, epoch, value);

    private static void Run(TrialStore store, Action<SweepProgress> progress)
    {
        var tuner = new RandomTuner(TinyStudy.Space, OptimizationDirection.Maximize, 1);
        Sweep.Run(
            store,
            new StudyDefinition("tiny", tuner, "accuracy"),
            [],
            trial =>
            {
                for (int epoch = 1; epoch <= 3; epoch++)
                    trial.Report(epoch, trial.Point["strong"] * epoch);
                return trial.Point["strong"];
            },
            new SweepOptions { MaximumTrials = 5, Progress = progress }
        );
    }
}
