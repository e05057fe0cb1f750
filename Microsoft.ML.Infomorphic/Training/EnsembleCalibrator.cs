// Where networks disagree, the mean of probabilities that are right each by itself is more cautious than it need be. One factor
// t sharpens all networks alike, so that their mean fits the rows that they were calibrated on:
//
//   p(t) = 1/K Σ softmax(t·(a F + b)),   J(t) = −Σ w ln p(t)(label) + ½ (t − 1)²
//
//   symbol   variable    shape    unit
//   K        networks    1        –
//   a, b     calibration classes  –      each network's own
//   t        factor      1        –
//   J        loss        1        nat

using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Calibrates the mean of several networks, each of which is calibrated by itself.</summary>
internal static class EnsembleCalibrator
{
    // A number is found from fewer rows than two a class.
    private const int MaximumRows = 4096;

    private const double LargestFactor = 4;
    private const double Tolerance = 1e-3;
    private static readonly double s_goldenRatio = (Math.Sqrt(5) - 1) / 2;

    /// <summary>Calibrates networks together; without validation rows they stay as they are.</summary>
    /// <param name="results">The networks, with the rows that they were calibrated on: the same, in the same order.</param>
    /// <returns>The networks, without those rows.</returns>
    public static TrainingResult[] Calibrate(IReadOnlyList<TrainingResult> results)
    {
        if (results.Count == 1 || results.Any(result => result.CalibratedOn is null))
            return [.. results];
        double factor = Minimize(results);
        return
        [
            .. results.Select(result =>
                result with
                {
                    Network = result.Network.With(Scaled(result.Network.Calibration, factor)),
                    CalibratedOn = null,
                }
            ),
        ];
    }

    // Golden-section search over ln t.
    private static double Minimize(IReadOnlyList<TrainingResult> results)
    {
        double low = -Math.Log(LargestFactor);
        double high = -low;
        double left = high - s_goldenRatio * (high - low);
        double right = low + s_goldenRatio * (high - low);
        double leftLoss = LossAt(left);
        double rightLoss = LossAt(right);
        while (high - low > Tolerance)
            if (leftLoss < rightLoss)
            {
                (high, right, rightLoss) = (right, left, leftLoss);
                left = high - s_goldenRatio * (high - low);
                leftLoss = LossAt(left);
            }
            else
            {
                (low, left, leftLoss) = (left, right, rightLoss);
                right = low + s_goldenRatio * (high - low);
                rightLoss = LossAt(right);
            }

        return Math.Exp((low + high) / 2);

        double LossAt(double logarithm) => Loss(results, Math.Exp(logarithm));
    }

    private static double Loss(IReadOnlyList<TrainingResult> results, double factor)
    {
        ScoredRows rows = results[0].CalibratedOn!;
        int stride = (rows.Labels.Length + MaximumRows - 1) / MaximumRows;
        double loss = 0;
        double total = 0;
        int count = 0;
        for (int row = 0; row < rows.Labels.Length; row += stride, count++)
        {
            double mean = results.Average(result => Probability(result, row, factor));
            loss -= rows.Weights[row] * Math.Log(Math.Max(mean, double.Epsilon));
            total += rows.Weights[row];
        }

        return loss / total * count + (factor - 1) * (factor - 1) / 2;
    }

    // Of the row's label.
    private static double Probability(TrainingResult result, int row, double factor)
    {
        (float[][] scores, int[] labels, _) = result.CalibratedOn!;
        ScoreCalibration calibration = result.Network.Calibration;
        double own = Logit(labels[row]);
        double sum = 0;
        for (int k = 0; k < scores.Length; k++)
            sum += Math.Exp(factor * (Logit(k) - own));
        return 1 / sum;

        double Logit(int k) => calibration.Slopes[k] * (double)scores[k][row] + calibration.Offsets[k];
    }

    private static ScoreCalibration Scaled(ScoreCalibration calibration, double factor) =>
        new(
            [.. calibration.Slopes.Select(slope => (float)(factor * slope))],
            [.. calibration.Offsets.Select(offset => (float)(factor * offset))]
        );
}
