using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning.Reporting.Tests;

[TestClass]
public sealed partial class SweepReportTests
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("report").FullName, "sweep.html");

    [TestCleanup]
    public void Clean() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [TestMethod]
    public void A_report_tells_of_the_best_goal_every_trial_and_what_matters()
    {
        StoredTrial[] trials = TinyStudy.Trials();
        string html = Write(
            trials,
            new SweepReportOptions { Title = "A & B", Ablations = [new Ablation("{F}{L}", -1, 0.9, 0.7)] }
        );

        StringAssert.Contains(html, "<h1>A &amp; B</h1>");
        StringAssert.Contains(html, GoalFunctions.Heuristic.ToString());
        StoredTrial best = trials.MaxBy(t => t.Value)!;
        StringAssert.Contains(html, $"Trial {best.Number} has the largest accuracy, <b>{best.Value:0.#####}</b>.");
        foreach (string id in new[] { "best", "history", "importance", "ablation", "slices", "trials" })
            StringAssert.Contains(html, $"<section id=\"{id}\">");
        Assert.HasCount(4 + 1 + 5, Svg().Matches(html)); // history, curves, importance, contour; ablation; a slice a parameter
        Assert.HasCount(60 + 5, Row().Matches(html));
        StringAssert.Contains(html, "It broke &lt;/script&gt;&lt;b&gt;here&lt;/b&gt;.");
        Assert.HasCount(2, EndOfScript().Matches(html)); // of the data and of the program, not of the error

        using var data = JsonDocument.Parse(DataElement().Match(html).Groups[1].Value);
        Assert.AreEqual(60, data.RootElement.GetArrayLength());
        Assert.AreEqual(best.Value, data.RootElement[best.Number].GetProperty("value").GetDouble());
    }

    // Of no trials, so that most of the time goes into writing.
    [TestMethod]
    public void Eight_threads_write_reports_a_hundred_times_to_one_path()
    {
        const int Threads = 8;
        Task[] tasks =
        [
            .. Enumerable
                .Range(0, Threads)
                .Select(thread =>
                    Task.Factory.StartNew(
                        () =>
                        {
                            for (int i = 0; i < 100; i++)
                                SweepReport.WriteStudy(
                                    _path,
                                    [],
                                    "accuracy",
                                    OptimizationDirection.Maximize,
                                    new SweepReportOptions { Title = $"thread {thread}" }
                                );
                        },
                        TaskCreationOptions.LongRunning
                    )
                ),
        ];
        Task.WaitAll(tasks);

        string html = File.ReadAllText(_path);
        StringAssert.Matches(html, OneTitle());
        StringAssert.EndsWith(html.Trim(), "</html>");
        Assert.HasCount(1, Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    [GeneratedRegex("<h1>thread [0-7]</h1>")]
    private static partial Regex OneTitle();

    [TestMethod]
    public void A_report_tells_of_the_goals_and_parameters_of_layers()
    {
        using TrialStore store = TrialStore.Open(Path.ChangeExtension(_path, "db"));
        GoalSpace free = GoalSpace.From(GoalFunctions.Heuristic).Free(-1, 1, "{F}{C}");
        InfomorphicSweep sweep = new MLContext().MulticlassClassification.CreateInfomorphicSweep(
            new InfomorphicSweepOptions
            {
                Space = TrainerSpace
                    .Empty.WithGoal(free, 0)
                    .WithGoal(free, 2)
                    .With(TrainerOption.NumberOfHiddenNeurons, 10, 50, layer: 2),
                Store = store,
                StudyName = "layers",
                Sweep = new SweepOptions { MaximumTrials = 1 },
                Trainer = new InfomorphicTrainer.Options { HiddenLayers = [new(), new() { Learns = false }, new()] },
            }
        );
        var tuner = new RandomTuner(sweep.Space, OptimizationDirection.Maximize, 1);
        StoredTrial[] trials =
        [
            .. TinyStudy
                .Trials(30)
                .Zip(
                    tuner.Ask(30),
                    (trial, asked) =>
                        trial with
                        {
                            Point = asked.Point,
                            Value = trial.Value is null ? null : asked.Point.Values[2],
                        }
                ),
        ];
        ParameterPoint best = trials.MaxBy(t => t.Value)!.Point;
        SweepReport.Write(
            _path,
            sweep,
            trials,
            new SweepReportOptions { Ablations = [new Ablation("{F}{L}", -1, 40, 30) { Layer = 2 }] }
        );
        string html = File.ReadAllText(_path);
        foreach (int layer in new[] { 0, 2 })
        {
            StringAssert.Contains(html, $"<p>The goal of hidden layer {layer + 1}, in the paper's notation");
            StringAssert.Contains(html, $"<p class=\"formula\">{sweep.GoalAt(best, layer)}</p>");
        }
        Assert.DoesNotContain("hidden layer 2", html); // it does not learn
        foreach (Parameter parameter in sweep.Space.Parameters)
            StringAssert.Contains(html, $"<tr><th scope=\"row\">{parameter.Name}</th>");
        StringAssert.Contains(html, "\tlayer 3 {F}{L}\n"); // the ablation's bar
        StringAssert.Contains(html, "\tlayer 3 NumberOfNeurons\n");
    }

    [TestMethod]
    public void A_report_needs_no_other_file_and_no_network()
    {
        string html = Write(TinyStudy.Trials(300), new SweepReportOptions { MaximumTrials = 20 });
        // Names of XML's namespaces are no addresses to load from.
        Assert.IsEmpty(External().Matches(html).Select(m => m.Value).Where(v => !v.Contains("www.w3.org")).ToArray());
        Assert.HasCount(20 + 5, Row().Matches(html));
        StringAssert.Contains(html, "The best 20 of 300 are shown.");
        Assert.IsLessThan(4_000_000, html.Length); // pictures of many trials are points, not lines
    }

    [TestMethod]
    public void A_report_says_where_there_is_little_to_tell()
    {
        StoredTrial[] trials = TinyStudy.Trials();
        StringAssert.Contains(Write([]), "No trial is completed.");
        StringAssert.Contains(Write([trials[3]]), "No trial is completed."); // it failed
        string one = Write([trials[0]]);
        Assert.DoesNotContain("id=\"importance\"", one);
        StringAssert.Contains(one, "It was one of the starting points.");
        string equal = Write([.. trials.Where(t => t.Value is not null).Select(t => t with { Value = 0.547619 })]);
        Assert.DoesNotContain("id=\"importance\"", equal);
    }

    [TestMethod]
    public void A_report_is_written_whole_or_not_at_all()
    {
        File.WriteAllText(_path, "kept");
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            Write(TinyStudy.Trials(), new SweepReportOptions { MaximumTrials = 0 })
        );
        Assert.AreEqual("kept", File.ReadAllText(_path));
        Write([]);
        Assert.HasCount(1, Directory.GetFiles(Path.GetDirectoryName(_path)!));
    }

    private string Write(StoredTrial[] trials, SweepReportOptions? options = null)
    {
        SweepReport.WriteStudy(
            _path,
            trials,
            "accuracy",
            OptimizationDirection.Maximize,
            (options ?? new SweepReportOptions()) with
            {
                BestGoal = GoalFunctions.Heuristic,
            }
        );
        return File.ReadAllText(_path);
    }

    [GeneratedRegex("<svg ")]
    private static partial Regex Svg();

    [GeneratedRegex("<tr><th scope=\"row\">")]
    private static partial Regex Row();

    [GeneratedRegex("</script>")]
    private static partial Regex EndOfScript();

    [GeneratedRegex("(?:src|href)=\"(?!data:|#)[^\"]*|url\\((?!#)[^)]*|https?://[^\"<\\s]*")]
    private static partial Regex External();

    [GeneratedRegex("<script type=\"application/json\" id=\"data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex DataElement();
}
