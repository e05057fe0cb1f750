using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

/// <summary>The rows of a batch as a goal sees them: bins, firing probabilities and masses.</summary>
internal sealed class GoalBatch
{
    public required int Bins { get; init; }

    public required int[][] Cells { get; init; }

    public required float[] Theta { get; init; }

    public required float[] Complement { get; init; }

    public required float[] Mass { get; init; }

    public int Rows => Mass.Length;

    /// <summary>
    /// Random rows: bins from a few, so that cells share them, and firing probabilities of all kinds (0, 1, close to
    /// them, anything between).
    /// </summary>
    public static GoalBatch Random(int sources, int bins, int rows, int seed, bool weighted = false)
    {
        var random = new Random(seed);
        int used = Math.Min(bins, 2 + random.Next(bins));
        float[] theta = new float[rows];
        float[] complement = new float[rows];
        for (int b = 0; b < rows; b++)
        {
            theta[b] = random.Next(8) switch
            {
                0 => 0,
                1 => 1,
                2 or 3 => 1e-4f * random.NextSingle(),
                _ => random.NextSingle(),
            };
            complement[b] = 1 - theta[b];
            if (random.Next(2) == 0)
                (theta[b], complement[b]) = (complement[b], theta[b]);
        }

        return new GoalBatch
        {
            Bins = bins,
            Cells =
            [
                .. Enumerable
                    .Range(0, rows)
                    .Select(_ => Enumerable.Range(0, sources).Select(_ => random.Next(used)).ToArray()),
            ],
            Theta = theta,
            Complement = complement,
            Mass = Masses(rows, weighted ? random : null),
        };
    }

    public GoalBatch With(float[]? theta = null, float[]? complement = null, int[][]? cells = null) =>
        new()
        {
            Bins = Bins,
            Cells = cells ?? Cells,
            Theta = theta ?? Theta,
            Complement = complement ?? Complement,
            Mass = Mass,
        };

    public static float[] Masses(int rows, Random? random)
    {
        double[] weights = [.. Enumerable.Range(0, rows).Select(_ => random is null ? 1 : 0.01 + random.NextDouble())];
        double total = weights.Sum();
        return [.. weights.Select(weight => (float)(weight / total))];
    }

    public ScalarGoal Specify(GoalFunction goal) =>
        new(goal, Cells, Array.ConvertAll(Theta, x => (double)x), Array.ConvertAll(Complement, x => (double)x), Mass);

    /// <summary>∂G/∂θ from the vectorised kernel.</summary>
    public float[] Differentiate(VectorizedGoal kernel)
    {
        float[] gradient = new float[Rows];
        Count(kernel);
        kernel.Differentiate(Mass, gradient);
        return gradient;
    }

    public void Count(VectorizedGoal kernel) =>
        kernel.Count(
            [.. Cells.Select(bins => bins.Reverse().Aggregate(0, (cell, bin) => cell * Bins + bin))],
            Theta,
            Complement,
            Mass
        );
}
