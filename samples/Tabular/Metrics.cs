using Microsoft.ML;
using Microsoft.ML.Data;

namespace Tabular;

/// <summary>How well the classes of some rows were predicted.</summary>
/// <param name="Accuracy">Share of rows predicted rightly, 0 to 1.</param>
/// <param name="MacroAccuracy">The same for each class by itself, and then the mean over the classes.</param>
/// <param name="LogLoss">Mean −ln p(true class), in nats.</param>
/// <param name="CalibrationError">
/// Expected calibration error in 15 bins: how far the probabilities of the predicted classes are from how often these are
/// right, 0 to 1.
/// </param>
internal readonly record struct Metrics(double Accuracy, double MacroAccuracy, double LogLoss, double CalibrationError)
{
    private const int Bins = 15;
    private const double SmallestProbability = 1e-15; // ML.NET's own

    /// <summary>Measures what a model says of rows that have a label (a key) and scores (a probability for each class).</summary>
    public static Metrics Of(IDataView scored)
    {
        int[] classes = [.. scored.GetColumn<uint>("Label").Select(key => (int)key - 1)];
        float[][] scores = [.. scored.GetColumn<float[]>("Score")];
        int[] predicted = [.. scores.Select(row => Array.IndexOf(row, row.Max()))];
        double[] right = [.. predicted.Zip(classes, (guess, truth) => guess == truth ? 1.0 : 0.0)];

        var bins = new (double Right, double Probability)[Bins];
        for (int row = 0; row < scores.Length; row++)
        {
            double probability = scores[row].Max();
            ref (double Right, double Probability) bin = ref bins[
                Math.Clamp((int)Math.Ceiling(probability * Bins) - 1, 0, Bins - 1)
            ];
            bin.Right += right[row];
            bin.Probability += probability;
        }
        return new Metrics(
            right.Average(),
            Enumerable
                .Range(0, classes.Length)
                .GroupBy(row => classes[row], row => right[row])
                .Average(g => g.Average()),
            scores.Zip(classes, (row, truth) => -Math.Log(Math.Max(row[truth], SmallestProbability))).Average(),
            bins.Sum(bin => Math.Abs(bin.Right - bin.Probability)) / scores.Length
        );
    }

    /// <summary>The mean of each measure.</summary>
    public static Metrics Mean(IEnumerable<Metrics> metrics)
    {
        Metrics[] all = [.. metrics];
        return new Metrics(
            all.Average(one => one.Accuracy),
            all.Average(one => one.MacroAccuracy),
            all.Average(one => one.LogLoss),
            all.Average(one => one.CalibrationError)
        );
    }
}
