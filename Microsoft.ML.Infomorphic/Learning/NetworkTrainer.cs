// arXiv 2412.02482, algorithm 1 (TrainModel): epochs over shuffled batches, each presented twice.

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using TorchSharp;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>What a training tells its host while it runs, and asks of it.</summary>
public sealed class TrainingCallbacks
{
    /// <summary>Called before every step; throws <see cref="OperationCanceledException"/> to end the training.</summary>
    public Action CheckAlive { get; init; } = static () => { };

    /// <summary>Called after every epoch.</summary>
    public Action<EpochRecord> EpochEnded { get; init; } = static _ => { };

    /// <summary>Called with what a user may want to know: the standardisation chosen, an early stop.</summary>
    public Action<string> Info { get; init; } = static _ => { };
}

/// <summary>Trains networks.</summary>
public static class NetworkTrainer
{
    // Atoms are measured on so many batches, spread evenly over each epoch.
    private const int MeasuredBatches = 4;

    /// <summary>Trains a network.</summary>
    /// <param name="train">The training rows, at least 2.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="initial">A network to go on from, or null for a fresh one.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="callbacks">What to tell the host.</param>
    /// <returns>The network and its history.</returns>
    /// <exception cref="InvalidOperationException">libtorch is missing, or the device is, or the weights diverged.</exception>
    /// <exception cref="ArgumentException">The settings contradict each other or the data.</exception>
    public static TrainingResult Train(
        LabeledRows train,
        LabeledRows? validation,
        LearningSettings settings,
        InfomorphicNetwork? initial,
        ComputeDevice device,
        TrainingCallbacks callbacks
    )
    {
        ArgumentNullException.ThrowIfNull(train);
        return Train(
            new RowsInMemory(train),
            validation is null ? null : new RowsInMemory(validation),
            settings,
            initial,
            device,
            callbacks
        );
    }

    /// <summary>Trains a network on rows that may be streamed.</summary>
    internal static TrainingResult Train(
        RowSource train,
        RowSource? validation,
        LearningSettings settings,
        InfomorphicNetwork? initial,
        ComputeDevice device,
        TrainingCallbacks callbacks
    )
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(callbacks);
        if (device.IsCuda && (train is not RowsInMemory || validation is not (null or RowsInMemory)))
            throw new InvalidOperationException(
                $"The rows do not fit in the memory budget, and only the CPU streams them: train on \"cpu\" instead of {device}, or allow more memory."
            );
        try
        {
            return Train(train, validation, settings, initial, EngineFor(device), callbacks);
        }
        catch (ExternalException exception)
            when (device.IsCuda && exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The memory of {device} has no room for {settings.HiddenNeurons} hidden neurons and batches of {settings.BatchSize} rows: train fewer neurons, on smaller batches, or on the CPU."
                ),
                exception
            );
        }
    }

    /// <summary>Trains a network with an engine of one's choice.</summary>
    /// <param name="train">The training rows, at least 2.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="initial">A network to go on from, or null for a fresh one.</param>
    /// <param name="createEngine">Makes the engine, for batches of so many rows at most.</param>
    /// <param name="callbacks">What to tell the host.</param>
    internal static TrainingResult Train(
        RowSource train,
        RowSource? validation,
        LearningSettings settings,
        InfomorphicNetwork? initial,
        Func<NetworkState, LearningSettings, int, TrainingEngine> createEngine,
        TrainingCallbacks callbacks
    )
    {
        settings.Validate();
        Check(train, validation, settings, initial);
        TorchRuntime.EnsureLoaded();
        FeatureScaling scaling =
            initial?.FeatureScaling ?? FeatureScalingEstimator.Estimate(train, settings.Standardization);
        callbacks.Info(Describe(scaling, settings.Standardization, initial is not null));

        int threadsBefore = torch.get_num_threads();
        if (settings.Threads is int threads)
            torch.set_num_threads(threads);
        try
        {
            using NetworkState state = initial is null
                ? NetworkState.Create(settings, scaling, train.ClassCount)
                : NetworkState.From(initial, settings);
            int batchSize = Math.Min(settings.BatchSize, train.RowCount);
            using TrainingEngine engine = createEngine(state, settings, batchSize);
            return Run(state, engine, batchSize, train, validation, settings, callbacks);
        }
        finally
        {
            torch.set_num_threads(threadsBefore);
        }
    }

    /// <summary>Makes the engines of a device.</summary>
    internal static Func<NetworkState, LearningSettings, int, TrainingEngine> EngineFor(ComputeDevice device)
    {
        if (device.CudaIndex is not int index)
            return (state, settings, rows) => new CpuTrainingEngine(state, settings, rows);
        int count = TorchRuntime.CudaDeviceCount;
        if (index < 0 || index >= count)
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The device {device} is not there: libtorch can use {count} CUDA devices, counted from cuda:0."
                )
            );
        return (state, settings, rows) =>
            new TensorTrainingEngine(state, settings, rows, new torch.Device(DeviceType.CUDA, index));
    }

    private static TrainingResult Run(
        NetworkState state,
        TrainingEngine engine,
        int batchSize,
        RowSource train,
        RowSource? validation,
        LearningSettings settings,
        TrainingCallbacks callbacks
    )
    {
        var evaluation = new Evaluation(engine, batchSize);
        RowSelection judged = train.Select(
            Evaluation.ChooseRows(train, LearningSettings.MaximumRowsForTrainingAccuracy, settings.Seed)
        );
        var shuffling = new RandomStream(settings.Seed, RandomStreams.Shuffling);
        int[] order = [.. Enumerable.Range(0, train.RowCount)];
        int batches = (train.RowCount + batchSize - 1) / batchSize;

        var turning = new ReceptiveFieldTurning(state);
        var epochs = new List<EpochRecord>();
        var clock = Stopwatch.StartNew();
        var stepClock = new Stopwatch();
        long steps = 0;
        int bestEpoch = 0;
        float[][]? best = null;
        for (int epoch = 1; epoch <= settings.Epochs; epoch++)
        {
            train.Shuffle(order, shuffling);
            var statistics = new InformationStatistics(state);
            engine.Announce(order);
            int batch = 0;
            foreach ((LabeledRows rows, ReadOnlyMemory<int> indices) in train.Batches(order, batchSize))
            {
                callbacks.CheckAlive();
                stepClock.Start();
                engine.Step(rows, indices.Span, IsMeasured(batch++, batches) ? statistics : null);
                stepClock.Stop();
                steps++;
            }

            stepClock.Start();
            engine.Synchronize();
            stepClock.Stop();
            int[] signs = evaluation.DecideSigns(judged, callbacks.CheckAlive);
            (double trainingAccuracy, double trainingLoss) = evaluation.Score(judged, signs, callbacks.CheckAlive);
            if (!double.IsFinite(trainingLoss))
                throw new InvalidOperationException(
                    $"Training diverged in epoch {epoch}: weights are no longer finite. Lower the learning rate, or standardise the features."
                );
            (double Accuracy, double LogLoss)? judgement = validation is null
                ? null
                : evaluation.Score(validation.All, signs, callbacks.CheckAlive);
            double[] hiddenAtoms = statistics.Hidden?.MeanAtoms() ?? [];
            double[] outputAtoms = statistics.Output.MeanAtoms();
            var record = new EpochRecord(
                epoch,
                trainingAccuracy,
                judgement?.Accuracy,
                judgement?.LogLoss,
                statistics.Hidden?.GoalOf(hiddenAtoms) ?? double.NaN,
                hiddenAtoms,
                statistics.Output.GoalOf(outputAtoms),
                outputAtoms,
                clock.Elapsed.TotalSeconds,
                turning.Measure(engine)
            );
            epochs.Add(record);
            callbacks.EpochEnded(record);

            if (judgement is null)
                continue;
            if (bestEpoch == 0 || record.ValidationAccuracy > epochs[bestEpoch - 1].ValidationAccuracy)
            {
                bestEpoch = epoch;
                if (settings.RestoreBestEpoch)
                {
                    engine.BringWeights();
                    best = state.Snapshot();
                }
            }
            else if (epoch - bestEpoch >= settings.EarlyStoppingRounds)
            {
                callbacks.Info(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"Stopped after epoch {epoch}: the validation accuracy has not risen since epoch {bestEpoch}."
                    )
                );
                break;
            }
        }

        int keptEpoch = epochs.Count;
        if (best is not null && bestEpoch != keptEpoch)
        {
            state.Restore(best);
            engine.TakeWeights();
            keptEpoch = bestEpoch;
            callbacks.Info(string.Create(CultureInfo.InvariantCulture, $"Kept the weights of epoch {bestEpoch}."));
        }

        int[] finalSigns = evaluation.DecideSigns(train.All, callbacks.CheckAlive);
        RowSelection calibrating = validation?.All ?? judged;
        ScoreCalibration calibration = evaluation.Calibrate(calibrating, finalSigns, callbacks.CheckAlive);
        callbacks.Info($"Scores are calibrated on the {(validation is null ? "training" : "validation")} rows.");
        engine.BringWeights();
        return new TrainingResult(
            state.ToNetwork(finalSigns, calibration),
            new TrainingHistory(epochs, keptEpoch, steps, clock.Elapsed.TotalSeconds, stepClock.Elapsed.TotalSeconds)
        );
    }

    // The first batch of each of MeasuredBatches equal parts of an epoch.
    private static bool IsMeasured(int batch, int batches)
    {
        int parts = Math.Min(MeasuredBatches, batches);
        return batch == 0 || batch * parts / batches != (batch - 1) * parts / batches;
    }

    private static void Check(
        RowSource train,
        RowSource? validation,
        LearningSettings settings,
        InfomorphicNetwork? initial
    )
    {
        if (train.RowCount < 2)
            throw new ArgumentException("Training needs at least two rows.", nameof(train));
        if (train.ClassCount < 2)
            throw new ArgumentException("Training needs at least two classes.", nameof(train));
        if (validation is null && (settings.RestoreBestEpoch || settings.EarlyStoppingRounds is not null))
            throw new ArgumentException(
                "Early stopping and keeping the best epoch need validation rows.",
                nameof(validation)
            );
        if (validation is not null && validation.FeatureCount != train.FeatureCount)
            throw new ArgumentException(
                $"The validation rows have {validation.FeatureCount} features, the training rows {train.FeatureCount}.",
                nameof(validation)
            );
        if (validation is not null && validation.ClassCount != train.ClassCount)
            throw new ArgumentException(
                $"The validation rows have {validation.ClassCount} classes, the training rows {train.ClassCount}.",
                nameof(validation)
            );
        if (initial is null)
            return;
        if (initial.FeatureCount != train.FeatureCount)
            throw new ArgumentException(
                $"The model to go on from has {initial.FeatureCount} features, the training rows {train.FeatureCount}.",
                nameof(initial)
            );
        if (initial.ClassCount != train.ClassCount)
            throw new ArgumentException(
                $"The model to go on from has {initial.ClassCount} classes, the training rows {train.ClassCount}.",
                nameof(initial)
            );
    }

    private static string Describe(FeatureScaling scaling, Standardization asked, bool continued)
    {
        string rule = scaling.Kind switch
        {
            Standardization.Global => string.Create(
                CultureInfo.InvariantCulture,
                $"by one mean ({scaling.Offsets[0]:G6}) and one standard deviation ({scaling.Scales[0]:G6}) over all features"
            ),
            Standardization.PerFeature => "each by its own mean and standard deviation",
            _ => "not at all",
        };
        string why =
            continued ? "as in the model to go on from"
            : asked == Standardization.Auto ? "chosen from the data"
            : "as asked for";
        return $"Features are standardised {rule} ({why}).";
    }
}
