using System.Buffers.Binary;
using System.IO.Compression;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class IdxFileTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("idx").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void ImagesAreRead(bool compressed)
    {
        byte[] pixels = [.. Enumerable.Range(0, 2 * 784).Select(i => (byte)(i % 251))];
        byte[][] images = IdxFile.ReadImages(Write(Idx(0x803, [2, 28, 28], pixels), compressed));

        Assert.HasCount(2, images);
        CollectionAssert.AreEqual(pixels[..784], images[0]);
        CollectionAssert.AreEqual(pixels[784..], images[1]);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void LabelsAreRead(bool compressed)
    {
        byte[] labels = IdxFile.ReadLabels(Write(Idx(0x801, [3], [9, 0, 5]), compressed));
        CollectionAssert.AreEqual(new byte[] { 9, 0, 5 }, labels);
    }

    [TestMethod]
    public void FileWithoutItemsIsRead() => Assert.IsEmpty(IdxFile.ReadLabels(Write(Idx(0x801, [0], []))));

    [TestMethod]
    public void EveryTruncationIsNoticed()
    {
        byte[] whole = Idx(0x801, [3], [9, 0, 5]);
        for (int length = 0; length < whole.Length; length++)
            AssertSays("truncated", () => IdxFile.ReadLabels(Write(whole[..length])));
    }

    [TestMethod]
    public void TruncatedGzipIsNoticed()
    {
        byte[] whole = Compress(Idx(0x803, [1, 28, 28], new byte[784]));
        for (int length = 0; length < whole.Length; length++)
        {
            string path = Path.Combine(_folder, "cut.gz");
            File.WriteAllBytes(path, whole[..length]);
            try
            {
                // The last bytes are a checksum; without them the content may be whole all the same.
                Assert.HasCount(1, IdxFile.ReadImages(path));
                Assert.IsGreaterThan(whole.Length - 9, length);
            }
            catch (InvalidDataException e)
            {
                StringAssert.Contains(e.Message, path);
            }
        }
    }

    [TestMethod]
    public void WhatIsNoGzipIsNoticed()
    {
        string path = Path.Combine(_folder, "plain.gz");
        File.WriteAllBytes(path, Idx(0x801, [1], [1]));
        AssertSays("damaged", () => IdxFile.ReadLabels(path));
    }

    [TestMethod]
    public void ForeignMagicNumberIsNoticed()
    {
        AssertSays("0x00000801", () => IdxFile.ReadImages(Write(Idx(0x801, [1], [1]))));
        AssertSays("0xCAFEBABE", () => IdxFile.ReadLabels(Write(Idx(unchecked((int)0xcafebabe), [1], [1]))));
    }

    [TestMethod]
    public void ForeignImageSizeIsNoticed() =>
        AssertSays("27 × 28", () => IdxFile.ReadImages(Write(Idx(0x803, [1, 27, 28], new byte[27 * 28]))));

    [TestMethod]
    [DataRow(-1)]
    [DataRow(int.MaxValue)]
    public void AbsurdCountIsNoticedBeforeMemoryIsTaken(int count) =>
        AssertSays("cannot be", () => IdxFile.ReadImages(Write(Idx(0x803, [count, 28, 28], []))));

    [TestMethod]
    public void LeftoversAreNoticed() =>
        AssertSays("goes on", () => IdxFile.ReadLabels(Write(Idx(0x801, [1], [1, 2]))));

    [TestMethod]
    public void LabelThatIsNoDigitIsNoticed() =>
        AssertSays("labels image 1 as 10", () => IdxFile.ReadLabels(Write(Idx(0x801, [2], [1, 10]))));

    [TestMethod]
    public void MissingFileIsNamedWithWhatToPutWhere() =>
        AssertSays("put MNIST's four files", () => MnistData.Load(_folder));

    [TestMethod]
    public void CountsOfImagesAndLabelsAreCompared()
    {
        File.WriteAllBytes(Path.Combine(_folder, "train-images-idx3-ubyte"), Idx(0x803, [1, 28, 28], new byte[784]));
        File.WriteAllBytes(Path.Combine(_folder, "train-labels-idx1-ubyte"), Idx(0x801, [2], [1, 2]));
        AssertSays("must be equal", () => MnistData.Load(_folder));
    }

    private static void AssertSays(string part, Func<object> read)
    {
        InvalidDataException e = Assert.ThrowsExactly<InvalidDataException>(() => read());
        StringAssert.Contains(e.Message, part);
        Assert.DoesNotContain("\n", e.Message);
    }

    private string Write(byte[] content, bool compressed = false)
    {
        string path = Path.Combine(_folder, compressed ? "file.gz" : "file");
        File.WriteAllBytes(path, compressed ? Compress(content) : content);
        return path;
    }

    private static byte[] Idx(int magic, int[] sizes, byte[] content)
    {
        byte[] file = new byte[4 + 4 * sizes.Length + content.Length];
        BinaryPrimitives.WriteInt32BigEndian(file, magic);
        for (int i = 0; i < sizes.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(4 + 4 * i), sizes[i]);
        content.CopyTo(file, 4 + 4 * sizes.Length);
        return file;
    }

    private static byte[] Compress(byte[] content)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
            gzip.Write(content);
        return stream.ToArray();
    }
}
