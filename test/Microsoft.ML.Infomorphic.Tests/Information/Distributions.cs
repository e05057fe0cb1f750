using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tests.Information;

/// <summary>Joint distributions to test with.</summary>
internal static class Distributions
{
    /// <summary>A function of uniform, independent bits, one for each source.</summary>
    public static JointDistribution OfBits(int sources, Func<int[], int> target) =>
        JointDistribution.FromProbabilities(
            from bits in Enumerable.Range(0, 1 << sources)
            let values = Enumerable.Range(0, sources).Select(source => (bits >> source) & 1).ToArray()
            select (values, target(values), 1.0 / (1 << sources))
        );

    /// <summary>Random probabilities of sources with three values and a target with the values −1 and 1.</summary>
    public static JointDistribution Draw(int sources, int outcomes, int seed)
    {
        var random = new Random(seed);
        return JointDistribution.FromSamples(
            Enumerable
                .Range(0, outcomes)
                .SelectMany(_ =>
                {
                    int[] values = [.. Enumerable.Range(0, sources).Select(_ => random.Next(3))];
                    return new[] { (values, -1, random.NextDouble()), (values, 1, random.NextDouble()) };
                })
        );
    }
}
