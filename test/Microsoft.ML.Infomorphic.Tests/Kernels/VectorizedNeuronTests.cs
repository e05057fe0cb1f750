using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// The kernels one after another, as a training step calls them, against the specification of a neuron. Single precision
// all the way: errors are those of the goal's derivative (VectorizedGoalTests), here against Σ_β |c′_β| times the row's
// mass; with θ as neurons have it, the largest was 1.2·10⁻⁷.
[TestClass]
public class VectorizedNeuronTests
{
    private const double Precision = 5e-7;

    [TestMethod]
    public void Hidden_neurons_of_every_size_agree_with_the_specification()
    {
        for (int rows = 1; rows <= 130; rows++)
            CompareHidden(
                Goals.PublishedTrivariate[rows % Goals.PublishedTrivariate.Length],
                rows,
                spread: rows % 7 + 0.5
            );
    }

    [TestMethod]
    [DataRow(0.1)]
    [DataRow(1.0)]
    [DataRow(5.0)]
    [DataRow(15.0)]
    public void Hidden_neurons_of_a_whole_batch_agree_with_the_specification(double spread) =>
        CompareHidden(GoalFunctions.OptimizedTpe1, 1024, spread);

    [TestMethod]
    public void Output_neurons_of_every_size_agree_with_the_specification()
    {
        for (int rows = 1; rows <= 130; rows++)
            CompareOutput(GoalFunctions.Output, rows, spread: rows % 5 + 0.3, own: rows % 3 * 0.2);
    }

    [TestMethod]
    [DataRow(1.0, 0.1)]
    [DataRow(1.0, 1.0)] // one class alone
    [DataRow(20.0, 0.1)] // most outputs clamped
    public void Output_neurons_of_a_whole_batch_agree_with_the_specification(double spread, double own) =>
        CompareOutput(GoalFunctions.Output, 1024, spread, own);

    private static void CompareHidden(GoalFunction goal, int rows, double spread)
    {
        var random = new Random(rows);
        float[] f = Draw(random, rows, spread);
        float[] c = Draw(random, rows, 3);
        float[] l = Draw(random, rows, spread);
        float[] mass = GoalBatch.Masses(rows, rows % 2 == 0 ? random : null);
        var activation = new ModulatedActivation();
        var binning = new Binning();
        var expected = new ScalarNeuron(goal, activation, binning, [f, c, l], mass);

        float[] theta = new float[rows];
        float[] complement = new float[rows];
        float[] slope = new float[rows];
        int[] cells = new int[rows];
        VectorizedActivation.Fire(activation, f, c, l, theta, complement);
        VectorizedBinning.Accumulate(binning, f, cells, 1);
        VectorizedBinning.Accumulate(binning, c, cells, binning.Count);
        VectorizedBinning.Accumulate(binning, l, cells, binning.Count * binning.Count);
        var kernel = new VectorizedGoal(new GoalTerms(goal), binning.Count, rows);
        kernel.Count(cells, theta, complement, mass);
        kernel.Differentiate(mass, slope);
        VectorizedActivation.Differentiate(activation, f, c, l, theta, complement, slope, f, c, l);

        for (int b = 0; b < rows; b++)
            Assert.AreEqual(expected.Cells[b][0] + 20 * expected.Cells[b][1] + 400 * expected.Cells[b][2], cells[b]);
        AssertClose(expected.ByF, f, goal, mass);
        AssertClose(expected.ByC, c, goal, mass);
        AssertClose(expected.ByL, l, goal, mass);
    }

    private static void CompareOutput(GoalFunction goal, int rows, double spread, double own)
    {
        var random = new Random(rows);
        float[] f = Draw(random, rows, spread);
        float[] label = [.. Enumerable.Range(0, rows).Select(_ => random.NextDouble() < own ? 1f : 0f)];
        float[] mass = GoalBatch.Masses(rows, rows % 2 == 0 ? random : null);
        var expected = new ScalarNeuron(goal, new FeedforwardActivation(), Binning.PaperOutputLayer, [f, label], mass);

        float[] theta = new float[rows];
        float[] complement = new float[rows];
        float[] slope = new float[rows];
        int[] cells = new int[rows];
        VectorizedActivation.Fire(f, theta, complement);
        VectorizedBinning.Accumulate(Binning.PaperOutputLayer, f, cells, 1);
        VectorizedBinning.Accumulate(Binning.PaperOutputLayer, label, cells, 20);
        var kernel = new VectorizedGoal(new GoalTerms(goal), 20, rows);
        kernel.Count(cells, theta, complement, mass);
        kernel.Differentiate(mass, slope);
        VectorizedActivation.Differentiate(theta, complement, slope, f);
        AssertClose(expected.ByF, f, goal, mass);
    }

    private static void AssertClose(double[] expected, float[] actual, GoalFunction goal, float[] mass)
    {
        double weight = goal.RedundancyCoefficients.Sum(Math.Abs) + Math.Abs(goal.ResidualWeight);
        for (int b = 0; b < expected.Length; b++)
            Assert.AreEqual(expected[b], actual[b], Precision * weight * mass[b], $"row {b} of {expected.Length}");
    }

    private static float[] Draw(Random random, int rows, double spread) =>
        [.. Enumerable.Range(0, rows).Select(_ => (float)(spread * (2 * random.NextDouble() - 1) * 2))];
}
