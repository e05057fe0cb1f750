// The numbers of Philox, many counters at once, as operations on tensors of 64-bit integers. Words are kept in the
// lower halves; a product of two words wraps around 2⁶⁴, which leaves its bits as they are.
//
//   symbol    variable   shape                                 unit
//   c         c0 … c3    counters × neurons × i                word
//   k         k0, k1     1                                     word

using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The generator Philox4x32-10 on any device; see <see cref="Philox"/>.</summary>
internal static class TensorPhilox
{
    private const long Word = 0xFFFFFFFF;

    /// <summary>
    /// The uniform numbers that <see cref="Philox.Sample"/> compares firing probabilities with. Row j·q + i of a batch of which
    /// q is a quarter has number [·, ·, j, i].
    /// </summary>
    /// <param name="counters">The training steps and presentations, as <see cref="Philox.Sample"/> counts them.</param>
    /// <param name="firstNeuron">The first neuron.</param>
    /// <param name="neurons">Number of neurons.</param>
    /// <param name="quarter">A quarter of the largest batch's rows, rounded up.</param>
    /// <param name="key">The seed.</param>
    /// <param name="device">The device.</param>
    /// <returns>Counters × neurons × 4 × quarter, in [0, 1).</returns>
    public static Tensor Uniform(Tensor counters, long firstNeuron, int neurons, int quarter, ulong key, Device device)
    {
        using var scope = NewDisposeScope();
        Tensor half = Scalar(32);
        Tensor word = Scalar(Word);
        Tensor counter = counters.view(-1, 1, 1);
        Tensor c0 = arange(HeldScalar.Of(0L), HeldScalar.Of(quarter), HeldScalar.One, int64, device);
        Tensor c1 = arange(
                HeldScalar.Of(firstNeuron),
                HeldScalar.Of(firstNeuron + neurons),
                HeldScalar.One,
                int64,
                device
            )
            .unsqueeze(-1);
        Tensor c2 = counter & word;
        Tensor c3 = counter.bitwise_right_shift(half);
        uint k0 = (uint)key;
        uint k1 = (uint)(key >> 32);
        for (int round = 0; round < Philox.Rounds; round++)
        {
            using var temporary = NewDisposeScope();
            Tensor product0 = c0.mul(HeldScalar.Of((long)Philox.Multiplier0));
            Tensor product1 = c2.mul(HeldScalar.Of((long)Philox.Multiplier1));

            // c1 and c3 keep their upper halves until they have been joined with the others.
            Tensor next0 = (product1.bitwise_right_shift(half) ^ (c1 ^ Scalar(k0))).bitwise_and_(word);
            Tensor next2 = (product0.bitwise_right_shift(half) ^ (c3 ^ Scalar(k1))).bitwise_and_(word);
            temporary.Attach([c0, c1, c2, c3]);
            (c0, c1, c2, c3) = (next0, product1, next2, product0);
            temporary.MoveToOuter(c0, c1, c2, c3);
            k0 = unchecked(k0 + Philox.Weyl0);
            k1 = unchecked(k1 + Philox.Weyl1);
        }

        // The upper 24 bits of each word, as Philox.ToUniform has them.
        Tensor words = stack([c0, c1.bitwise_and_(word), c2, c3.bitwise_and_(word)], dim: 2);
        Tensor uniform = words.bitwise_right_shift_(Scalar(8)).to(float32).mul_(HeldScalar.Of(1f / (1 << 24)));
        return uniform.view(-1, neurons, 4, quarter).MoveToOuterDisposeScope();

        // Made on the device, so that nothing is copied to it.
        Tensor Scalar(long value) => full(1, HeldScalar.Of(value), int64, device);
    }
}
