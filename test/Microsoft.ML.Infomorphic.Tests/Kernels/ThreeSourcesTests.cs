using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Masses are small integers, of which single precision makes exact sums: the tables must be equal, not nearly so.
[TestClass]
public unsafe class ThreeSourcesTests
{
    private const int Lanes = 16;
    private const int Antichains = 18;
    private const int Subsets = 7;

    private static readonly int[,] s_table = RedundancyTable();

    [TestMethod]
    public void Union_masses_are_those_of_the_lattice()
    {
        var random = new Random(1);
        for (int trial = 0; trial < 100; trial++)
        {
            float[] fired = Draw(Subsets, random);
            float[] silent = Draw(Subsets, random);
            float[] unions = Draw(2 * Antichains, random);
            fixed (float* a = fired)
            fixed (float* b = silent)
            fixed (float* u = unions)
                ThreeSources.Unite(a, b, u);

            for (int antichain = 0; antichain < Antichains; antichain++)
            for (int lane = 0; lane < Lanes; lane++)
            {
                float expectedFired = 0;
                float expectedSilent = 0;
                for (int subset = 0; subset < Subsets; subset++)
                {
                    expectedFired += s_table[antichain, subset] * fired[subset * Lanes + lane];
                    expectedSilent += s_table[antichain, subset] * silent[subset * Lanes + lane];
                }

                Assert.AreEqual(expectedFired, unions[2 * antichain * Lanes + lane], $"antichain {antichain}");
                Assert.AreEqual(expectedSilent, unions[(2 * antichain + 1) * Lanes + lane], $"antichain {antichain}");
            }
        }
    }

    [TestMethod]
    public void Shares_by_subset_are_those_of_the_lattice()
    {
        var random = new Random(2);
        for (int trial = 0; trial < 100; trial++)
        {
            float[] terms = Draw(Antichains, random);
            float[] shares = Draw(Subsets, random);
            fixed (float* q = terms)
            fixed (float* s = shares)
                ThreeSources.Share(q, s);

            for (int subset = 0; subset < Subsets; subset++)
            for (int lane = 0; lane < Lanes; lane++)
            {
                float expected = 0;
                for (int antichain = 0; antichain < Antichains; antichain++)
                    expected += s_table[antichain, subset] * terms[antichain * Lanes + lane];
                Assert.AreEqual(expected, shares[subset * Lanes + lane], $"subset {subset}");
            }
        }
    }

    private static int[,] RedundancyTable()
    {
        RedundancyLattice lattice = RedundancyLattice.ForSources(3);
        var table = new int[Antichains, Subsets];
        for (int antichain = 0; antichain < Antichains; antichain++)
        for (int subset = 0; subset < Subsets; subset++)
            table[antichain, subset] = lattice.UnionCoefficients[antichain, subset];
        return table;
    }

    private static float[] Draw(int rows, Random random) =>
        [.. Enumerable.Range(0, rows * Lanes).Select(_ => (float)random.Next(-1000, 1000))];
}
