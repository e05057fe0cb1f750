using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class AllocationTests
{
    [TestMethod]
    public void Kernels_allocate_nothing_once_they_are_made()
    {
        const int Rows = 333;
        var random = new Random(1);
        float[] Draw() => [.. Enumerable.Range(0, Rows).Select(_ => 6 * random.NextSingle() - 3)];
        (float[] f, float[] c, float[] l) = (Draw(), Draw(), Draw());
        float[] mass = GoalBatch.Masses(Rows, random);
        (float[] theta, float[] complement, float[] slope) = (new float[Rows], new float[Rows], new float[Rows]);
        (float[] byF, float[] byC, float[] byL) = (new float[Rows], new float[Rows], new float[Rows]);
        int[] cells = new int[Rows];
        var activation = new ModulatedActivation();
        var binning = new Binning();
        Binning outputBinning = Binning.PaperOutputLayer;
        var hidden = new VectorizedGoal(new GoalTerms(GoalFunctions.OptimizedTpe1), 20, Rows);
        var output = new VectorizedGoal(new GoalTerms(GoalFunctions.Output), 20, Rows);
        double[] redundancies = new double[18];
        var stream = new RandomStream(1, 1);

        for (int i = 0; i < 3; i++)
            Step(); // compiled, and whatever is made at first use
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
            Step();
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Step()
        {
            VectorizedActivation.Fire(activation, f, c, l, theta, complement);
            Philox.Sample(theta, byF, 3, 4, 5);
            Array.Clear(cells);
            VectorizedBinning.Accumulate(binning, f, cells, 1);
            VectorizedBinning.Accumulate(binning, c, cells, 20);
            VectorizedBinning.Accumulate(binning, l, cells, 400);
            hidden.Count(cells, theta, complement, mass);
            hidden.Differentiate(mass, slope);
            hidden.Measure(redundancies);
            VectorizedActivation.Differentiate(activation, f, c, l, theta, complement, slope, byF, byC, byL);

            VectorizedActivation.Fire(f, theta, complement);
            Array.Clear(cells);
            VectorizedBinning.Accumulate(outputBinning, f, cells, 1);
            VectorizedBinning.Accumulate(outputBinning, c, cells, 20);
            output.Count(cells, theta, complement, mass);
            output.Differentiate(mass, slope);
            VectorizedActivation.Differentiate(theta, complement, slope, byF);
            stream.Shuffle(cells);
        }
    }
}
