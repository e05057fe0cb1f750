// The goal of one neuron over the rows of a batch, in double precision (arXiv 2412.02482, section 2 and appendices A.1
// and A.6). The specification of VectorizedGoal. What the goal is stands in the Information room; here rows become the
// joint distribution that it is evaluated on, and its derivative comes back to the rows.
//
//   symbol     variable        shape   unit
//   θ_b        theta           rows    probability   P(y = 1) in row b
//   w_b        mass            rows    –             weight of row b, normalised here: Σ_b w_b = 1
//   κ(b)       cells           rows    –             bins of the row's aggregated inputs
//   p(κ, y)    Distribution    cells   probability
//   G          Value           1       bits
//   D(κ)                       cells   bits          ∂G/∂p(κ, 1) − ∂G/∂p(κ, −1)
//   ∂G/∂θ_b    ByTheta         rows    bits
//
// [p]   p(κ, 1) = Σ_{b: κ(b) = κ} w_b θ_b,   p(κ, −1) = Σ_{b: κ(b) = κ} w_b (1 − θ_b)
// [∂θ]  ∂G/∂θ_b = w_b D(κ(b)), because θ_b moves mass between y = ±1 inside the cell of its row; cells have no derivative

using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The goal of one neuron over the rows of a batch, and its derivative by each row's θ, slow and obvious.</summary>
internal sealed class ScalarGoal
{
    private readonly GoalFunction _goal;

    /// <summary>Evaluates a goal.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="cells">For each row, the bin of each of the goal's sources.</param>
    /// <param name="theta">θ of each row.</param>
    /// <param name="complement">1 − θ of each row.</param>
    /// <param name="mass">The weight of each row; only ratios matter.</param>
    public ScalarGoal(
        GoalFunction goal,
        IReadOnlyList<int[]> cells,
        ReadOnlySpan<double> theta,
        ReadOnlySpan<double> complement,
        ReadOnlySpan<float> mass
    )
    {
        _goal = goal;
        double total = 0;
        foreach (float weight in mass)
            total += weight;

        var samples = new List<(int[] Sources, int Target, double Weight)>();
        for (int b = 0; b < cells.Count; b++)
        {
            samples.Add((cells[b], 1, mass[b] * theta[b])); // [p]
            samples.Add((cells[b], -1, mass[b] * complement[b]));
        }

        Distribution = JointDistribution.FromSamples(samples);
        Value = goal.Evaluate(Distribution);

        double[] D = goal.Gradient(Distribution);
        var slopes = new Dictionary<string, double>();
        for (int cell = 0; cell < D.Length; cell++)
            slopes.Add(string.Join(',', Distribution.Cells[cell]), D[cell]);
        ByTheta = new double[cells.Count];
        for (int b = 0; b < cells.Count; b++)
            ByTheta[b] = mass[b] / total * slopes.GetValueOrDefault(string.Join(',', cells[b])); // [∂θ]; 0 where the mass is 0
    }

    /// <summary>The joint distribution of the sources' bins and the output, ±1.</summary>
    public JointDistribution Distribution { get; }

    /// <summary>G, in bits.</summary>
    public double Value { get; }

    /// <summary>∂G/∂θ of each row, in bits.</summary>
    public double[] ByTheta { get; }

    /// <summary>The information atoms, redundancies and entropies, in bits.</summary>
    public PartialInformationDecomposition Decompose() => new(Distribution, _goal.Sources);
}
