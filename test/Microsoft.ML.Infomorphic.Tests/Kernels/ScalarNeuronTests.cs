using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The specification against automatic differentiation through tensors, as the paper describes the computation (sections
// 2 and A.1, A.4, A.6): a dense joint histogram of the bins and the output, its marginals and unions, atoms by recursion
// over the lattice, and the derivative by the aggregated inputs from libtorch. All in double precision: sums of up to
// 16,000 numbers of order 1 leave 10⁻¹² or so; 10⁻⁸ of a neuron's largest derivative is asked for, and no more than
// rounding where that is zero.
[TestClass]
public class ScalarNeuronTests
{
    private const double Precision = 1e-8;

    [TestMethod]
    [DataRow("opt_1_100_tpe", 200, 3.0)]
    [DataRow("opt_1_100_tpe", 64, 12.0)] // θ close to 0 and 1
    [DataRow("opt_2_100_cmaes", 100, 3.0)]
    [DataRow("opt_1_1000", 100, 1.0)]
    [DataRow("opt_1_100_CIFAR", 100, 5.0)]
    [DataRow("naive", 100, 3.0)]
    [DataRow("opt_1_100_modified", 1, 3.0)]
    public void Hidden_neurons_agree_with_automatic_differentiation(string name, int rows, double spread)
    {
        GoalFunction goal = GoalFunction.Parse(name);
        var random = new Random(rows);
        float[][] sources = [Draw(random, rows, spread), Draw(random, rows, 3), Draw(random, rows, spread)];
        float[] mass = GoalBatch.Masses(rows, random);
        var activation = new ModulatedActivation();
        var binning = new Binning();
        var neuron = new ScalarNeuron(goal, activation, binning, sources, mass);

        using var scope = NewDisposeScope();
        Tensor[] inputs = [.. sources.Select(Variable)];
        (Tensor f, Tensor c, Tensor l) = (inputs[0], inputs[1], inputs[2]);
        Tensor a =
            f
            * (
                (1 - activation.Alpha1 - activation.Alpha2)
                + activation.Alpha1 * sigmoid(activation.Beta1 * f * c)
                + activation.Alpha2 * sigmoid(activation.Beta2 * f * l)
            );
        Compare(goal, neuron, inputs, sigmoid(a), Bins(binning, sources), binning.Count, mass);
    }

    [TestMethod]
    [DataRow(200, 1.0, 0.1)]
    [DataRow(100, 20.0, 0.3)] // most outputs clamped
    [DataRow(50, 1.0, 1.0)] // one class alone
    public void Output_neurons_agree_with_automatic_differentiation(int rows, double spread, double own)
    {
        var random = new Random(rows);
        float[] label = [.. Enumerable.Range(0, rows).Select(_ => random.NextDouble() < own ? 1f : 0f)];
        float[][] sources = [Draw(random, rows, spread), label];
        float[] mass = GoalBatch.Masses(rows, random);
        Binning binning = Binning.PaperOutputLayer;
        var neuron = new ScalarNeuron(GoalFunctions.Output, new FeedforwardActivation(), binning, sources, mass);

        using var scope = NewDisposeScope();
        Tensor[] inputs = [.. sources.Select(Variable)];
        Tensor theta = sigmoid(inputs[0]).clamp(1e-6, 1 - 1e-6);
        Compare(GoalFunctions.Output, neuron, inputs, theta, Bins(binning, sources), binning.Count, mass);
    }

    // The derivative by θ against central differences of the goal's value: mass moves between y = ±1 within cells, so
    // that nothing else is to be held. Masses are at least 0.2/30; third derivatives below 10⁶ or so times h² = 10⁻¹²;
    // rounding gives 10⁻¹⁵/h = 10⁻⁹.
    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    public void Derivative_by_theta_agrees_with_central_differences(int sources)
    {
        const double h = 1e-6;
        GoalFunction goal = Goals.Random(sources, sources);
        GoalBatch batch = GoalBatch.Random(sources, 3, 30, seed: sources);
        double[] theta = [.. batch.Theta.Select(x => 0.2 + 0.6 * x)];
        double[] expected = new double[30];
        for (int b = 0; b < 30; b++)
            expected[b] = (Value(b, h) - Value(b, -h)) / (2 * h);
        double[] actual = Evaluate(theta).ByTheta;
        for (int b = 0; b < 30; b++)
            Assert.AreEqual(expected[b], actual[b], 2e-7);

        double Value(int row, double step)
        {
            double[] moved = [.. theta];
            moved[row] += step;
            return Evaluate(moved).Value;
        }

        ScalarGoal Evaluate(double[] theta) => new(goal, batch.Cells, theta, [.. theta.Select(x => 1 - x)], batch.Mass);
    }

    // A copy: F and y agree in two of two rows, L does not matter. I(Y:F) = 1 bit, in {F}{C} where C is a copy, too.
    [TestMethod]
    public void Atoms_of_a_copy_are_the_ones_worked_by_hand()
    {
        float[] f = [-15, 15, -15, 15];
        float[] c = [-15, 15, -15, 15];
        float[] l = [-15, -15, 15, 15];
        var neuron = new ScalarNeuron(
            GoalFunctions.Heuristic,
            new ModulatedActivation(0, 0, 0, 0),
            new Binning(),
            [f, c, l],
            [0.25f, 0.25f, 0.25f, 0.25f]
        );
        PartialInformationDecomposition atoms = neuron.Goal.Decompose();
        // θ is 3·10⁻⁷ from 0 and 1: H(θ) = 7·10⁻⁶ bits are missing.
        Assert.AreEqual(1, atoms.MutualInformation, 1e-5);
        Assert.AreEqual(1, atoms["{F}{C}"] + atoms["{F}{C}{L}"], 1e-5);
        Assert.AreEqual(1, atoms.TargetEntropy, 1e-12);
        Assert.AreEqual(0, neuron.ByC.Sum(Math.Abs)); // α₁ = 0
    }

    [TestMethod]
    public void Rows_without_mass_change_nothing()
    {
        var random = new Random(1);
        float[][] sources = [Draw(random, 20, 3), Draw(random, 20, 3), Draw(random, 20, 3)];
        float[] mass = [.. Enumerable.Repeat(1f, 15), .. new float[5]];
        ScalarNeuron Neuron(int rows) =>
            new(
                GoalFunctions.OptimizedTpe1,
                new ModulatedActivation(),
                new Binning(),
                [.. sources.Select(x => x[..rows])],
                mass.AsSpan(0, rows)
            );
        ScalarNeuron with = Neuron(20);
        ScalarNeuron without = Neuron(15);
        Assert.AreEqual(without.Goal.Value, with.Goal.Value, 1e-12);
        CollectionAssert.AreEqual(new double[5], with.ByF[15..]);
        for (int b = 0; b < 15; b++)
            Assert.AreEqual(without.ByF[b], with.ByF[b], 1e-14);
    }

    private static void Compare(
        GoalFunction goal,
        ScalarNeuron neuron,
        Tensor[] inputs,
        Tensor theta,
        long[][] bins,
        int count,
        float[] mass
    )
    {
        Tensor value = DenseGoal(goal, theta, bins, count, mass);
        Assert.AreEqual(value.item<double>(), neuron.Goal.Value, Precision);
        value.backward();
        double[][] actual = [neuron.ByF, neuron.ByC, neuron.ByL];
        double allowed = Precision * neuron.ByF.Max(Math.Abs) + 1e-15;
        for (int source = 0; source < inputs.Length; source++)
        {
            double[] expected = inputs[source].grad is Tensor gradient
                ? gradient.data<double>().ToArray()
                : new double[mass.Length];
            for (int b = 0; b < mass.Length; b++)
                Assert.AreEqual(expected[b], actual[source][b], allowed, $"source {source}, row {b}");
        }
    }

    // G = Σ_α γ_α Π_α + γ_res H_res, differentiable by θ.
    private static Tensor DenseGoal(GoalFunction goal, Tensor theta, long[][] bins, int count, float[] mass)
    {
        int n = bins.Length;
        Tensor weights = tensor(Array.ConvertAll(mass, x => (double)x), float64);
        weights /= weights.sum();

        // The joint histogram: axis 0 is the output (y = −1, y = 1), one axis follows for each source.
        long cells = (long)Math.Pow(count, n);
        Tensor cell = zeros(mass.Length, int64);
        foreach (long[] source in bins)
            cell = cell * count + tensor(source);
        Tensor Histogram(Tensor rows) => zeros(cells, float64).scatter_add(0, cell, rows);
        Tensor joint = stack([Histogram(weights * (1 - theta)), Histogram(weights * theta)])
            .reshape([2, .. Enumerable.Repeat((long)count, n)]);

        Tensor ofOutput = joint.sum([.. Enumerable.Range(1, n).Select(axis => (long)axis)], keepdim: true);
        Antichain[] antichains = [.. goal.Lattice.Antichains];
        Tensor[] redundancies =
        [
            .. antichains.Select(antichain =>
            {
                // P(union of the events "the sources in a have these values", y), by inclusion and exclusion over
                // the members a.
                Tensor union = zeros_like(joint);
                for (int chosen = 1; chosen < 1 << antichain.Subsets.Count; chosen++)
                {
                    int fixedSources = 0;
                    for (int member = 0; member < antichain.Subsets.Count; member++)
                        if ((chosen >> member & 1) != 0)
                            fixedSources |= antichain.Subsets[member];
                    long[] summed =
                    [
                        .. Enumerable.Range(0, n).Where(i => (fixedSources >> i & 1) == 0).Select(i => i + 1L),
                    ];
                    Tensor marginal = summed.Length == 0 ? joint : joint.sum(summed, keepdim: true);
                    union = int.IsOddInteger(int.PopCount(chosen)) ? union + marginal : union - marginal;
                }

                // Σ p(cell, y) log2 P(y | union) / P(y); the union without y has no derivative. A ratio below 10⁻⁷
                // counts as 1.
                Tensor expected = union.sum(0, keepdim: true).detach() * ofOutput;
                Tensor counts = (expected > 0) & (union >= 1e-7 * expected);
                Tensor ratio = where(counts, union, ones_like(union)) / where(counts, expected, ones_like(union));
                return (joint * ratio.log2()).sum();
            }),
        ];

        // I_α = Σ_{β ⪯ α} Π_β, solved from the least antichain up.
        var atoms = new Tensor[antichains.Length];
        foreach (
            int alpha in Enumerable
                .Range(0, atoms.Length)
                .OrderBy(a => antichains.Count(b => b.Precedes(antichains[a])))
        )
        {
            atoms[alpha] = redundancies[alpha];
            for (int beta = 0; beta < atoms.Length; beta++)
                if (beta != alpha && antichains[beta].Precedes(antichains[alpha]))
                    atoms[alpha] = atoms[alpha] - atoms[beta];
        }

        Tensor entropy = -(ofOutput * ofOutput.log2()).sum();
        int all = Array.IndexOf(antichains, new Antichain((1 << n) - 1));
        Tensor value = goal.ResidualWeight * (entropy - redundancies[all]);
        for (int alpha = 0; alpha < atoms.Length; alpha++)
            value = value + goal[antichains[alpha]] * atoms[alpha];
        return value;
    }

    private static Tensor Variable(float[] values) =>
        tensor(Array.ConvertAll(values, x => (double)x), float64).requires_grad_(true);

    private static long[][] Bins(Binning binning, float[][] sources) =>
        [
            .. sources.Select(values =>
            {
                float divisor = binning.Adaptive ? Binning.DivisorOf(values) : 1;
                return values.Select(x => (long)binning.IndexOf(x, divisor)).ToArray();
            }),
        ];

    private static float[] Draw(Random random, int rows, double spread) =>
        [.. Enumerable.Range(0, rows).Select(_ => (float)(spread * (2 * random.NextDouble() - 1)))];
}
