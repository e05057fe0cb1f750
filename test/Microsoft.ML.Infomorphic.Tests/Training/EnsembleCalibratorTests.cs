using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Tests.Hosting;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

[TestClass]
public class EnsembleCalibratorTests
{
    private const int Classes = Samples.ClassCount;
    private const int Rows = 4000;

    // The truth is softmax(x); network i sees x and noise of its own, and is right about what it sees. Their mean is too cautious.
    [TestMethod]
    public void The_mean_of_networks_that_disagree_is_sharpened()
    {
        TrainingResult[] results = [.. Enumerable.Range(0, 8).Select(seed => Result(seed))];

        TrainingResult[] calibrated = EnsembleCalibrator.Calibrate(results);

        double factor = calibrated[0].Network.Calibration.Slopes[0] / results[0].Network.Calibration.Slopes[0];
        Assert.IsGreaterThan(1.2, factor);
        foreach ((TrainingResult before, TrainingResult after) in results.Zip(calibrated))
        {
            Assert.IsNull(after.CalibratedOn);
            Assert.AreSame(before.History, after.History);
            Assert.AreSame(before.Network.OutputLayer, after.Network.OutputLayer);
            for (int k = 0; k < Classes; k++)
            {
                Assert.AreEqual(
                    factor * before.Network.Calibration.Slopes[k],
                    after.Network.Calibration.Slopes[k],
                    1e-5
                );
                Assert.AreEqual(
                    factor * before.Network.Calibration.Offsets[k],
                    after.Network.Calibration.Offsets[k],
                    1e-5
                );
            }
        }

        // No other factor gives a lower loss, but for the prior; and the rows are told better than before.
        double lowest = Loss(results, factor);
        for (double t = 0.5; t < 3; t += 0.05)
            Assert.IsLessThan(Loss(results, t) + 1e-3, lowest);
        Assert.IsLessThan(Loss(results, 1) - 0.005, lowest);
    }

    [TestMethod]
    public void Networks_that_agree_stay_as_they_are()
    {
        TrainingResult[] results = [.. Enumerable.Repeat(Result(1), 3)];
        TrainingResult[] calibrated = EnsembleCalibrator.Calibrate(results);
        Assert.AreEqual(
            results[0].Network.Calibration.Slopes[0],
            calibrated[2].Network.Calibration.Slopes[0],
            0.05 * results[0].Network.Calibration.Slopes[0]
        );
    }

    [TestMethod]
    public void One_network_and_networks_without_validation_rows_stay_as_they_are()
    {
        TrainingResult one = Result(1);
        Assert.AreSame(one, EnsembleCalibrator.Calibrate([one]).Single());
        TrainingResult without = one with { CalibratedOn = null };
        CollectionAssert.AreEqual(new[] { without, without }, EnsembleCalibrator.Calibrate([without, without]));
    }

    private static TrainingResult Result(int seed)
    {
        var truth = new Random(100);
        var random = new Random(seed);
        float[][] scores = [.. Enumerable.Range(0, Classes).Select(_ => new float[Rows])];
        int[] labels = new int[Rows];
        for (int row = 0; row < Rows; row++)
        {
            double[] x = [.. Enumerable.Range(0, Classes).Select(_ => 2 * Problems.Gaussian(truth))];
            labels[row] = Draw(Softmax(x), truth.NextDouble());
            for (int k = 0; k < Classes; k++)
                scores[k][row] = (float)(x[k] + 2 * Problems.Gaussian(random));
        }

        double[] weights = [.. Enumerable.Repeat(1.0, Rows)];
        ModelContents contents = Samples.Contents();
        return new TrainingResult(
            contents.Network.With(ScoreCalibrator.Fit(scores, labels, weights)),
            contents.History,
            new ScoredRows(scores, labels, weights)
        );

        static int Draw(double[] probabilities, double number)
        {
            int k = 0;
            for (double sum = probabilities[0]; k < Classes - 1 && number >= sum; sum += probabilities[++k]) { }
            return k;
        }
    }

    // The mean log-loss of the networks' mean.
    private static double Loss(TrainingResult[] results, double factor)
    {
        int[] labels = results[0].CalibratedOn!.Labels;
        return labels.Select((label, row) => -Math.Log(results.Average(result => Of(result, row)[label]))).Average();

        double[] Of(TrainingResult result, int row)
        {
            ScoreCalibration calibration = result.Network.Calibration;
            return Softmax([
                .. Enumerable
                    .Range(0, Classes)
                    .Select(k =>
                        factor
                        * (calibration.Slopes[k] * (double)result.CalibratedOn!.Scores[k][row] + calibration.Offsets[k])
                    ),
            ]);
        }
    }

    private static double[] Softmax(double[] logits)
    {
        double[] powers = [.. logits.Select(Math.Exp)];
        double sum = powers.Sum();
        return [.. powers.Select(power => power / sum)];
    }
}
