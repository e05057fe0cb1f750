using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>Judges a network in training, with the label withheld and hidden neurons at their mean output.</summary>
internal sealed class Evaluation(TrainingEngine engine, int batchSize)
{
    private const double SmallestProbability = 1e-15;

    /// <summary>Finds the signs of the output neurons on rows.</summary>
    public int[] DecideSigns(RowSelection rows, Action checkAlive)
    {
        var signs = new OutputSigns(rows.ClassCount);
        foreach ((LabeledRows block, ReadOnlyMemory<int> indices) in rows.Batches(batchSize))
        {
            checkAlive();
            signs.Add(block, indices.Span, engine.Evaluate(block, indices.Span));
        }

        return signs.Decide();
    }

    /// <summary>Accuracy, 0 to 1, and log-loss, in nats, over rows, each by its weight.</summary>
    public (double Accuracy, double LogLoss) Score(RowSelection rows, int[] signs, Action checkAlive)
    {
        double right = 0;
        double loss = 0;
        double total = 0;
        double[] scores = new double[rows.ClassCount];
        foreach ((LabeledRows block, ReadOnlyMemory<int> indices) in rows.Batches(batchSize))
        {
            checkAlive();
            ReadOnlySpan<int> batch = indices.Span;
            TensorMatrix output = engine.Evaluate(block, batch);
            for (int i = 0; i < batch.Length; i++)
            {
                for (int neuron = 0; neuron < scores.Length; neuron++)
                    scores[neuron] =
                        signs[neuron] == 0 ? NetworkState.AbsentClassScore : signs[neuron] * output[neuron][i];
                int label = block.Labels[batch[i]];
                double mass = block.Weights is null ? 1 : block.Weights[batch[i]];
                double largest = scores.Max();
                double sum = 0;
                foreach (double score in scores)
                    sum += Math.Exp(score - largest);
                double probability = Math.Exp(scores[label] - largest) / sum;
                loss -= mass * Math.Log(Math.Max(probability, SmallestProbability));
                if (Array.IndexOf(scores, largest) == label)
                    right += mass;
                total += mass;
            }
        }

        return (right / total, loss / total);
    }

    /// <summary>
    /// Fits the calibration of the scores to rows; to one in so many, where they are more than
    /// <see cref="LearningSettings.MaximumRowsForCalibration"/>.
    /// </summary>
    public ScoreCalibration Calibrate(RowSelection rows, int[] signs, Action checkAlive)
    {
        const int Most = LearningSettings.MaximumRowsForCalibration;
        int stride = (rows.RowCount + Most - 1) / Most;
        var scores = signs.Select(_ => new List<float>()).ToArray();
        var labels = new List<int>();
        var weights = new List<double>();
        int row = 0;
        foreach ((LabeledRows block, ReadOnlyMemory<int> indices) in rows.Batches(batchSize))
        {
            checkAlive();
            ReadOnlySpan<int> batch = indices.Span;
            TensorMatrix output = engine.Evaluate(block, batch);
            for (int i = 0; i < batch.Length; i++, row++)
            {
                if (row % stride != 0)
                    continue;
                for (int neuron = 0; neuron < signs.Length; neuron++)
                    scores[neuron]
                        .Add(signs[neuron] == 0 ? NetworkState.AbsentClassScore : signs[neuron] * output[neuron][i]);
                labels.Add(block.Labels[batch[i]]);
                weights.Add(block.Weights is null ? 1 : block.Weights[batch[i]]);
            }
        }

        return ScoreCalibrator.Fit([.. scores.Select(values => values.ToArray())], [.. labels], [.. weights]);
    }

    /// <summary>All rows, or a random part of them, drawn once, where they are many.</summary>
    public static int[] ChooseRows(RowSource rows, int maximum, ulong seed)
    {
        int[] chosen = Enumerable.Range(0, rows.RowCount).ToArray();
        if (chosen.Length <= maximum)
            return chosen;
        new RandomStream(seed, RandomStreams.TrainingAccuracyRows).Shuffle(chosen);
        Array.Resize(ref chosen, maximum);

        // Streamed rows are so found in one reading.
        Array.Sort(chosen);
        return chosen;
    }
}
