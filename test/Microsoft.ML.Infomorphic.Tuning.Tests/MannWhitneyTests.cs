namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public class MannWhitneyTests
{
    // U = 10 of 25; U = 16 of 16; U = 21 of 30 with ties of 3, 4 and 3. p = erfc(z / √2) / 2.
    [TestMethod]
    [DataRow(new double[] { 1, 2, 3, 4, 5 }, new double[] { 1.5, 2.5, 3.5, 4.5, 5.5 }, 0.7345653480157459)]
    [DataRow(new double[] { 7, 8, 9, 10 }, new double[] { 1, 2, 3, 4 }, 0.015191410988288755)]
    [DataRow(new double[] { 1, 2, 2, 3, 3 }, new double[] { 1, 1, 2, 2, 3, 0 }, 0.14733240306214446)]
    public void The_test_agrees_with_values_worked_by_hand(double[] first, double[] second, double p) =>
        Assert.AreEqual(p, MannWhitney.FirstIsLarger(first, second), 1e-9);

    [TestMethod]
    public void The_test_says_nothing_of_equal_samples() =>
        Assert.AreEqual(1, MannWhitney.FirstIsLarger([1, 1, 1], [1, 1, 1]));
}
