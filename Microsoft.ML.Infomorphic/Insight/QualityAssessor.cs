// T. Fawcett, "An introduction to ROC analysis" (2006), algorithms 1 and 2: thresholds from the largest score down, rows of one
// score together, trapezoids under the curve.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>Finds out how good scores are.</summary>
internal static class QualityAssessor
{
    private const int Bins = 10;

    // Points of a curve that are kept; the area is that of all.
    private const int PointsOfCurve = 256;

    /// <summary>Assesses the scores of rows.</summary>
    /// <param name="rows">The labels, and the weights.</param>
    /// <param name="places">Where rows are in the data.</param>
    /// <param name="scores">Rows × classes: probabilities; rows with NaN are left out.</param>
    /// <param name="classNames">The names of the classes.</param>
    /// <exception cref="InvalidOperationException">No row has scores.</exception>
    public static ModelQuality Assess(LabeledRows rows, long[] places, float[] scores, string[] classNames)
    {
        int classes = classNames.Length;
        int[] scored = [.. Enumerable.Range(0, rows.RowCount).Where(row => !float.IsNaN(scores[row * classes]))];
        if (scored.Length == 0)
            throw new InvalidOperationException("No row has scores: features that are not finite have none.");
        double[] ofClass = new double[classes];
        double[][] confusion = [.. ofClass.Select(_ => new double[classes])];
        double loss = 0;
        foreach (int row in scored)
        {
            ofClass[rows.Labels[row]] += Weight(row);
            confusion[rows.Labels[row]][Predicted(row)] += Weight(row);
            loss -= Weight(row) * Math.Log(Math.Max(Score(row, rows.Labels[row]), float.Epsilon));
        }

        double all = ofClass.Sum();
        double[] shares = [.. ofClass.Where(weight => weight > 0).Select(weight => weight / all)];
        int[] present = [.. Enumerable.Range(0, classes).Where(k => ofClass[k] > 0)];
        (CalibrationBin[] curve, double error) = Calibration();
        return new ModelQuality(
            scored.Length,
            classNames,
            ofClass,
            Enumerable.Range(0, classes).Sum(k => confusion[k][k]) / all,
            present.Average(k => confusion[k][k] / ofClass[k]),
            loss / all,
            -shares.Sum(share => share * Math.Log(share)),
            confusion,
            [.. (classes == 2 ? [1] : Enumerable.Range(0, classes)).Select(Roc)],
            curve,
            error,
            [.. Examples().Distinct()]
        );

        double Weight(int row) => rows.Weights?[row] ?? 1;

        double Score(int row, int k) => scores[row * classes + k];

        int Predicted(int row) => TensorPrimitives.IndexOfMax<float>(scores.AsSpan(row * classes, classes));

        RocCurve Roc(int k)
        {
            int[] order = [.. scored.OrderByDescending(row => Score(row, k))];
            double others = all - ofClass[k];
            var x = new List<double> { 0 };
            var y = new List<double> { 0 };
            double area = 0;
            (double positive, double negative) = (0, 0);
            for (int i = 0; i < order.Length; )
            {
                double score = Score(order[i], k);
                (double right, double wrong) = (0, 0);
                for (; i < order.Length && Score(order[i], k).Equals(score); i++)
                    if (rows.Labels[order[i]] == k)
                        right += Weight(order[i]);
                    else
                        wrong += Weight(order[i]);
                area += wrong * (positive + right / 2);
                positive += right;
                negative += wrong;
                x.Add(negative / others);
                y.Add(positive / ofClass[k]);
            }

            int step = Math.Max((x.Count + PointsOfCurve - 1) / PointsOfCurve, 1);
            int[] kept = [.. Enumerable.Range(0, x.Count).Where(i => i % step == 0 || i == x.Count - 1)];
            return new RocCurve(
                k,
                area / (ofClass[k] * others),
                [.. kept.Select(i => x[i])],
                [.. kept.Select(i => y[i])]
            );
        }

        (CalibrationBin[] Curve, double Error) Calibration()
        {
            var bins = new (double Weight, double Probability, double Hits)[Bins];
            foreach (int row in scored)
            {
                int k = classes == 2 ? 1 : Predicted(row);
                double p = Score(row, k);
                ref var bin = ref bins[Math.Min((int)(p * Bins), Bins - 1)];
                bin.Weight += Weight(row);
                bin.Probability += Weight(row) * p;
                bin.Hits += rows.Labels[row] == k ? Weight(row) : 0;
            }

            return (
                [
                    .. bins.Where(bin => bin.Weight > 0)
                        .Select(bin => new CalibrationBin(
                            bin.Probability / bin.Weight,
                            bin.Hits / bin.Weight,
                            bin.Weight
                        )),
                ],
                bins.Sum(bin => Math.Abs(bin.Probability - bin.Hits)) / all
            );
        }

        IEnumerable<ScoredExample> Examples()
        {
            ScoredExample[] examples =
            [
                .. scored.Select(row => new ScoredExample(
                    places[row],
                    rows.Labels[row],
                    Predicted(row),
                    Score(row, Predicted(row))
                )),
            ];
            foreach (bool isRight in new[] { true, false })
                if (examples.Where(of => of.Label == of.Predicted == isRight).MaxBy(of => of.Probability) is { } surest)
                    yield return surest;
            yield return examples.MinBy(of => of.Probability)!;
        }
    }
}
