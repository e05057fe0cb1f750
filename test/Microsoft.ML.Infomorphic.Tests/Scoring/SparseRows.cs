namespace Microsoft.ML.Infomorphic.Tests.Scoring;

/// <summary>Rows of which some features are zero.</summary>
internal static class SparseRows
{
    /// <summary>Draws rows, the same for the same arguments.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="features">Number of features.</param>
    /// <param name="density">The share of features that are not zero.</param>
    public static float[][] Draw(int count, int features, double density)
    {
        var random = new Random(count);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(_ =>
                    Enumerable
                        .Range(0, features)
                        .Select(_ => random.NextDouble() < density ? 4 * random.NextSingle() - 2 : 0)
                        .ToArray()
                ),
        ];
    }
}
