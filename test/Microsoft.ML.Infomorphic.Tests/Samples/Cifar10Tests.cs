using Microsoft.VisualStudio.TestTools.UnitTesting;
using PaperReproduction;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class Cifar10Tests
{
    private const int Rows = 3;
    private readonly string _folder = Directory.CreateTempSubdirectory("cifar").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    private static byte Byte(int file, int row, int feature) => (byte)(file * 31 + row * 7 + feature * 13);

    private static int Label(int file, int row) => (file * Rows + row) % 10;

    private static string Stem(int file) => file < 5 ? $"data_batch_{file + 1}" : "test_batch";

    private void WriteBinary()
    {
        for (int file = 0; file < 6; file++)
        {
            using FileStream stream = File.Create(Path.Combine(_folder, Stem(file) + ".bin"));
            for (int row = 0; row < Rows; row++)
            {
                stream.WriteByte((byte)Label(file, row));
                for (int k = 0; k < Cifar10.FeatureCount; k++)
                    stream.WriteByte(Byte(file, row, k));
            }
        }
    }

    private void WriteSprites()
    {
        for (int file = 0; file < 6; file++)
        {
            using var bitmap = new SKBitmap(1024, Rows, SKColorType.Rgba8888, SKAlphaType.Opaque);
            for (int row = 0; row < Rows; row++)
            for (int pixel = 0; pixel < 1024; pixel++)
                bitmap.SetPixel(
                    pixel,
                    row,
                    new SKColor(Byte(file, row, pixel), Byte(file, row, 1024 + pixel), Byte(file, row, 2048 + pixel))
                );
            using FileStream stream = File.Create(Path.Combine(_folder, Stem(file) + ".png"));
            bitmap.Encode(stream, SKEncodedImageFormat.Png, 100);
        }
        string Labels(IEnumerable<int> files) =>
            $"[{string.Join(",", files.SelectMany(file => Enumerable.Range(0, Rows).Select(row => Label(file, row))))}]";
        File.WriteAllText(Path.Combine(_folder, "train_lables.json"), Labels(Enumerable.Range(0, 5)));
        File.WriteAllText(Path.Combine(_folder, "test_lables.json"), Labels([5]));
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void BothFormsGiveTheSameRows(bool binary)
    {
        if (binary)
            WriteBinary();
        else
            WriteSprites();
        ImageData data = Cifar10.Load(_folder, Rows);

        Assert.HasCount(5 * Rows, data.Train);
        Assert.HasCount(Rows, data.Test);
        ImageRow[] all = [.. data.Train, .. data.Test];
        for (int i = 0; i < all.Length; i++)
        {
            Assert.AreEqual((uint)Label(i / Rows, i % Rows), all[i].Label);
            for (int k = 0; k < Cifar10.FeatureCount; k++)
                Assert.AreEqual(Byte(i / Rows, i % Rows, k) / 255f, all[i].Features[k]);
        }
    }

    [TestMethod]
    public void EveryClassReachesTheDataView()
    {
        var mlContext = new MLContext(1);
        ImageRow[] rows = [.. Enumerable.Range(0, 10).Select(i => new ImageRow { Features = [i], Label = (uint)i })];
        CollectionAssert.AreEqual(
            Enumerable.Range(1, 10).Select(key => (uint)key).ToArray(),
            ML.Data.ColumnCursorExtensions.GetColumn<uint>(ImageData.View(mlContext, rows), "Label").ToArray()
        );
    }

    [TestMethod]
    public void NoFolderNoFilesAndHalfOfThemSayWhatToPutWhere()
    {
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Cifar10.Load(null)).Message,
            "--data-directory"
        );
        string empty = Assert.ThrowsExactly<InvalidDataException>(() => Cifar10.Load(_folder, Rows)).Message;
        StringAssert.Contains(empty, _folder);
        StringAssert.Contains(empty, "data_batch_1.bin");

        WriteBinary();
        File.Delete(Path.Combine(_folder, "data_batch_4.bin"));
        string half = Assert.ThrowsExactly<InvalidDataException>(() => Cifar10.Load(_folder, Rows)).Message;
        StringAssert.Contains(half, "lacks data_batch_4.bin:");
    }

    [TestMethod]
    public void DamageIsNamed()
    {
        WriteBinary();
        string path = Path.Combine(_folder, "test_batch.bin");
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..^1]);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => Cifar10.Load(_folder, Rows)).Message,
            path
        );
        whole[0] = 10;
        File.WriteAllBytes(path, whole);
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidDataException>(() => Cifar10.Load(_folder, Rows)).Message,
            "image 0 as 10"
        );
    }
}
