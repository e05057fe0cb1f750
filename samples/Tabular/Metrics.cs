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
/// <param name="AreaUnderCurve">
/// Of two classes, how often a row of the second one has a greater probability of it than a row of the first, 0 to 1; ties count
/// half. Null of more classes, and where one of the two has no row.
/// </param>
internal readonly record struct Metrics(
    double Accuracy,
    double MacroAccuracy,
    double LogLoss,
    double CalibrationError,
    double? AreaUnderCurve = null
)
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
            bins.Sum(bin => Math.Abs(bin.Right - bin.Probability)) / scores.Length,
            scores[0].Length == 2 ? AreaUnder(classes, [.. scores.Select(row => row[1])]) : null
        );
    }

    // By ranks (Mann and Whitney); equal scores share the mean of theirs.
    private static double? AreaUnder(int[] classes, float[] scores)
    {
        double positives = classes.Count(label => label == 1);
        double negatives = classes.Length - positives;
        double ranks = 0;
        int below = 0;
        foreach (
            IGrouping<float, int> equal in classes
                .Zip(scores)
                .GroupBy(row => row.Second, row => row.First)
                .OrderBy(group => group.Key)
        )
        {
            int count = equal.Count();
            ranks += equal.Count(label => label == 1) * (below + (count + 1) / 2.0);
            below += count;
        }
        double area = (ranks - positives * (positives + 1) / 2) / (positives * negatives);
        return double.IsFinite(area) ? area : null;
    }

    /// <summary>The mean of each measure.</summary>
    public static Metrics Mean(IEnumerable<Metrics> metrics)
    {
        Metrics[] all = [.. metrics];
        return new Metrics(
            all.Average(one => one.Accuracy),
            all.Average(one => one.MacroAccuracy),
            all.Average(one => one.LogLoss),
            all.Average(one => one.CalibrationError),
            all.Average(one => one.AreaUnderCurve)
        );
    }
}
