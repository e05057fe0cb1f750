namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// Random numbers that follow from a seed, a purpose and an index: SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014).
/// </summary>
internal sealed class TuningRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    public TuningRandom(ulong seed, RandomPurpose purpose, ulong index) =>
        _state = Mix(Mix(Mix(seed + Golden) + (ulong)purpose + Golden) + index + Golden);

    public ulong NextWord() => Mix(_state += Golden);

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextUniform() => (NextWord() >> 11) * (1.0 / (1L << 53));

    /// <summary>Uniform in 0 … bound − 1: Lemire (2019), unbiased by rejection.</summary>
    public int NextInteger(int bound)
    {
        ulong range = (ulong)bound;
        ulong threshold = (0 - range) % range;
        while (true)
        {
            ulong high = Math.BigMul(NextWord(), range, out ulong low);
            if (low >= threshold)
                return (int)high;
        }
    }

    /// <summary>Standard normal: Marsaglia's polar method.</summary>
    public double NextNormal()
    {
        while (true)
        {
            double u = 2 * NextUniform() - 1;
            double v = 2 * NextUniform() - 1;
            double s = u * u + v * v;
            if (s is > 0 and < 1)
                return u * Math.Sqrt(-2 * Math.Log(s) / s);
        }
    }

    /// <summary>The index of a weight, drawn in proportion; the weights sum to 1.</summary>
    public int NextIndex(ReadOnlySpan<double> weights)
    {
        double rest = NextUniform();
        for (int i = 0; i < weights.Length - 1; i++)
        {
            rest -= weights[i];
            if (rest < 0)
                return i;
        }
        return weights.Length - 1;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>What random numbers are for: different purposes never share a sequence.</summary>
internal enum RandomPurpose : ulong
{
    Uniform = 1,
    Scrambling = 2,
    Candidates = 3,
    Population = 4,
    Restart = 5,
}
