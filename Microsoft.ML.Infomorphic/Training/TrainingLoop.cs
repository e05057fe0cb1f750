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
    private readonly Func<TrainingRun, TrainingEngine> _newEngine;
    private readonly RowSource _train;
    private readonly RowSelection? _validation;
    private readonly int _epochsPerEvaluation;
    private readonly Evaluation _evaluation;
    private readonly RowSelection _evaluated;
    private readonly RandomStream _shuffling;
    private readonly int[] _order;
    private readonly double _heldOutShare;
    private readonly int _batchSize;
    private readonly int _threads;
    private readonly int _epochsBefore;
    private readonly RowSplit _split;
    private readonly Func<RowSplit, Action, LinearReadout>? _newLine;
    private LinearReadout? _line;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Stopwatch _stepClock = new();
    private long _steps;
    private int _epoch;

    // The runs that are still trained, in the engine's order.
    private readonly List<TrainingRun> _runs;

    /// <param name="engine">The engine of the runs.</param>
    /// <param name="newEngine">Makes an engine for one of the runs.</param>
    /// <param name="runs">The runs, in the engine's order.</param>
    /// <param name="batchSize">Rows in a batch.</param>
    /// <param name="train">The training rows.</param>
    /// <param name="validation">The validation rows; null for those of the training rows that are held out.</param>
    /// <param name="split">Which of the training rows are learned from.</param>
    /// <param name="newLine">Makes the regression that is learned beside the networks; null where none is.</param>
    public TrainingLoop(
        TrainingEngine engine,
        Func<TrainingRun, TrainingEngine> newEngine,
        IReadOnlyList<TrainingRun> runs,
        int batchSize,
        RowSource train,
        RowSource? validation,
        RowSplit split,
        Func<RowSplit, Action, LinearReadout>? newLine = null
    )
    {
        _split = split;
        _newLine = newLine;
        ulong seed = runs[0].Settings.Seed;
        _engine = engine;
        _newEngine = newEngine;
        _runs = [.. runs];
        _batchSize = batchSize;
        _threads = runs[0].Settings.Threads ?? Environment.ProcessorCount;
        _train = train;
        _heldOutShare = (double)split.HeldOut.Length / train.RowCount;
        _validation = validation?.All ?? (split.HeldOut.Length == 0 ? null : train.Select(split.HeldOut));
        _epochsPerEvaluation = runs[0].Settings.EpochsPerEvaluation;
        _evaluation = new Evaluation(engine, batchSize, runs[0].State.Output.IsSoftmax, CheckAlive);
        _order = [.. split.Learned];
        _evaluated = train.Select(Evaluation.ChooseRows(_order, TrainingSettings.MaximumRowsForTrainingAccuracy, seed));
        _shuffling = new RandomStream(seed, RandomStreams.Shuffling);

        // The order of rows goes on where that of an earlier training ended.
        _epochsBefore = runs[0].State.Epochs;
        for (int epoch = 1; epoch <= _epochsBefore; epoch++)
            _train.Shuffle(_order, _shuffling);
    }

    /// <summary>Trains until every run has ended.</summary>
    public void Run()
    {
        try
        {
            for (int epoch = 1; _runs.Count > 0; epoch++)
            {
                _epoch = epoch;
                bool isEvaluated = epoch % _epochsPerEvaluation == 0 || _runs.Any(run => epoch == run.Settings.Epochs);
                TrainEpoch(epoch, isEvaluated);
                if (!isEvaluated)
                    continue;
                EvaluateEpoch(epoch);
                Finish();
            }
        }
        catch (OperationCanceledException) when (_runs.All(run => run.HasEnded)) { }
        finally
        {
            _line?.Dispose();
        }
    }

    private void TrainEpoch(int epoch, bool isEvaluated)
    {
        _train.Shuffle(_order, _shuffling);
        foreach (TrainingRun run in _runs)
            run.BeginEpoch();
        _engine.Announce(_order);
        _engine.RateFactor = _runs[0].Settings.RateFactor(epoch);
        int batch = 0;
        int batches = (_order.Length + _batchSize - 1) / _batchSize;
        foreach (
            (LabeledRows rows, ReadOnlyMemory<int> indices) in _train
                .InEpoch(_epochsBefore + epoch)
                .Batches(_order, _batchSize)
        )
        {
            CheckAlive();
            RemoveEnded();
            bool isMeasured = IsMeasured(batch++, batches) && isEvaluated;
            _stepClock.Start();
            _engine.Step(rows, indices.Span, isMeasured ? [.. _runs.Select(run => run.Statistics!)] : []);
            _stepClock.Stop();
            _steps++;
        }

        _stepClock.Start();
        _engine.Synchronize();
        _stepClock.Stop();
    }

    private void EvaluateEpoch(int epoch)
    {
        int[] all = [.. Enumerable.Range(0, _runs.Count)];
        int[][] signs = DecideSigns(_evaluated, all);
        ScoreCalibration[] calibrations = _evaluation.Calibrate(
            _validation ?? _evaluated,
            all,
            signs,
            EarlierCalibrations(all),
            _threads,
            TrainingSettings.MaximumRowsForEpochCalibration
        );
        Quality[] training = _evaluation.Score(_evaluated, all, signs, calibrations);
        Quality[]? validation = _validation is null ? null : _evaluation.Score(_validation, all, signs, calibrations);
        _engine.DownloadWeights();
        for (int i = 0; i < _runs.Count; i++)
            _runs[i]
                .EndEpoch(epoch, training[i], validation?[i], signs[i], calibrations[i], _clock.Elapsed.TotalSeconds);
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
        int[][] signs = DecideSigns(_train.All, done);
        ScoredRows[] scored = _evaluation.Collect(
            _validation ?? _evaluated,
            done,
            signs,
            TrainingSettings.MaximumRowsForCalibration
        );
        ScoreCalibration[] calibrations = _evaluation.Calibrate(scored, EarlierCalibrations(done), _threads);
        _engine.DownloadWeights();
        for (int i = 0; i < done.Length; i++)
        {
            TrainingRun run = _runs[done[i]];
            float share = ShareOfLine(run, scored[i], ref calibrations[i]);
            _stepClock.Start();
            long steps = run.LearnsHeldOutRows && _heldOutShare > 0 ? LearnHeldOut(run) : 0;
            _stepClock.Stop();
            MixIn(run, share);
            run.Finish(
                signs[i],
                calibrations[i],
                _validation is null ? "training" : "validation",
                _steps + steps,
                steps > 0 ? steps : run.State.Steps + _steps / _epoch * run.KeptEpoch,
                _clock.Elapsed.TotalSeconds,
                _stepClock.Elapsed.TotalSeconds
            );
        }

        RemoveEnded();
    }

    // How much of the scores is to be that of the regression on the features, and how they then are calibrated.
    private float ShareOfLine(TrainingRun run, ScoredRows rows, ref ScoreCalibration calibration)
    {
        if (_newLine is null || !run.HasLinearReadout || _validation is null || run.HasEnded)
            return 0;
        _line ??= _newLine(_split, CheckAlive);
        (double network, double line) = _line.Compare(rows.Scores, rows.Labels, rows.Weights, rows.Stride, CheckAlive);
        if (line == 0)
            return 0;
        float slope = (float)(network + line);
        calibration = new ScoreCalibration(
            [.. Enumerable.Repeat(slope, run.State.ClassCount)],
            [.. Enumerable.Repeat(0f, run.State.ClassCount)]
        );
        run.TellOfLine(line / (network + line));
        return (float)(line / (network + line));
    }

    private void MixIn(TrainingRun run, float share)
    {
        if (share == 0 || run.HasEnded)
            return;
        if (run.LearnsHeldOutRows)
            _line!.LearnAll(CheckAlive);
        _line!.Mix(run.State.Output, share);
    }

    private int[][] DecideSigns(RowSelection rows, int[] runs)
    {
        int[][] signs = _evaluation.DecideSigns(rows, runs);
        foreach ((int[] ofRun, int run) in signs.Zip(runs))
            _runs[run].State.KeepKnown(ofRun);
        return signs;
    }

    private ScoreCalibration?[] EarlierCalibrations(int[] runs) =>
        [.. runs.Select(run => _runs[run].State.EarlierCalibration)];

    // A network by itself: others have kept other epochs, and may go on for long.
    private long LearnHeldOut(TrainingRun run)
    {
        int epochs = HeldOutLearning.Epochs(run.KeptEpoch, _heldOutShare);
        run.State.ResetMoments();
        using TrainingEngine engine = _newEngine(run);
        run.BeginHeldOutLearning(_train.RowCount - _order.Length, epochs);
        try
        {
            long steps = HeldOutLearning.Learn(
                engine,
                _train,
                run.Settings,
                run.KeptEpoch,
                epochs,
                _batchSize,
                CheckAlive
            );
            run.EndHeldOutLearning();
            return steps;
        }
        catch (OperationCanceledException) when (run.HasEnded)
        {
            return 0;
        }

        void CheckAlive()
        {
            run.CheckAlive();
            if (run.HasEnded)
                throw new OperationCanceledException();
        }
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
