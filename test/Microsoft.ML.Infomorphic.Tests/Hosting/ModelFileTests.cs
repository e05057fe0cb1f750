using System.IO.Compression;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public sealed class ModelFileTests : IDisposable
{
    private readonly MLContext _context = new(1);
    private readonly IDataView _data;
    private readonly InfomorphicPredictionTransformer _model;
    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;
    private readonly string _path;

    public ModelFileTests()
    {
        _data = Samples.View(_context);
        _model = Samples.Transformer(_context, _data);
        _path = Path.Combine(_directory, "model.zip");
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [TestMethod]
    public void A_model_file_loads_and_replaces_another()
    {
        File.WriteAllText(_path, "old");

        _context.Model.SaveWhole(_model, _data.Schema, _path);

        float[][] expected = Samples.Scores(_model.Transform(_data));
        float[][] actual = Samples.Scores(new MLContext().Model.Load(_path, out _).Transform(_data));
        for (int i = 0; i < expected.Length; i++)
            CollectionAssert.AreEqual(expected[i], actual[i]);
        CollectionAssert.AreEqual(new[] { _path }, Directory.GetFiles(_directory));
    }

    [TestMethod]
    [DataRow("", "the file is empty")]
    [DataRow("P", "a saved model is a zip archive, and this file is none")]
    [DataRow("Dear reader,\nthis is a letter.", "a saved model is a zip archive, and this file is none")]
    [DataRow("PK is how archives begin", "the archive's directory, which is at its end, is missing or damaged (")]
    public void A_file_of_something_else_is_refused_in_words(string content, string reason)
    {
        File.WriteAllText(_path, content);

        AssertRefused(reason);
    }

    [TestMethod]
    public void An_archive_of_something_else_and_a_model_that_was_cut_off_are_refused_in_words()
    {
        using (ZipArchive archive = ZipFile.Open(_path, ZipArchiveMode.Create))
        using (var writer = new StreamWriter(archive.CreateEntry("word/document.xml").Open()))
            writer.Write("<document/>");
        AssertRefused("it is a zip archive, and a model's part 'Model.key' is not in it");

        _context.Model.SaveWhole(_model, _data.Schema, _path);
        byte[] whole = File.ReadAllBytes(_path);
        File.WriteAllBytes(_path, whole[..(whole.Length / 2)]);
        AssertRefused("the archive's directory, which is at its end, is missing or damaged (");
    }

    private void AssertRefused(string reason) =>
        StringAssert.StartsWith(
            Samples.Failure<FormatException>(() => _context.Model.LoadWhole(_path, out _)),
            $"model.zip holds no model, or one that is damaged: {reason}"
        );

    [TestMethod]
    public void The_file_that_was_there_stays_where_the_disk_is_full_at_any_byte()
    {
        using var whole = new MemoryStream();
        _context.Model.Save(_model, _data.Schema, whole);
        File.WriteAllText(_path, "old");

        // Every byte of the archive's directory, which ML.NET itself does not report, and some before.
        for (int capacity = 0; capacity < whole.Length; capacity += capacity < whole.Length - 100 ? 499 : 1)
        {
            Assert.Throws<IOException>(
                () =>
                    ModelFile.Save(
                        _context.Model,
                        _model,
                        _data.Schema,
                        _path,
                        path => new FullDisk(capacity, File.Create(path))
                    ),
                $"{capacity} of {whole.Length} bytes"
            );
            Assert.AreEqual("old", File.ReadAllText(_path));
            CollectionAssert.AreEqual(new[] { _path }, Directory.GetFiles(_directory));
        }
    }
}
