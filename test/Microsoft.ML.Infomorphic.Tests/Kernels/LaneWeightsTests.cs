using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Tests.Kernels;

[TestClass]
public sealed class LaneWeightsTests
{
    [TestMethod]
    [DataRow(1, 3, 64, false)]
    [DataRow(9, 5, 80, false)]
    [DataRow(23, 17, 144, false)]
    [DataRow(23, 17, 144, true)]
    public void Sums_of_some_of_the_lanes_are_the_definition_and_the_other_lanes_stay(
        int outputs,
        int inputs,
        int lanes,
        bool withGaps
    )
    {
        const int Beside = 16;
        var random = new Random(outputs);
        float[][] weights =
        [
            .. Enumerable
                .Range(0, outputs)
                .Select(output =>
                    Enumerable
                        .Range(0, inputs)
                        .Select(input => withGaps && (output + input) % 3 == 0 ? 0 : random.NextSingle() - 0.5f)
                        .ToArray()
                ),
        ];
        LaneWeights whole = LaneWeights.Create(
            outputs,
            inputs,
            output =>
            {
                int[] heard = [.. Enumerable.Range(0, inputs).Where(input => weights[output][input] != 0)];
                return (heard, [.. heard.Select(input => weights[output][input])]);
            }
        );
        int inputStride = lanes + Beside;
        int outputStride = lanes + 2 * Beside;
        float[] x = [.. Enumerable.Range(0, inputs * inputStride).Select(_ => random.NextSingle() - 0.5f)];
        float[] before = [.. Enumerable.Range(0, outputs * outputStride).Select(_ => random.NextSingle() - 0.5f)];
        float[] y = [.. before];
        whole.MultiplyAdd(x.AsSpan(Beside), inputStride, y.AsSpan(Beside), outputStride, lanes);
        for (int output = 0; output < outputs; output++)
        for (int lane = -Beside; lane < lanes + Beside; lane++)
        {
            int at = output * outputStride + Beside + lane;
            double expected = before[at];
            if (lane >= 0 && lane < lanes)
                for (int input = 0; input < inputs; input++)
                    expected += (double)weights[output][input] * x[input * inputStride + Beside + lane];
            Assert.AreEqual(expected, y[at], 1e-6 * inputs);
        }
    }
}
