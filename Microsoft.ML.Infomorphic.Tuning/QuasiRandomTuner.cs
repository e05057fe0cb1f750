namespace Microsoft.ML.Infomorphic.Tuning;

// Halton's sequence with random digit permutations: Owen, "A randomized Halton algorithm in R" (arXiv 1706.02808).
//
//   symbol   variable   shape   meaning
//   n        index      1       the point's index, from 0
//   b        base       d       the dimension's base: the first d primes
//   a_k(n)   digit      K       digits of n in base b, least significant first
//   π_k      Permute    b       a random permutation of the digits, its own for each dimension and each place k
//   x        place      d       x = Σ_k π_k(a_k(n)) b^(−k−1)
//
// Leading zeros are permuted, too, down to places smaller than double precision tells apart.

/// <summary>
/// Proposes the points of a scrambled Halton sequence: they fill the space more evenly than independent ones. Learns
/// nothing. Takes every kind of parameter.
/// </summary>
/// <remarks>Source: Owen, arXiv 1706.02808. Different seeds give independent scramblings.</remarks>
public sealed class QuasiRandomTuner : Tuner
{
    internal const string Name = "quasi-random";

    private readonly int[] _bases;
    private readonly Dictionary<(int Dimension, int Place), int[]> _permutations = [];
    private int _next;

    /// <summary>Creates a tuner.</summary>
    /// <param name="space">What is searched.</param>
    /// <param name="direction">Which values are good.</param>
    /// <param name="seed">The scrambling follows from this number.</param>
    public QuasiRandomTuner(SearchSpace space, OptimizationDirection direction, ulong seed)
        : base(space, direction, seed)
    {
        _bases = FirstPrimes(space.Parameters.Count);
    }

    private protected override string Kind => Name;

    private protected override ParameterPoint Propose(int number)
    {
        double[] places = new double[_bases.Length];
        for (int i = 0; i < places.Length; i++)
            places[i] = Place(_next, i);
        return Space.PointAt(places);
    }

    // Enqueued points are no part of the sequence.
    private protected override void OnBegun(Trial trial) => _next += trial.Enqueued ? 0 : 1;

    /// <summary>The coordinate of a point, in [0, 1).</summary>
    internal double Place(int index, int dimension)
    {
        int @base = _bases[dimension];
        double place = 0;
        int rest = index;
        int k = 0;
        for (double unit = 1.0 / @base; unit > 1e-16; unit /= @base, rest /= @base, k++)
            place += Permute(dimension, k)[rest % @base] * unit;
        return Math.Min(place, 1 - 1e-16);
    }

    private int[] Permute(int dimension, int k)
    {
        if (_permutations.TryGetValue((dimension, k), out int[]? permutation))
            return permutation;
        int[] digits = [.. Enumerable.Range(0, _bases[dimension])];
        var random = new TuningRandom(Seed, RandomPurpose.Scrambling, ((ulong)dimension << 32) | (uint)k);
        for (int i = digits.Length - 1; i > 0; i--)
        {
            int j = random.NextInteger(i + 1);
            (digits[i], digits[j]) = (digits[j], digits[i]);
        }
        return _permutations[(dimension, k)] = digits;
    }

    private static int[] FirstPrimes(int count)
    {
        var primes = new List<int>(count);
        for (int candidate = 2; primes.Count < count; candidate++)
            if (primes.TrueForAll(prime => candidate % prime != 0))
                primes.Add(candidate);
        return [.. primes];
    }
}
