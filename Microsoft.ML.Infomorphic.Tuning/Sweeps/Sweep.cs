using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// Works on a study: begins trials, evaluates them, and stores what comes of them, until the study has enough. Any number
/// of processes may work on one.
/// </summary>
public static class Sweep
{
    /// <summary>Joins a study, creating it where it is new, and works on it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="definition">What the study is about.</param>
    /// <param name="startingPoints">Points to evaluate first, in their order, if the study is new.</param>
    /// <param name="objective">
    /// Evaluates a trial. An exception fails the trial, and the sweep goes on. Called from several threads at once where
    /// there are several workers.
    /// </param>
    /// <param name="options">How much it may cost.</param>
    /// <param name="cancellationToken">Ends the sweep; what is finished is kept, and running trials are given back.</param>
    /// <returns>What the study has found, trials of earlier runs and of other workers included.</returns>
    /// <exception cref="ArgumentException">An option is out of its range, or the study is about something else.</exception>
    /// <exception cref="InvalidOperationException">No trial has a value: the message says why.</exception>
    /// <exception cref="TrialStoreException">The store cannot be used. What is finished is in it.</exception>
    public static SweepResult Run(
        TrialStore store,
        StudyDefinition definition,
        IReadOnlyList<ParameterPoint> startingPoints,
        Func<TrialRun, double> objective,
        SweepOptions options,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(objective);
        return Run(
            store,
            definition,
            startingPoints,
            trials => [.. trials.Select(trial => (Func<double>)(() => objective(trial)))],
            trialsAtOnce: 1,
            options,
            cancellationToken
        );
    }

    /// <summary>
    /// Works on a study whose workers evaluate several trials at once. The objective evaluates them, and returns for each a
    /// function that gives its value, or throws what ended it.
    /// </summary>
    internal static SweepResult Run(
        TrialStore store,
        StudyDefinition definition,
        IReadOnlyList<ParameterPoint> startingPoints,
        Func<IReadOnlyList<TrialRun>, IReadOnlyList<Func<double>>> objective,
        int trialsAtOnce,
        SweepOptions options,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        if (options.ProposalBatchSize is int size)
            definition = definition with { ProposalBatchSize = size };
        Study[] studies =
        [
            .. Enumerable.Range(0, options.Workers).Select(_ => Study.Join(store, definition, startingPoints)),
        ];
        var display = new ProgressDisplay(options, studies[0].Direction, studies[0].GetTrials(withEpochs: false));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? failure = null;
        Thread[] threads =
        [
            .. studies.Select(
                (study, index) =>
                    new Thread(() =>
                    {
                        try
                        {
                            new SweepWorker(study, objective, trialsAtOnce, options, display, index, stop.Token).Run();
                        }
                        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
                        catch (Exception exception)
                        {
                            Interlocked.CompareExchange(ref failure, exception, null);
                            stop.Cancel();
                        }
                    })
                    {
                        IsBackground = true,
                        Name = $"Sweep worker {index}",
                    }
            ),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);

        IReadOnlyList<StoredTrial> trials = studies[0].GetTrials();
        StoredTrial? best = BestOf(trials, studies[0].Direction);
        SweepOutcome outcome = cancellationToken.IsCancellationRequested
            ? SweepOutcome.Cancelled
            : SweepOutcome.Finished;
        if (best is null && outcome == SweepOutcome.Finished)
            throw NoValue(trials);
        return new SweepResult(outcome, best, trials);
    }

    /// <summary>The completed trial with the best value, the earliest of equals.</summary>
    internal static StoredTrial? BestOf(IEnumerable<StoredTrial> trials, OptimizationDirection direction) =>
        trials
            .Where(t => t.State == StoredTrialState.Completed)
            .OrderBy(t => Losses.Of(t.Value!.Value, direction))
            .ThenBy(t => t.Number)
            .FirstOrDefault();

    internal static InvalidOperationException NoValue(IReadOnlyCollection<StoredTrial> trials)
    {
        IGrouping<string?, StoredTrial>? cause = trials
            .Where(t => t.State == StoredTrialState.Failed)
            .GroupBy(t => t.Error)
            .OrderByDescending(g => g.Count())
            .FirstOrDefault();
        return cause is null
            ? new InvalidOperationException("No trial was finished in the time that the sweep had: give it more.")
            : new InvalidOperationException(
                $"No trial has a value; {cause.Count()} of {trials.Count} failed because of this: {cause.Key}"
            );
    }
}

/// <summary>One thread's share of a sweep.</summary>
internal sealed class SweepWorker(
    Study study,
    Func<IReadOnlyList<TrialRun>, IReadOnlyList<Func<double>>> objective,
    int trialsAtOnce,
    SweepOptions options,
    ProgressDisplay display,
    int index,
    CancellationToken stop
)
{
    private readonly string _name = string.Create(
        CultureInfo.InvariantCulture,
        $"{Environment.MachineName}/{Environment.ProcessId}/{index}"
    );

    public void Run()
    {
        while (true)
        {
            stop.ThrowIfCancellationRequested();
            if (options.MaximumTime is TimeSpan limit && display.Elapsed >= limit)
                return;
            (List<ClaimedTrial> claimed, ClaimOutcome outcome) = Claim();
            if (claimed.Count > 0)
            {
                RunTrials(claimed);
                GiveUpWithoutValue();
            }
            else if (outcome == ClaimOutcome.Waits)
                Wait(atMost: 50);
            else if (outcome == ClaimOutcome.Enough)
            {
                // Others may still run trials. Should their workers die, the trials are ours.
                if (
                    !study
                        .GetTrials(withEpochs: false)
                        .Any(t => t.State is StoredTrialState.Running or StoredTrialState.Queued)
                )
                    return;
                Wait(atMost: 1000);
            }
        }

        void Wait(int atMost) =>
            stop.WaitHandle.WaitOne(Math.Min(atMost, (int)options.DeadAfter.TotalMilliseconds / 4));
    }

    private (List<ClaimedTrial> Claimed, ClaimOutcome Outcome) Claim()
    {
        var claimed = new List<ClaimedTrial>();
        try
        {
            while (true)
            {
                (ClaimedTrial? trial, ClaimOutcome outcome) = study.TryClaim(
                    _name,
                    options.MaximumTrials ?? int.MaxValue,
                    options.DeadAfter,
                    options.EvaluateRepeats,
                    stop
                );
                if (trial is not null)
                    claimed.Add(trial);
                if (trial is null || claimed.Count == trialsAtOnce)
                    return (claimed, outcome);
            }
        }
        catch (OperationCanceledException)
        {
            foreach (ClaimedTrial trial in claimed)
                study.Release(trial);
            throw;
        }
    }

    private void RunTrials(List<ClaimedTrial> claimed)
    {
        var running = new List<RunningTrial>();
        try
        {
            foreach (ClaimedTrial trial in claimed)
                running.Add(new RunningTrial(study, trial, index, options, display, stop));
            // One that repeats another of them is given back, to take over what comes of that.
            RunningTrial[] evaluated = options.EvaluateRepeats
                ? [.. running]
                : [.. running.DistinctBy(trial => trial.Run.Point)];
            IReadOnlyList<Func<double>> values;
            try
            {
                values = objective([.. evaluated.Select(trial => trial.Run)]);
            }
            catch (Exception exception) when (exception is not TrialStoreException)
            {
                // What ends all at once ends each of them.
                values = [.. evaluated.Select(_ => (Func<double>)(() => throw exception))];
            }
            foreach ((RunningTrial trial, Func<double> value) in evaluated.Zip(values))
                trial.End(value);
            foreach (RunningTrial trial in running.Except(evaluated))
                trial.GiveBack();
        }
        finally
        {
            foreach (RunningTrial trial in running)
                trial.Dispose();
        }
        stop.ThrowIfCancellationRequested();
    }

    private void GiveUpWithoutValue()
    {
        IReadOnlyList<StoredTrial> trials = study.GetTrials(withEpochs: false);
        if (
            trials.Count(t => t.State == StoredTrialState.Failed) >= options.MaximumFailuresWithoutValue
            && !trials.Any(t => t.State == StoredTrialState.Completed)
        )
            throw Sweep.NoValue(trials);
    }
}

/// <summary>A trial that a worker runs.</summary>
internal sealed class RunningTrial : IDisposable
{
    private readonly Study _study;
    private readonly ClaimedTrial _trial;
    private readonly SweepOptions _options;
    private readonly ProgressDisplay _display;
    private readonly CancellationTokenSource _cancel;
    private readonly Heart _heart;
    private bool _pruned;
    private double? _last;

    public RunningTrial(
        Study study,
        ClaimedTrial trial,
        int worker,
        SweepOptions options,
        ProgressDisplay display,
        CancellationToken stop
    )
    {
        _study = study;
        _trial = trial;
        _options = options;
        _display = display;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _heart = new Heart(study, trial, options.DeadAfter / 5, _cancel);
        Run = new TrialRun(trial.Number, worker, trial.Point, Report, _cancel.Token);
        display.Show(study.GetTrials(withEpochs: false), trial.Number, null, null);
    }

    /// <summary>The trial from the objective's point of view.</summary>
    public TrialRun Run { get; }

    /// <summary>Stores what comes of the trial.</summary>
    /// <param name="value">Gives its value, or throws what ended it.</param>
    public void End(Func<double> value)
    {
        try
        {
            double measured = value();
            _heart.Stop();
            _study.Complete(_trial, measured);
        }
        catch (OperationCanceledException) when (_pruned)
        {
            _heart.Stop();
            _study.Prune(_trial, Run.TellsPrunedValue ? _last : null);
        }
        catch (OperationCanceledException) when (_cancel.IsCancellationRequested)
        {
            _heart.Stop();
            _study.Release(_trial); // Does nothing where another worker has taken it over.
            _heart.ThrowIfFailed();
            return;
        }
        catch (Exception exception) when (exception is not TrialStoreException)
        {
            _heart.Stop();
            _study.Fail(_trial, exception.Message.Split('\n')[0].Trim());
        }
        _display.Show(_study.GetTrials(withEpochs: false), _trial.Number, null, null);
    }

    /// <summary>Leaves the trial to whoever comes next.</summary>
    public void GiveBack()
    {
        _heart.Stop();
        _study.Release(_trial);
    }

    public void Dispose()
    {
        _heart.Dispose();
        _cancel.Dispose();
    }

    private void Report(int epoch, double value)
    {
        _cancel.Token.ThrowIfCancellationRequested();
        if (!_study.Report(_trial, epoch, value))
        {
            _cancel.Cancel();
            _cancel.Token.ThrowIfCancellationRequested();
        }
        _last = value;
        _display.Show(null, _trial.Number, epoch, value);
        if (_options.Pruner is null)
            return;
        LearningCurve[] curves =
        [
            .. _study
                .GetTrials()
                .Where(t =>
                    t.State != StoredTrialState.Failed && (t.EpochValues.Count > 0 || t.Number == _trial.Number)
                )
                .Select(t => new LearningCurve(t.Number, t.EpochValues, t.State == StoredTrialState.Completed)),
        ];
        LearningCurve own = curves.Single(c => c.Trial == _trial.Number);
        // How far others of its batch are is a matter of chance.
        LearningCurve[] others =
        [
            .. _study.Definition.ProposalBatchSize is null
                ? curves.Where(c => c != own)
                : curves.Where(c => c.Trial < _study.Definition.FirstOfBatch(own.Trial)),
        ];
        if (_options.Pruner.ShouldPrune(own, others, _study.Direction))
        {
            _pruned = true;
            throw new OperationCanceledException("The trial is not worth going on with.");
        }
    }
}

/// <summary>Says that a trial's worker is alive, while it is; cancels the trial where another worker has taken it over.</summary>
internal sealed class Heart : IDisposable
{
    private readonly CancellationTokenSource _stopped = new();
    private readonly Thread _thread;
    private Exception? _failure;

    public Heart(Study study, ClaimedTrial trial, TimeSpan interval, CancellationTokenSource cancel)
    {
        CancellationToken stopped = _stopped.Token;
        _thread = new Thread(() =>
        {
            try
            {
                while (!stopped.WaitHandle.WaitOne(interval))
                {
                    if (study.Beat(trial))
                        continue;
                    cancel.Cancel();
                    return;
                }
            }
            catch (Exception exception)
            {
                _failure = exception;
                cancel.Cancel();
            }
        })
        {
            IsBackground = true,
            Name = "Sweep heartbeat",
        };
        _thread.Start();
    }

    public void Stop()
    {
        _stopped.Cancel();
        _thread.Join();
    }

    public void ThrowIfFailed()
    {
        if (_failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
    }

    public void Dispose()
    {
        Stop();
        _stopped.Dispose();
    }
}

/// <summary>Tells the caller where a sweep is.</summary>
internal sealed class ProgressDisplay(
    SweepOptions options,
    OptimizationDirection direction,
    IReadOnlyList<StoredTrial> before
)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Lock _lock = new();
    private readonly int _endedBefore = before.Count(HasEnded);
    private IReadOnlyList<StoredTrial> _trials = before;

    public TimeSpan Elapsed => _watch.Elapsed;

    public void Show(IReadOnlyList<StoredTrial>? trials, int trial, int? epoch, double? value)
    {
        if (options.Progress is null)
            return;
        lock (_lock)
        {
            _trials = trials ?? _trials;
            TimeSpan elapsed = Elapsed;
            int all = _trials.Count(HasEnded);
            int ended = all - _endedBefore;
            double rate = ended / elapsed.TotalHours;
            TimeSpan? left =
                ended > 0 && options.MaximumTrials is int count
                    ? TimeSpan.FromHours(Math.Max(0, count - all) / rate)
                    : null;
            TimeSpan? limit = options.MaximumTime - elapsed;
            if (limit < TimeSpan.Zero)
                limit = TimeSpan.Zero;
            options.Progress(
                new SweepProgress(
                    _trials.Count,
                    Count(StoredTrialState.Completed),
                    Count(StoredTrialState.Failed),
                    Count(StoredTrialState.Pruned),
                    Sweep.BestOf(_trials, direction),
                    rate,
                    left is null || limit < left ? limit ?? left : left,
                    elapsed,
                    trial,
                    epoch,
                    value
                )
            );
        }
    }

    private int Count(StoredTrialState state) => _trials.Count(t => t.State == state);

    private static bool HasEnded(StoredTrial trial) =>
        trial.State is StoredTrialState.Completed or StoredTrialState.Failed or StoredTrialState.Pruned;
}
