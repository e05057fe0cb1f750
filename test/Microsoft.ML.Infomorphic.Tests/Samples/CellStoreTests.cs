using Microsoft.VisualStudio.TestTools.UnitTesting;
using PaperReproduction;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public sealed class CellStoreTests
{
    private static readonly Cell s_cell = new("mnist", "setup1", "{F}{C}", 100, 10, 1, 60_000);
    private readonly string _folder = Directory.CreateTempSubdirectory("cells").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    internal static CellResult ResultOf(Cell cell, double sampled = 0.9) =>
        new(
            cell,
            new Outcome(sampled, 0.91, 0.89, null, 12.5, 10, 470),
            new Hardware("an abacus", 2, 1, 1, "none"),
            "1.0.0"
        );

    [TestMethod]
    public void ResultComesBackEqual()
    {
        var store = new CellStore(_folder);
        Assert.IsNull(store.Find(s_cell));
        store.Add(ResultOf(s_cell));
        Assert.AreEqual(ResultOf(s_cell), store.Find(s_cell));
        CollectionAssert.AreEqual(new[] { ResultOf(s_cell) }, store.ReadAll().ToArray());
        Assert.HasCount(1, Directory.GetFiles(_folder), "Nothing temporary stays.");
    }

    [TestMethod]
    public void EveryPartOfACellDecidesItsFile()
    {
        Cell[] cells =
        [
            s_cell,
            s_cell with
            {
                DataSet = "cifar10",
            },
            s_cell with
            {
                System = "setup2",
            },
            s_cell with
            {
                Goal = "{F}{L}",
            },
            s_cell with
            {
                HiddenNeurons = 10,
            },
            s_cell with
            {
                Epochs = 11,
            },
            s_cell with
            {
                Seed = 2,
            },
            s_cell with
            {
                Rows = 50_000,
            },
            s_cell with
            {
                Protocol = s_cell.Protocol + 1,
            },
        ];
        Assert.HasCount(typeof(Cell).GetConstructors().Max(made => made.GetParameters().Length) + 1, cells);
        Assert.HasCount(cells.Length, cells.Select(cell => cell.FileName).Distinct().ToArray());
    }

    [TestMethod]
    public void DamagedFileIsNamed()
    {
        var store = new CellStore(_folder);
        string path = Path.Combine(_folder, s_cell.FileName);
        foreach (string text in (string[])["", "{", "null", "{}", """{"cell":null}"""])
        {
            File.WriteAllText(path, text);
            InvalidDataException e = Assert.ThrowsExactly<InvalidDataException>(() => store.Find(s_cell));
            StringAssert.Contains(e.Message, path);
        }
    }

    [TestMethod]
    public void FileUnderAnotherNameIsNoResult()
    {
        var store = new CellStore(_folder);
        store.Add(ResultOf(s_cell));
        Cell other = s_cell with { Seed = 2 };
        File.Move(Path.Combine(_folder, s_cell.FileName), Path.Combine(_folder, other.FileName));
        Assert.ThrowsExactly<InvalidDataException>(() => store.Find(other));
    }

    [TestMethod]
    public void FinishedCellsAreNotRunAgain()
    {
        var store = new CellStore(_folder);
        store.Add(ResultOf(s_cell));
        IReadOnlyList<CellResult> results = Sweep.Run<Cell, CellResult>(
            [s_cell],
            store,
            () => throw new AssertFailedException("There is nothing left to run."),
            cellsAtOnce: 1,
            TextWriter.Null
        );
        Assert.AreEqual(ResultOf(s_cell), results.Single());
    }
}
