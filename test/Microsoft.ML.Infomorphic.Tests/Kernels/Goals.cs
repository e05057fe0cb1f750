using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

internal static class Goals
{
    public static GoalFunction[] PublishedTrivariate { get; } =
    [.. GoalFunctions.All.Where(preset => preset.SourceCount == 3).Select(preset => preset.Goal)];

    public static GoalFunction[] PublishedBivariate { get; } =
    [.. GoalFunctions.All.Where(preset => preset.SourceCount == 2).Select(preset => preset.Goal)];

    /// <summary>A goal with weights uniform in ±1.</summary>
    public static GoalFunction Random(int sources, int seed)
    {
        var random = new Random(seed);
        int weights = RedundancyLattice.ForSources(sources).Antichains.Count + 1;
        return GoalFunction.FromGamma(
            "1234"[..sources],
            [.. Enumerable.Range(0, weights).Select(_ => 2 * random.NextDouble() - 1)]
        );
    }
}
