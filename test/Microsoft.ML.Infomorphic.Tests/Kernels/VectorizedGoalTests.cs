using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Single precision: D(κ) is a sum over antichains of c′_β times logarithms, whose absolute error is about 10⁻⁷ times
// (1 + their size, up to 23 bits), and of quotients of masses of size 1, whose errors are some 10⁻⁷. The coefficients c
// are larger than γ and of both signs, so that terms cancel; errors are therefore measured against Σ_β |c′_β|.
[TestClass]
public class VectorizedGoalTests
{
    private const double Precision = 4e-6;
    private const int MaximumRows = 300;

    // Every remainder of every vector width, in an order in which small batches follow large ones: whatever a batch
    // leaves behind in the kernel's tables is met by another.
    [TestMethod]
    public void Published_goals_of_three_sources_agree_with_the_specification_at_every_size()
    {
        VectorizedGoal[] kernels = [.. Goals.PublishedTrivariate.Select(goal => Kernel(goal, 20))];
        foreach ((int i, int rows) in ShuffledSizes().Index())
        {
            int goal = i % kernels.Length;
            AssertAgrees(
                Goals.PublishedTrivariate[goal],
                kernels[goal],
                GoalBatch.Random(3, 20, rows, seed: i, weighted: i % 2 == 0)
            );
        }
    }

    [TestMethod]
    public void Published_goals_of_two_sources_agree_with_the_specification_at_every_size()
    {
        VectorizedGoal[] kernels = [.. Goals.PublishedBivariate.Select(goal => Kernel(goal, 20))];
        foreach ((int i, int rows) in ShuffledSizes().Index())
        {
            int goal = i % kernels.Length;
            AssertAgrees(
                Goals.PublishedBivariate[goal],
                kernels[goal],
                GoalBatch.Random(2, 20, rows, seed: i, weighted: i % 2 == 0)
            );
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
    [DataRow(4, 33)]
    public void Random_goals_agree_with_the_specification(int sources, int bins)
    {
        GoalFunction goal = Goals.Random(sources, seed: bins);
        VectorizedGoal kernel = Kernel(goal, bins);
        foreach (int rows in new[] { 1, 2, 15, 16, 17, 31, 100 })
            AssertAgrees(goal, kernel, GoalBatch.Random(sources, bins, rows, seed: rows, weighted: true));
    }

    // Coverage of the paper's size: 1,024 rows.
    [TestMethod]
    public void A_whole_batch_agrees_with_the_specification()
    {
        var kernel = new VectorizedGoal(new GoalTerms(GoalFunctions.OptimizedTpe1), 20, 1024);
        AssertAgrees(GoalFunctions.OptimizedTpe1, kernel, GoalBatch.Random(3, 20, 1024, seed: 1));
    }

    [TestMethod]
    public void One_occupied_cell_agrees_with_the_specification()
    {
        foreach (GoalFunction goal in Goals.PublishedTrivariate)
        {
            VectorizedGoal kernel = Kernel(goal, 20);
            foreach (int rows in new[] { 1, 5, 16, 33 })
            {
                GoalBatch batch = GoalBatch.Random(3, 20, rows, seed: 7);
                batch = batch.With(
                    cells: [.. batch.Cells.Select(_ => new[] { 19, 0, 7 })],
                    theta: [.. batch.Theta.Select((_, b) => 0.25f + 0.5f * b / rows)],
                    complement: [.. batch.Theta.Select((_, b) => 0.75f - 0.5f * b / rows)]
                );
                AssertAgrees(goal, kernel, batch);
                Assert.AreEqual(1, kernel.OccupiedCells);
            }
        }
    }

    // No two rows share a bin of any source.
    [TestMethod]
    public void All_cells_different_agrees_with_the_specification()
    {
        foreach (GoalFunction goal in Goals.PublishedTrivariate)
        {
            GoalBatch batch = GoalBatch.Random(3, 64, 64, seed: 8);
            batch = batch.With(cells: [.. Enumerable.Range(0, 64).Select(b => new[] { b, 63 - b, (b + 17) % 64 })]);
            VectorizedGoal kernel = Kernel(goal, 64);
            AssertAgrees(goal, kernel, batch);
            Assert.AreEqual(64, kernel.OccupiedCells);
        }
    }

    // Every cell of 2³ and of 6³, in one batch.
    [TestMethod]
    [DataRow(2)]
    [DataRow(6)]
    public void All_cells_occupied_agrees_with_the_specification(int bins)
    {
        int rows = bins * bins * bins;
        GoalBatch batch = GoalBatch.Random(3, bins, rows, seed: 9);
        batch = batch.With(
            cells: [.. Enumerable.Range(0, rows).Select(b => new[] { b % bins, b / bins % bins, b / bins / bins })]
        );
        VectorizedGoal kernel = Kernel(GoalFunctions.OptimizedTpe1, bins);
        AssertAgrees(GoalFunctions.OptimizedTpe1, kernel, batch);
        Assert.AreEqual(rows, kernel.OccupiedCells);
    }

    // Firing probabilities of 0 and 1 alone: the output is a function of the row.
    [TestMethod]
    public void Certain_outputs_agree_with_the_specification()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            GoalFunction goal = Goals.PublishedTrivariate[seed % Goals.PublishedTrivariate.Length];
            GoalBatch batch = GoalBatch.Random(3, 20, 50, seed);
            batch = batch.With(
                theta: [.. batch.Theta.Select(x => MathF.Round(x))],
                complement: [.. batch.Theta.Select(x => 1 - MathF.Round(x))]
            );
            AssertAgrees(goal, Kernel(goal, 20), batch);
        }
    }

    // A neuron that always fires, or never does, has p(y) = 0 for the other output, which counts for nothing.
    [TestMethod]
    [DataRow(1f)]
    [DataRow(0f)]
    public void Neurons_with_one_output_alone_agree_with_the_specification(float theta)
    {
        foreach (GoalFunction goal in Goals.PublishedTrivariate)
        foreach (int rows in new[] { 1, 16, 50 })
        {
            GoalBatch batch = GoalBatch.Random(3, 20, rows, seed: rows);
            batch = batch.With(
                theta: [.. batch.Theta.Select(_ => theta)],
                complement: [.. batch.Theta.Select(_ => 1 - theta)]
            );
            AssertAgrees(goal, Kernel(goal, 20), batch);
        }
    }

    // From 10⁻³⁸ to 10⁻⁵: nothing overflows where a neuron hardly ever fires.
    [TestMethod]
    public void Tiny_firing_probabilities_give_finite_derivatives()
    {
        foreach (float theta in new[] { 1.2e-38f, 1e-30f, 1e-20f, 1e-19f, 1e-12f, 1e-7f, 1e-5f })
        {
            GoalBatch batch = GoalBatch.Random(3, 20, 77, seed: 3);
            batch = batch.With(
                theta: [.. batch.Theta.Select(x => theta * (0.1f + x))],
                complement: [.. batch.Theta.Select(_ => 1f)]
            );
            foreach (GoalFunction goal in Goals.PublishedTrivariate)
            {
                Assert.IsTrue(batch.Differentiate(Kernel(goal, 20)).All(float.IsFinite), $"{theta} {goal}");
                batch = batch.With(theta: batch.Complement, complement: batch.Theta);
                Assert.IsTrue(batch.Differentiate(Kernel(goal, 20)).All(float.IsFinite), $"1 − {theta} {goal}");
                batch = batch.With(theta: batch.Complement, complement: batch.Theta);
            }
        }
    }

    // A batch leaves nothing behind that another one would see: a fresh kernel gives the same bits.
    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void Used_kernels_give_the_same_bits_as_fresh_ones(int sources)
    {
        GoalFunction goal = Goals.Random(sources, 1);
        VectorizedGoal used = Kernel(goal, 20);
        double[] measured = new double[goal.Lattice.Antichains.Count];
        double[] again = new double[goal.Lattice.Antichains.Count];
        foreach (int rows in new[] { 300, 3, 16, 299, 1, 64, 2, 150, 17 })
        {
            GoalBatch batch = GoalBatch.Random(sources, 20, rows, seed: rows);
            VectorizedGoal fresh = Kernel(goal, 20);
            CollectionAssert.AreEqual(batch.Differentiate(fresh), batch.Differentiate(used));
            Assert.AreEqual(fresh.Measure(measured), used.Measure(again));
            CollectionAssert.AreEqual(measured, again);
            CollectionAssert.AreEqual(batch.Differentiate(fresh), batch.Differentiate(used), "after measuring");
        }
    }

    // A row of weight 2 is two rows; masses of the specification's rows are shares of the whole.
    [TestMethod]
    public void A_row_of_double_mass_is_two_rows()
    {
        GoalBatch single = GoalBatch.Random(3, 20, 40, seed: 4);
        var repeated = new GoalBatch
        {
            Bins = 20,
            Cells = [.. single.Cells, single.Cells[0]],
            Theta = [.. single.Theta, single.Theta[0]],
            Complement = [.. single.Complement, single.Complement[0]],
            Mass = [.. Enumerable.Repeat(1 / 41f, 41)],
        };
        var weighted = new GoalBatch
        {
            Bins = 20,
            Cells = single.Cells,
            Theta = single.Theta,
            Complement = single.Complement,
            Mass = [2 / 41f, .. Enumerable.Repeat(1 / 41f, 39)],
        };
        GoalFunction goal = GoalFunctions.OptimizedTpe1;
        float[] expected = repeated.Differentiate(Kernel(goal, 20));
        float[] actual = weighted.Differentiate(Kernel(goal, 20));
        double allowed = Precision * WeightOf(goal) / 41;
        Assert.AreEqual(expected[0] + expected[40], actual[0], 2 * allowed);
        for (int b = 1; b < 40; b++)
            Assert.AreEqual(expected[b], actual[b], allowed);
    }

    [TestMethod]
    public void Goals_of_nothing_have_no_gradient()
    {
        GoalFunction nothing = GoalFunction.FromGamma("FCL", new double[19]);
        GoalBatch batch = GoalBatch.Random(3, 20, 50, seed: 1);
        Assert.IsTrue(batch.Differentiate(Kernel(nothing, 20)).All(slope => slope == 0));
    }

    private static VectorizedGoal Kernel(GoalFunction goal, int bins) => new(new GoalTerms(goal), bins, MaximumRows);

    private static int[] ShuffledSizes()
    {
        int[] sizes = [.. Enumerable.Range(1, MaximumRows)];
        new RandomStream(1, 0).Shuffle(sizes);
        return sizes;
    }

    private static double WeightOf(GoalFunction goal) =>
        goal.RedundancyCoefficients.Sum(Math.Abs) + Math.Abs(goal.ResidualWeight);

    private static void AssertAgrees(GoalFunction goal, VectorizedGoal kernel, GoalBatch batch)
    {
        double[] expected = batch.Specify(goal).ByTheta;
        float[] actual = batch.Differentiate(kernel);
        double allowed = Precision * WeightOf(goal);
        for (int b = 0; b < batch.Rows; b++)
        {
            double difference = Math.Abs(expected[b] - actual[b]) / batch.Mass[b];
            Assert.IsTrue(
                difference <= allowed,
                $"row {b} of {batch.Rows}: D = {expected[b] / batch.Mass[b]:R} ± {difference:R}, allowed {allowed:R}; θ = {batch.Theta[b]:R}, {goal}"
            );
        }

        Assert.AreEqual(batch.Specify(goal).Distribution.Cells.Count, kernel.OccupiedCells);
        AssertMeasuresAgree(goal, kernel, batch);
    }

    // Redundancies are means of logarithms and as precise as these, 10⁻⁷ (1 + their size); 9·10⁻⁷ at most was met here.
    private static void AssertMeasuresAgree(GoalFunction goal, VectorizedGoal kernel, GoalBatch batch)
    {
        PartialInformationDecomposition expected = batch.Specify(goal).Decompose();
        double[] redundancies = new double[goal.Lattice.Antichains.Count];
        double entropy = kernel.Measure(redundancies);
        Assert.AreEqual(expected.TargetEntropy, entropy, 2e-6);
        for (int beta = 0; beta < redundancies.Length; beta++)
            Assert.AreEqual(expected.Redundancies[beta], redundancies[beta], 2e-6, $"{goal.Lattice.Antichains[beta]}");
    }
}
