using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class ScoreCalibratorTests
{
    // At the minimum of J = −Σ w ln p + ½ Σ (a − 1)² + ½ Σ b² no small step in any direction goes down. Iterations end
    // where they gain less than 10⁻⁷ nats a row, and offsets and slopes are rounded to single precision: a step of 0.01
    // along one axis changes J by at least ½ · 10⁻⁴ through the prior alone.
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Calibration_minimises_the_penalised_log_loss(bool weighted)
    {
        (float[][] scores, int[] labels, double[] weights) = Draw(300, weighted);
        ScoreCalibration calibration = ScoreCalibrator.Fit(scores, labels, weights);
        double[] fitted = [.. calibration.Slopes.Concat(calibration.Offsets)];
        double least = Loss(scores, labels, weights, fitted);
        Assert.IsLessThan(Loss(scores, labels, weights, [1, 1, 1, 0, 0, 0]), least);
        for (int i = 0; i < 6; i++)
            foreach (double step in new[] { 0.01, -0.01 })
            {
                double[] moved = [.. fitted];
                moved[i] += step;
                Assert.IsGreaterThan(least, Loss(scores, labels, weights, moved));
            }
    }

    // Temperature scaling has one dimension, in which the least penalised log-loss is looked for on a grid.
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void One_slope_minimises_the_penalised_log_loss(bool weighted)
    {
        (float[][] scores, int[] labels, double[] weights) = Draw(300, weighted);
        ScoreCalibration calibration = ScoreCalibrator.Fit(scores, labels, weights, hasOneSlope: true);
        double best = Enumerable.Range(1, 4000).Select(i => i * 5e-4).MinBy(LossOf);
        Assert.AreEqual(best, calibration.Slopes[0], 1e-3);
        Assert.IsTrue(calibration.Slopes.All(slope => slope == calibration.Slopes[0]));
        Assert.IsTrue(calibration.Offsets.All(offset => offset == 0));

        // The prior counts once, not for each class.
        double LossOf(double slope) =>
            Loss(scores, labels, weights, [slope, slope, slope, 0, 0, 0]) - Math.Pow(slope - 1, 2);
    }

    // Of the last class there is a score for some rows, of the one before none ever.
    [TestMethod]
    public void One_slope_is_that_of_classes_without_rows_too_but_for_those_that_never_had_one()
    {
        (float[][] scores, int[] labels, double[] weights) = Draw(100, false);
        float[] never = [.. Enumerable.Repeat(NetworkState.AbsentClassScore, 100)];
        ScoreCalibration calibration = ScoreCalibrator.Fit(
            [scores[0], scores[1], never, scores[2]],
            [.. labels.Select(label => label % 2)],
            weights,
            hasOneSlope: true
        );
        Assert.AreEqual(1, calibration.Slopes[2]);
        Assert.AreNotEqual(1, calibration.Slopes[0]);
        Assert.AreEqual(calibration.Slopes[0], calibration.Slopes[3]);
    }

    [TestMethod]
    public void Rows_that_can_be_told_apart_leave_the_calibration_finite()
    {
        float[][] scores =
        [
            [5, 5, -5, -5],
            [-5, -5, 5, 5],
        ];
        ScoreCalibration calibration = ScoreCalibrator.Fit(scores, [0, 0, 1, 1], [1, 1, 1, 1]);
        Assert.IsTrue(calibration.Slopes.Concat(calibration.Offsets).All(float.IsFinite));
        Assert.IsTrue(calibration.Slopes.All(slope => slope is > 0 and < 3));
    }

    [TestMethod]
    public void A_class_without_rows_keeps_its_score()
    {
        (float[][] scores, int[] labels, double[] weights) = Draw(100, false);
        Array.Fill(scores[2], NetworkState.AbsentClassScore);
        ScoreCalibration calibration = ScoreCalibrator.Fit(scores, [.. labels.Select(label => label % 2)], weights);
        Assert.AreEqual(1, calibration.Slopes[2]);
        Assert.AreEqual(0, calibration.Offsets[2]);
    }

    [TestMethod]
    public void Rows_of_some_classes_are_compared_among_these_where_training_goes_on()
    {
        var earlier = new ScoreCalibration([1.5f, 0.5f, 2], [-0.25f, 0.75f, 0.125f]);
        (float[][] scores, int[] labels, double[] weights) = Draw(100, false);
        int[] ofTwo = [.. labels.Select(label => label % 2)];

        ScoreCalibration actual = ScoreCalibrator.Fit(scores, ofTwo, weights, earlier: earlier);

        ScoreCalibration expected = ScoreCalibrator.Fit(
            scores[..2],
            ofTwo,
            weights,
            earlier: new ScoreCalibration([1.5f, 0.5f], [-0.25f, 0.75f])
        );
        CollectionAssert.AreEqual(expected.Slopes.Append(2f).ToArray(), actual.Slopes.ToArray());
        CollectionAssert.AreEqual(expected.Offsets.Append(0.125f).ToArray(), actual.Offsets.ToArray());
        Assert.AreNotEqual(1.5f, actual.Slopes[0]);
    }

    [TestMethod]
    public void Rows_of_one_class_change_nothing_where_training_goes_on()
    {
        var earlier = new ScoreCalibration([1.5f, 0.5f, 2], [-0.25f, 0.75f, 0.125f]);
        (float[][] scores, int[] labels, double[] weights) = Draw(100, false);

        ScoreCalibration actual = ScoreCalibrator.Fit(scores, [.. labels.Select(_ => 1)], weights, earlier: earlier);

        CollectionAssert.AreEqual(earlier.Slopes.ToArray(), actual.Slopes.ToArray());
        CollectionAssert.AreEqual(earlier.Offsets.ToArray(), actual.Offsets.ToArray());
    }

    [TestMethod]
    public void Enormous_scores_do_not_overflow()
    {
        float[][] scores =
        [
            [1e4f, -1e4f, 1e4f, 3e4f],
            [-1e4f, 1e4f, 1e4f, 2e4f],
        ];
        ScoreCalibration calibration = ScoreCalibrator.Fit(scores, [0, 1, 0, 1], [1, 1, 1, 1]);
        Assert.IsTrue(calibration.Slopes.Concat(calibration.Offsets).All(float.IsFinite));
    }

    private static (float[][] Scores, int[] Labels, double[] Weights) Draw(int rows, bool weighted)
    {
        var random = new Random(1);
        int[] labels =
        [
            .. Enumerable
                .Range(0, rows)
                .Select(_ =>
                    random.Next(10) switch
                    {
                        < 7 => 0,
                        < 9 => 1,
                        _ => 2,
                    }
                ),
        ];
        return (
            [
                .. Enumerable
                    .Range(0, 3)
                    .Select(k =>
                        labels.Select(label => (float)(4 * Problems.Gaussian(random) + (label == k ? 3 : 0))).ToArray()
                    ),
            ],
            labels,
            [.. labels.Select(_ => weighted ? 0.2 + random.NextDouble() : 1)]
        );
    }

    private static double Loss(float[][] scores, int[] labels, double[] weights, double[] parameters)
    {
        int classes = scores.Length;
        double total = weights.Sum();
        double loss = 0;
        for (int row = 0; row < labels.Length; row++)
        {
            double[] z = [.. scores.Select((values, k) => parameters[k] * values[row] + parameters[classes + k])];
            double logSum = z.Max() + Math.Log(z.Sum(value => Math.Exp(value - z.Max())));
            loss += weights[row] / total * labels.Length * (logSum - z[labels[row]]);
        }

        for (int k = 0; k < classes; k++)
            loss += 0.5 * Math.Pow(parameters[k] - 1, 2) + 0.5 * Math.Pow(parameters[classes + k], 2);
        return loss;
    }
}
