using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Two scores of the same classes, and what rows make likeliest of both.</summary>
[TestClass]
public class MixtureTests
{
    private const int Rows = 2_000;
    private const int Classes = 3;

    [TestMethod]
    [DataRow(1.5, 0.0)]
    [DataRow(0.0, 2.0)]
    [DataRow(0.7, 0.8)]
    public void The_factors_that_made_the_labels_are_found(double a, double b)
    {
        (float[][] first, float[][] second) = Scores();

        (double foundA, double foundB) = Mixture.Fit(first, second, Draw(first, second, a, b), Ones());

        Assert.AreEqual(a, foundA, 0.15);
        Assert.AreEqual(b, foundB, 0.15);
    }

    [TestMethod]
    public void A_score_that_is_wrong_is_left_out_and_not_turned_round()
    {
        (float[][] first, float[][] second) = Scores();

        (double network, double line) = Mixture.Fit(first, second, Draw(first, second, 1, -1), Ones());
        (double other, double alone) = Mixture.Fit(first, second, Draw(first, second, -1, 1), Ones());

        Assert.AreEqual(0, line);
        Assert.AreEqual(0, other);
        Assert.IsTrue(network > 0.3 && alone > 0.3, $"{network}, {alone}");
    }

    [TestMethod]
    public void Rows_count_by_their_weights()
    {
        (float[][] first, float[][] second) = Scores();
        int[] labels = Draw(first, second, 0, 2);
        int[] others = Draw(first, second, 2, 0);
        for (int row = Rows / 2; row < Rows; row++)
            labels[row] = others[row];
        double[] weights = [.. Enumerable.Range(0, Rows).Select(row => row < Rows / 2 ? 1 : 1e-6)];

        (double network, double line) = Mixture.Fit(first, second, labels, weights);

        Assert.IsTrue(line > 1.5 && network < 0.3, $"{network}, {line}");
    }

    [TestMethod]
    public void Without_rows_that_say_something_the_first_score_stays()
    {
        float[][] nothing = [.. Enumerable.Range(0, Classes).Select(_ => new float[1])];

        Assert.AreEqual((1.0, 0.0), Mixture.Fit(nothing, nothing, [0], [1]));
    }

    private static double[] Ones() => [.. Enumerable.Repeat(1.0, Rows)];

    private static (float[][], float[][]) Scores()
    {
        var random = new Random(1);
        return (Draw(), Draw());

        float[][] Draw() =>
            [
                .. Enumerable
                    .Range(0, Classes)
                    .Select(_ => Enumerable.Range(0, Rows).Select(_ => (float)Problems.Gaussian(random)).ToArray()),
            ];
    }

    private static int[] Draw(float[][] first, float[][] second, double a, double b)
    {
        var random = new Random(2);
        return
        [
            .. Enumerable
                .Range(0, Rows)
                .Select(row =>
                {
                    // Gumbel's trick draws from the softmax.
                    double[] noisy =
                    [
                        .. Enumerable
                            .Range(0, Classes)
                            .Select(k =>
                                a * first[k][row] + b * second[k][row] - Math.Log(-Math.Log(1 - random.NextDouble()))
                            ),
                    ];
                    return Array.IndexOf(noisy, noisy.Max());
                }),
        ];
    }
}
