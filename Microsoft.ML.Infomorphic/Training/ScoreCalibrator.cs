// Vector scaling (Guo et al. 2017): the maximum a posteriori a, b of p = softmax(a·F + b), with independent normal priors
// of variance 1 around a = 1 and b = 0, so that rows that can be told apart perfectly leave a finite. Or temperature scaling:
// one a for all classes, and b = 0.
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
    private readonly bool _hasOneSlope;
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
        bool hasOneSlope,
        Action? checkAlive,
        ScoreCalibration? earlier
    )
    {
        ScoreCalibration before = earlier ?? ScoreCalibration.Identity(scores.Length);
        _slopesBefore = [.. before.Slopes.Select(slope => (double)slope)];
        _offsetsBefore = [.. before.Offsets.Select(offset => (double)offset)];
        _hasOneSlope = hasOneSlope;
        _checkAlive = checkAlive;
        _scores = scores;
        _labels = labels;
        _masses = masses;
        _probabilities = new double[scores.Length];

        // A class without rows keeps its score; where all classes have one slope, it has it, too, unless it never had a row.
        _isFitted = new bool[scores.Length];
        if (hasOneSlope)
            for (int k = 0; k < scores.Length; k++)
                _isFitted[k] = Array.Exists(scores[k], score => score != NetworkState.AbsentClassScore);
        _isCompared = new bool[scores.Length];
        Array.Fill(_isCompared, earlier is null);
        foreach (int label in labels)
            _isFitted[label] = _isCompared[label] = true;
    }

    /// <summary>Fits a calibration.</summary>
    /// <param name="scores">Classes × rows.</param>
    /// <param name="labels">The class of each row.</param>
    /// <param name="weights">The weight of each row.</param>
    /// <param name="hasOneSlope">
    /// Whether all classes have one slope, and no offsets: for scores that were learned together, whose proportions are right.
    /// </param>
    /// <param name="checkAlive">Called from time to time; throws to end the training. Null for nothing.</param>
    /// <param name="earlier">The calibration of the network that training went on from; null where it began.</param>
    public static ScoreCalibration Fit(
        float[][] scores,
        int[] labels,
        double[] weights,
        bool hasOneSlope = false,
        Action? checkAlive = null,
        ScoreCalibration? earlier = null
    )
    {
        double total = weights.Sum();
        double[] masses = weights.Select(weight => weight / total * weights.Length).ToArray();
        return new ScoreCalibrator(scores, labels, masses, hasOneSlope, checkAlive, earlier).Minimize();
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
            double descent = _hasOneSlope
                ? FindStep(slopes, offsets, slopeSteps)
                : FindSteps(slopes, offsets, slopeSteps, offsetSteps);
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

    // J = −Σ w ln p(label) + ½ Σ (a − a₀)² + ½ Σ (b − b₀)²; where all classes have one step of a, it counts once.
    private double Loss(double[] slopes, double[] offsets)
    {
        double loss = 0;
        for (int row = 0; row < _labels.Length; row++)
        {
            Predict(row, slopes, offsets);
            loss -= _masses[row] * Math.Log(Math.Max(_probabilities[_labels[row]], double.Epsilon));
        }

        double squares = 0;
        for (int k = 0; k < slopes.Length; k++)
        {
            double a = slopes[k] - _slopesBefore[k];
            double b = offsets[k] - _offsetsBefore[k];
            squares += a * a + b * b;
        }

        return loss + PriorPrecision / 2 * (_hasOneSlope ? squares / _isFitted.Count(isFitted => isFitted) : squares);
    }

    // The Newton step of the slope that all classes have, and the decrease that it promises: ∂J/∂a = Σ w (E[F] − F(label)) and
    // ∂²J/∂a² = Σ w (E[F²] − E[F]²) over p, and the prior's.
    private double FindStep(double[] slopes, double[] offsets, double[] slopeSteps)
    {
        int fitted = Array.IndexOf(_isFitted, true);
        double gradient = PriorPrecision * (slopes[fitted] - _slopesBefore[fitted]);
        double curvature = PriorPrecision;
        for (int row = 0; row < _labels.Length; row++)
        {
            Predict(row, slopes, offsets);
            double mean = 0;
            double square = 0;
            for (int k = 0; k < slopes.Length; k++)
            {
                double f = _isFitted[k] ? _scores[k][row] : 0;
                mean += _probabilities[k] * f;
                square += _probabilities[k] * f * f;
            }

            gradient += _masses[row] * (mean - _scores[_labels[row]][row]);
            curvature += _masses[row] * (square - mean * mean);
        }

        double step = gradient / curvature;
        for (int k = 0; k < slopes.Length; k++)
            slopeSteps[k] = _isFitted[k] ? step : 0;
        return gradient * step;
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
