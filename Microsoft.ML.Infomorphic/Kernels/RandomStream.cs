namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>A sequence of random numbers from <see cref="Philox"/>: the same on every platform.</summary>
internal sealed class RandomStream
{
    private readonly ulong _key;
    private readonly uint _stream;
    private ulong _counter;
    private (uint, uint, uint, uint) _words;
    private int _used = 4;

    /// <summary>Starts a sequence.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="stream">Sequences of one seed and different streams are independent.</param>
    public RandomStream(ulong seed, uint stream)
    {
        _key = seed;
        _stream = stream;
    }

    /// <summary>The next 32 random bits.</summary>
    public uint NextWord()
    {
        if (_used == 4)
        {
            _words = Philox.Generate((uint)_counter, (uint)(_counter >> 32), _stream, uint.MaxValue, _key);
            _counter++;
            _used = 0;
        }

        return _used++ switch
        {
            0 => _words.Item1,
            1 => _words.Item2,
            2 => _words.Item3,
            _ => _words.Item4,
        };
    }

    /// <summary>The next uniform number in [0, 1).</summary>
    public float NextUniform() => Philox.ToUniform(NextWord());

    /// <summary>The next uniform integer in [0, bound).</summary>
    public int NextInteger(int bound)
    {
        // Lemire, "Fast random integer generation in an interval" (2019): unbiased by rejection.
        uint range = (uint)bound;
        uint threshold = (uint)(-range) % range;
        while (true)
        {
            ulong product = (ulong)NextWord() * range;
            if ((uint)product >= threshold)
                return (int)(product >> 32);
        }
    }

    /// <summary>Puts items into random order (Fisher–Yates).</summary>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInteger(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
