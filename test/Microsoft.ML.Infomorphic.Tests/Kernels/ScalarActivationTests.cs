using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class ScalarActivationTests
{
    // By hand: F = 1, C = 0, L = 0 leave both modulations at ½, A = 0.8 + 0.05 + 0.05.
    [TestMethod]
    public void Firing_probability_without_modulation_is_the_one_worked_by_hand()
    {
        ScalarActivation fired = ScalarActivation.Of(new ModulatedActivation(), 1, 0, 0);
        Assert.AreEqual(1 / (1 + Math.Exp(-0.9)), fired.Theta, 2e-16);
        Assert.AreEqual(1 - fired.Theta, fired.Complement, 2e-16);
    }

    // Without drive the context and the peers move nothing.
    [TestMethod]
    public void Context_does_not_drive()
    {
        ScalarActivation fired = ScalarActivation.Of(new ModulatedActivation(), 0, 7, -3);
        Assert.AreEqual(0.5, fired.Theta);
        Assert.AreEqual(0, fired.ByC);
        Assert.AreEqual(0, fired.ByL);
    }

    // By hand: F = 1, X = 0 leave the modulation at ½, A = k + (1 − k) = 1 whatever k is.
    [TestMethod]
    public void Bivariate_neurons_without_modulation_are_feedforward()
    {
        ScalarActivation fired = ScalarActivation.Of(new BivariateActivation(0.3, 5), 1, 0);
        Assert.AreEqual(1 / (1 + Math.Exp(-1)), fired.Theta, 2e-16);
        Assert.AreEqual(1 - fired.Theta, fired.Complement, 2e-16);
    }

    // The same central differences, where θ is not clamped: |A| ≤ 3 · 1.9.
    [TestMethod]
    [DataRow(0.9, 2.0)]
    [DataRow(0.1, 1.5)]
    [DataRow(1.0, 2.0)]
    public void Derivatives_of_bivariate_neurons_agree_with_central_differences(double k, double beta)
    {
        const double h = 1e-5;
        var activation = new BivariateActivation(k, beta);
        var random = new Random(4);
        for (int i = 0; i < 200; i++)
        {
            double f = 6 * random.NextDouble() - 3;
            double x = 6 * random.NextDouble() - 3;
            ScalarActivation at = ScalarActivation.Of(activation, f, x);
            double Theta(double drive, double input) => ScalarActivation.Of(activation, drive, input).Theta;
            Assert.AreEqual((Theta(f + h, x) - Theta(f - h, x)) / (2 * h), at.ByF, 1e-8);
            Assert.AreEqual((Theta(f, x + h) - Theta(f, x - h)) / (2 * h), at.ByC, 1e-8);
            Assert.AreEqual(0, at.ByL);
        }
    }

    [TestMethod]
    public void Bivariate_neurons_have_no_gradient_where_they_are_clamped()
    {
        ScalarActivation fired = ScalarActivation.Of(new BivariateActivation(), 20, 1);
        Assert.AreEqual(1 - 1e-6, fired.Theta);
        Assert.AreEqual(0, fired.ByF);
        Assert.AreEqual(0, fired.ByC);
    }

    // Central differences of step h = 10⁻⁵ err by h²/6 times the third derivative, which is at most some hundred here
    // (β³F³ times small numbers): 2·10⁻⁹; and by rounding, 10⁻¹⁶/h = 10⁻¹¹.
    [TestMethod]
    public void Derivatives_agree_with_central_differences()
    {
        const double h = 1e-5;
        var random = new Random(3);
        foreach (ModulatedActivation activation in new[] { new(), new ModulatedActivation(0.35, -0.2, 0.7, 2.5) })
            for (int i = 0; i < 200; i++)
            {
                double f = 6 * random.NextDouble() - 3;
                double c = 6 * random.NextDouble() - 3;
                double l = 6 * random.NextDouble() - 3;
                ScalarActivation at = ScalarActivation.Of(activation, f, c, l);
                Assert.AreEqual(Slope(x => ScalarActivation.Of(activation, x, c, l).Theta, f), at.ByF, 1e-8);
                Assert.AreEqual(Slope(x => ScalarActivation.Of(activation, f, x, l).Theta, c), at.ByC, 1e-8);
                Assert.AreEqual(Slope(x => ScalarActivation.Of(activation, f, c, x).Theta, l), at.ByL, 1e-8);
                ScalarActivation output = ScalarActivation.OfFeedforward(f);
                Assert.AreEqual(Slope(x => ScalarActivation.OfFeedforward(x).Theta, f), output.ByF, 1e-8);
            }

        static double Slope(Func<double, double> function, double x) => (function(x + h) - function(x - h)) / (2 * h);
    }
}
