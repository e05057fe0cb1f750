// arXiv 2412.02482, algorithm 1 (TrainModel): epochs over shuffled batches, each presented once or more. Neurons learn on their
// own, so that networks of one shape may learn side by side from the same batches, as one wide layer whose blocks hear
// nothing of each other.

using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// Trains networks of one shape on the same batches. Each comes to what it would come to alone, and ends when it would:
/// by its last epoch, by early stopping, or because its host ends it.
/// </summary>
internal sealed class TrainingLoop
{
    // Atoms are measured on so many batches, spread evenly over each epoch.
    private const int MeasuredBatches = 4;

    private readonly TrainingEngine _engine;
    private readonly RowSource _train;
    private readonly RowSource? _validation;
    private readonly Evaluation _evaluation;
    private readonly RowSelection _judged;
    private readonly RandomStream _shuffling;
    private readonly int[] _order;
    private readonly int _batchSize;
    private readonly int _threads;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Stopwatch _stepClock = new();
    private long _steps;

    // The runs that are still trained, in the engine's order.
    private readonly List<TrainingRun> _runs;

    /// <param name="engine">The engine of the runs.</param>
    /// <param name="runs">The runs, in the engine's order.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="train">The training rows.</param>
    /// <param name="validation">The validation rows, or null.</param>
    public TrainingLoop(
        TrainingEngine engine,
        IReadOnlyList<TrainingRun> runs,
        int batchSize,
        RowSource train,
        RowSource? validation
    )
    {
        ulong seed = runs[0].Settings.Seed;
        _engine = engine;
        _runs = [.. runs];
        _batchSize = batchSize;
        _threads = runs[0].Settings.Threads ?? Environment.ProcessorCount;
        _train = train;
        _validation = validation;
        _evaluation = new Evaluation(engine, batchSize, CheckAlive);
        _judged = train.Select(Evaluation.ChooseRows(train, TrainingSettings.MaximumRowsForTrainingAccuracy, seed));
        _shuffling = new RandomStream(seed, RandomStreams.Shuffling);
        _order = [.. Enumerable.Range(0, train.RowCount)];
    }

    /// <summary>Trains until every run has ended.</summary>
    public void Run()
    {
        try
        {
            for (int epoch = 1; _runs.Count > 0; epoch++)
            {
                TrainEpoch();
                JudgeEpoch(epoch);
                Finish();
            }
        }
        catch (OperationCanceledException) when (_runs.All(run => run.HasEnded)) { }
    }

    private void TrainEpoch()
    {
        _train.Shuffle(_order, _shuffling);
        foreach (TrainingRun run in _runs)
            run.BeginEpoch();
        _engine.Announce(_order);
        int batch = 0;
        int batches = (_train.RowCount + _batchSize - 1) / _batchSize;
        foreach ((LabeledRows rows, ReadOnlyMemory<int> indices) in _train.Batches(_order, _batchSize))
        {
            CheckAlive();
            RemoveEnded();
            bool isMeasured = IsMeasured(batch++, batches);
            _stepClock.Start();
            _engine.Step(rows, indices.Span, isMeasured ? [.. _runs.Select(run => run.Statistics!)] : []);
            _stepClock.Stop();
            _steps++;
        }

        _stepClock.Start();
        _engine.Synchronize();
        _stepClock.Stop();
    }

    private void JudgeEpoch(int epoch)
    {
        int[] all = [.. Enumerable.Range(0, _runs.Count)];
        int[][] signs = _evaluation.DecideSigns(_judged, all);
        (double, double)[] training = _evaluation.Score(_judged, all, signs);
        (double, double)[]? validation = _validation is null ? null : _evaluation.Score(_validation.All, all, signs);
        _engine.DownloadWeights();
        for (int i = 0; i < _runs.Count; i++)
            _runs[i].EndEpoch(epoch, training[i], validation?[i], _clock.Elapsed.TotalSeconds);
        RemoveEnded();
    }

    // Gives the runs whose last epoch it was their signs and calibrations, and the weights to keep.
    private void Finish()
    {
        int[] done = [.. Enumerable.Range(0, _runs.Count).Where(i => _runs[i].IsTrained)];
        if (done.Length == 0)
            return;
        foreach (int i in done)
            if (_runs[i].RestoreBest())
                _engine.UploadWeights(i);
        int[][] signs = _evaluation.DecideSigns(_train.All, done);
        ScoreCalibration[] calibrations = _evaluation.Calibrate(_validation?.All ?? _judged, done, signs, _threads);
        _engine.DownloadWeights();
        for (int i = 0; i < done.Length; i++)
            _runs[done[i]]
                .Finish(
                    signs[i],
                    calibrations[i],
                    _validation is null ? "training" : "validation",
                    _steps,
                    _clock.Elapsed.TotalSeconds,
                    _stepClock.Elapsed.TotalSeconds
                );
        RemoveEnded();
    }

    // Asks every run's host whether to go on. The engine goes on with those that end until they are removed.
    private void CheckAlive()
    {
        foreach (TrainingRun run in _runs)
            run.CheckAlive();
        if (_runs.All(run => run.HasEnded))
            throw new OperationCanceledException();
    }

    private void RemoveEnded()
    {
        for (int i = _runs.Count - 1; i >= 0; i--)
        {
            if (!_runs[i].HasEnded)
                continue;
            _runs.RemoveAt(i);
            if (_runs.Count > 0)
                _engine.Remove(i);
        }
    }

    // The first batch of each of MeasuredBatches equal parts of an epoch.
    private static bool IsMeasured(int batch, int batches)
    {
        int parts = Math.Min(MeasuredBatches, batches);
        return batch == 0 || batch * parts / batches != (batch - 1) * parts / batches;
    }
}

/// <summary>One of the networks that a <see cref="TrainingLoop"/> trains.</summary>
/// <param name="settings">Its settings.</param>
/// <param name="callbacks">Its host.</param>
/// <param name="state">Its weights.</param>
internal sealed class TrainingRun(TrainingSettings settings, TrainingCallbacks callbacks, NetworkState state)
    : IDisposable
{
    private readonly List<EpochRecord> _epochs = [];
    private readonly SelfCosineDistance?[] _distances =
    [
        .. state.Layers.SkipLast(1).Select(layer => layer.Goal is null ? null : new SelfCosineDistance(layer)),
    ];
    private int _bestEpoch;
    private int _keptEpoch;
    private float[][]? _best;

    public TrainingSettings Settings => settings;

    /// <summary>The network.</summary>
    public NetworkState State => state;

    /// <summary>What its neurons know in this epoch.</summary>
    public InformationStatistics? Statistics { get; private set; }

    /// <summary>Whether its last epoch is over.</summary>
    public bool IsTrained { get; private set; }

    /// <summary>What it came to: a network, or an exception; null while it is trained.</summary>
    public TrainingOutcome? Outcome { get; private set; }

    /// <summary>Whether it has come to something.</summary>
    public bool HasEnded => Outcome is not null;

    /// <summary>Ends the run where its host says so.</summary>
    public void CheckAlive() => Guard(callbacks.CheckAlive);

    public void BeginEpoch() => Statistics = new InformationStatistics(state);

    /// <summary>Records an epoch, and decides whether it was the last.</summary>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="training">How the network does on training rows.</param>
    /// <param name="validation">How it does on validation rows; null where there are none.</param>
    /// <param name="seconds">Seconds since training began.</param>
    public void EndEpoch(
        int epoch,
        (double Accuracy, double LogLoss) training,
        (double Accuracy, double LogLoss)? validation,
        double seconds
    ) => Guard(() => Record(epoch, training, validation, seconds));

    /// <summary>Puts the weights of the best epoch back where they are to be kept and are not the last.</summary>
    /// <returns>Whether the weights have changed.</returns>
    public bool RestoreBest()
    {
        _keptEpoch = _epochs.Count;
        if (_best is null || _bestEpoch == _keptEpoch)
            return false;
        state.Restore(_best);
        _keptEpoch = _bestEpoch;
        Guard(() =>
            callbacks.Info(string.Create(CultureInfo.InvariantCulture, $"Kept the weights of epoch {_bestEpoch}."))
        );
        return true;
    }

    /// <summary>Ends the run with its network.</summary>
    public void Finish(
        int[] signs,
        ScoreCalibration calibration,
        string calibratedOn,
        long steps,
        double seconds,
        double stepSeconds
    ) =>
        Guard(() =>
        {
            callbacks.Info($"Scores are calibrated on the {calibratedOn} rows.");
            Outcome = new TrainingOutcome(
                new TrainingResult(
                    state.ToNetwork(signs, calibration),
                    new TrainingHistory(_epochs, _keptEpoch, steps, seconds, stepSeconds)
                ),
                null
            );
        });

    public void Dispose() => state.Dispose();

    private void Record(
        int epoch,
        (double Accuracy, double LogLoss) training,
        (double Accuracy, double LogLoss)? validation,
        double seconds
    )
    {
        if (!double.IsFinite(training.LogLoss))
            throw new InvalidOperationException(
                $"Training diverged in epoch {epoch}: weights are no longer finite. Lower the learning rate, or standardise the features."
            );
        LayerProgress[] layers = [.. Statistics!.Layers.Select(Progress)];
        var record = new EpochRecord(
            epoch,
            training.Accuracy,
            validation?.Accuracy,
            validation?.LogLoss,
            layers[..^1],
            layers[^1],
            seconds
        );
        _epochs.Add(record);
        IsTrained = epoch == settings.Epochs;
        callbacks.EpochEnded(record);
        if (validation is null)
            return;
        if (_bestEpoch == 0 || record.ValidationAccuracy > _epochs[_bestEpoch - 1].ValidationAccuracy)
        {
            _bestEpoch = epoch;
            if (settings.RestoreBestEpoch)
                _best = state.Snapshot();
        }
        else if (epoch - _bestEpoch >= settings.EarlyStoppingRounds)
        {
            callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Stopped after epoch {epoch}: the validation accuracy has not risen since epoch {_bestEpoch}."
                )
            );
            IsTrained = true;
        }
    }

    private LayerProgress Progress(LayerStatistics? statistics, int layer)
    {
        if (statistics is null)
            return LayerProgress.None;
        double[] atoms = statistics.MeanAtoms();
        double distance = layer < _distances.Length ? _distances[layer]!.Measure() : double.NaN;
        return new LayerProgress(statistics.GoalOf(atoms), atoms, distance);
    }

    // What its host throws ends this run alone.
    private void Guard(Action work)
    {
        if (HasEnded)
            return;
        try
        {
            work();
        }
        catch (Exception exception)
        {
            Outcome = new TrainingOutcome(null, exception);
        }
    }
}
