using System.Globalization;
using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic.Tuning;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>What the trials of an experiment share: learning curves, the best trial, and counts. Also AutoML's monitor.</summary>
internal sealed class InfomorphicExperiment(InfomorphicExperimentOptions options) : IMonitor
{
    private readonly Dictionary<int, List<double>> _curves = [];
    private readonly HashSet<int> _completed = [];
    private readonly List<string> _errors = [];
    private InfomorphicTrialResult? _best;
    private int _pruned;

    public InfomorphicExperimentOptions Options { get; } = options;

    public IReadOnlyList<double> EpochsOf(int trial) => _curves.TryGetValue(trial, out List<double>? own) ? own : [];

    /// <summary>Takes the metric after an epoch.</summary>
    /// <returns>Whether the trial should end.</returns>
    public bool Report(int trial, double value)
    {
        if (!_curves.TryGetValue(trial, out List<double>? own))
            _curves.Add(trial, own = []);
        own.Add(value);
        Tell(trial, own.Count, value);
        return Options.Pruner?.ShouldPrune(
                new LearningCurve(trial, own, false),
                [
                    .. _curves
                        .Where(c => c.Key != trial)
                        .Select(c => new LearningCurve(c.Key, c.Value, _completed.Contains(c.Key))),
                ],
                Options.Metric.Direction
            )
            ?? false;
    }

    /// <summary>Forgets the epochs of a failed trial: it says nothing about others.</summary>
    /// <exception cref="InvalidOperationException">Too many trials have failed, and none has a value.</exception>
    public void Fail(int trial, string error)
    {
        _curves.Remove(trial);
        _errors.Add(error);
        if (_best is not null || _errors.Count < Options.MaximumFailuresWithoutValue)
            return;
        IGrouping<string, string> cause = _errors.GroupBy(e => e).OrderByDescending(g => g.Count()).First();
        throw new InvalidOperationException(
            string.Create(
                CultureInfo.InvariantCulture,
                $"No trial has a value; {cause.Count()} of {_errors.Count} failed because of this: {cause.Key}"
            )
        );
    }

    public void ReportRunningTrial(TrialSettings settings) { }

    public void ReportBestTrial(TrialResult result) { }

    // What the runner lets pass: a cancelled trial, or the experiment's end.
    public void ReportFailTrial(TrialSettings settings, Exception? exception = null) =>
        _curves.Remove(settings.TrialId);

    public void ReportCompletedTrial(TrialResult result)
    {
        var trial = (InfomorphicTrialResult)result;
        int number = trial.TrialSettings.TrialId;
        if (trial.IsPruned)
            _pruned++;
        else if (trial.Error is null)
        {
            _completed.Add(number);
            bool better = _best is null || trial.Loss < _best.Loss;
            LetGo(better ? _best : trial);
            if (better)
                _best = trial;
        }
        Tell(number, null, trial.Metric);
    }

    // AutoML keeps results, and disposes of nothing.
    private static void LetGo(InfomorphicTrialResult? trial)
    {
        (trial?.Model as IDisposable)?.Dispose();
        if (trial is not null)
            trial.Model = null;
    }

    private void Tell(int trial, int? epoch, double value) =>
        Options.Progress?.Invoke(
            new InfomorphicExperimentProgress(trial, epoch, value, _completed.Count, _errors.Count, _pruned, _best)
        );
}
