using System.Text.RegularExpressions;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed partial class ReadmeTests
{
    [TestMethod]
    [DataRow("pipeline")]
    [DataRow("row")]
    [DataRow("save")]
    [DataRow("options")]
    [DataRow("scoring")]
    public void SnippetIsShownAsItIsCompiled(string name)
    {
        string readme = Read("README.md");
        string code = Read("Samples/ReadmeSnippets.cs");
        Match region = Region().Matches(code).Single(match => match.Groups["name"].Value == name);
        string[] lines = region.Groups["code"].Value.TrimEnd().Split('\n');
        int indent = lines.Where(line => line.Length > 0).Min(line => line.Length - line.TrimStart().Length);
        string shown = string.Join('\n', lines.Select(line => line.Length > 0 ? line[indent..] : line));

        StringAssert.Contains(readme, $"```csharp\n{shown}\n```");
    }

    [TestMethod]
    public void EveryCodeBlockIsCompiled() =>
        Assert.AreEqual(Region().Count(Read("Samples/ReadmeSnippets.cs")), CodeBlock().Count(Read("README.md")));

    // Changes the current directory, which all tests share.
    [TestMethod]
    [DoNotParallelize]
    public void SnippetsRun()
    {
        string before = Environment.CurrentDirectory;
        string folder = Directory.CreateTempSubdirectory("readme").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "data", "tabular"));
            string wine = Path.Combine(AppContext.BaseDirectory, "data", "tabular", "wine.csv");
            File.Copy(wine, Path.Combine(folder, "data", "tabular", "wine.csv"));
            Environment.CurrentDirectory = folder;

            MulticlassClassificationMetrics metrics = ReadmeSnippets.TrainSaveAndLoad();
            // The majority class has two fifths of the rows.
            Assert.IsGreaterThan(0.8, metrics.MicroAccuracy);

            var mlContext = new MLContext(seed: 1);
            Tabular.Table table = Tabular.Table.Load(mlContext, wine);
            (IDataView train, IDataView test) = table.Split(table.Folds(seed: 1), 0);
            InfomorphicModelParameters parameters = ReadmeSnippets.TrainWithOptions(mlContext, train, test);
            Assert.AreEqual(50, parameters.Network.HiddenLayers[0].NeuronCount);
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Read(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, name)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"#region (?<name>\w+)\n(?<code>.*?)\n *#endregion", RegexOptions.Singleline)]
    private static partial Regex Region();

    [GeneratedRegex("^```csharp$", RegexOptions.Multiline)]
    private static partial Regex CodeBlock();
}
