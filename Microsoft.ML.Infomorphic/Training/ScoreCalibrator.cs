// Vector scaling (Guo et al. 2017): the maximum a posteriori a, b of p = softmax(a·F + b), with independent normal priors
// of variance 1 around a = 1 and b = 0, so that rows that can be told apart perfectly leave a finite.
//
// Where training goes on, the priors are around the earlier calibration, a₀ and b₀. Rows then may lack classes that the network
// knows, and say nothing of how likely those are: p is compared among the classes that have rows, and the others keep a₀ and b₀.
//
//   symbol   variable           shape            unit
//   F        scores             classes × rows   –      aggregated inputs of the output neurons, signs folded in
//   w        masses             rows             rows   sum to the number of rows
//   a, b     slopes, offsets    classes          –
//   p        probabilities      classes          probability
//   J        loss               1                nat

using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Fits a <see cref="ScoreCalibration"/>.</summary>
internal sealed class ScoreCalibrator
{
    private const int MaximumIterations = 200;

    // Iterations end when one improves the mean loss by less than so many nats.
    private const double SmallestImprovement = 1e-7;

    private const double PriorPrecision = 1;

    // Scores that are worked through between two questions whether to go on.
    private const int ScoresBetweenChecks = 1 << 18;

    private readonly float[][] _scores;
    private readonly int[] _labels;
    private readonly double[] _masses;
    private readonly bool[] _isFitted;
    private readonly bool[] _isCompared;
    private readonly double[] _slopesBefore;
    private readonly double[] _offsetsBefore;
    private readonly double[] _probabilities;
    private readonly Action? _checkAlive;
    private int _unchecked;

    private ScoreCalibrator(
        float[][] scores,
        int[] labels,
        double[] masses,
        Action? checkAlive,
        ScoreCalibration? earlier
    )
    {
        ScoreCalibration before = earlier ?? ScoreCalibration.Identity(scores.Length);
        _slopesBefore = [.. before.Slopes.Select(slope => (double)slope)];
        _offsetsBefore = [.. before.Offsets.Select(offset => (double)offset)];
        _checkAlive = checkAlive;
        _scores = scores;
        _labels = labels;
        _masses = masses;
        _probabilities = new double[scores.Length];

        // A class without rows keeps its score; see NetworkState.AbsentClassScore.
        _isFitted = new bool[scores.Length];
        foreach (int label in labels)
            _isFitted[label] = true;
        _isCompared = earlier is null ? [.. _isFitted.Select(_ => true)] : _isFitted;
    }

    /// <summary>Fits a calibration.</summary>
    /// <param name="scores">Classes × rows.</param>
    /// <param name="labels">The class of each row.</param>
    /// <param name="weights">The weight of each row.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    /// <param name="earlier">The calibration of the network that training went on from; null where it began.</param>
    public static ScoreCalibration Fit(
        float[][] scores,
        int[] labels,
        double[] weights,
        Action? checkAlive = null,
        ScoreCalibration? earlier = null
    )
    {
        double total = weights.Sum();
        double[] masses = weights.Select(weight => weight / total * weights.Length).ToArray();
        return new ScoreCalibrator(scores, labels, masses, checkAlive, earlier).Minimize();
    }

    // Newton's method with the Hessian's 2 × 2 blocks of each class, and halved steps where a full one goes too far.
    private ScoreCalibration Minimize()
    {
        int classes = _scores.Length;
        double[] slopes = [.. _slopesBefore];
        double[] offsets = [.. _offsetsBefore];
        double[] slopeSteps = new double[classes];
        double[] offsetSteps = new double[classes];
        double loss = Loss(slopes, offsets);
        for (int iteration = 0; iteration < MaximumIterations; iteration++)
        {
            double descent = FindSteps(slopes, offsets, slopeSteps, offsetSteps);
            double length = 1;
            double before = loss;
            while (true)
            {
                double[] newSlopes = [.. slopes.Select((slope, k) => slope - length * slopeSteps[k])];
                double[] newOffsets = [.. offsets.Select((offset, k) => offset - length * offsetSteps[k])];
                double newLoss = Loss(newSlopes, newOffsets);

                // Armijo's rule: at least a small part of what the slope promises.
                if (newLoss <= loss - 1e-4 * length * descent)
                {
                    slopes = newSlopes;
                    offsets = newOffsets;
                    loss = newLoss;
                    break;
                }

                length /= 2;
                if (length < 1e-6)
                    break;
            }

            if (before - loss < SmallestImprovement * _labels.Length)
                break;
        }

        return new ScoreCalibration(
            [.. slopes.Select(slope => (float)slope)],
            [.. offsets.Select(offset => (float)offset)]
        );
    }

    // J = −Σ w ln p(label) + ½ Σ (a − a₀)² + ½ Σ (b − b₀)².
    private double Loss(double[] slopes, double[] offsets)
    {
        double loss = 0;
        for (int row = 0; row < _labels.Length; row++)
        {
            Predict(row, slopes, offsets);
            loss -= _masses[row] * Math.Log(Math.Max(_probabilities[_labels[row]], double.Epsilon));
        }

        for (int k = 0; k < slopes.Length; k++)
        {
            double a = slopes[k] - _slopesBefore[k];
            double b = offsets[k] - _offsetsBefore[k];
            loss += PriorPrecision / 2 * (a * a + b * b);
        }

        return loss;
    }

    // The Newton step of each class, and the decrease that all of them promise.
    private double FindSteps(double[] slopes, double[] offsets, double[] slopeSteps, double[] offsetSteps)
    {
        int classes = slopes.Length;
        double[] gradientA = new double[classes];
        double[] gradientB = new double[classes];
        double[] hessianAA = new double[classes];
        double[] hessianAB = new double[classes];
        double[] hessianBB = new double[classes];
        for (int row = 0; row < _labels.Length; row++)
        {
            Predict(row, slopes, offsets);
            for (int k = 0; k < classes; k++)
            {
                double f = _scores[k][row];
                double p = _probabilities[k];
                double error = _masses[row] * (p - (_labels[row] == k ? 1 : 0));
                double curvature = _masses[row] * p * (1 - p);
                gradientA[k] += error * f;
                gradientB[k] += error;
                hessianAA[k] += curvature * f * f;
                hessianAB[k] += curvature * f;
                hessianBB[k] += curvature;
            }
        }

        double descent = 0;
        for (int k = 0; k < classes; k++)
        {
            slopeSteps[k] = 0;
            offsetSteps[k] = 0;
            if (!_isFitted[k])
                continue;
            gradientA[k] += PriorPrecision * (slopes[k] - _slopesBefore[k]);
            gradientB[k] += PriorPrecision * (offsets[k] - _offsetsBefore[k]);
            double aa = hessianAA[k] + PriorPrecision;
            double bb = hessianBB[k] + PriorPrecision;
            double ab = hessianAB[k];
            double determinant = aa * bb - ab * ab;
            slopeSteps[k] = (bb * gradientA[k] - ab * gradientB[k]) / determinant;
            offsetSteps[k] = (aa * gradientB[k] - ab * gradientA[k]) / determinant;
            descent += gradientA[k] * slopeSteps[k] + gradientB[k] * offsetSteps[k];
        }

        return descent;
    }

    private void Predict(int row, double[] slopes, double[] offsets)
    {
        _unchecked += slopes.Length;
        if (_unchecked >= ScoresBetweenChecks)
        {
            _unchecked = 0;
            _checkAlive?.Invoke();
        }

        double largest = double.NegativeInfinity;
        for (int k = 0; k < slopes.Length; k++)
        {
            _probabilities[k] = _isCompared[k] ? slopes[k] * _scores[k][row] + offsets[k] : double.NegativeInfinity;
            largest = Math.Max(largest, _probabilities[k]);
        }

        double sum = 0;
        for (int k = 0; k < slopes.Length; k++)
            sum += _probabilities[k] = Math.Exp(_probabilities[k] - largest);
        for (int k = 0; k < slopes.Length; k++)
            _probabilities[k] /= sum;
    }
}
