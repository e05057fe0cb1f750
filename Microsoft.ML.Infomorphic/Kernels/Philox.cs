// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), generator Philox4x32-10.
//
//   symbol    variable                  shape      unit
//   c         counter0 … counter3       4 words    –
//   k         key0, key1                2 words    –
//   M0, M1    Multiplier0, Multiplier1  1 word     –
//   W0, W1    Weyl0, Weyl1              1 word     –
//
// Counter based: the number for a neuron and a row of a step is a function of the seed and of these three, so that
// results depend neither on the number of threads nor on the order in which neurons are computed.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The counter-based generator Philox4x32-10.</summary>
internal static class Philox
{
    public const uint Multiplier0 = 0xD2511F53;
    public const uint Multiplier1 = 0xCD9E8D57;
    public const uint Weyl0 = 0x9E3779B9;
    public const uint Weyl1 = 0xBB67AE85;
    public const int Rounds = 10;

    /// <summary>The four words that belong to a counter and a key.</summary>
    public static (uint, uint, uint, uint) Generate(uint c0, uint c1, uint c2, uint c3, ulong key)
    {
        uint k0 = (uint)key;
        uint k1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * c0;
            ulong product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ k0,
                (uint)product1,
                (uint)(product0 >> 32) ^ c3 ^ k1,
                (uint)product0
            );
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The words of sixteen counters at once.</summary>
    private static (Vector512<uint>, Vector512<uint>, Vector512<uint>, Vector512<uint>) Generate(
        Vector512<uint> c0,
        Vector512<uint> c1,
        Vector512<uint> c2,
        Vector512<uint> c3,
        ulong key
    )
    {
        uint k0 = (uint)key;
        uint k1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            (Vector512<uint> high0, Vector512<uint> low0) = Multiply(c0, Multiplier0);
            (Vector512<uint> high1, Vector512<uint> low1) = Multiply(c2, Multiplier1);
            (c0, c1, c2, c3) = (high1 ^ c1 ^ Vector512.Create(k0), low1, high0 ^ c3 ^ Vector512.Create(k1), low0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The high and the low words of the 64-bit products of every lane with a factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<uint> High, Vector512<uint> Low) Multiply(Vector512<uint> a, uint factor)
    {
        Vector512<ulong> lowWord = Vector512.Create(0xFFFFFFFFul);
        Vector512<ulong> even;
        Vector512<ulong> odd;
        if (Avx512F.IsSupported)
        {
            even = Avx512F.Multiply(a, Vector512.Create(factor));
            odd = Avx512F.Multiply((a.AsUInt64() >>> 32).AsUInt32(), Vector512.Create(factor));
        }
        else
        {
            even = (a.AsUInt64() & lowWord) * Vector512.Create((ulong)factor);
            odd = (a.AsUInt64() >>> 32) * Vector512.Create((ulong)factor);
        }

        Vector512<ulong> high = (even >>> 32) | (odd & ~lowWord);
        Vector512<ulong> low = (even & lowWord) | (odd << 32);
        return (high.AsUInt32(), low.AsUInt32());
    }

    /// <summary>
    /// Draws each row's output: 1 where a uniform number in [0, 1) is below the row's probability, else −1. With
    /// q = ⌈rows/4⌉, word j of counter (i, <paramref name="neuron"/>, <paramref name="step"/>) serves row j·q + i.
    /// </summary>
    /// <param name="probabilities">θ of each row.</param>
    /// <param name="outputs">Receives ±1 for each row.</param>
    /// <param name="neuron">The neuron.</param>
    /// <param name="step">The training step and presentation.</param>
    /// <param name="key">The seed.</param>
    public static void Sample(
        ReadOnlySpan<float> probabilities,
        Span<float> outputs,
        uint neuron,
        ulong step,
        ulong key
    )
    {
        int rows = probabilities.Length;
        int quarter = (rows + 3) / 4;
        Vector512<uint> c1 = Vector512.Create(neuron);
        Vector512<uint> c2 = Vector512.Create((uint)step);
        Vector512<uint> c3 = Vector512.Create((uint)(step >> 32));
        for (int i = 0; i < quarter; i += Vector512<uint>.Count)
        {
            Vector512<uint> c0 = Vector512<uint>.Indices + Vector512.Create((uint)i);
            (Vector512<uint> w0, Vector512<uint> w1, Vector512<uint> w2, Vector512<uint> w3) = Generate(
                c0,
                c1,
                c2,
                c3,
                key
            );
            int count = Math.Min(Vector512<uint>.Count, quarter - i);
            Compare(w0, probabilities, outputs, i, count);
            Compare(w1, probabilities, outputs, quarter + i, count);
            Compare(w2, probabilities, outputs, 2 * quarter + i, count);
            Compare(w3, probabilities, outputs, 3 * quarter + i, count);
        }
    }

    /// <summary>A uniform number in [0, 1) from the upper 24 bits of a word.</summary>
    public static float ToUniform(uint word) => (word >> 8) * (1f / (1 << 24));

    private static void Compare(
        Vector512<uint> words,
        ReadOnlySpan<float> probabilities,
        Span<float> outputs,
        int start,
        int count
    )
    {
        count = Math.Min(count, probabilities.Length - start);
        if (count == Vector512<float>.Count)
        {
            Vector512<float> uniform =
                Vector512.ConvertToSingle((words >>> 8).AsInt32()) * Vector512.Create(1f / (1 << 24));
            Vector512<float> fires = Vector512.LessThan(uniform, Vector512.Create(probabilities[start..]));
            Vector512.ConditionalSelect(fires, Vector512<float>.One, Vector512.Create(-1f)).CopyTo(outputs[start..]);
            return;
        }

        for (int lane = 0; lane < count; lane++)
            outputs[start + lane] = ToUniform(words[lane]) < probabilities[start + lane] ? 1 : -1;
    }
}
