using System.Reflection;
using Microsoft.VisualStudio.TestTools.UnitTesting;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class ImagesSampleTests
{
    private static readonly string s_images = PathOf("Images");
    private static readonly string s_report = PathOf("ImageReport");

    private readonly string _folder = Directory.CreateTempSubdirectory("images").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task FilesAreLearnedExplainedAndScored()
    {
        SampleProcess.Outcome trained = await SampleProcess.RunAsync(
            s_images,
            _folder,
            ["--epochs", "2", "--side", "16", "--augment", "--output", "out"]
        );

        Assert.AreEqual(0, trained.ExitCode, trained.Output + trained.Error);
        StringAssert.Contains(trained.Output, "480 files of 4 classes to train on, 120 to test.");
        StringAssert.Contains(trained.Output, "The features are an image of 16 × 16 × 3");
        StringAssert.Contains(trained.Output, "The images of training rows are changed in each epoch");
        StringAssert.Contains(trained.Output, "Test images: accuracy ");
        SampleProcess.Outcome explained = await SampleProcess.RunAsync(s_report, _folder, ["--output", "out"]);
        Assert.AreEqual(0, explained.ExitCode, explained.Error);
        string report = await File.ReadAllTextAsync(Path.Combine(_folder, "out", "report.html"));
        StringAssert.Contains(report, "<html");

        string cross = Path.Combine("out", "shapes", "cross", "cross-000.png");
        SampleProcess.Outcome scored = await SampleProcess.RunAsync(
            s_images,
            _folder,
            ["--output", "out", "--score", cross, cross]
        );

        Assert.AreEqual(0, scored.ExitCode, scored.Error);
        string[] lines = scored.Output.Trim().Split('\n');
        Assert.HasCount(2, lines);
        Assert.AreEqual(lines[0], lines[1]);
        StringAssert.StartsWith(lines[0], $"{cross}: ");
    }

    [TestMethod]
    public async Task A_data_set_is_learned()
    {
        SampleProcess.Outcome trained = await SampleProcess.RunAsync(
            s_images,
            _folder,
            ["--data-set", "mnist", "--train-rows", "300", "--epochs", "1", "--output", "out"]
        );

        Assert.AreEqual(0, trained.ExitCode, trained.Output + trained.Error);
        StringAssert.Contains(trained.Output, "mnist: 300 images to train on, 10,000 to test.");
        StringAssert.Contains(trained.Output, "Test images: accuracy ");
    }

    [TestMethod]
    public async Task WhatIsNoImageIsNamed()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "in", "a"));
        Directory.CreateDirectory(Path.Combine(_folder, "in", "b"));
        string broken = Path.Combine(_folder, "in", "b", "broken.png");
        await File.WriteAllTextAsync(broken, "no image");

        await AssertFails(2, ["--images", "in", "--data-set", "mnist"], "take one of them");
        await AssertFails(2, ["--data-set", "svhn"], "mnist, fashion or cifar10");
        await AssertFails(2, ["--data-set", "fashion"], "--data-directory");
        await AssertFails(1, ["--images", "in"], "at least two classes");
        File.Copy(broken, Path.Combine(_folder, "in", "a", "broken.png"));
        await AssertFails(1, ["--images", "in"], "broken.png cannot be read as an image");
        await AssertFails(1, ["--score", broken], "train first");
    }

    private static string PathOf(string sample) =>
        typeof(ImagesSampleTests)
            .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(metadata => metadata.Key == sample)
            .Value!;

    private async Task AssertFails(int code, string[] arguments, string part)
    {
        SampleProcess.Outcome outcome = await SampleProcess.RunAsync(s_images, _folder, arguments);
        Assert.AreEqual(code, outcome.ExitCode, outcome.Error);
        StringAssert.Contains(outcome.Error, part);
        Assert.HasCount(1, outcome.Error.Trim().Split('\n'), outcome.Error);
    }
}
