using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Trains networks.</summary>
internal static class NetworkTrainer
{
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
        TrainingSettings settings,
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

    /// <summary>
    /// Trains several networks of one shape on the same batches, as one wide layer whose blocks hear nothing of each other.
    /// Each comes to what it would come to alone: on the CPU to the same bits, on other devices but for rounding.
    /// </summary>
    /// <param name="train">The training rows, at least 2.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="requests">
    /// The networks, at least one, of settings that <see cref="TrainingSettings.CanTrainWith"/> each other.
    /// </param>
    /// <param name="device">Where to train.</param>
    /// <returns>What each of them came to, in their order.</returns>
    /// <exception cref="InvalidOperationException">libtorch is missing, or the device is.</exception>
    /// <exception cref="ArgumentException">
    /// There is no request, they cannot be trained together, or settings contradict each other or the data.
    /// </exception>
    public static IReadOnlyList<TrainingOutcome> TrainMany(
        LabeledRows train,
        LabeledRows? validation,
        IReadOnlyList<TrainingRequest> requests,
        ComputeDevice device
    )
    {
        ArgumentNullException.ThrowIfNull(train);
        return TrainMany(
            new RowsInMemory(train),
            validation is null ? null : new RowsInMemory(validation),
            requests,
            device
        );
    }

    /// <summary>Trains a network on rows that may be streamed.</summary>
    internal static TrainingResult Train(
        RowSource train,
        RowSource? validation,
        TrainingSettings settings,
        InfomorphicNetwork? initial,
        ComputeDevice device,
        TrainingCallbacks callbacks
    )
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(callbacks);
        return TrainMany(train, validation, [new TrainingRequest(settings, callbacks, initial)], device)[0].GetResult();
    }

    /// <summary>Trains networks on rows that may be streamed.</summary>
    /// <param name="train">The training rows.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="requests">The networks, at least one.</param>
    /// <param name="device">The device.</param>
    /// <param name="keptBytes">
    /// Bytes that the outputs of layers may take which are kept for the layers above, where they are trained one after another.
    /// </param>
    /// <param name="initialEncoding">What the network to go on from reads of a row; null for the features as they are.</param>
    /// <param name="createEngine">Makes an engine on the device; null for the device's own.</param>
    internal static IReadOnlyList<TrainingOutcome> TrainMany(
        RowSource train,
        RowSource? validation,
        IReadOnlyList<TrainingRequest> requests,
        ComputeDevice device,
        long keptBytes = long.MaxValue,
        FeatureEncoding? initialEncoding = null,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine>? createEngine = null
    )
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Count == 0)
            throw new ArgumentException("There is no network to train.", nameof(requests));
        if (device.IsCuda && (train is not RowsInMemory || validation is not (null or RowsInMemory)))
            throw new InvalidOperationException(
                $"The rows do not fit in the memory budget, and only the CPU streams them: train on \"cpu\" instead of {device}, or allow more memory."
            );
        try
        {
            return TrainMany(
                train,
                validation,
                requests,
                createEngine ?? EngineFor(device),
                keptBytes,
                initialEncoding
            );
        }
        catch (ExternalException exception)
            when (exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || exception.Message.Contains("allocate memory", StringComparison.OrdinalIgnoreCase)
            )
        {
            TrainingSettings settings = requests[0].Settings;
            string networks =
                requests.Count == 1
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"{requests.Count} networks of ");
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The memory of {device} has no room for {networks}{settings.HiddenLayers.Sum(layer => (long)layer.Neurons)} hidden neurons, {train.ClassCount} classes and batches of {settings.BatchSize} rows: train fewer neurons{(requests.Count == 1 ? "" : " or networks at once")}, or on smaller batches{(device.IsCuda ? ", or on the CPU" : "")}."
                ),
                exception
            );
        }
        catch (ExternalException exception) when (device.IsCuda)
        {
            // The lines after the first are libtorch's own calls.
            throw new InvalidOperationException(
                $"Training failed on {device}: {exception.Message.Split('\n')[0].TrimEnd('.')}.",
                exception
            );
        }
    }

    /// <summary>Trains networks with an engine of one's choice.</summary>
    /// <param name="train">The training rows, at least 2.</param>
    /// <param name="validation">Rows to judge epochs by, or null.</param>
    /// <param name="requests">The networks, at least one.</param>
    /// <param name="createEngine">Makes the engine, for the largest batch.</param>
    /// <param name="keptBytes">
    /// Bytes that the outputs of layers may take which are kept for the layers above, where they are trained one after another.
    /// </param>
    /// <param name="initialEncoding">What the network to go on from reads of a row; null for the features as they are.</param>
    internal static IReadOnlyList<TrainingOutcome> TrainMany(
        RowSource train,
        RowSource? validation,
        IReadOnlyList<TrainingRequest> requests,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine,
        long keptBytes = long.MaxValue,
        FeatureEncoding? initialEncoding = null
    )
    {
        TrainingSettings shared = requests[0].Settings;
        foreach (TrainingRequest request in requests)
        {
            request.Settings.Validate();
            Check(train, validation, request.Settings, request.Initial, initialEncoding);
            if (!shared.CanTrainWith(request.Settings, out string? reason))
                throw new ArgumentException(reason, nameof(requests));
        }

        TorchRuntime.EnsureLoaded();
        InfomorphicNetwork? initial = requests[0].Initial;
        (FeatureScaling scaling, FeatureEncoding encoding, int constants) = initial is null
            ? Prepare(train, shared, () => CheckAlive(requests))
            : (initial.FeatureScaling, initialEncoding ?? FeatureEncoding.None(initial.FeatureCount), 0);
        TrainingSettings asked = shared;
        requests =
        [
            .. requests.Select(request =>
                request with
                {
                    Settings = request.Settings.Fitted(encoding.EncodedCount, train.ClassCount, encoding),
                }
            ),
        ];
        shared = requests[0].Settings;
        string[] descriptions =
        [
            Preparation.Describe(scaling, encoding.FeatureCount, shared.Standardization, initial is not null),
            .. Preparation.Describe(encoding, shared.Encoding, initial is not null),
            .. Preparation.DescribeConstants(constants, train.FeatureCount),
            .. Preparation.DescribeSubsets(asked, shared, encoding.FeatureCount),
        ];
        foreach (TrainingRequest request in requests.Where(request => request.Settings.Network == 0))
        foreach (string description in descriptions)
            request.Callbacks.Info(description);
        foreach (TrainingRequest request in requests)
            request.Callbacks.Prepared(encoding);
        bool holdsOut = validation is null && shared.ValidationFraction > 0;
        Dictionary<int, RowSplit> splits = requests
            .Select(request => request.Settings)
            .DistinctBy(SplitOf)
            .ToDictionary(
                SplitOf,
                settings => RowSplit.Of(train, holdsOut ? shared.ValidationFraction : 0, settings.NetworkSeed)
            );
        Func<RowSplit, Action, LinearReadout>? newLine = LinesOf(train, validation, requests, scaling, encoding);
        train = LearnedRows(train, shared, encoding);
        validation = validation is null ? null : EncodedRows.Of(validation, encoding);

        int threadsBefore = TorchRuntime.UseThreads(shared.Threads ?? Environment.ProcessorCount);
        try
        {
            IEnumerable<TrainingOutcome> outcomes =
                shared.Order == LayerOrder.BottomUp && shared.HiddenLayers.Count > 0
                    ? requests.Select(request =>
                        UnlessCancelled(() =>
                            TrainBottomUp(
                                train,
                                validation,
                                splits[SplitOf(request.Settings)],
                                request,
                                NewState,
                                createEngine,
                                keptBytes
                            )
                        )
                    )
                    : requests
                        .Index()
                        .GroupBy(of =>
                            (Split: SplitOf(of.Item.Settings), of.Item.Optimizer?.Steps, of.Item.Optimizer?.Epochs)
                        )
                        .SelectMany(group =>
                            TrainTogether(
                                    train,
                                    validation,
                                    splits[group.Key.Split],
                                    [.. group.Select(of => of.Item)],
                                    NewState,
                                    createEngine,
                                    newLine
                                )
                                .Zip(group, (outcome, of) => (of.Index, Outcome: outcome))
                        )
                        .OrderBy(of => of.Index)
                        .Select(of => of.Outcome);
            return
            [
                .. outcomes.Select(outcome =>
                    outcome.Result is TrainingResult result && !encoding.IsIdentity
                        ? outcome with
                        {
                            Result = result with { Encoding = encoding },
                        }
                        : outcome
                ),
            ];
        }
        finally
        {
            _ = TorchRuntime.UseThreads(threadsBefore);
        }

        // The networks of an ensemble hold out rows of their own each, so that together they learn from all. Those that learn from
        // the same rows are trained together.
        int SplitOf(TrainingSettings settings) => holdsOut ? settings.Network : 0;

        NetworkState NewState(TrainingRequest request)
        {
            if (request.Initial is not InfomorphicNetwork network)
                return NetworkState.Create(
                    request.Settings,
                    scaling,
                    train.ClassCount,
                    encoding,
                    () => CheckAlive(requests)
                );
            NetworkState state = NetworkState.From(network, request.Settings, encoding);
            if (request.Optimizer is not OptimizerState optimizer)
                return state;
            if (state.Fits(optimizer))
            {
                state.GoOnWith(optimizer);
                return state;
            }

            state.Dispose();
            throw new ArgumentException(
                "The state of the optimiser that is to go on is that of a network of another shape."
            );
        }
    }

    // The rows that the network learns from as it reads them: in each epoch others, where images are augmented.
    private static RowSource LearnedRows(RowSource train, TrainingSettings settings, FeatureEncoding encoding)
    {
        RowSource rows = EncodedRows.Of(train, encoding);
        if (settings.Augmentation is not ImageAugmentation augmentation)
            return rows;
        var augmenter = new Augmenter(augmentation, settings.Image, train.FeatureCount, settings.Seed);
        return new EpochwiseRows(rows, epoch => EncodedRows.Of(augmenter.InEpoch(train, epoch), encoding));
    }

    // Makes regressions beside networks that begin and whose features are encoded; null where there is none.
    private static Func<RowSplit, Action, LinearReadout>? LinesOf(
        RowSource train,
        RowSource? validation,
        IReadOnlyList<TrainingRequest> requests,
        FeatureScaling scaling,
        FeatureEncoding encoding
    )
    {
        if (requests[0].Initial is not null || encoding.ComponentCount == 0 || encoding.Substitutes is not null)
            return null;
        var ofFeatures = new FeatureScaling(
            scaling.Kind,
            scaling.Offsets[..encoding.FeatureCount],
            scaling.Scales[..encoding.FeatureCount]
        );
        return (split, checkAlive) =>
            new LinearReadout(train, validation, split, ofFeatures, requests[0].Settings, checkAlive);
    }

    // What is found out from training rows; also how many features are constant, as far as that was looked at.
    private static (FeatureScaling, FeatureEncoding, int Constants) Prepare(
        RowSource train,
        TrainingSettings settings,
        Action checkAlive
    )
    {
        bool hasImage = settings.Image is not null;
        if (
            settings.Standardization == Standardization.None
            && settings.Encoding == FeatureEncodingKind.None
            && settings.MissingValues == MissingValues.Skip
        )
            return (
                FeatureScalingEstimator.Estimate(train, Standardization.None),
                FeatureEncoding.None(train.FeatureCount),
                0
            );
        var moments = new FeatureMoments(train, checkAlive);
        FeatureEncoding encoding = FeatureEncodingEstimator.Estimate(
            train,
            moments,
            settings.Encoding,
            settings.MissingValues,
            hasImage,
            settings.Threads ?? Environment.ProcessorCount,
            checkAlive
        );
        FeatureScaling scaling = FeatureScalingEstimator.Estimate(moments, settings.Standardization, hasImage);
        int constants = Enumerable.Range(0, train.FeatureCount).Count(feature => !moments.Varies(feature));
        return (FeatureEncodingEstimator.Extend(scaling, encoding), encoding, constants);
    }

    private static List<TrainingOutcome> TrainTogether(
        RowSource train,
        RowSource? validation,
        RowSplit split,
        IReadOnlyList<TrainingRequest> requests,
        Func<TrainingRequest, NetworkState> newState,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine,
        Func<RowSplit, Action, LinearReadout>? newLine
    )
    {
        var runs = new List<TrainingRun>();
        try
        {
            foreach (TrainingRequest request in requests)
                runs.Add(
                    new TrainingRun(request.Settings, request.Callbacks, newState(request), before: request.Before)
                    {
                        HasLinearReadout = request.HasLinearReadout,
                    }
                );
            Train(train, validation, split, runs, createEngine, newLine);
            return [.. runs.Select(run => run.Outcome!)];
        }
        finally
        {
            foreach (TrainingRun run in runs)
                run.Dispose();
        }
    }

    // The others are trained all the same.
    private static TrainingOutcome UnlessCancelled(Func<TrainingOutcome> train)
    {
        try
        {
            return train();
        }
        catch (OperationCanceledException exception)
        {
            return new TrainingOutcome(null, exception);
        }
    }

    // One layer after another, from the bottom up, the output layer last: each is trained to its end, and its mean outputs with
    // the label withheld are what the next one learns from.
    private static TrainingOutcome TrainBottomUp(
        RowSource train,
        RowSource? validation,
        RowSplit split,
        TrainingRequest request,
        Func<TrainingRequest, NetworkState> newState,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine,
        long keptBytes
    )
    {
        TrainingSettings settings = request.Settings;
        int threads = settings.Threads ?? Environment.ProcessorCount;
        TrainingHistory history = request.Before ?? new TrainingHistory([], 0, 0, 0, 0);
        using NetworkState network = newState(request);
        int last = network.Layers.Count - 1;
        for (int layer = 0; ; layer++)
        {
            if (!network.Layers[layer].Learns)
                continue; // neurons that do not learn are as they will be
            Stopwatch clock = Stopwatch.StartNew();
            int[] asTheyAre = [.. Enumerable.Repeat(1, network.ClassCount)];
            IEnumerable<Signal> signals = SignalsOf(network.Layers[layer]);
            var rows = new StageRows(
                network.ToNetwork(asTheyAre),
                signals.Where(signal => signal.Kind == SignalKind.Features || signal.Index >= 0 && signal.Index < layer)
            );
            RowSource stageTrain = rows.Of(train, keptBytes, threads, request.Callbacks.CheckAlive);
            RowSource? stageValidation = validation is null
                ? null
                : rows.Of(validation, keptBytes / 4, threads, request.Callbacks.CheckAlive);

            history = history with { Seconds = history.Seconds + clock.Elapsed.TotalSeconds };
            using var run = new TrainingRun(
                settings,
                request.Callbacks,
                network.Stage(layer, rows, settings),
                new TrainingStage(network, layer),
                history
            );
            Train(stageTrain, stageValidation, split, [run], createEngine);
            if (layer == last || run.Outcome!.Error is not null)
                return run.Outcome!;
            history = run.Outcome.Result!.History;
            request.Callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{settings.MessagePrefix}Hidden layer {layer + 1} of {last} is trained, and stays as it is."
                )
            );
        }

        static IEnumerable<Signal> SignalsOf(LayerState layer) => layer.Signals.SelectMany(source => source);
    }

    private static void Train(
        RowSource train,
        RowSource? validation,
        RowSplit split,
        List<TrainingRun> runs,
        Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> createEngine,
        Func<RowSplit, Action, LinearReadout>? newLine = null
    )
    {
        int batchSize = Math.Min(runs[0].Settings.BatchSize, split.Learned.Length);
        var largest = BatchShape.Of(train, runs[0].State.Scaling, batchSize);
        using TrainingEngine engine = createEngine([.. runs.Select(run => run.State)], runs[0].Settings, largest);
        new TrainingLoop(
            engine,
            run => createEngine([run.State], run.Settings, largest),
            runs,
            batchSize,
            train,
            validation,
            split,
            newLine
        ).Run();
    }

    /// <summary>Makes the engines of a device.</summary>
    internal static Func<IReadOnlyList<NetworkState>, TrainingSettings, BatchShape, TrainingEngine> EngineFor(
        ComputeDevice device
    )
    {
        if (device.CudaIndex is not int index)
            return (states, settings, largest) => new CpuTrainingEngine(states, settings, largest);
        int count = TorchRuntime.CudaDeviceCount;
        if (index < 0 || index >= count)
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The device {device} is not there: {TorchRuntime.DescribeCudaDevices(count)}."
                )
            );
        return (states, settings, largest) => TensorTrainingEngine.OnCuda(states, settings, largest.Rows, index);
    }

    // What requests have in common goes on for as long as one of their hosts wants it.
    private static void CheckAlive(IReadOnlyList<TrainingRequest> requests)
    {
        for (int i = 0; ; i++)
            try
            {
                requests[i].Callbacks.CheckAlive();
                return;
            }
            catch (Exception) when (i < requests.Count - 1) { }
    }

    private static void Check(
        RowSource train,
        RowSource? validation,
        TrainingSettings settings,
        InfomorphicNetwork? initial,
        FeatureEncoding? initialEncoding
    )
    {
        if (train.RowCount < 2)
            throw new ArgumentException("Training needs at least two rows.", nameof(train));
        if (train.ClassCount < 2)
            throw new ArgumentException("Training needs at least two classes.", nameof(train));
        if (
            validation is null
            && settings.ValidationFraction == 0
            && (settings.RestoreBestEpoch || settings.EarlyStoppingRounds is not null)
        )
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
        int features = initialEncoding?.FeatureCount ?? initial.FeatureCount;
        if (features != train.FeatureCount)
            throw new ArgumentException(
                $"The model to go on from has {features} features, the training rows {train.FeatureCount}.",
                nameof(initial)
            );
        if (initial.ClassCount != train.ClassCount)
            throw new ArgumentException(
                $"The model to go on from has {initial.ClassCount} classes, the training rows {train.ClassCount}.",
                nameof(initial)
            );
    }
}
