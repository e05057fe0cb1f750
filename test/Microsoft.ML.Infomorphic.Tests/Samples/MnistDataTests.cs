using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed partial class MnistDataTests
{
    private static readonly Lazy<MnistData> s_data = new(() => MnistData.Load(folder: null));

    [TestMethod]
    public void EveryImageIsThere()
    {
        Assert.HasCount(60_000, s_data.Value.Train);
        Assert.HasCount(10_000, s_data.Value.Test);
        // Published class counts of the test images.
        CollectionAssert.AreEqual(
            new[] { 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009 },
            s_data
                .Value.Test.CountBy(image => image.Label)
                .OrderBy(pair => pair.Key)
                .Select(pair => pair.Value)
                .ToArray()
        );
        Assert.AreEqual(1f, s_data.Value.Test.Max(image => image.Features.Max()));
        Assert.AreEqual(0f, s_data.Value.Test.Min(image => image.Features.Min()));
    }

    [TestMethod]
    public void FifthOfTheRowsIsWithheld()
    {
        (DigitImage[] train, DigitImage[] validation) = s_data.Value.SplitForValidation(60_000, seed: 1);
        Assert.HasCount(48_000, train);
        Assert.HasCount(12_000, validation);
        Assert.AreEqual(60_000, train.Concat(validation).Distinct().Count());
    }

    [TestMethod]
    public void SplitFollowsFromTheSeed()
    {
        DigitImage[] once = s_data.Value.SplitForValidation(1000, seed: 1).Train;
        CollectionAssert.AreEqual(once, s_data.Value.SplitForValidation(1000, seed: 1).Train);
        CollectionAssert.AreNotEqual(once, s_data.Value.SplitForValidation(1000, seed: 2).Train);
        Assert.HasCount(800, once);
    }

    [TestMethod]
    [DataRow("mnist")]
    [DataRow("tabular")]
    public void FilesAreThoseOfTheNotice(string data)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "data", data);
        MatchCollection promised = Promise().Matches(File.ReadAllText(Path.Combine(folder, "NOTICE.md")));
        Assert.IsGreaterThanOrEqualTo(3, promised.Count);
        foreach (Match match in promised)
        {
            string path = Path.Combine(folder, match.Groups["file"].Value);
            using Stream stream = File.Exists(path)
                ? File.OpenRead(path)
                : new System.IO.Compression.GZipStream(
                    File.OpenRead(path + ".gz"),
                    System.IO.Compression.CompressionMode.Decompress
                );
            Assert.AreEqual(
                match.Groups["hash"].Value,
                Convert.ToHexStringLower(SHA256.HashData(stream)),
                match.Groups["file"].Value
            );
        }
    }

    [GeneratedRegex(@"\| `(?<file>[^`]+)` \| `(?<hash>[0-9a-f]{64})` \|")]
    private static partial Regex Promise();
}
