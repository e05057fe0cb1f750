using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training.Torch;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
[DoNotParallelize] // TorchSharp lets go of a number's memory while libtorch reads it if a collection comes in between, which other tests cause.
public class TensorPhiloxTests
{
    // The last case has words of all ones in counter and key, and products that wrap around.
    [TestMethod]
    [DataRow(1L, 2, 0ul)]
    [DataRow(41L, 2, 42ul)]
    [DataRow(41L, 3, 42ul)]
    [DataRow(0x7FFF_FFFFL, 2, 0xFEDC_BA98_7654_3210ul)]
    [DataRow(0x1_2345_6789_ABCDL, 5, ulong.MaxValue)]
    public void Numbers_are_those_of_the_scalar_generator(long firstStep, int presentations, ulong key)
    {
        TorchRuntime.EnsureLoaded();
        using torch.Tensor counters = torch.arange(
            presentations * firstStep,
            presentations * (firstStep + 3),
            torch.int64
        );
        using torch.Tensor uniform = TensorPhilox.Uniform(counters, 2, 5, 7, key, torch.CPU);
        CollectionAssert.AreEqual(new long[] { 3 * presentations, 5, 4, 7 }, uniform.shape);
        float[] numbers = [.. uniform.data<float>()];
        int next = 0;
        for (int step = 0; step < 3; step++)
        for (int presentation = 0; presentation < presentations; presentation++)
        for (uint neuron = 2; neuron < 7; neuron++)
        {
            ulong counter = (ulong)presentations * (ulong)(firstStep + step) + (ulong)presentation;
            (uint, uint, uint, uint)[] words =
            [
                .. Enumerable
                    .Range(0, 7)
                    .Select(i => Philox.Generate((uint)i, neuron, (uint)counter, (uint)(counter >> 32), key)),
            ];
            float[] expected =
            [
                .. words.Select(w => Philox.ToUniform(w.Item1)),
                .. words.Select(w => Philox.ToUniform(w.Item2)),
                .. words.Select(w => Philox.ToUniform(w.Item3)),
                .. words.Select(w => Philox.ToUniform(w.Item4)),
            ];
            CollectionAssert.AreEqual(expected, numbers[next..(next + 28)]);
            next += 28;
        }
    }
}
