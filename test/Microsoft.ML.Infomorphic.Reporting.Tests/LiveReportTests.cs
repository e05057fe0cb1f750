namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public sealed class LiveReportTests
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

    [TestMethod]
    [DataRow(0.5)]
    [DataRow(90000)]
    [DataRow(-1)]
    public void An_interval_out_of_range_is_refused(double seconds) =>
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() =>
            new LiveReport(_path, TinyModel.Data(_context), interval: TimeSpan.FromSeconds(seconds))
        );
}
