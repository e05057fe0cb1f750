using System.Runtime.Intrinsics;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

// Bounds are those that the functions promise.
[TestClass]
public class VectorMathTests
{
    [TestMethod]
    public void Exponential_is_as_precise_as_it_says()
    {
        for (int i = 0; i <= 320_000; i++)
        {
            float x = -i * 1e-4f;
            float actual = VectorMath.ExpOfNegative(Vector512.Create(x))[i % 16];
            Assert.AreEqual(1, actual / Math.Exp(x), 2e-7, $"exp({x:R})");
        }

        float end = VectorMath.ExpOfNegative(Vector512.Create(-VectorMath.Saturation))[0];
        foreach (float x in new[] { -32.001f, -88f, -104f, -1e30f, float.NegativeInfinity })
            Assert.AreEqual(end, VectorMath.ExpOfNegative(Vector512.Create(x))[0]);
        Assert.AreEqual(1, VectorMath.ExpOfNegative(Vector512.Create(-0f))[0]);
        Assert.AreEqual(1, VectorMath.ExpOfNegative(Vector512.Create(-float.Epsilon))[0]);
        Assert.IsTrue(float.IsNaN(VectorMath.ExpOfNegative(Vector512.Create(float.NaN))[0]));
    }

    [TestMethod]
    public void Logarithm_is_as_precise_as_it_says()
    {
        var random = new Random(1);
        for (int i = 0; i < 200_000; i++)
        {
            // Half of them anywhere, half close to 1, where the logarithm vanishes.
            float x = (float)Math.Pow(2, i % 2 == 0 ? 250 * random.NextDouble() - 125 : 4 * random.NextDouble() - 2);
            double expected = Math.Log2(x);
            float actual = VectorMath.Log2(Vector512.Create(x))[i % 16];
            Assert.AreEqual(expected, actual, 1e-7 * (1 + Math.Abs(expected)), $"log₂ {x:R}");
        }

        for (int power = -126; power <= 127; power++)
            Assert.AreEqual(power, VectorMath.Log2(Vector512.Create((float)Math.Pow(2, power)))[0]);
    }

    // Near 1 the relative error stays small, too: u/(u p) ≈ 1 is the common case.
    [TestMethod]
    public void Logarithm_vanishes_at_one_with_its_argument()
    {
        foreach (float s in new[] { 1e-6f, -1e-6f, 1e-3f, -1e-3f, 0.1f, -0.1f })
        {
            float x = 1 + s;
            Assert.AreEqual(1, VectorMath.Log2(Vector512.Create(x))[0] / Math.Log2(x), 3e-7);
        }
    }

    [TestMethod]
    public void Logistic_function_and_its_complement_keep_their_relative_precision()
    {
        for (int i = -3200; i <= 3200; i++)
        {
            float x = i * 0.01f;
            (Vector512<float> value, Vector512<float> complement) = VectorMath.Logistic(Vector512.Create(x));
            Assert.AreEqual(1, value[3] * (1 + Math.Exp(-x)), 4e-7, $"σ({x})"); // exponential and three roundings
            Assert.AreEqual(1, complement[3] * (1 + Math.Exp(x)), 4e-7, $"σ(−{x})");
            (Vector512<float> mirrored, _) = VectorMath.Logistic(Vector512.Create(-x));
            Assert.AreEqual(complement[3], mirrored[3]);
        }
    }

    [TestMethod]
    public void Loading_and_storing_stay_within_their_spans()
    {
        float[] source = [.. Enumerable.Range(1, 40).Select(i => (float)i)];
        for (int length = 1; length <= 40; length++)
        for (int start = 0; start < length; start += 16)
        {
            Vector512<float> loaded = VectorMath.Load(source.AsSpan(0, length), start);
            for (int lane = 0; lane < 16; lane++)
                Assert.AreEqual(start + lane < length ? start + lane + 1 : 0, loaded[lane]);
            float[] destination = new float[60];
            VectorMath.Store(Vector512.Create(7f), destination.AsSpan(0, length), start);
            for (int i = 0; i < 60; i++)
                Assert.AreEqual(i >= start && i < Math.Min(length, start + 16) ? 7 : 0, destination[i]);
        }
    }
}
