using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>How a network does on rows, beside one that knows the classes' shares alone.</summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Accuracy">Share of the rows predicted rightly, 0 to 1.</param>
/// <param name="LogLoss">Mean −ln p(label), in nats.</param>
/// <param name="LargestShare">The share of the largest class: the accuracy of who always predicts it.</param>
/// <param name="Entropy">The entropy of the labels, in nats: the log-loss of who predicts the classes' shares.</param>
/// <param name="NeverPredicted">The classes that have rows and are predicted for none.</param>
internal readonly record struct Quality(
    int Rows,
    double Accuracy,
    double LogLoss,
    double LargestShare,
    double Entropy,
    int[] NeverPredicted
)
{
    /// <summary>Whether the rows are of one class: they say nothing of how well classes are told apart.</summary>
    public bool IsOfOneClass => !(Entropy > 0);

    /// <summary>Whether it is no better than the classes' shares alone.</summary>
    public bool IsChance => !IsOfOneClass && LogLoss > 0.99 * Entropy;

    /// <summary>How much likelier the network makes all rows together than the classes' shares do, in nats.</summary>
    public double Gain => Rows * (Entropy - LogLoss);
}

/// <summary>
/// Evaluates networks in training, with the label withheld and hidden neurons at their mean output. Results are in the order
/// of the networks that are asked for.
/// </summary>
/// <param name="engine">The engine that trains them.</param>
/// <param name="batchSize">Rows that are evaluated at once.</param>
/// <param name="isSoftmax">
/// Whether the output layers are softmax regressions: their classes' scores are learned together, and calibrated by one number.
/// Infomorphic output neurons learn each by itself, may learn the inverted code, and are calibrated by two numbers each.
/// </param>
/// <param name="checkAlive">Called before every batch.</param>
internal sealed class Evaluation(TrainingEngine engine, int batchSize, bool isSoftmax, Action checkAlive)
{
    private const double SmallestProbability = 1e-15;

    /// <summary>Finds the signs of the output neurons on rows.</summary>
    public int[][] DecideSigns(RowSelection rows, int[] networks)
    {
        OutputSigns[] signs = [.. networks.Select(_ => new OutputSigns(rows.ClassCount, !isSoftmax))];
        ForBatches(rows, networks, (i, batch, output) => signs[i].Add(batch.Rows, batch.Indices.Span, output));
        return [.. signs.Select(decided => decided.Decide())];
    }

    /// <summary>Accuracy, 0 to 1, and log-loss, in nats, of calibrated scores over rows, each by its weight.</summary>
    public Quality[] Score(RowSelection rows, int[] networks, int[][] signs, ScoreCalibration[] calibrations)
    {
        ScoreSum[] sums =
        [
            .. signs.Zip(calibrations, (ofNetwork, calibration) => new ScoreSum(ofNetwork, calibration)),
        ];
        ForBatches(rows, networks, (i, batch, output) => sums[i].Add(batch, output));
        return [.. sums.Select(sum => sum.Mean)];
    }

    /// <summary>
    /// Fits the calibration of the scores to rows; to one in so many, where they are more than a number. Where training goes on,
    /// from the earlier calibration.
    /// </summary>
    public ScoreCalibration[] Calibrate(
        RowSelection rows,
        int[] networks,
        int[][] signs,
        ScoreCalibration?[] earlier,
        int threads,
        int most
    )
    {
        return Calibrate(Collect(rows, networks, signs, most), earlier, threads);
    }

    /// <summary>The scores of rows; of one in so many, where they are more than a number.</summary>
    public ScoredRows[] Collect(RowSelection rows, int[] networks, int[][] signs, int most)
    {
        int stride = (rows.RowCount + most - 1) / most;
        ScoredRows[] chosen = [.. signs.Select(ofNetwork => new ScoredRows(ofNetwork, stride))];
        ForBatches(rows, networks, (i, batch, output) => chosen[i].Add(batch, output));
        return chosen;
    }

    /// <summary>Fits the calibration of scores; where training goes on, from the earlier calibration.</summary>
    public ScoreCalibration[] Calibrate(ScoredRows[] chosen, ScoreCalibration?[] earlier, int threads)
    {
        var calibrations = new ScoreCalibration[chosen.Length];

        // Its own token, so that cancellation passes as such, and not as one of several exceptions.
        using var ended = new CancellationTokenSource();
        Parallel.For(
            0,
            chosen.Length,
            new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = ended.Token },
            i => calibrations[i] = chosen[i].Fit(isSoftmax, earlier[i], CheckAlive)
        );
        return calibrations;

        void CheckAlive()
        {
            lock (ended)
                try
                {
                    ended.Token.ThrowIfCancellationRequested();
                    checkAlive();
                }
                catch (OperationCanceledException)
                {
                    ended.Cancel();
                    ended.Token.ThrowIfCancellationRequested();
                }
        }
    }

    /// <summary>All rows, or a random part of them, drawn once, where they are many.</summary>
    public static int[] ChooseRows(int[] rows, int maximum, ulong seed)
    {
        int[] chosen = [.. rows];
        if (chosen.Length <= maximum)
            return chosen;
        new RandomStream(seed, RandomStreams.TrainingAccuracyRows).Shuffle(chosen);
        Array.Resize(ref chosen, maximum);

        // Streamed rows are so found in one reading.
        Array.Sort(chosen);
        return chosen;
    }

    private void ForBatches(RowSelection rows, int[] networks, Action<int, RowBatch, TensorMatrix> work)
    {
        foreach (RowBatch batch in rows.Batches(batchSize))
        {
            checkAlive();
            engine.Evaluate(
                batch.Rows,
                batch.Indices.Span,
                networks,
                (network, output) => work(Array.IndexOf(networks, network), batch, output)
            );
        }
    }

    public static double ScoreOf(int[] signs, TensorMatrix output, int neuron, int row) =>
        signs[neuron] == 0 ? NetworkState.AbsentClassScore : signs[neuron] * output[neuron][row];

    public static double MassOf(LabeledRows rows, int row) => rows.Weights is null ? 1 : rows.Weights[row];

    /// <summary>How one network does.</summary>
    private sealed class ScoreSum(int[] signs, ScoreCalibration calibration)
    {
        private readonly double[] _scores = new double[signs.Length];
        private int _rows;
        private double _right;
        private double _loss;
        private double _total;

        private readonly double[] _masses = new double[signs.Length];
        private readonly bool[] _isPredicted = new bool[signs.Length];

        public Quality Mean =>
            new(
                _rows,
                _right / _total,
                _loss / _total,
                _masses.Max() / _total,
                -_masses.Where(mass => mass > 0).Sum(mass => mass / _total * Math.Log(mass / _total)),
                [.. Enumerable.Range(0, _masses.Length).Where(label => _masses[label] > 0 && !_isPredicted[label])]
            );

        public void Add(RowBatch rows, TensorMatrix output)
        {
            ReadOnlySpan<int> batch = rows.Indices.Span;
            for (int i = 0; i < batch.Length; i++)
            {
                for (int neuron = 0; neuron < _scores.Length; neuron++)
                    _scores[neuron] =
                        calibration.Slopes[neuron] * ScoreOf(signs, output, neuron, i) + calibration.Offsets[neuron];
                int label = rows.Rows.Labels[batch[i]];
                double mass = MassOf(rows.Rows, batch[i]);
                double largest = _scores.Max();
                double sum = 0;
                foreach (double score in _scores)
                    sum += Math.Exp(score - largest);
                double probability = Math.Exp(_scores[label] - largest) / sum;
                _loss -= mass * Math.Log(Math.Max(probability, SmallestProbability));
                int predicted = Math.Max(Array.IndexOf(_scores, largest), 0); // none where weights are no longer finite
                _isPredicted[predicted] = true;
                if (predicted == label)
                    _right += mass;
                _rows++;
                _total += mass;
                _masses[label] += mass;
            }
        }
    }
}

/// <summary>What one network's scores are calibrated by.</summary>
/// <param name="signs">The signs of its output neurons.</param>
/// <param name="stride">Of so many rows one is taken.</param>
internal sealed class ScoredRows(int[] signs, int stride)
{
    private readonly List<float>[] _scores = [.. signs.Select(_ => new List<float>())];
    private readonly List<int> _labels = [];
    private readonly List<double> _weights = [];
    private int _row;

    /// <summary>Of so many rows one is among them.</summary>
    public int Stride => stride;

    /// <summary>Classes × rows.</summary>
    public float[][] Scores => [.. _scores.Select(values => values.ToArray())];

    /// <summary>The class of each row.</summary>
    public int[] Labels => [.. _labels];

    /// <summary>The weight of each row.</summary>
    public double[] Weights => [.. _weights];

    public void Add(RowBatch rows, TensorMatrix output)
    {
        ReadOnlySpan<int> batch = rows.Indices.Span;
        for (int i = 0; i < batch.Length; i++, _row++)
        {
            if (_row % stride != 0)
                continue;
            for (int neuron = 0; neuron < signs.Length; neuron++)
                _scores[neuron].Add((float)Evaluation.ScoreOf(signs, output, neuron, i));
            _labels.Add(rows.Rows.Labels[batch[i]]);
            _weights.Add(Evaluation.MassOf(rows.Rows, batch[i]));
        }
    }

    public ScoreCalibration Fit(bool hasOneSlope, ScoreCalibration? earlier, Action checkAlive) =>
        ScoreCalibrator.Fit(Scores, Labels, Weights, hasOneSlope, checkAlive, earlier);
}
