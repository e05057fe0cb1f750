using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Rounding in single precision: A = F · gain is a product of a few factors, each off by at most 2⁻²⁴ = 6·10⁻⁸, so that A
// is off by some 2·10⁻⁷ |A|, and σ(A), whose relative derivative is at most 1, by as much and a little of its own.
// 10⁻⁶ (1 + |F|) relative leaves a factor of three. The kernel holds the argument of σ within ±32, so that what the
// specification has below e⁻³² = 1.27·10⁻¹⁴ stays there: 1.3·10⁻¹⁴ absolute.
[TestClass]
public class VectorizedActivationTests
{
    private const double Precision = 1e-6;
    private const double Saturated = 1.3e-14;
    private static readonly ModulatedActivation s_paper = new();
    private static readonly ModulatedActivation s_other = new(0.35, -0.2, 0.7, 3.5);

    [TestMethod]
    public void Modulated_neurons_of_every_length_agree_with_the_specification()
    {
        for (int rows = 1; rows <= 130; rows++)
            CompareModulated(rows % 2 == 0 ? s_paper : s_other, RandomInputs(rows, seed: rows));
    }

    [TestMethod]
    public void Bivariate_neurons_of_every_length_agree_with_the_specification()
    {
        for (int rows = 1; rows <= 130; rows++)
            CompareBivariate(
                rows % 2 == 0 ? new BivariateActivation() : new BivariateActivation(-0.2, 3.5),
                RandomInputs(rows, seed: rows)
            );
    }

    [TestMethod]
    public void Feedforward_neurons_of_every_length_agree_with_the_specification()
    {
        for (int rows = 1; rows <= 130; rows++)
        {
            (float[] f, _, _, float[] slope) = RandomInputs(rows, seed: rows);
            float[] theta = new float[rows];
            float[] complement = new float[rows];
            float[] byF = new float[rows];
            VectorizedActivation.Fire(f, theta, complement);
            VectorizedActivation.Differentiate(theta, complement, slope, byF);
            for (int i = 0; i < rows; i++)
            {
                ScalarActivation expected = ScalarActivation.OfFeedforward(f[i]);
                double relative = Precision * (1 + Math.Abs(f[i]));
                AssertClose(expected.Theta, theta[i], relative, 0);
                AssertClose(expected.Complement, complement[i], relative, 0);
                AssertClose(slope[i] * expected.ByF, byF[i], 2 * relative, 0);
            }
        }
    }

    // θ = 10⁻⁶ at F = −13.8155.
    [TestMethod]
    [DataRow(-13.81f, false)]
    [DataRow(-13.82f, true)]
    [DataRow(13.81f, false)]
    [DataRow(13.82f, true)]
    [DataRow(-1e4f, true)]
    [DataRow(1e4f, true)]
    public void Feedforward_neurons_have_no_gradient_where_they_are_clamped(float f, bool clamped)
    {
        float[] theta = new float[1];
        float[] complement = new float[1];
        float[] byF = new float[1];
        VectorizedActivation.Fire([f], theta, complement);
        VectorizedActivation.Differentiate(theta, complement, [1f], byF);
        Assert.AreEqual(clamped, byF[0] == 0);
        Assert.AreEqual(clamped, ScalarActivation.OfFeedforward(f).ByF == 0);
        Assert.IsTrue(theta[0] >= 0.999e-6f && theta[0] <= 1 - 0.999e-6f);
        Assert.IsTrue(complement[0] >= 0.999e-6f && complement[0] <= 1 - 0.999e-6f);
    }

    // Every combination of extreme values. Nothing overflows: θ stays a probability, derivatives stay finite.
    [TestMethod]
    public void Extreme_inputs_give_finite_numbers()
    {
        float[] extremes =
        [
            0f,
            -0f,
            1e4f,
            -1e4f,
            float.Epsilon,
            -float.Epsilon,
            1e-38f,
            1f,
            -1f,
            88f,
            -88f,
            104f,
            -104f,
        ];
        var combinations = (from f in extremes from c in extremes from l in extremes select (f, c, l)).ToArray();
        float[] fs = [.. combinations.Select(x => x.f)];
        float[] cs = [.. combinations.Select(x => x.c)];
        float[] ls = [.. combinations.Select(x => x.l)];
        float[] slope = new float[fs.Length];
        Array.Fill(slope, 1f);
        CompareModulated(s_paper, (fs, cs, ls, slope));
        CompareModulated(s_other, (fs, cs, ls, slope));
        CompareBivariate(new BivariateActivation(), (fs, cs, ls, slope));
    }

    // What is not a number stays so in its own row, and leaves every other row as it is, to the bit. Training rejects
    // such features, and stops where weights become infinite.
    [TestMethod]
    [DataRow(float.NaN, 1f, 1f, true)]
    [DataRow(1f, float.NaN, 1f, true)]
    [DataRow(1f, 1f, float.NaN, true)]
    [DataRow(float.PositiveInfinity, 0f, 1f, true)] // ∞ · 0
    [DataRow(float.PositiveInfinity, 1f, 1f, false)] // θ = 1, as far as the kernel goes
    [DataRow(float.NegativeInfinity, 1f, 1f, false)] // θ = 0
    [DataRow(1f, float.PositiveInfinity, float.NegativeInfinity, false)]
    public void Not_a_number_stays_in_its_row(float f, float c, float l, bool isNaN)
    {
        (float[] F, float[] C, float[] L, _) = RandomInputs(37, seed: 5);
        float[] before = new float[37];
        float[] after = new float[37];
        float[] complement = new float[37];
        VectorizedActivation.Fire(s_paper, F, C, L, before, complement);
        foreach (int row in new[] { 3, 36 })
        {
            (F[row], C[row], L[row]) = (f, c, l);
            VectorizedActivation.Fire(s_paper, F, C, L, after, complement);
            Assert.AreEqual(isNaN, float.IsNaN(after[row]), $"{after[row]}");
            Assert.AreEqual(isNaN, float.IsNaN(complement[row]));
            if (!isNaN)
                AssertClose(ScalarActivation.Of(s_paper, f, c, l).Theta, after[row], Precision, Saturated);
            for (int i = 0; i < 37; i++)
                if (i is not (3 or 36))
                    Assert.AreEqual(before[i], after[i]);
        }
    }

    [TestMethod]
    public void Gradients_may_overwrite_their_sources()
    {
        foreach (int rows in new[] { 1, 15, 16, 17, 100 })
        {
            (float[] f, float[] c, float[] l, float[] slope) = RandomInputs(rows, seed: rows);
            float[] theta = new float[rows];
            float[] complement = new float[rows];
            (float[] byF, float[] byC, float[] byL) = (new float[rows], new float[rows], new float[rows]);
            VectorizedActivation.Fire(s_paper, f, c, l, theta, complement);
            VectorizedActivation.Differentiate(s_paper, f, c, l, theta, complement, slope, byF, byC, byL);
            VectorizedActivation.Differentiate(s_paper, f, c, l, theta, complement, slope, f, c, l);
            CollectionAssert.AreEqual(byF, f);
            CollectionAssert.AreEqual(byC, c);
            CollectionAssert.AreEqual(byL, l);

            (f, c, _, _) = RandomInputs(rows, seed: rows);
            var bivariate = new BivariateActivation();
            VectorizedActivation.Fire(bivariate, f, c, theta, complement);
            VectorizedActivation.Differentiate(bivariate, f, c, theta, complement, slope, byF, byC);
            VectorizedActivation.Differentiate(bivariate, f, c, theta, complement, slope, f, c);
            CollectionAssert.AreEqual(byF, f);
            CollectionAssert.AreEqual(byC, c);

            VectorizedActivation.Fire(byF, theta, complement);
            VectorizedActivation.Differentiate(theta, complement, slope, byC);
            VectorizedActivation.Differentiate(theta, complement, slope, slope);
            CollectionAssert.AreEqual(byC, slope);
        }
    }

    private static void CompareModulated(
        ModulatedActivation activation,
        (float[] F, float[] C, float[] L, float[] Slope) inputs
    )
    {
        (float[] f, float[] c, float[] l, float[] slope) = inputs;
        int rows = f.Length;
        float[] theta = new float[rows];
        float[] complement = new float[rows];
        (float[] byF, float[] byC, float[] byL) = (new float[rows], new float[rows], new float[rows]);
        VectorizedActivation.Fire(activation, f, c, l, theta, complement);
        VectorizedActivation.Differentiate(activation, f, c, l, theta, complement, slope, byF, byC, byL);
        for (int i = 0; i < rows; i++)
        {
            string row = $"F = {f[i]:R}, C = {c[i]:R}, L = {l[i]:R}";
            ScalarActivation expected = ScalarActivation.Of(activation, f[i], c[i], l[i]);
            double relative = Precision * (1 + Math.Abs(f[i]));
            AssertClose(expected.Theta, theta[i], relative, Saturated, row);
            AssertClose(expected.Complement, complement[i], relative, Saturated, row);

            // σ′ of the modulation is at most ¼ and may be arbitrarily small: it is off by a share of what it can be.
            double bySum = Math.Abs(slope[i]) * expected.Theta * expected.Complement;
            double square = (double)f[i] * f[i];
            double absoluteC = Precision * bySum * square * Math.Abs(activation.Alpha1 * activation.Beta1);
            double absoluteL = Precision * bySum * square * Math.Abs(activation.Alpha2 * activation.Beta2);
            double saturated = Saturated * Math.Abs(slope[i]) * (1 + square);
            AssertClose(slope[i] * expected.ByF, byF[i], 2 * relative, Precision * bySum + saturated, row);
            AssertClose(slope[i] * expected.ByC, byC[i], 2 * relative, absoluteC + saturated, row);
            AssertClose(slope[i] * expected.ByL, byL[i], 2 * relative, absoluteL + saturated, row);
        }
    }

    // A = F · (k + share · s) with parts of different signs where k < 0: off by a share of |F| (|k| + |share|).
    private static void CompareBivariate(
        BivariateActivation activation,
        (float[] F, float[] X, float[] Unused, float[] Slope) inputs
    )
    {
        (float[] f, float[] x, _, float[] slope) = inputs;
        int rows = f.Length;
        float[] theta = new float[rows];
        float[] complement = new float[rows];
        float[] byF = new float[rows];
        float[] byX = new float[rows];
        VectorizedActivation.Fire(activation, f, x, theta, complement);
        VectorizedActivation.Differentiate(activation, f, x, theta, complement, slope, byF, byX);
        double share = Math.Abs(2 * (1 - activation.K));
        for (int i = 0; i < rows; i++)
        {
            string row = $"F = {f[i]:R}, X = {x[i]:R}";
            ScalarActivation expected = ScalarActivation.Of(activation, f[i], x[i]);
            double relative = Precision * (1 + Math.Abs(f[i]) * (Math.Abs(activation.K) + share));
            AssertClose(expected.Theta, theta[i], relative, 0, row);
            AssertClose(expected.Complement, complement[i], relative, 0, row);
            if (expected.ByF == 0 && expected.ByC == 0)
                continue;
            double bySum = Math.Abs(slope[i]) * expected.Theta * expected.Complement;
            double square = (double)f[i] * f[i];
            double absolute = Precision * bySum * (1 + square * share * Math.Abs(activation.Beta));
            double saturated = Saturated * Math.Abs(slope[i]) * (1 + square);
            AssertClose(slope[i] * expected.ByF, byF[i], 2 * relative, absolute + saturated, row);
            AssertClose(slope[i] * expected.ByC, byX[i], 2 * relative, absolute + saturated, row);
        }
    }

    private static void AssertClose(double expected, float actual, double relative, double absolute, string row = "")
    {
        double allowed = relative * Math.Abs(expected) + absolute;
        Assert.IsTrue(
            Math.Abs(expected - actual) <= allowed,
            $"expected {expected:R}, got {actual:R}, allowed {allowed:R}; {row}"
        );
    }

    private static (float[] F, float[] C, float[] L, float[] Slope) RandomInputs(int rows, int seed)
    {
        var random = new Random(seed);
        float[] scales = [0.01f, 1, 5, 40];
        float[] Draw() =>
            [.. Enumerable.Range(0, rows).Select(_ => (2 * random.NextSingle() - 1) * scales[random.Next(4)])];
        return (Draw(), Draw(), Draw(), Draw());
    }
}
