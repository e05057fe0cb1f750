using System.Text.Json;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class MnistSampleTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mnist").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [TestCategory("Slow")]
    public async Task QuickRunWritesEverything()
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(
            "Mnist",
            _folder,
            ["--epochs", "2", "--train-rows", "2000", "--hidden", "20", "--report", "figures/quick.json"]
        );

        Assert.AreEqual(0, outcome.ExitCode, outcome.Output + outcome.Error);
        Assert.IsEmpty(outcome.Error);
        Assert.DoesNotContain("\e", outcome.Output);
        StringAssert.Contains(outcome.Output, "epoch 2/2");
        StringAssert.Contains(outcome.Output, "the same, bit for bit");

        string output = Path.Combine(_folder, "output", "mnist");
        string[] pictures = ["confusion-matrix.png", "information.png", "learning-curve.png", "receptive-fields.png"];
        CollectionAssert.AreEquivalent(
            pictures.Append("model.zip").ToArray(),
            Directory.GetFiles(output).Select(Path.GetFileName).ToArray()
        );
        foreach (string picture in pictures)
        {
            byte[] png = await File.ReadAllBytesAsync(Path.Combine(output, picture));
            CollectionAssert.AreEqual("\x89PNG"u8.ToArray()[^3..], png[1..4], picture);
            Assert.IsGreaterThan(10_000, png.Length, picture);
        }

        using JsonDocument report = JsonDocument.Parse(
            await File.ReadAllTextAsync(Path.Combine(_folder, "figures", "quick.json"))
        );
        JsonElement root = report.RootElement;
        foreach (
            string key in (string[])
                [
                    "testAccuracy",
                    "testAccuracySampled",
                    "logLoss",
                    "expectedCalibrationError",
                    "expectedCalibrationErrorUncalibrated",
                    "trainingSeconds",
                    "millisecondsPerStep",
                ]
        )
            Assert.IsGreaterThan(0, root.GetProperty(key).GetDouble(), key);
        Assert.AreEqual(20, root.GetProperty("hiddenNeurons").GetInt32());
        Assert.AreEqual(2, root.GetProperty("epochs").GetInt32());
        Assert.AreEqual(1, root.GetProperty("seed").GetInt32());
        Assert.AreEqual("auto", root.GetProperty("device").GetString());
        Assert.AreEqual(1024, root.GetProperty("batch").GetInt32());
        Assert.AreEqual("opt_1_100_tpe", root.GetProperty("goal").GetString());
        Assert.AreEqual(1600, root.GetProperty("rows").GetProperty("train").GetInt32());
        Assert.AreEqual(400, root.GetProperty("rows").GetProperty("validation").GetInt32());
        Assert.AreEqual(2, root.GetProperty("history").GetArrayLength());
        Assert.AreEqual(19, root.GetProperty("atoms").GetArrayLength());
        Assert.IsTrue(root.GetProperty("reloadedScoresAreIdentical").GetBoolean());
    }

    [TestMethod]
    [DataRow("--hidden", "0", "at least 1")]
    [DataRow("--epochs", "many", "\"many\"")]
    [DataRow("--batch", "1", "at least 2")]
    [DataRow("--goal", "{F}{X}", "position 5")]
    [DataRow("--goal", "context/naive", "FCL")]
    [DataRow("--device", "abacus", "cuda")]
    [DataRow("--scoring", "7", "mean-field")]
    [DataRow("--train-rows", "60001", "60,000")]
    [DataRow("--colour", "blue", "--colour")]
    public async Task BadUsageGetsOneSentence(string option, string value, string part)
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync("Mnist", _folder, option, value);

        Assert.AreEqual(2, outcome.ExitCode, outcome.Error);
        Assert.IsEmpty(outcome.Output);
        StringAssert.Contains(outcome.Error, part);
        Assert.HasCount(1, outcome.Error.Trim().Split('\n'), outcome.Error);
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public async Task MissingDataGetsOneSentence()
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync("Mnist", _folder, "--data", _folder);

        Assert.AreEqual(1, outcome.ExitCode, outcome.Error);
        StringAssert.Contains(outcome.Error, "put MNIST's four files");
        Assert.HasCount(1, outcome.Error.Trim().Split('\n'), outcome.Error);
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public async Task FileInTheOutputsPlaceIsNoticedBeforeTraining()
    {
        string file = Path.Combine(_folder, "taken");
        await File.WriteAllTextAsync(file, "");
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync("Mnist", _folder, "--output", file);

        Assert.AreEqual(1, outcome.ExitCode, outcome.Error);
        StringAssert.Contains(outcome.Error, $"{file} is a file");
        Assert.IsEmpty(outcome.Output);
    }

    [TestMethod]
    public async Task HelpNamesEveryOption()
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync("Mnist", _folder, "--help");

        Assert.AreEqual(0, outcome.ExitCode);
        foreach (
            string option in (string[])
                ["hidden", "epochs", "goal", "batch", "seed", "device", "scoring", "train-rows", "output", "report"]
        )
            StringAssert.Contains(outcome.Output, $"--{option} <");
    }
}
