using Microsoft.ML.Infomorphic.Fuzzing;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Fuzzing;

/// <summary>Damaged model files: some new ones, and all that ever were a finding.</summary>
[TestClass]
public class ModelFuzzerTests
{
    private const int Cases = 1000;

    private static readonly string s_models = Path.Combine(AppContext.BaseDirectory, "Models");

    public static IEnumerable<string> Corpus =>
        Directory.GetFiles(Path.Combine(s_models, "corpus")).Select(path => Path.GetFileName(path)!);

    [TestMethod]
    public void Damaged_files_are_refused_or_score()
    {
        var fuzzer = new ModelFuzzer(Archives(), seed: 1);
        var outcomes = new List<Outcome>();

        for (int i = 0; i < Cases; i++)
        {
            Verdict verdict = fuzzer.Make(i).Try();
            outcomes.Add(verdict.Outcome);
            Assert.AreNotEqual(Outcome.Finding, verdict.Outcome, $"case {i}: {verdict.Description}");
        }

        // The digest that is made to fit lets some through to where they are scored: else little would be tried.
        Assert.IsGreaterThan(Cases / 10, outcomes.Count(outcome => outcome == Outcome.Accepted));
        Assert.IsGreaterThan(Cases / 10, outcomes.Count(outcome => outcome == Outcome.Refused));
    }

    [TestMethod]
    [DynamicData(nameof(Corpus))]
    public void Findings_of_old_are_mended(string name)
    {
        Verdict verdict = ModelFuzzer.Case.Read(Path.Combine(s_models, "corpus", name)).Try();

        Assert.AreEqual(Outcome.Refused, verdict.Outcome, verdict.Description);
    }

    [TestMethod]
    public void A_finding_is_told_from_a_refusal()
    {
        Assert.AreEqual(Outcome.Refused, Verdict.Of(new FormatException("It is damaged.")).Outcome);
        Assert.AreEqual(Outcome.Finding, Verdict.Of(new FormatException("")).Outcome);
        Assert.AreEqual(Outcome.Finding, Verdict.Of(new FormatException("One.\nTwo.")).Outcome);
        Assert.AreEqual(Outcome.Finding, Verdict.Of(new OverflowException()).Outcome);
        Assert.AreEqual(Outcome.Finding, Verdict.Of(new KeyNotFoundException("Key.")).Outcome);
    }

    [TestMethod]
    public void A_whole_file_scores()
    {
        foreach (ModelArchive archive in Archives())
        {
            Assert.AreEqual(new Verdict(Outcome.Accepted, "accepted"), Trial.OfFile(archive.File));
            Assert.AreEqual(new Verdict(Outcome.Accepted, "accepted"), Trial.OfModel(archive.Model, archive.Version));
            Assert.AreEqual(Outcome.Accepted, Trial.OfFile(archive.WithModel(archive.Model)).Outcome);
        }
    }

    [TestMethod]
    public void Models_of_every_version_are_tried_as_what_they_are()
    {
        string folder = Directory.CreateTempSubdirectory("cases").FullName;
        try
        {
            var fuzzer = new ModelFuzzer(Archives(), seed: 1);
            var versions = new HashSet<uint?>();
            for (int i = 0; i < 100; i++)
            {
                ModelFuzzer.Case made = fuzzer.Make(i);
                versions.Add(made.Version);
                string path = Path.Combine(folder, i + made.Extension);
                File.WriteAllBytes(path, made.Bytes);

                ModelFuzzer.Case read = ModelFuzzer.Case.Read(path);

                Assert.AreEqual(made.Version, read.Version);
                CollectionAssert.AreEqual(made.Bytes, read.Bytes);
            }
            CollectionAssert.AreEquivalent(
                new uint?[] { null, 0x00010001, 0x00010002, 0x00010003, 0x00010004 },
                versions.ToArray()
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void LoadWhole_names_the_file_and_what_is_wrong_with_it()
    {
        string folder = Directory.CreateTempSubdirectory("damaged").FullName;
        try
        {
            string path = Path.Combine(folder, "model.zip");
            byte[] whole = File.ReadAllBytes(Path.Combine(s_models, "v1", "mean-field.zip"));
            File.WriteAllBytes(path, whole);
            new MLContext().Model.LoadWhole(path, out DataViewSchema schema);
            Assert.Contains("Features", schema.Select(column => column.Name));

            File.WriteAllBytes(path, whole[..^10]);
            StringAssert.StartsWith(
                Samples.Failure<FormatException>(() => new MLContext().Model.LoadWhole(path, out _)),
                "model.zip holds no model, or one that is damaged: "
            );
            Assert.ThrowsExactly<FileNotFoundException>(() => new MLContext().Model.LoadWhole(path + "x", out _));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static ModelArchive[] Archives() =>
        [
            .. Directory
                .GetDirectories(s_models, "v*")
                .SelectMany(folder => Directory.GetFiles(folder, "*.zip"))
                .Order(StringComparer.Ordinal)
                .Select(path => new ModelArchive(File.ReadAllBytes(path))),
            .. DeepModels.Names.Select(name => ModelArchive.Of(DeepModels.Of(name))),
            ModelArchive.Of(DeepModels.Encoded()),
        ];
}
