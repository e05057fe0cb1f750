using System.Text.RegularExpressions;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public sealed partial class GuideTests
{
    [TestMethod]
    public void Every_code_block_is_shown_as_it_is_compiled()
    {
        string guide = Read("GUIDE.md");
        Match[] regions = [.. Region().Matches(Read("GuideSnippets.cs")).Cast<Match>()];
        foreach (Match region in regions)
        {
            string[] lines = region.Groups["code"].Value.TrimEnd().Split('\n');
            int indent = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
            string shown = string.Join('\n', lines.Select(line => line.Length > 0 ? line[indent..] : line));
            StringAssert.Contains(guide, $"```csharp\n{shown}\n```");
        }
        Assert.AreEqual(regions.Length, CodeBlock().Count(guide));
    }

    // Values by hand: the guide states them.
    [TestMethod]
    public void Snippets_give_what_the_guide_says()
    {
        var atoms = GuideSnippets.Decompose();
        Assert.AreEqual(1, atoms.MutualInformation, 1e-12);
        Assert.AreEqual(Math.Log2(2.0 / 3), atoms["{F}{C}"], 1e-12);
        Assert.AreEqual(1 + Math.Log2(2.0 / 3), atoms["{FC}"], 1e-12);
        Assert.AreEqual(1, GuideSnippets.Goal().Gamma[1]);
        Assert.IsNotNull(GuideSnippets.Deep(new MLContext()));
        Assert.IsNotNull(GuideSnippets.Images(new MLContext()));
    }

    private static string Read(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, name)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"#region (?<name>\w+)\n(?<code>.*?)\n *#endregion", RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex("^```csharp$", RegexOptions.Multiline)]
    private static partial Regex CodeBlock();
}
