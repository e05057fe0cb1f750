using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public class VectorizedBinningTests
{
    private static readonly Binning[] s_binnings =
    [
        new(),
        Binning.PaperOutputLayer,
        new(2, 1),
        new(7, 3.5),
        new(33, 11, Adaptive: true),
        new(64, 0.001),
    ];

    [TestMethod]
    public void Cells_of_every_length_are_those_of_the_definition()
    {
        var random = new Random(1);
        foreach (Binning binning in s_binnings)
            for (int rows = binning.Adaptive ? 1 : 0; rows <= 130; rows++)
            {
                float[] values =
                [
                    .. Enumerable.Range(0, rows).Select(_ => (float)(binning.Range * (3 * random.NextDouble() - 1.5))),
                ];
                AssertSameBins(binning, values);
            }
    }

    // Also every edge and its neighbours in single precision: whatever the rounding, both round alike.
    [TestMethod]
    public void Values_at_the_edges_fall_into_the_same_bin()
    {
        foreach (Binning binning in s_binnings)
        {
            var values = new List<float>();
            for (int edge = 0; edge <= binning.Count; edge++)
            {
                float value = EdgeOf(binning, edge);
                values.AddRange([MathF.BitDecrement(value), value, MathF.BitIncrement(value)]);
            }

            AssertSameBins(binning, [.. values]);
        }
    }

    // Bin i holds (edge_i, edge_{i+1}]. The edges −20, −18, … of the paper's hidden layer and their images under
    // x/2 + 10 are whole numbers, without rounding; beside them, 10⁻⁵ is ten times the rounding of x/2 + 10 at 20.
    [TestMethod]
    public void A_bin_holds_its_upper_edge_and_not_its_lower_one()
    {
        var binning = new Binning();
        for (int edge = 1; edge <= binning.Count; edge++)
        {
            float value = EdgeOf(binning, edge);
            Assert.AreEqual(edge - 1, binning.IndexOf(value));
            Assert.AreEqual(edge - 1, binning.IndexOf(value - 1e-5f));
            Assert.AreEqual(Math.Min(edge, binning.Count - 1), binning.IndexOf(value + 1e-5f));
        }
    }

    // Away from the edges single precision cannot matter.
    [TestMethod]
    public void Bins_are_those_of_the_range_cut_into_equal_parts()
    {
        var random = new Random(2);
        foreach (Binning binning in s_binnings)
            for (int i = 0; i < 1000; i++)
            {
                double x = binning.Range * (2 * random.NextDouble() - 1);
                double place = (x + binning.Range) / (2 * binning.Range) * binning.Count;
                if (Math.Abs(place - Math.Round(place)) > 1e-4)
                    Assert.AreEqual((int)Math.Floor(place), binning.IndexOf((float)x));
            }
    }

    [TestMethod]
    [DataRow(float.NegativeInfinity, 0)]
    [DataRow(-1e30f, 0)]
    [DataRow(-20.001f, 0)]
    [DataRow(-20f, 0)]
    [DataRow(20f, 19)]
    [DataRow(20.001f, 19)]
    [DataRow(1e30f, 19)]
    [DataRow(float.MaxValue, 19)]
    [DataRow(float.PositiveInfinity, 19)]
    [DataRow(float.NaN, 0)] // what is not a number falls into the first bin
    [DataRow(0f, 9)]
    [DataRow(-0f, 9)]
    [DataRow(float.Epsilon, 9)] // the definition's single precision: x/2 + 10 rounds to 10
    public void Values_outside_fall_into_the_outer_bins(float value, int bin)
    {
        Assert.AreEqual(bin, new Binning().IndexOf(value));
        AssertSameBins(new Binning(), [.. Enumerable.Repeat(value, 19)]);
    }

    [TestMethod]
    public void Adaptive_bins_follow_the_largest_magnitude()
    {
        float[] values = [0, 0.5f, -3, 1.5f, 3, -1.5f];
        Assert.AreEqual(3, Binning.DivisorOf(values));
        int[] bins = Bins(Binning.PaperOutputLayer, values);
        CollectionAssert.AreEqual(new[] { 9, 11, 0, 14, 19, 4 }, bins);
        CollectionAssert.AreEqual(bins, Bins(Binning.PaperOutputLayer, [.. values.Select(x => 1024 * x)]));
    }

    [TestMethod]
    public void Adaptive_bins_of_zeros_are_one_bin()
    {
        Assert.AreEqual(1, Binning.DivisorOf([0, -0f, 0]));
        foreach (int rows in new[] { 1, 16, 33 })
            Assert.IsTrue(Bins(Binning.PaperOutputLayer, new float[rows]).All(bin => bin == 9));
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    [DataRow(float.NegativeInfinity)]
    [DataRow(float.Epsilon)]
    [DataRow(float.MaxValue)]
    public void Adaptive_bins_beside_an_odd_value_are_those_of_the_definition(float odd)
    {
        float[] values = [.. Enumerable.Range(0, 37).Select(i => i - 18f)];
        values[5] = odd;
        AssertSameBins(Binning.PaperOutputLayer, values);
        values[36] = odd;
        AssertSameBins(Binning.PaperOutputLayer, values);
        AssertSameBins(Binning.PaperOutputLayer, [odd, 0, odd]);
    }

    private static float EdgeOf(Binning binning, int edge) => (float)(binning.Range * (2.0 * edge / binning.Count - 1));

    private static int[] Bins(Binning binning, float[] values)
    {
        int[] cells = new int[values.Length];
        VectorizedBinning.Accumulate(binning, values, cells, 1);
        return cells;
    }

    private static void AssertSameBins(Binning binning, float[] values)
    {
        int[] cells = [.. Enumerable.Range(0, values.Length).Select(i => 3 * i)];
        VectorizedBinning.Accumulate(binning, values, cells, stride: 41);
        float divisor = binning.Adaptive ? Binning.DivisorOf(values) : 1;
        for (int i = 0; i < values.Length; i++)
            Assert.AreEqual(
                3 * i + 41 * binning.IndexOf(values[i], divisor),
                cells[i],
                $"value {values[i]:R} at {i} of {values.Length}, {binning}"
            );
    }
}
