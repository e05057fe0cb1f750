using System.Text.RegularExpressions;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public sealed partial class LiveReportTests
{
    private const string Refresh = "<meta http-equiv=\"refresh\" content=\"10\">";

    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("live").FullName, "report.html");
    private readonly MLContext _context = new(1);

    [TestCleanup]
    public void Clean() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [TestMethod]
    public void A_browser_reads_the_report_again_until_it_is_that_of_the_model()
    {
        InfomorphicModelParameters model = TinyModel.Create(_context);
        IDataView data = TinyModel.Data(_context);

        new LiveReport(_path, data, new ReportOptions { Title = "Dots" }).Write(TensorBoardLogTests.Checkpoint(model));

        string html = File.ReadAllText(_path);
        StringAssert.Contains(html, Refresh);
        StringAssert.Contains(html, "<h1>Dots: epoch 12 of 20</h1>");
        StringAssert.Contains(html, "</html>");
        InfomorphicReport.Write(model, data, _path);
        html = File.ReadAllText(_path);
        Assert.DoesNotContain("http-equiv=\"refresh\"", html);
        Assert.DoesNotContain("of 20", html);
    }

    [TestMethod]
    public void A_report_is_not_written_again_at_once()
    {
        TrainingCheckpoint checkpoint = TensorBoardLogTests.Checkpoint(TinyModel.Create(_context));
        var live = new LiveReport(_path, TinyModel.Data(_context), interval: TimeSpan.FromHours(1));
        live.Write(checkpoint);
        File.Delete(_path);

        live.Write(checkpoint);

        Assert.IsFalse(File.Exists(_path));
    }

    [TestMethod]
    public void Reports_take_a_tenth_of_the_time_at_most()
    {
        int done = 0;
        var pace = new Pace(TimeSpan.FromMilliseconds(1));
        pace.Do(() => Thread.Sleep(300));
        Thread.Sleep(30); // longer than the interval, and shorter than nine times the work
        pace.Do(() => done++);
        Assert.AreEqual(0, done);
    }

    // Reports are written while the browser reads them, at a second's pace or in a tenth of the time.
    [TestMethod]
    [TestCategory("Slow")]
    public async Task A_browser_shows_the_run_as_it_goes_on_and_then_the_model()
    {
        const string Heading = "document.querySelector('h1')?.textContent";
        IDataView data = TinyModel.Data(_context);
        var live = new LiveReport(_path, data, new ReportOptions { Title = "Dots" }, TimeSpan.FromSeconds(1));
        live.Write(TensorBoardLogTests.Checkpoint(TinyModel.Create(_context, epochs: 1)));
        await using Chromium chromium = await Chromium.OpenAsync(_path, 390);
        using var ended = new CancellationTokenSource();
        Task run = Task.Run(() =>
        {
            for (int epoch = 2; epoch < 20 && !ended.IsCancellationRequested; epoch++)
            {
                live.Write(TensorBoardLogTests.Checkpoint(TinyModel.Create(_context, epoch)));
                ended.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1));
            }
        });

        await chromium.CheckLayoutAsync(390);
        string first = (string)(await chromium.WaitForAsync(Heading))!;
        StringAssert.Matches(first, Epoch());
        string second = (string)(await chromium.WaitForAsync(Heading, title => (string)title! != first))!;
        StringAssert.Matches(second, Epoch());
        await ended.CancelAsync();
        await run;
        InfomorphicReport.Write(TinyModel.Create(_context), data, _path, new ReportOptions { Title = "Dots" });
        await chromium.WaitForAsync(Heading, title => (string)title! == "Dots");

        Assert.AreEqual(
            0,
            (int)(await chromium.WaitForAsync("document.querySelectorAll('meta[http-equiv=refresh]').length"))!
        );
        foreach (int width in (int[])[390, 1280])
        {
            await chromium.ResizeAsync(width);
            await chromium.CheckLayoutAsync(width);
        }

        // What its script does: a column's title sorts by it.
        await chromium.WaitForAsync(
            "document.querySelector('table.sortable thead th:nth-child(3) button').click() ?? true"
        );
        Assert.AreEqual(
            "descending",
            (string)
                (
                    await chromium.WaitForAsync(
                        "document.querySelector('table.sortable thead th:nth-child(3)').getAttribute('aria-sort')"
                    )
                )!
        );
        Assert.IsEmpty(chromium.Errors, string.Join('\n', chromium.Errors));
    }

    [GeneratedRegex("^Dots: epoch [0-9]+ of 20$")]
    private static partial Regex Epoch();

    [TestMethod]
    [DataRow(0.5)]
    [DataRow(90000)]
    [DataRow(-1)]
    public void An_interval_out_of_range_is_refused(double seconds) =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            new LiveReport(_path, TinyModel.Data(_context), interval: TimeSpan.FromSeconds(seconds))
        );
}
