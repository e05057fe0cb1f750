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
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
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
                            new SweepWorker(study, objective, options, display, index, stop.Token).Run();
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
    Func<TrialRun, double> objective,
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
            ClaimedTrial? trial = study.TryClaim(_name, options.MaximumTrials ?? int.MaxValue, options.DeadAfter, stop);
            if (trial is not null)
            {
                RunTrial(trial);
                GiveUpWithoutValue();
                continue;
            }
            // Others still run trials. Should their workers die, the trials are ours.
            if (
                !study
                    .GetTrials(withEpochs: false)
                    .Any(t => t.State is StoredTrialState.Running or StoredTrialState.Queued)
            )
                return;
            stop.WaitHandle.WaitOne(Math.Min(1000, (int)options.DeadAfter.TotalMilliseconds / 4));
        }
    }

    private void RunTrial(ClaimedTrial trial)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var heart = new Heart(study, trial, options.DeadAfter / 5, cancel);
        display.Show(study.GetTrials(withEpochs: false), trial.Number, null, null);
        bool pruned = false;
        double? last = null;
        var run = new TrialRun(trial.Number, trial.Point, Report, cancel.Token);
        try
        {
            double value = objective(run);
            heart.Stop();
            study.Complete(trial, value);
        }
        catch (OperationCanceledException) when (pruned)
        {
            heart.Stop();
            study.Prune(trial, run.TellsPrunedValue ? last : null);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            heart.Stop();
            study.Release(trial); // Does nothing where another worker has taken it over.
            heart.ThrowIfFailed();
            stop.ThrowIfCancellationRequested();
        }
        catch (Exception exception) when (exception is not TrialStoreException)
        {
            heart.Stop();
            study.Fail(trial, exception.Message.Split('\n')[0].Trim());
        }
        display.Show(study.GetTrials(withEpochs: false), trial.Number, null, null);

        void Report(int epoch, double value)
        {
            cancel.Token.ThrowIfCancellationRequested();
            if (!study.Report(trial, epoch, value))
            {
                cancel.Cancel();
                cancel.Token.ThrowIfCancellationRequested();
            }
            last = value;
            display.Show(null, trial.Number, epoch, value);
            if (options.Pruner is null)
                return;
            LearningCurve[] curves =
            [
                .. study
                    .GetTrials()
                    .Where(t =>
                        t.State != StoredTrialState.Failed && (t.EpochValues.Count > 0 || t.Number == trial.Number)
                    )
                    .Select(t => new LearningCurve(t.Number, t.EpochValues, t.State == StoredTrialState.Completed)),
            ];
            LearningCurve own = curves.Single(c => c.Trial == trial.Number);
            if (options.Pruner.ShouldPrune(own, [.. curves.Where(c => c != own)], study.Direction))
            {
                pruned = true;
                throw new OperationCanceledException("The trial is not worth going on with.");
            }
        }
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
