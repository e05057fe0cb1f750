using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>Judges a network in training, with the label withheld and hidden neurons at their mean output.</summary>
internal sealed class Evaluation(TrainingEngine engine, int batchSize)
{
    private const double SmallestProbability = 1e-15;

    /// <summary>Finds the signs of the output neurons on rows.</summary>
    public int[] DecideSigns(LabeledRows rows, int[] chosen, Action checkAlive)
    {
        var signs = new OutputSigns(rows.ClassCount);
        foreach (int[] batch in chosen.Chunk(batchSize))
        {
            checkAlive();
            signs.Add(rows, batch, engine.Evaluate(rows, batch));
        }

        return signs.Decide();
    }

    /// <summary>Accuracy, 0 to 1, and log-loss, in nats, over rows, each by its weight.</summary>
    public (double Accuracy, double LogLoss) Score(LabeledRows rows, int[] chosen, int[] signs, Action checkAlive)
    {
        double right = 0;
        double loss = 0;
        double total = 0;
        double[] scores = new double[rows.ClassCount];
        foreach (int[] batch in chosen.Chunk(batchSize))
        {
            checkAlive();
            TensorMatrix output = engine.Evaluate(rows, batch);
            for (int i = 0; i < batch.Length; i++)
            {
                for (int neuron = 0; neuron < scores.Length; neuron++)
                    scores[neuron] =
                        signs[neuron] == 0 ? NetworkState.AbsentClassScore : signs[neuron] * output[neuron][i];
                int label = rows.Labels[batch[i]];
                double mass = rows.Weights is null ? 1 : rows.Weights[batch[i]];
                double largest = scores.Max();
                double sum = scores.Sum(score => Math.Exp(score - largest));
                double probability = Math.Exp(scores[label] - largest) / sum;
                loss -= mass * Math.Log(Math.Max(probability, SmallestProbability));
                if (Array.IndexOf(scores, largest) == label)
                    right += mass;
                total += mass;
            }
        }

        return (right / total, loss / total);
    }

    /// <summary>Fits the calibration of the scores to rows.</summary>
    public ScoreCalibration Calibrate(LabeledRows rows, int[] chosen, int[] signs, Action checkAlive)
    {
        float[][] scores = [.. signs.Select(_ => new float[chosen.Length])];
        int start = 0;
        foreach (int[] batch in chosen.Chunk(batchSize))
        {
            checkAlive();
            TensorMatrix output = engine.Evaluate(rows, batch);
            for (int neuron = 0; neuron < signs.Length; neuron++)
            {
                Span<float> values = scores[neuron].AsSpan(start, batch.Length);
                if (signs[neuron] == 0)
                    values.Fill(NetworkState.AbsentClassScore);
                else
                    TensorPrimitives.Multiply(output[neuron], signs[neuron], values);
            }

            start += batch.Length;
        }

        return ScoreCalibrator.Fit(
            scores,
            [.. chosen.Select(row => rows.Labels[row])],
            [.. chosen.Select(row => rows.Weights is null ? 1.0 : rows.Weights[row])]
        );
    }

    /// <summary>All rows, or a random part of them, drawn once, where they are many.</summary>
    public static int[] ChooseRows(LabeledRows rows, int maximum, ulong seed)
    {
        int[] chosen = Enumerable.Range(0, rows.RowCount).ToArray();
        if (chosen.Length <= maximum)
            return chosen;
        new RandomStream(seed, RandomStreams.TrainingAccuracyRows).Shuffle(chosen);
        Array.Resize(ref chosen, maximum);
        return chosen;
    }
}
