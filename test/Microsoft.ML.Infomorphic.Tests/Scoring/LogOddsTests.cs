using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Scoring;

[TestClass]
public sealed class LogOddsTests
{
    // Each probability is rounded to single precision by itself, 2⁻²⁴ of it at most, and so is the result.
    [TestMethod]
    public void A_difference_of_sums_comes_back_from_the_two_probabilities()
    {
        for (double sum = -86; sum <= 86; sum += 0.37)
        {
            float negative = (float)(1 / (1 + Math.Exp(sum)));
            float positive = (float)(1 / (1 + Math.Exp(-sum)));

            Assert.AreEqual(sum, LogOdds.Of(negative, positive), 2e-7 + Math.Abs(sum) * 6e-8, $"{sum}");
            Assert.AreEqual(-LogOdds.Of(negative, positive), LogOdds.Of(positive, negative), $"{sum}");
        }
    }

    [TestMethod]
    public void Certainty_is_finite()
    {
        double limit = 126 * Math.Log(2);

        Assert.AreEqual(limit, LogOdds.Of(0, 1), 1e-5);
        Assert.AreEqual(-limit, LogOdds.Of(1, 0), 1e-5);
        Assert.AreEqual(0, LogOdds.Of(0.5f, 0.5f));
    }

    [TestMethod]
    public void Where_there_are_no_probabilities_there_is_no_score() =>
        Assert.IsTrue(float.IsNaN(LogOdds.Of(float.NaN, float.NaN)));
}
