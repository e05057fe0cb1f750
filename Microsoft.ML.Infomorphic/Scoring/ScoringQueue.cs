using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>
/// Blocks that are scored by the threads of the pool while others are read, and come out in the order in which they went
/// in. One thread uses it, and scores with the others where it would have to wait.
/// </summary>
internal sealed class ScoringQueue : IThreadPoolWorkItem
{
    private readonly IBlockScorer _scorer;
    private readonly Entry[] _ring;
    private readonly int _helpers;
    private int _helping;
    private int _first;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="scorer">What scores.</param>
    /// <param name="helpers">Threads of the pool that may help; at least 0.</param>
    public ScoringQueue(IBlockScorer scorer, int helpers)
    {
        _scorer = scorer;
        _helpers = helpers;
        _ring = new Entry[CapacityFor(helpers)];
        for (int i = 0; i < _ring.Length; i++)
            _ring[i] = new Entry();
    }

    private enum State
    {
        Free,
        Waiting,
        Running,
        Scored,
    }

    /// <summary>Number of blocks in the queue.</summary>
    public int Count { get; private set; }

    /// <summary>The largest number of blocks.</summary>
    public int Capacity => _ring.Length;

    /// <summary>
    /// How many blocks are in use at once: one for each thread, one that is being read and one that is being handed out.
    /// </summary>
    /// <param name="helpers">Threads of the pool that may help.</param>
    public static int CapacityFor(int helpers) => helpers == 0 ? 1 : helpers + 3;

    /// <summary>Whether the oldest block is scored.</summary>
    public bool HasScored => Count > 0 && _ring[_first].Is(State.Scored);

    /// <summary>Adds a block; nobody may touch it until it comes out.</summary>
    public void Enqueue(ScoringBlock block)
    {
        if (Count == _ring.Length)
            throw new InvalidOperationException("The queue is full.");
        Entry entry = _ring[(_first + Count) % _ring.Length];
        entry.Block = block;
        entry.Set(State.Waiting);
        Count++;
        if (TryBeginToHelp())
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Takes the oldest block out, scored.</summary>
    public ScoringBlock Dequeue()
    {
        if (Count == 0)
            throw new InvalidOperationException("The queue is empty.");
        Entry entry = _ring[_first];
        while (!entry.Is(State.Scored))
            if (!TryScoreOne(_first))
                entry.WaitUntilScored();
        ScoringBlock block = entry.Block!;
        Exception? failure = entry.Failure;
        entry.Failure = null;
        entry.Set(State.Free);
        _first = (_first + 1) % _ring.Length;
        Count--;
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
        return block;
    }

    /// <summary>Forgets the blocks; what is being scored is scored to its end.</summary>
    /// <returns>The blocks that are not being scored.</returns>
    public IReadOnlyList<ScoringBlock> Abandon()
    {
        var left = new List<ScoringBlock>();
        foreach (Entry entry in _ring)
            if (entry.TryChange(State.Waiting, State.Free) || entry.TryChange(State.Scored, State.Free))
                left.Add(entry.Block!);
        Count = 0;
        return left;
    }

    void IThreadPoolWorkItem.Execute()
    {
        int first = Volatile.Read(ref _first);
        do
        {
            while (TryScoreOne(first))
                first = Volatile.Read(ref _first);
            Interlocked.Decrement(ref _helping);

            // A block may have come after the last look and before nobody helped any more.
        } while (AnyWaits() && TryBeginToHelp());
    }

    private bool AnyWaits()
    {
        foreach (Entry entry in _ring)
            if (entry.Is(State.Waiting))
                return true;
        return false;
    }

    private bool TryBeginToHelp()
    {
        int helping;
        do
        {
            helping = Volatile.Read(ref _helping);
            if (helping >= _helpers)
                return false;
        } while (Interlocked.CompareExchange(ref _helping, helping + 1, helping) != helping);
        return true;
    }

    // The oldest first.
    private bool TryScoreOne(int first)
    {
        for (int i = 0; i < _ring.Length; i++)
        {
            Entry entry = _ring[(first + i) % _ring.Length];
            if (!entry.TryChange(State.Waiting, State.Running))
                continue;
            try
            {
                _scorer.Score(entry.Block!);
            }
            catch (Exception exception)
            {
                entry.Failure = exception;
            }

            entry.SetScored();
            return true;
        }

        return false;
    }

    private sealed class Entry
    {
        private readonly object _lock = new();
        private int _state;

        public ScoringBlock? Block { get; set; }

        public Exception? Failure { get; set; }

        public bool Is(State state) => Volatile.Read(ref _state) == (int)state;

        public void Set(State state) => Volatile.Write(ref _state, (int)state);

        public bool TryChange(State from, State to) =>
            Interlocked.CompareExchange(ref _state, (int)to, (int)from) == (int)from;

        public void SetScored()
        {
            lock (_lock)
            {
                Set(State.Scored);
                Monitor.PulseAll(_lock);
            }
        }

        // Whoever scores it has begun.
        public void WaitUntilScored()
        {
            var wait = new SpinWait();
            while (!Is(State.Scored) && !wait.NextSpinWillYield)
                wait.SpinOnce();
            lock (_lock)
                while (!Is(State.Scored))
                    Monitor.Wait(_lock);
        }
    }
}
