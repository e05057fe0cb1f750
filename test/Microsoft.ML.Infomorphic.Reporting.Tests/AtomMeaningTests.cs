using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Reporting.Tests;

[TestClass]
public class AtomMeaningTests
{
    [TestMethod]
    [DataRow("{F}{C}", "FCL", "what F and C say redundantly, each on its own")]
    [DataRow("{F}{C}{L}", "FCL", "what F, C and L say redundantly, each on its own")]
    [DataRow("{C}", "FC", "what C alone says, and the other source does not: its unique information")]
    [DataRow("{F}{CL}", "FCL", "what is said redundantly by F on its own, and also by C and L only together")]
    [DataRow("{FCL}", "FCL", "what F, C and L say only together, each of them alone silent: synergy")]
    public void Atoms_are_told_in_words(string atom, string sources, string meaning) =>
        Assert.AreEqual(meaning, AtomMeaning.Of(Antichain.Parse(atom, sources), sources));

    [TestMethod]
    public void No_two_atoms_have_one_meaning() =>
        CollectionAssert.AllItemsAreUnique(
            RedundancyLattice.ForSources(3).Antichains.Select(atom => AtomMeaning.Of(atom, "FCL")).ToArray()
        );
}
