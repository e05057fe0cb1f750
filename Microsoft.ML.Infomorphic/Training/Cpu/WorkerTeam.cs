using System.Runtime.ExceptionServices;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>
/// A few threads that work through numbered items together, over and over, without allocating anything. Items are
/// handed out one by one, so that a thread that is held up holds up nobody else; items must not touch each other's
/// results, so that who does which changes nothing.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    private readonly SemaphoreSlim[] _starts;
    private readonly CountdownEvent _pending;
    private readonly Action? _onStart;
    private readonly Dictionary<Type, Job> _jobs = [];
    private Job? _job;
    private int _count;
    private int _next;
    private bool _ended;
    private Exception? _failure;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Number of threads, the calling one included.</param>
    /// <param name="onStart">What each thread but the calling one does first; null for nothing.</param>
    public WorkerTeam(int threads, Action? onStart = null)
    {
        _onStart = onStart;
        ThreadCount = threads;
        _pending = new CountdownEvent(1);
        _starts = new SemaphoreSlim[threads - 1];
        for (int i = 0; i < _starts.Length; i++)
        {
            int worker = i + 1;
            _starts[i] = new SemaphoreSlim(0);
            new Thread(() => Serve(worker)) { IsBackground = true, Name = "Infomorphic training" }.Start();
        }
    }

    /// <summary>Number of threads, the calling one included.</summary>
    public int ThreadCount { get; }

    /// <summary>Works through items 0 … count − 1; returns when all are done.</summary>
    /// <typeparam name="T">What the items share; work with one type after another allocates nothing.</typeparam>
    /// <param name="count">Number of items.</param>
    /// <param name="context">What the items share.</param>
    /// <param name="work">Receives the context, the item, and the thread's number from 0.</param>
    public void Run<T>(int count, T context, Action<T, int, int> work)
    {
        if (!_jobs.TryGetValue(typeof(T), out Job? known))
            _jobs.Add(typeof(T), known = new Job<T>());
        var job = (Job<T>)known;
        job.Context = context;
        job.Work = work;
        _job = job;
        _count = count;
        _next = 0;
        _failure = null;
        int helpers = Math.Min(_starts.Length, count - 1);
        if (helpers > 0)
        {
            _pending.Reset(helpers);
            for (int i = 0; i < helpers; i++)
                _starts[i].Release();
        }

        WorkThrough(0);
        if (helpers > 0)
            _pending.Wait();
        job.Context = default;
        if (_failure is Exception failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _ended, true);
        foreach (SemaphoreSlim start in _starts)
            start.Release();
    }

    private void Serve(int worker)
    {
        _onStart?.Invoke();
        SemaphoreSlim start = _starts[worker - 1];
        while (true)
        {
            start.Wait();
            if (Volatile.Read(ref _ended))
                return;
            WorkThrough(worker);
            _pending.Signal();
        }
    }

    private void WorkThrough(int worker)
    {
        try
        {
            int item;
            while ((item = Interlocked.Increment(ref _next) - 1) < _count)
                _job!.Do(item, worker);
        }
        catch (Exception exception)
        {
            // The first failure ends the work of all; it is thrown again where the work was asked for.
            Interlocked.CompareExchange(ref _failure, exception, null);
            Interlocked.Exchange(ref _next, _count);
        }
    }

    private abstract class Job
    {
        public abstract void Do(int item, int thread);
    }

    private sealed class Job<T> : Job
    {
        public T? Context { get; set; }

        public Action<T, int, int> Work { get; set; } = static (_, _, _) => { };

        public override void Do(int item, int thread) => Work(Context!, item, thread);
    }
}
