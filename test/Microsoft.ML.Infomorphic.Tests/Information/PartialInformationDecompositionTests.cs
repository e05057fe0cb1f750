using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tests.Information;

[TestClass]
public class PartialInformationDecompositionTests
{
    // A sum of at most some hundred terms of a few bits.
    private const double Precision = 1e-12;

    // From the definition: in each outcome log2 of P(y | S1 = s1 or S2 = s2) / P(y).
    [TestMethod]
    public void The_atoms_of_exclusive_or_are_the_closed_form()
    {
        var pid = new PartialInformationDecomposition(Distributions.OfBits(2, s => s[0] ^ s[1]));
        AssertAtoms(pid, Math.Log2(2.0 / 3), Math.Log2(3.0 / 2), Math.Log2(4.0 / 3));
        Assert.AreEqual(1, pid.MutualInformation, Precision);
    }

    [TestMethod]
    public void The_atoms_of_and_are_the_closed_form()
    {
        double shared = 0.5 * (Math.Log2(4.0 / 3) + Math.Log2(8.0 / 9));
        double one = 0.5 * Math.Log2(4.0 / 3) + 0.25 * (Math.Log2(2.0 / 3) + 1); // I(Y : S1): P(y = 0 | s1) is 1 or 1/2
        double all = 0.75 * Math.Log2(4.0 / 3) + 0.25 * 2;
        var pid = new PartialInformationDecomposition(Distributions.OfBits(2, s => s[0] & s[1]));
        AssertAtoms(pid, shared, one - shared, all - 2 * one + shared);
        Assert.AreEqual(0, pid.ResidualEntropy, Precision);
    }

    [TestMethod]
    public void The_atoms_of_a_copy_of_both_sources_are_the_closed_form()
    {
        var pid = new PartialInformationDecomposition(Distributions.OfBits(2, s => 2 * s[0] + s[1]));
        double shared = Math.Log2(4.0 / 3);
        AssertAtoms(pid, shared, 1 - shared, shared);
    }

    [TestMethod]
    public void The_atoms_of_two_sources_that_are_the_target_are_the_closed_form()
    {
        var pid = new PartialInformationDecomposition(
            JointDistribution.FromProbabilities([([0, 0], 0, 0.5), ([1, 1], 1, 0.5)])
        );
        AssertAtoms(pid, 1, 0, 0);
    }

    [TestMethod]
    [DataRow(1, 3)]
    [DataRow(2, 8)]
    [DataRow(3, 20)]
    [DataRow(4, 40)]
    public void The_atoms_of_random_distributions_are_those_of_the_definition(int sources, int outcomes)
    {
        JointDistribution distribution = Distributions.Draw(sources, outcomes, seed: sources);
        var pid = new PartialInformationDecomposition(distribution);
        RedundancyLattice lattice = pid.Lattice;
        double[] atoms = new double[lattice.Antichains.Count];
        // Antichains that precede another come before it, but for the published order of two sources.
        foreach (
            int a in Enumerable
                .Range(0, atoms.Length)
                .OrderBy(a => Enumerable.Range(0, atoms.Length).Count(b => lattice.Precedes(b, a)))
        )
        {
            double redundancy = distribution.Outcomes.Sum(o =>
                o.Probability * Math.Log2(ConditionalRatio(distribution, lattice.Antichains[a], o))
            );
            Assert.AreEqual(redundancy, pid.Redundancies[a], Precision, lattice.Antichains[a].ToString());
            atoms[a] =
                redundancy
                - Enumerable.Range(0, atoms.Length).Where(b => b != a && lattice.Precedes(b, a)).Sum(b => atoms[b]);
            Assert.AreEqual(atoms[a], pid.Atoms[a], 100 * Precision, lattice.Antichains[a].ToString());
            double mean = distribution.Outcomes.Index().Sum(o => o.Item.Probability * pid.PointwiseAtoms(o.Index)[a]);
            Assert.AreEqual(pid.Atoms[a], mean, Precision);
        }

        double information = distribution.Outcomes.Sum(o =>
            o.Probability
            * Math.Log2(
                o.Probability
                    / Mass(distribution, p => p.Sources.SequenceEqual(o.Sources))
                    / Mass(distribution, p => p.Target == o.Target)
            )
        );
        Assert.AreEqual(information, pid.MutualInformation, Precision);
        Assert.AreEqual(information, pid.Atoms.Sum(), 100 * Precision);
    }

    // P(y | one of the collections of α has its values) / P(y).
    private static double ConditionalRatio(JointDistribution distribution, Antichain alpha, JointOutcome at)
    {
        bool Holds(JointOutcome o) =>
            alpha.Subsets.Any(subset =>
                Enumerable
                    .Range(0, at.Sources.Count)
                    .All(s => ((subset >> s) & 1) == 0 || o.Sources[s] == at.Sources[s])
            );
        return Mass(distribution, o => Holds(o) && o.Target == at.Target)
            / Mass(distribution, Holds)
            / Mass(distribution, o => o.Target == at.Target);
    }

    private static double Mass(JointDistribution distribution, Func<JointOutcome, bool> condition) =>
        distribution.Outcomes.Where(condition).Sum(o => o.Probability);

    private static void AssertAtoms(
        PartialInformationDecomposition pid,
        double redundant,
        double unique,
        double synergy
    )
    {
        Assert.AreEqual(redundant, pid["{1}{2}"], Precision);
        Assert.AreEqual(unique, pid["{1}"], Precision);
        Assert.AreEqual(unique, pid["{2}"], Precision);
        Assert.AreEqual(synergy, pid["{12}"], Precision);
    }
}
