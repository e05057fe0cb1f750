using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class BinnedDecompositionTests
{
    // Both sum some thousand terms of at most a few bits in double precision: 10⁻⁹ bits leaves room for 10⁵ roundings.
    private const double Precision = 1e-9;

    [TestMethod]
    [DataRow(1, 20, 300)]
    [DataRow(2, 20, 300)]
    [DataRow(3, 20, 1024)]
    [DataRow(3, 2, 1)]
    [DataRow(3, 5, 1000)]
    [DataRow(4, 6, 200)]
    public void Redundancies_are_those_of_the_specification(int sources, int bins, int rows)
    {
        var random = new Random(sources * 100 + bins);
        RedundancyLattice lattice = RedundancyLattice.ForSources(sources);
        var kernel = new BinnedDecomposition(lattice, bins);
        for (int round = 0; round < 2; round++)
        {
            int[][] values = [.. Enumerable.Range(0, rows).Select(_ => Draw(random, sources, bins))];
            // Probabilities as neurons give them: many within rounding of 0 or 1, some exactly there.
            double[] logOdds = [.. values.Select(_ => 120 * (random.NextDouble() - 0.5))];
            float[] theta = [.. logOdds.Select(a => (float)(1 / (1 + Math.Exp(-a))))];
            float[] complement = [.. logOdds.Select(a => (float)(1 / (1 + Math.Exp(a))))];
            float[] mass = [.. values.Select(_ => 0.5f + random.NextSingle())];

            double[] redundancies = new double[lattice.Antichains.Count];
            double entropy = kernel.Measure(
                [.. values.Select(value => value.Reverse().Aggregate(0, (cell, bin) => cell * bins + bin))],
                theta,
                complement,
                mass,
                redundancies
            );

            var expected = new PartialInformationDecomposition(
                JointDistribution.FromSamples(
                    values.SelectMany(
                        (value, row) =>
                            new[]
                            {
                                (value, 1, (double)mass[row] * theta[row]),
                                (value, -1, (double)mass[row] * complement[row]),
                            }
                    )
                )
            );
            Assert.AreEqual(expected.TargetEntropy, entropy, Precision);
            for (int i = 0; i < redundancies.Length; i++)
                Assert.AreEqual(expected.Redundancies[i], redundancies[i], Precision, $"{lattice.Antichains[i]}");
        }
    }

    [TestMethod]
    public void A_neuron_that_never_fires_knows_nothing()
    {
        var kernel = new BinnedDecomposition(RedundancyLattice.ForSources(2), 4);
        double[] redundancies = new double[4];
        double entropy = kernel.Measure([0, 5, 15], [0, 0, 0], [1, 1, 1], [1, 1, 1], redundancies);
        Assert.AreEqual(0, entropy);
        CollectionAssert.AreEqual(new double[4], redundancies);
    }

    private static int[] Draw(Random random, int sources, int bins) =>
        [.. Enumerable.Range(0, sources).Select(_ => (int)(bins * random.NextDouble() * random.NextDouble()))];
}
