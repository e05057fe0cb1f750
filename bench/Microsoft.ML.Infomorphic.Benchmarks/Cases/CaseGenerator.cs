using System.Globalization;

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

/// <summary>What generated cases are like; each of them takes what it has a use for.</summary>
/// <param name="Rows">Number of training rows; null for the case's own.</param>
/// <param name="Dimensions">Number of features; null for the case's own.</param>
/// <param name="Scale">What features are multiplied by.</param>
/// <param name="Spread">How far centres of classes are apart, in standard deviations of a class.</param>
/// <param name="Skew">Of many classes: by what power of its number a class is rarer than the first; 0 for as many rows each.</param>
/// <param name="Words">Number of words of a text.</param>
/// <param name="Seed">The seed of the data.</param>
internal sealed record CaseShape(
    int? Rows = null,
    int? Dimensions = null,
    double Scale = 1,
    double Spread = 1,
    double Skew = 0,
    int Words = 30,
    int Seed = 1
);

/// <summary>Makes the rows of the generated cases.</summary>
internal static class CaseGenerator
{
    /// <summary>Two classes that overlap, of which one is rare; it differs in the first two features.</summary>
    public static IEnumerable<CaseRow> Imbalanced(CaseShape shape, int rows, int seed, double share)
    {
        var random = new Random(seed);
        int dimensions = shape.Dimensions ?? 4;
        for (int row = 0; row < rows; row++)
        {
            bool isRare = random.NextDouble() < share;
            float[] features = new float[dimensions];
            for (int i = 0; i < dimensions; i++)
                features[i] = (float)(
                    shape.Scale * (Gaussian(random) + (isRare && i < 2 ? shape.Spread * (i == 0 ? 1.5 : 1) : 0))
                );
            yield return new CaseRow { Features = features, Label = isRare ? "rare" : "common" };
        }
    }

    /// <summary>As many Gaussian clouds around random centres as there are classes: first to train, then to test.</summary>
    public static IEnumerable<CaseRow> Clouds(CaseShape shape, int rows, int classes)
    {
        var random = new Random(shape.Seed);
        int dimensions = shape.Dimensions ?? 16;
        double[][] centres =
        [
            .. Enumerable
                .Range(0, classes)
                .Select(_ => Enumerable.Range(0, dimensions).Select(_ => shape.Spread * Gaussian(random)).ToArray()),
        ];
        double[] shares = [.. Enumerable.Range(1, classes).Select(k => Math.Pow(k, -shape.Skew))];
        double total = shares.Sum();
        for (int row = 0; row < rows; row++)
        {
            int label = shape.Skew == 0 ? random.Next(classes) : Draw(random.NextDouble() * total);
            yield return new CaseRow
            {
                Features = [.. centres[label].Select(mean => (float)(shape.Scale * (mean + Gaussian(random))))],
                Label = label.ToString("D4", CultureInfo.InvariantCulture),
            };
        }

        int Draw(double threshold)
        {
            int label = 0;
            for (double sum = shares[0]; sum < threshold && label < classes - 1; sum += shares[label])
                label++;
            return label;
        }
    }

    /// <summary>Texts of three classes; a third of the words says which one, the others are rare.</summary>
    public static IEnumerable<CaseRow> Texts(CaseShape shape, int rows)
    {
        const int Classes = 3;
        var random = new Random(shape.Seed);
        string[] words =
        [
            .. Enumerable.Range(0, 30_000).Select(i => "w" + Convert.ToString(i * 7919L % 1_000_003, 16)),
        ];
        for (int row = 0; row < rows; row++)
        {
            int label = random.Next(Classes);
            yield return new CaseRow
            {
                Label = $"{label}",
                Text = string.Join(
                    ' ',
                    Enumerable
                        .Range(0, shape.Words)
                        .Select(_ =>
                            random.Next(3) == 0 ? $"t{label}{random.Next(50)}" : words[random.Next(words.Length)]
                        )
                ),
            };
        }
    }

    /// <summary>Codes from 0 to 9, many features of which three say a little, and 6 rows of 100 in the rare class.</summary>
    public static IEnumerable<CaseRow> Codes(CaseShape shape, int rows, double share)
    {
        var random = new Random(shape.Seed);
        int dimensions = shape.Dimensions ?? 85;
        for (int row = 0; row < rows; row++)
        {
            bool isRare = random.NextDouble() < share;
            float[] features = new float[dimensions];
            for (int i = 0; i < dimensions; i++)
                features[i] = Math.Min(random.Next(10) + (isRare && i < 3 ? random.Next(5) : 0), 9);
            yield return new CaseRow { Features = features, Label = isRare ? "rare" : "common" };
        }
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
