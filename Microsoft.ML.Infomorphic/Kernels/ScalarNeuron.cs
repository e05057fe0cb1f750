// One neuron's share of a training step (arXiv 2412.02482, algorithm 2): from the aggregated inputs of the batch's rows
// to the goal and its derivative by them, in double precision. Kernels that are fast are translations of this, and are
// tested against it.
//
//   symbol            variable             shape   unit
//   F, C, L           sources[0 … 2]       rows    –             aggregated inputs
//   w_b               mass                 rows    –             weights of the rows
//   θ                 Theta                rows    probability   appendix A.4
//   κ                 Cells                rows    –             bins, appendix A.6
//   G                 Goal.Value           1       bits          section 2
//   ∂G/∂θ             Goal.ByTheta         rows    bits
//   ∂G/∂F … ∂G/∂L     BySource[0 … 2]      rows    bits per unit of the input

using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The specification of one neuron's computation in training, slow and obvious.</summary>
internal sealed class ScalarNeuron
{
    /// <summary>Computes a neuron.</summary>
    /// <param name="goal">The goal.</param>
    /// <param name="activation">Modulated (the sources are F, C and L), bivariate (F and C, or F and L) or feedforward (F and C).</param>
    /// <param name="binning">The binning of every source.</param>
    /// <param name="sources">The aggregated inputs: for each of the goal's sources, one number a row.</param>
    /// <param name="mass">The weight of each row.</param>
    public ScalarNeuron(
        GoalFunction goal,
        Activation activation,
        Binning binning,
        float[][] sources,
        ReadOnlySpan<float> mass
    )
    {
        int rows = mass.Length;

        // Bins are defined in single precision, so that every kernel puts a row into the same cell.
        float[] divisors = [.. sources.Select(values => binning.Adaptive ? Binning.DivisorOf(values) : 1)];
        Cells = new int[rows][];
        for (int b = 0; b < rows; b++)
            Cells[b] = [.. sources.Select((values, source) => binning.IndexOf(values[b], divisors[source]))];

        var fired = new ScalarActivation[rows];
        for (int b = 0; b < rows; b++)
            fired[b] = activation switch
            {
                ModulatedActivation modulated => ScalarActivation.Of(
                    modulated,
                    sources[0][b],
                    sources[1][b],
                    sources[2][b]
                ),
                BivariateActivation bivariate => ScalarActivation.Of(bivariate, sources[0][b], sources[1][b]),
                FeedforwardActivation => ScalarActivation.OfFeedforward(sources[0][b]),
                _ => throw new ArgumentException($"There is no specification of {activation}.", nameof(activation)),
            };
        Theta = [.. fired.Select(row => row.Theta)];
        Complement = [.. fired.Select(row => row.Complement)];

        Goal = new ScalarGoal(goal, Cells, Theta, Complement, mass);

        // Chain rule: ∂G/∂F_b = ∂G/∂θ_b ∂θ_b/∂F_b.
        ByF = [.. fired.Zip(Goal.ByTheta, (row, byTheta) => byTheta * row.ByF)];
        ByC = [.. fired.Zip(Goal.ByTheta, (row, byTheta) => byTheta * row.ByC)];
        ByL = [.. fired.Zip(Goal.ByTheta, (row, byTheta) => byTheta * row.ByL)];
        BySource = [.. new[] { ByF, ByC, ByL }.Take(sources.Length)];
    }

    /// <summary>For each row, the bin of each source.</summary>
    public int[][] Cells { get; }

    /// <summary>θ of each row.</summary>
    public double[] Theta { get; }

    /// <summary>1 − θ of each row.</summary>
    public double[] Complement { get; }

    /// <summary>The goal over the batch and its derivative by each row's θ.</summary>
    public ScalarGoal Goal { get; }

    /// <summary>For each source, ∂G by its aggregated input, of each row.</summary>
    public double[][] BySource { get; }

    /// <summary>∂G/∂F of each row.</summary>
    public double[] ByF { get; }

    /// <summary>∂G/∂C of each row, or ∂G/∂L of a bivariate neuron; zeros where the activation does not see it.</summary>
    public double[] ByC { get; }

    /// <summary>∂G/∂L of each row; zeros where the activation does not see the lateral input.</summary>
    public double[] ByL { get; }
}
