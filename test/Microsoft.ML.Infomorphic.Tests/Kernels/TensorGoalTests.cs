using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Rounding is that of VectorizedGoalTests: single precision, measured against Σ_β |c′_β|.
[TestClass]
[DoNotParallelize] // TorchSharp lets go of a number's memory while libtorch reads it if a collection comes in between, which other tests cause.
public class TensorGoalTests
{
    private const double Precision = 4e-6;

    [TestInitialize]
    public void Load() => TorchRuntime.EnsureLoaded();

    [TestMethod]
    public void Published_goals_agree_with_the_specification()
    {
        int seed = 0;
        foreach (GoalFunction goal in Goals.PublishedTrivariate.Concat(Goals.PublishedBivariate))
        {
            seed++;
            AssertAgrees(goal, 20, [.. Batches(goal, 20, rows: 100 + seed, seed)]);
        }
    }

    [TestMethod]
    [DataRow(1, 64)]
    [DataRow(2, 64)]
    [DataRow(2, 2)]
    [DataRow(3, 7)]
    [DataRow(3, 64)]
    [DataRow(4, 2)]
    [DataRow(4, 6)]
    [DataRow(4, 20)]
    public void Random_goals_agree_with_the_specification(int sources, int bins)
    {
        GoalFunction goal = Goals.Random(sources, seed: bins);
        foreach (int rows in new[] { 1, 2, 15, 16, 17, 31, 100 })
            AssertAgrees(goal, bins, [.. Batches(goal, bins, rows, seed: rows)]);
    }

    [TestMethod]
    public void A_whole_batch_agrees_with_the_specification() =>
        AssertAgrees(GoalFunctions.OptimizedTpe1, 20, [GoalBatch.Random(3, 20, 1024, seed: 1)]);

    [TestMethod]
    public void One_occupied_cell_agrees_with_the_specification()
    {
        foreach (GoalFunction goal in Goals.PublishedTrivariate)
        foreach (int rows in new[] { 1, 5, 33 })
        {
            GoalBatch batch = GoalBatch.Random(3, 20, rows, seed: 7);
            AssertAgrees(goal, 20, [batch.With(cells: [.. batch.Cells.Select(_ => new[] { 19, 0, 7 })])]);
        }
    }

    [TestMethod]
    public void All_cells_different_agrees_with_the_specification()
    {
        GoalBatch batch = GoalBatch.Random(3, 64, 64, seed: 8);
        batch = batch.With(cells: [.. Enumerable.Range(0, 64).Select(b => new[] { b, 63 - b, (b + 17) % 64 })]);
        AssertAgrees(GoalFunctions.OptimizedTpe1, 64, [batch]);
    }

    [TestMethod]
    [DataRow(1f)]
    [DataRow(0f)]
    public void Neurons_with_one_output_alone_agree_with_the_specification(float theta)
    {
        foreach (GoalFunction goal in Goals.PublishedTrivariate)
        foreach (int rows in new[] { 1, 50 })
        {
            GoalBatch batch = GoalBatch.Random(3, 20, rows, seed: rows);
            AssertAgrees(
                goal,
                20,
                [
                    batch.With(
                        theta: [.. batch.Theta.Select(_ => theta)],
                        complement: [.. batch.Theta.Select(_ => 1 - theta)]
                    ),
                ]
            );
        }
    }

    [TestMethod]
    public void Tiny_firing_probabilities_give_finite_derivatives()
    {
        foreach (float theta in new[] { 1.2e-38f, 1e-30f, 1e-20f, 1e-19f, 1e-18f, 1e-17f, 1e-12f, 1e-7f, 1e-5f })
        foreach (bool inverted in new[] { false, true })
        {
            GoalBatch batch = GoalBatch.Random(3, 20, 77, seed: 3);
            float[] small = [.. batch.Theta.Select(x => theta * (0.1f + x))];
            float[] ones = [.. batch.Theta.Select(_ => 1f)];
            batch = inverted ? batch.With(theta: ones, complement: small) : batch.With(theta: small, complement: ones);
            foreach (GoalFunction goal in Goals.PublishedTrivariate)
                Assert.IsTrue(Differentiate(goal, 20, [batch])[0].All(float.IsFinite), $"{theta} {goal}");
        }
    }

    // A row so light that its mass is no multiple of 2⁻⁶⁰ counts for nothing.
    [TestMethod]
    public void Rows_of_no_mass_have_no_gradient()
    {
        GoalBatch batch = GoalBatch.Random(3, 20, 40, seed: 3);
        batch.Mass[0] = 1e-25f;
        float[] gradient = Differentiate(GoalFunctions.OptimizedTpe1, 20, [batch])[0];
        Assert.AreEqual(0, gradient[0], 1e-20f);
        Assert.IsTrue(gradient.All(float.IsFinite));
    }

    [TestMethod]
    public void Goals_of_nothing_have_no_gradient()
    {
        GoalFunction nothing = GoalFunction.FromGamma("FCL", new double[19]);
        float[] gradient = Differentiate(nothing, 20, [GoalBatch.Random(3, 20, 50, seed: 1)])[0];
        Assert.IsTrue(gradient.All(slope => slope == 0));
    }

    // Layers of goals over two and over three sources go through one computation, and come to what each comes to alone.
    [TestMethod]
    public void Neurons_of_different_goals_together_agree_with_the_specification()
    {
        GoalFunction three = GoalFunctions.OptimizedTpe1;
        GoalFunction two = GoalFunctions.Output;
        GoalBatch[] ofThree = [.. Batches(three, 20, rows: 77, seed: 5)];
        GoalBatch[] ofTwo =
        [
            .. Batches(two, 20, rows: 77, seed: 6)
                .Select(batch => ofThree[0].With(batch.Theta, batch.Complement, batch.Cells)),
        ];
        double[] redundancies = [];
        float[][] actual = Differentiate(
            [(three, ofThree), (two, ofTwo)],
            20,
            (measured, _) => redundancies = [.. redundancies, .. measured]
        );

        AssertSlopes(three, ofThree, actual[..3]);
        AssertSlopes(two, ofTwo, actual[3..]);
        double[] expected =
        [
            .. ofThree.SelectMany(batch => batch.Specify(three).Decompose().Redundancies),
            .. ofTwo.SelectMany(batch => batch.Specify(two).Decompose().Redundancies),
        ];
        Assert.HasCount(expected.Length, redundancies);
        for (int i = 0; i < expected.Length; i++)
            Assert.AreEqual(expected[i], redundancies[i], 2e-6);
    }

    // Bins as Binning.IndexOf has them: on the edges and a rounding to either side of them, beyond the range, at
    // infinity, and where a value is not a number.
    [TestMethod]
    [DataRow(20, 20.0, false)]
    [DataRow(7, 0.3, false)]
    [DataRow(20, 1.0, true)]
    public void Values_fall_into_the_bins_of_the_specification(int count, double range, bool adaptive)
    {
        var binning = new Binning(count, range, adaptive);
        float[] edges = [.. Enumerable.Range(0, count + 1).Select(i => (float)((i - count / 2.0) * 2 * range / count))];
        float[] values =
        [
            .. edges,
            .. edges.Select(MathF.BitIncrement),
            .. edges.Select(MathF.BitDecrement),
            (float)(3 * range),
            -(float)(3 * range),
        ];
        if (!adaptive)
            values = [.. values, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.MaxValue];
        int rows = values.Length;
        float divisor = adaptive ? Binning.DivisorOf(values) : 1;
        using var scope = torch.NewDisposeScope();
        using var goal = new TensorGoal(
            [new TensorGoal.Block(new GoalTerms(GoalFunctions.Output), binning, 1)],
            rows,
            torch.CPU
        );
        torch.Tensor sources = torch.tensor(values, [1, 1, rows]).repeat(2, 1, 1);
        goal.Scale(sources);
        TensorGoal.Batch batch = goal.Count(
            sources,
            torch.full(1, 2, rows, 0.5f),
            torch.full(rows, (float)(TensorGoal.WholeMass / rows))
        );
        long[] bins = [.. batch.Cells[0, 1].contiguous().data<long>()];
        for (int i = 0; i < rows; i++)
            Assert.AreEqual(binning.IndexOf(values[i], divisor), bins[i], $"{values[i]:R}");
    }

    private static IEnumerable<GoalBatch> Batches(GoalFunction goal, int bins, int rows, int seed)
    {
        // Neurons of a layer share the masses of the rows.
        GoalBatch first = GoalBatch.Random(goal.Sources.Length, bins, rows, seed, weighted: true);
        yield return first;
        for (int i = 1; i < 3; i++)
        {
            GoalBatch other = GoalBatch.Random(goal.Sources.Length, bins, rows, seed + 1000 * i);
            yield return first.With(other.Theta, other.Complement, other.Cells);
        }
    }

    private static float[][] Differentiate(
        GoalFunction goal,
        int bins,
        GoalBatch[] neurons,
        Action<double[], double[]>? measured = null
    ) => Differentiate([(goal, neurons)], bins, measured);

    private static float[][] Differentiate(
        (GoalFunction Goal, GoalBatch[] Neurons)[] blocks,
        int bins,
        Action<double[], double[]>? measured = null
    )
    {
        using var scope = torch.NewDisposeScope();
        GoalBatch[] neurons = [.. blocks.SelectMany(block => block.Neurons)];
        int rows = neurons[0].Rows;
        var binning = new Binning(bins, bins / 2.0);
        using var kernel = new TensorGoal(
            blocks.Select(block => new TensorGoal.Block(new GoalTerms(block.Goal), binning, block.Neurons.Length)),
            rows,
            torch.CPU
        );

        // Bins of width 1: the middle of bin i is at i + ½ − n/2. Sources that a goal does not have hold anything.
        int sources = kernel.Sources;
        float[] values =
        [
            .. Enumerable
                .Range(0, sources)
                .SelectMany(source =>
                    neurons.SelectMany(neuron =>
                        neuron.Cells.Select(
                            (cell, row) => (source < cell.Length ? cell[source] : row % bins) + 0.5f - bins / 2f
                        )
                    )
                ),
        ];
        torch.Tensor masses = torch.tensor(neurons[0].Mass).mul_(TensorGoal.WholeMass);
        torch.Tensor thetas = torch.stack(
            [
                torch.tensor(neurons.SelectMany(neuron => neuron.Theta).ToArray(), [neurons.Length, rows]),
                torch.tensor(neurons.SelectMany(neuron => neuron.Complement).ToArray(), [neurons.Length, rows]),
            ],
            1
        );
        torch.Tensor scaled = torch.tensor(values, [sources, neurons.Length, rows]);
        kernel.Scale(scaled);
        TensorGoal.Batch batch = kernel.Count(scaled, thetas, masses);
        if (measured is not null)
        {
            long start = 0;
            for (int block = 0; block < blocks.Length; block++)
            {
                long count = blocks[block].Neurons.Length;
                (torch.Tensor redundancies, torch.Tensor entropies) = kernel.Measure(batch, block, start, count);
                measured([.. redundancies.contiguous().data<double>()], [.. entropies.contiguous().data<double>()]);
                start += count;
            }
        }

        return [.. kernel.Differentiate(batch, masses).data<float>().ToArray().Chunk(rows)];
    }

    private static void AssertSlopes(GoalFunction goal, GoalBatch[] neurons, float[][] actual)
    {
        double allowed = Precision * (goal.RedundancyCoefficients.Sum(Math.Abs) + Math.Abs(goal.ResidualWeight));
        for (int i = 0; i < neurons.Length; i++)
        {
            GoalBatch batch = neurons[i];
            ScalarGoal specified = batch.Specify(goal);
            for (int b = 0; b < batch.Rows; b++)
                Assert.AreEqual(
                    specified.ByTheta[b] / batch.Mass[b],
                    actual[i][b] / batch.Mass[b],
                    allowed,
                    $"neuron {i}, row {b} of {batch.Rows}, θ = {batch.Theta[b]:R}, {goal}"
                );
        }
    }

    private static void AssertAgrees(GoalFunction goal, int bins, GoalBatch[] neurons)
    {
        double[] redundancies = [];
        double[] entropies = [];
        float[][] actual = Differentiate(
            goal,
            bins,
            neurons,
            (measured, outputs) => (redundancies, entropies) = (measured, outputs)
        );
        AssertSlopes(goal, neurons, actual);
        for (int i = 0; i < neurons.Length; i++)
        {
            PartialInformationDecomposition expected = neurons[i].Specify(goal).Decompose();
            Assert.AreEqual(expected.TargetEntropy, entropies[i], 2e-6);
            int antichains = goal.Lattice.Antichains.Count;
            for (int beta = 0; beta < antichains; beta++)
                Assert.AreEqual(expected.Redundancies[beta], redundancies[i * antichains + beta], 2e-6);
        }
    }
}
