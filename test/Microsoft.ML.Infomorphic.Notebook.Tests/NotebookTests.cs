using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.Commands;
using Microsoft.DotNet.Interactive.CSharp;
using Microsoft.DotNet.Interactive.Events;

namespace Microsoft.ML.Infomorphic.Notebook.Tests;

/// <summary>The notebooks run from their first cell to their last, in the kernel that Polyglot notebooks and Jupyter run.</summary>
[TestClass]
[DoNotParallelize] // the current directory is all tests'
public sealed partial class NotebookTests
{
    private static readonly string s_folder = typeof(NotebookTests)
        .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "Notebooks")
        .Value!;

    private readonly string _before = Environment.CurrentDirectory;

    // Notebooks run in their folder.
    [TestInitialize]
    public void Enter() => Environment.CurrentDirectory = s_folder;

    [TestCleanup]
    public void Leave() => Environment.CurrentDirectory = _before;

    [TestMethod]
    public async Task The_notebook_trains_and_shows_report_neurons_and_pictures()
    {
        using var kernel = new CSharpKernel();
        string[] shown = await RunAsync(kernel, Cells("Wine.ipynb"));

        string accuracy = shown.Single(text => text.StartsWith("accuracy ", StringComparison.Ordinal));
        Assert.IsGreaterThan(0.8, double.Parse(Share().Match(accuracy).Value) / 100, accuracy);
        string[] frames = [.. shown.Where(text => text.StartsWith("<iframe", StringComparison.Ordinal))];
        Assert.HasCount(2, frames);
        StringAssert.Contains(frames[0], "id=&quot;training&quot;"); // the whole report
        Assert.DoesNotContain("id=&quot;training&quot;", frames[1]);
        StringAssert.Contains(frames[1], "id=&quot;neurons&quot;"); // the neurons of one layer
        Assert.HasCount(3, shown.Where(text => text.StartsWith("neuron ", StringComparison.Ordinal)));
        Assert.HasCount(2, shown.Where(text => text.StartsWith("<svg ", StringComparison.Ordinal)));
    }

    // What the test above would not notice if it asked the wrong way.
    [TestMethod]
    public async Task A_cell_that_fails_is_noticed()
    {
        using var kernel = new CSharpKernel();
        await Assert.ThrowsExactlyAsync<AssertFailedException>(() => RunAsync(kernel, ["int a = ;"]));
        await Assert.ThrowsExactlyAsync<AssertFailedException>(() =>
            RunAsync(kernel, ["throw new System.InvalidOperationException();"])
        );
    }

    private static IEnumerable<string> Cells(string notebook)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_folder, notebook)));
        foreach (JsonElement cell in document.RootElement.GetProperty("cells").EnumerateArray())
        {
            Assert.AreNotEqual(0, cell.GetProperty("source").GetArrayLength());
            if (cell.GetProperty("cell_type").GetString() != "code")
                continue;
            Assert.AreEqual(0, cell.GetProperty("outputs").GetArrayLength(), "A notebook is kept without outputs.");
            yield return string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString()));
        }
    }

    // What the cells show, as HTML where they have the choice.
    private static async Task<string[]> RunAsync(CSharpKernel kernel, IEnumerable<string> cells)
    {
        var shown = new List<string>();
        foreach (string cell in cells)
        {
            KernelCommandResult result = await kernel.SendAsync(new SubmitCode(Package().Replace(cell, References)));
            foreach (KernelEvent happened in result.Events)
            {
                if (happened is CommandFailed failed)
                    Assert.Fail($"{failed.Message}\n{cell}");
                if (happened is DisplayEvent display)
                    shown.AddRange(display.FormattedValues.Select(value => value.Value));
            }
        }

        return [.. shown];
    }

    // What is packed, and what it depends on, as it was built.
    private static string References(Match package) =>
        package.Groups["id"].Value == "Infomorphic.ML.Reporting"
            ? string.Join(
                '\n',
                Directory
                    .EnumerateFiles(AppContext.BaseDirectory, "*.dll")
                    .Where(path => Packaged().IsMatch(Path.GetFileName(path)))
                    .Select(path => $"#r \"{path}\"")
            )
            : "";

    [GeneratedRegex("""^#r "nuget: *(?<id>[^,"]+)[^"]*" *$""", RegexOptions.Multiline)]
    private static partial Regex Package();

    [GeneratedRegex(@"^(Microsoft\.ML\.(?!Infomorphic\.Notebook).*|SkiaSharp|ScottPlot|TorchSharp)\.dll$")]
    private static partial Regex Packaged();

    [GeneratedRegex(@"\d+(\.\d+)?")]
    private static partial Regex Share();
}
