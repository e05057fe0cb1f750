using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tests.Information;

[TestClass]
public class RedundancyLatticeTests
{
    // Dedekind's numbers, less 2 (Williams and Beer, arXiv 1004.2515, section 3).
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(2, 4)]
    [DataRow(3, 18)]
    [DataRow(4, 166)]
    public void The_lattice_has_all_antichains_once(int sources, int count)
    {
        RedundancyLattice lattice = RedundancyLattice.ForSources(sources);
        Assert.HasCount(count, lattice.Antichains.Distinct());
        Assert.HasCount(count, lattice.Antichains);
    }

    [TestMethod]
    public void Atoms_are_in_the_published_order()
    {
        string[] three =
        [
            .. "{F}{C}{L} {F}{C} {F}{L} {C}{L} {F}{CL} {C}{FL} {L}{FC} {F} {C} {L}".Split(' '),
            .. "{FC}{FL}{CL} {FC}{FL} {FC}{CL} {FL}{CL} {FC} {FL} {CL} {FCL}".Split(' '),
        ];
        CollectionAssert.AreEqual(three, Names(3, "FCL"));
        CollectionAssert.AreEqual("{F} {C} {F}{C} {FC}".Split(' '), Names(2, "FC"));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    public void The_order_is_that_of_the_definition_and_its_inverse_is_the_inverse(int sources)
    {
        RedundancyLattice lattice = RedundancyLattice.ForSources(sources);
        int count = lattice.Antichains.Count;
        for (int a = 0; a < count; a++)
        for (int b = 0; b < count; b++)
        {
            // Each collection of b has one of a within it.
            bool precedes = lattice
                .Antichains[b]
                .Subsets.All(of => lattice.Antichains[a].Subsets.Any(within => (within & of) == within));
            Assert.AreEqual(precedes, lattice.Precedes(a, b));
            int product = Enumerable
                .Range(0, count)
                .Sum(middle => lattice.Precedes(middle, a) ? lattice.MoebiusInverse[middle, b] : 0);
            Assert.AreEqual(a == b ? 1 : 0, product);
        }
        Assert.IsTrue(Enumerable.Range(0, count).All(a => lattice.Precedes(a, lattice.TopIndex)));
    }

    private static string[] Names(int sources, string letters) =>
        [.. RedundancyLattice.ForSources(sources).Antichains.Select(antichain => antichain.ToString(letters))];
}
