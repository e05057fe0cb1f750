using System.IO.Compression;
using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using Tabular;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class TabularSampleTests
{
    private static readonly int[] s_twoRows = [0, 1];

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
            ["--trainers", "infomorphic,majority", "--folds", "2", "--report", "tabular.json"]
        );

        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        using JsonDocument report = JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(_folder, "tabular.json"))
        );
        foreach (IGrouping<string?, JsonElement> table in Lines(report).GroupBy(line => Text(line, "table")))
        {
            JsonElement infomorphic = table.Single(line => Text(line, "trainer") == "infomorphic");
            JsonElement majority = table.Single(line => Text(line, "trainer") == "majority");
            Assert.IsGreaterThanOrEqualTo(Metric(majority, "accuracy"), Metric(infomorphic, "accuracy"), table.Key);
            Assert.IsLessThanOrEqualTo(Metric(majority, "logLoss"), Metric(infomorphic, "logLoss"), table.Key);
        }
        Assert.HasCount(6, Lines(report));
    }

    [TestMethod]
    [TestCategory("Slow")]
    public async Task AllTrainersTakeATableWithEveryKindOfColumn()
    {
        var random = new Random(1);
        string[] words = ["river", "stone", "cloud", "apple"];
        IEnumerable<string> rows = Enumerable
            .Range(0, 60)
            .Select(row =>
                FormattableString.Invariant(
                    $"r{row},{(row % 7 == 0 ? "" : row % 3 + random.NextDouble())},{words[row % 4]},{words[random.Next(4)]} {words[row % 3]} {row % 10},{row % 5},{"abc"[row % 3]}"
                )
            );
        WriteZipped("mixed.csv.gz", ["id,number,category,text,fold,label", .. rows]);

        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(
            "Tabular",
            _folder,
            [
                _folder,
                "--trainers",
                string.Join(',', Contestant.All.Select(contestant => contestant.Name)),
                "--folds",
                "2",
                "--report",
                "report.json",
                "--html",
                "report.html",
            ]
        );

        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        Assert.Contains(
            "60 rows; columns: 1 numeric, 1 categorical, 1 text, 1 ignored; 3 classes; means over 2 fits",
            outcome.Output
        );
        string page = await File.ReadAllTextAsync(Path.Combine(_folder, "report.html"));
        Assert.IsTrue(page.Contains("<h1>What the neurons aim for: mixed</h1>", StringComparison.Ordinal));
        using JsonDocument report = JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(_folder, "report.json"))
        );
        foreach (JsonElement line in Lines(report))
        {
            int[] folds =
            [
                .. line.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("fold").GetInt32()),
            ];
            CollectionAssert.AreEqual(s_twoRows, folds);
            if (Text(line, "trainer") is not "majority" and not "infomorphic")
                Assert.IsGreaterThan(0.5, Metric(line, "accuracy"), Text(line, "trainer"));
        }
        Assert.HasCount(Contestant.All.Length, Lines(report));
    }

    [TestMethod]
    [DataRow("a", new[] { "1", "-2.5", "1e3" }, nameof(ColumnKind.Numeric))]
    [DataRow("a", new[] { "1", "", "NA", "?", "2" }, nameof(ColumnKind.Numeric))]
    [DataRow("a_c", new[] { "1", "2", "1", "2", "1" }, nameof(ColumnKind.Categorical))]
    [DataRow("a", new[] { "x", "y", "x", "NA", "x", "1", "y" }, nameof(ColumnKind.Categorical))]
    [DataRow("a", new[] { "a b c", "d e f", "g h" }, nameof(ColumnKind.Text))]
    [DataRow("a", new[] { "k1", "k2", "k3" }, nameof(ColumnKind.Ignored))]
    [DataRow("a", new[] { "5", "5", "5" }, nameof(ColumnKind.Ignored))]
    [DataRow("a", new[] { "", "NA", "" }, nameof(ColumnKind.Ignored))]
    public void KindsAreInferred(string name, string[] cells, string expected)
    {
        var inference = new ColumnInference(name);
        foreach (string cell in cells)
            inference.Add(cell);

        Assert.AreEqual(expected, inference.Kind.ToString());
    }

    [TestMethod]
    public void PreparationIsLearnedFromTrainingRowsAlone()
    {
        string path = Write(
            "prepared.csv",
            "number,category,fold,label",
            "1,x,1,yes",
            "3,y,1,no",
            "NA,x,1,yes",
            "100,z,0,no",
            ",x,0,new"
        );

        (IDataView train, IDataView test) = Load(path).Split(Load(path).Folds(1), 0);

        VBuffer<ReadOnlyMemory<char>> names = default;
        test.Schema["Features"].GetSlotNames(ref names);
        CollectionAssert.AreEqual(
            new[] { "number", "number missing", "category.x", "category.y" },
            names.DenseValues().Select(name => name.ToString()).ToArray()
        );
        float[][] expectedOfTrain =
        [
            [1, 0, 1, 0],
            [3, 0, 0, 1],
            [2, 1, 1, 0],
        ];
        AssertRows(expectedOfTrain, [1, 2, 1], train);
        // The mean of the training rows, no indicator for what they have not, and a class of its own.
        float[][] expectedOfTest =
        [
            [100, 0, 0, 0],
            [2, 1, 1, 0],
        ];
        AssertRows(expectedOfTest, [2, 3], test);
    }

    [TestMethod]
    public void FoldsOfATableWithoutAreStratified()
    {
        string path = Write(
            "folds.csv",
            ["a,label", .. Enumerable.Range(0, 100).Select(row => $"{row},{(row < 20 ? "rare" : "common")}")]
        );
        Table table = Load(path);

        int[] folds = table.Folds(seed: 1);

        foreach (int fold in Enumerable.Range(0, 5))
        {
            Assert.AreEqual(4, Enumerable.Range(0, 20).Count(row => folds[row] == fold));
            Assert.AreEqual(16, Enumerable.Range(20, 80).Count(row => folds[row] == fold));
        }
        CollectionAssert.AreEqual(folds, table.Folds(seed: 1));
        CollectionAssert.AreNotEqual(folds, table.Folds(seed: 2));
    }

    [TestMethod]
    public void RowsWithoutALabelAreLeftOut()
    {
        string path = Write("labels.csv", "a;class;b", "1;x;1", "2;;2", "3;y;3", "4;x;4");

        (IDataView train, IDataView test) = Load(path, "class").Split([0, 0, 1, 1], 0);

        AssertRows(
            [
                [3, 3],
                [4, 4],
            ],
            [2, 1],
            train
        );
        AssertRows(
            [
                [1, 1],
            ],
            [1],
            test
        );
    }

    [TestMethod]
    [DataRow("has 2 cells, and the header has 3", "a,b,label", "1,2,x", "1,2")]
    [DataRow("fewer than two classes", "a,label", "1,x", "2,x")]
    [DataRow("two columns named \"a\"", "a,a,label", "1,2,x", "3,4,y")]
    [DataRow("no column to learn from", "a,label", "1,x", "1,y")]
    [DataRow("row 2 has \"half\"", "a,fold,label", "1,0,x", "2,half,y")]
    [DataRow("the same number everywhere", "a,fold,label", "1,0,x", "2,0,y")]
    [DataRow("needs a header", "label", "x", "y")]
    [DataRow("needs a header", "a,label")]
    [DataRow("needs a header")]
    public void BadTablesAreExplained(string expected, params string[] lines)
    {
        string path = Write("bad.csv", lines);

        InvalidDataException e = Assert.ThrowsExactly<InvalidDataException>(() => Load(path));

        Assert.Contains(path, e.Message);
        Assert.Contains(expected, e.Message);
    }

    [TestMethod]
    public void UnknownNamesAreExplained()
    {
        string path = Write("named.csv", "a,label", "1,x", "2,y");

        Assert.Contains(
            "its columns are a, label",
            Assert.ThrowsExactly<InvalidDataException>(() => Load(path, "b")).Message
        );
        Assert.Contains(
            "there are named",
            Assert.ThrowsExactly<ArgumentException>(() => TableFiles.Find([_folder], "other")).Message
        );
        Assert.Contains("lightgbm", Assert.ThrowsExactly<ArgumentException>(() => Contestant.Named("forest")).Message);
        Assert.ThrowsExactly<FileNotFoundException>(() => Load(Path.Combine(_folder, "missing.csv")));
    }

    [TestMethod]
    [DataRow(2_000, 5)]
    [DataRow(2_001, 2)]
    [DataRow(10_000, 2)]
    [DataRow(10_001, 1)]
    public void LargeTablesAreTestedOnFewerFolds(int rows, int folds) =>
        Assert.AreEqual(folds, Comparison.FoldsFor(rows));

    [TestMethod]
    public void MetricsAreThoseOfMlNet()
    {
        var mlContext = new MLContext(seed: 1);
        string path = Write(
            "metrics.csv",
            ["a,b,label", .. Enumerable.Range(0, 120).Select(row => $"{row % 7},{row % 11},{"xxyz"[row % 4]}")]
        );
        (IDataView train, IDataView test) = Load(path).Split(Load(path).Folds(1), 0);
        IDataView scored = mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy().Fit(train).Transform(test);

        var metrics = Metrics.Of(scored);

        MulticlassClassificationMetrics expected = mlContext.MulticlassClassification.Evaluate(scored);
        Assert.AreEqual(expected.MicroAccuracy, metrics.Accuracy, 1e-9);
        Assert.AreEqual(expected.MacroAccuracy, metrics.MacroAccuracy, 1e-9);
        Assert.AreEqual(expected.LogLoss, metrics.LogLoss, 1e-9);
        Assert.AreEqual(
            Mnist.CalibrationError.Expected(
                [.. scored.GetColumn<float[]>("Score")],
                [.. scored.GetColumn<uint>("Label").Select(key => (int)key - 1)]
            ),
            metrics.CalibrationError,
            1e-9
        );
    }

    // Few values of the features, so that scores are tied.
    [TestMethod]
    public void TheAreaUnderTheCurveIsThatOfMlNet()
    {
        var mlContext = new MLContext(seed: 1);
        string path = Write(
            "area.csv",
            [
                "a,b,label",
                .. Enumerable.Range(0, 120).Select(row => $"{row % 3},{row % 2},{"xxyx"[row * row % 13 % 4]}"),
            ]
        );
        (IDataView train, IDataView test) = Load(path).Split(Load(path).Folds(1), 0);
        IDataView scored = mlContext.MulticlassClassification.Trainers.LbfgsMaximumEntropy().Fit(train).Transform(test);
        float[] scores = [.. scored.GetColumn<float[]>("Score").Select(row => row[1])];
        bool[] labels = [.. scored.GetColumn<uint>("Label").Select(key => key == 2)];

        double expected = mlContext
            .BinaryClassification.EvaluateNonCalibrated(
                mlContext.Data.LoadFromEnumerable(
                    labels.Zip(scores, (label, score) => new Scored { Label = label, Score = score })
                )
            )
            .AreaUnderRocCurve;

        Assert.AreEqual(expected, Metrics.Of(scored).AreaUnderCurve!.Value, 1e-9);
        Assert.IsTrue(scores.Distinct().Count() < scores.Length && expected is > 0.1 and < 0.9);
    }

    private sealed class Scored
    {
        public bool Label { get; set; }

        public float Score { get; set; }

        public bool PredictedLabel { get; set; }
    }

    [TestMethod]
    public void SummariesCompareWithLightGbmAndLinear()
    {
        Line[] lines =
        [
            .. LinesOf("first", ("infomorphic", 0.9, 2), ("lightgbm", 0.8, 1), ("linear", 0.9, 1)),
            .. LinesOf("second", ("infomorphic", 0.5, 9), ("lightgbm", 0.7, 3), ("linear", 0.4, 1)),
            .. LinesOf("third", ("infomorphic", 0.6, 1), ("lightgbm", 0.6, 1), ("linear", 0.5, 1)),
        ];

        CollectionAssert.AreEqual(
            new[] { 1.5, 3, 1.5, 2, 1, 3, 1.5, 1.5, 3 },
            lines.Select(line => line.Rank).ToArray()
        );
        Summary infomorphic = Summary.Of(lines)[0];
        Assert.AreEqual("infomorphic", infomorphic.Trainer);
        Assert.AreEqual(2 / 3.0, infomorphic.Metrics.Accuracy, 1e-12);
        Assert.AreEqual(-0.1 / 3, infomorphic.AccuracyToLightGbm!.Value, 1e-12);
        Assert.AreEqual(-0.2, infomorphic.WorstToLightGbm!.Value, 1e-12);
        Assert.AreEqual(2, infomorphic.TimeToLightGbm);
        Assert.AreEqual(2, infomorphic.AheadOfLinear);
        Assert.AreEqual(5 / 3.0, infomorphic.Rank, 1e-12);
    }

    private static Line[] LinesOf(string table, params (string Trainer, double Accuracy, double Seconds)[] results) =>
        Line.Of(
            table,
            results.ToDictionary(
                result => result.Trainer,
                result => new List<Run> { new(1, 0, new Metrics(result.Accuracy, 0, 0, 0), result.Seconds) }
            )
        );

    private static void AssertRows(float[][] features, uint[] labels, IDataView rows)
    {
        float[][] actual = [.. rows.GetColumn<float[]>("Features")];
        Assert.HasCount(features.Length, actual);
        for (int row = 0; row < features.Length; row++)
            CollectionAssert.AreEqual(features[row], actual[row]);
        CollectionAssert.AreEqual(labels, rows.GetColumn<uint>("Label").ToArray());
    }

    private static Table Load(string path, string? label = null) => Table.Load(new MLContext(seed: 1), path, label);

    private string Write(string name, params string[] lines)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllLines(path, lines);
        return path;
    }

    private void WriteZipped(string name, string[] lines)
    {
        using var writer = new StreamWriter(
            new GZipStream(File.Create(Path.Combine(_folder, name)), CompressionLevel.Fastest)
        );
        foreach (string line in lines)
            writer.WriteLine(line);
    }

    private static JsonElement[] Lines(JsonDocument report) =>
        [.. report.RootElement.GetProperty("lines").EnumerateArray()];

    private static string? Text(JsonElement line, string property) => line.GetProperty(property).GetString();

    private static double Metric(JsonElement line, string name) =>
        line.GetProperty("metrics").GetProperty(name).GetDouble();
}
