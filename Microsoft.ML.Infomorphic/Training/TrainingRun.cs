using System.Globalization;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>A stage of a training in which layers are trained one after another, from the bottom up.</summary>
/// <param name="Network">The whole network.</param>
/// <param name="Layer">The layer that is trained.</param>
internal sealed record TrainingStage(NetworkState Network, int Layer)
{
    /// <summary>Whether it is the output layer's.</summary>
    public bool IsLast => Layer == Network.Layers.Count - 1;

    /// <summary>What all hidden layers came to in an epoch, from what the one that is trained did.</summary>
    public LayerProgress[] HiddenLayers(LayerProgress trained) =>
        [.. Network.Layers.SkipLast(1).Select(layer => layer.Index == Layer ? trained : LayerProgress.None)];
}

/// <summary>One of the networks that a <see cref="TrainingLoop"/> trains.</summary>
/// <param name="settings">Its settings.</param>
/// <param name="callbacks">Its host.</param>
/// <param name="state">Its weights.</param>
/// <param name="stage">What it is a stage of, where layers are trained one after another; else null.</param>
/// <param name="before">
/// The history that goes on: of an earlier model's training, or of the stages before; null where training begins.
/// </param>
internal sealed class TrainingRun(
    TrainingSettings settings,
    TrainingCallbacks callbacks,
    NetworkState state,
    TrainingStage? stage = null,
    TrainingHistory? before = null
) : IDisposable
{
    private readonly List<EpochRecord> _epochs = [];
    private readonly SelfCosineDistance?[] _distances =
    [
        .. state.Layers.SkipLast(1).Select(layer => layer.Goal is null ? null : new SelfCosineDistance(layer)),
    ];
    private int _lastEpoch;
    private int _bestEpoch;
    private float[][]? _bestWeights;
    private Quality? _best;
    private Quality _last;

    public TrainingSettings Settings => settings;

    /// <summary>Whether a <see cref="LinearReadout"/> is learned beside it.</summary>
    public bool HasLinearReadout { get; init; }

    /// <summary>The network.</summary>
    public NetworkState State => state;

    /// <summary>What its neurons know in this epoch.</summary>
    public InformationStatistics? Statistics { get; private set; }

    /// <summary>The epoch, from 1, whose weights it has at its end; 0 before.</summary>
    public int KeptEpoch { get; private set; }

    /// <summary>
    /// Whether it learns from the held-out rows at its end: not where a layer is trained for others above it, for which they
    /// are held out still.
    /// </summary>
    public bool LearnsHeldOutRows => settings.LearnsHeldOutRows && !HasEnded && stage is null or { IsLast: true };

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
    /// <param name="signs">The signs of the output neurons that it was evaluated with.</param>
    /// <param name="calibration">The calibration of the scores that it was evaluated with.</param>
    /// <param name="seconds">Seconds since training began.</param>
    public void EndEpoch(
        int epoch,
        Quality training,
        Quality? validation,
        int[] signs,
        ScoreCalibration calibration,
        double seconds
    ) =>
        Guard(() =>
        {
            Record(epoch, training, validation, seconds);
            if (callbacks.Evaluated is null)
                return;
            var history = new TrainingHistory(
                [.. before?.Epochs ?? [], .. _epochs],
                _epochs[^1].Epoch,
                0,
                _epochs[^1].Seconds,
                0
            );
            callbacks.Evaluated(history, () => (stage?.Network ?? state).ToNetwork(signs, calibration));
        });

    /// <summary>Puts the weights of the best epoch back where they are to be kept and are not the last.</summary>
    /// <returns>Whether the weights have changed.</returns>
    public bool RestoreBest()
    {
        KeptEpoch = _lastEpoch;
        if (_bestWeights is null || _bestEpoch == KeptEpoch)
            return false;
        state.Restore(_bestWeights);
        KeptEpoch = _bestEpoch;
        Guard(() =>
            callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{settings.MessagePrefix}Kept the weights of epoch {Before + _bestEpoch}."
                )
            )
        );
        return true;
    }

    /// <summary>Tells how much of the scores is that of a regression on the features.</summary>
    /// <param name="share">Its share, from 0 to 1.</param>
    public void TellOfLine(double share) =>
        Guard(() =>
            callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{settings.MessagePrefix}Of the output layer, {share:P0} is a softmax regression on the features alone, as the rows held out have it."
                )
            )
        );

    /// <summary>Tells that it learns from the held-out rows as well.</summary>
    /// <param name="rows">Their number.</param>
    /// <param name="epochs">Number of passes over all rows.</param>
    public void BeginHeldOutLearning(int rows, int epochs) =>
        Guard(() =>
            callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{settings.MessagePrefix}Goes on from there with all rows, the {rows} held out as well, for {epochs} epochs with falling learning rates."
                )
            )
        );

    /// <summary>Ends the run where weights diverged, which no evaluation would show.</summary>
    public void EndHeldOutLearning() =>
        Guard(() =>
        {
            if (!state.IsFinite)
                throw Diverged("while it learned from the rows held out");
        });

    /// <summary>Ends the run with its network.</summary>
    public void Finish(
        int[] signs,
        ScoreCalibration calibration,
        string calibratedOn,
        long steps,
        long optimizerSteps,
        double seconds,
        double stepSeconds
    ) =>
        Guard(() =>
        {
            if (settings.Network == 0 && stage is null or { IsLast: true })
                callbacks.Info($"Scores are calibrated on the {calibratedOn} rows.");
            string[] doubts = stage is null or { IsLast: true } ? [.. Doubts(calibratedOn)] : [];
            foreach (string doubt in doubts)
                callbacks.Warn(settings.MessagePrefix + doubt);

            Outcome = new TrainingOutcome(
                new TrainingResult(
                    (stage?.Network ?? state).ToNetwork(signs, calibration),
                    new TrainingHistory(
                        [.. before?.Epochs ?? [], .. _epochs],
                        Before + KeptEpoch,
                        (before?.Steps ?? 0) + steps,
                        (before?.Seconds ?? 0) + seconds,
                        (before?.StepSeconds ?? 0) + stepSeconds
                    )
                    {
                        Warnings = doubts,
                    }
                )
                {
                    Optimizer = settings.KeepsOptimizerState
                        ? new OptimizerState(optimizerSteps, state.Epochs + KeptEpoch, state.Snapshot())
                        : null,
                },
                null
            );
        });

    public void Dispose() => state.Dispose();

    private void Record(int epoch, Quality training, Quality? validation, double seconds)
    {
        if (!double.IsFinite(training.LogLoss))
            throw Diverged(string.Create(CultureInfo.InvariantCulture, $"in epoch {Before + epoch}"));
        LayerProgress[] layers = [.. Statistics!.Layers.Select(Progress)];
        var record = new EpochRecord(
            Before + epoch,
            training.Accuracy,
            validation?.Accuracy,
            validation?.LogLoss,
            stage is null ? layers[..^1] : stage.HiddenLayers(layers[0]),
            layers[^1],
            seconds + (before?.Seconds ?? 0)
        );
        _epochs.Add(record);
        _lastEpoch = epoch;
        _last = validation ?? training;
        IsTrained = epoch == settings.Epochs;
        callbacks.EpochEnded(record);
        if (validation is null)
            return;
        if (_best is not Quality best || validation.Value.LogLoss < best.LogLoss)
        {
            _bestEpoch = epoch;
            _best = validation;
            if (settings.RestoreBestEpoch)
                _bestWeights = state.Snapshot();
        }
        else if (epoch - _bestEpoch >= settings.EarlyStoppingRounds && HasBegun)
        {
            callbacks.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{settings.MessagePrefix}Stopped after epoch {Before + epoch}: the validation log-loss has not fallen since epoch {Before + _bestEpoch}."
                )
            );
            IsTrained = true;
        }
    }

    private InvalidOperationException Diverged(string when) =>
        new($"Training diverged {when}: weights are no longer finite. {LikelyCauseOfDivergence()}");

    // What is out of the ordinary among what makes weights grow.
    private string LikelyCauseOfDivergence()
    {
        if (callbacks.Suspicion is string suspicion)
            return suspicion;
        const double LargeRate = 0.1;
        (string name, double rate) = settings
            .HiddenLayers.Select(
                (layer, i) => ($"hidden layer {i + 1}", layer.Learns ? layer.Optimizer.LearningRate : 0)
            )
            .Append(("the output layer", settings.Output.Optimizer.LearningRate))
            .MaxBy(layer => layer.Item2);
        if (rate >= LargeRate)
            return string.Create(CultureInfo.InvariantCulture, $"The learning rate of {name} is {rate}: lower it.");
        return state.Scaling.Kind == Standardization.None
            ? "The features are not standardised, and some may be large: standardise them, or lower the learning rates."
            : "Lower the learning rates, or look for rows whose features are much larger than all others'.";
    }

    // What is wrong with what was learned, a sentence each.
    private IEnumerable<string> Doubts(string rows)
    {
        Quality kept = settings.RestoreBestEpoch ? _best ?? _last : _last;
        if (kept.IsOfOneClass)
            yield break;

        // The epoch was chosen by these validation rows, and up to two numbers a class were fitted to them: from noise, too, that gains
        // up to a nat each.
        bool isNoise = _best is not null && kept.Gain <= 2 * state.ClassCount;
        if (kept.IsChance || isNoise)
        {
            // Whatever else is to be said follows from it.
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"The network has learned nothing{(kept.IsChance ? "" : ", or hardly anything")}: on the {rows} rows its log-loss is {kept.LogLoss:F3} nats, and that of the classes' shares alone {kept.Entropy:F3}{(kept.IsChance ? "" : ", as it may be by chance")}. Train for more epochs, or check that the features say something about the label."
            );
            yield break;
        }

        if (kept.Accuracy < kept.LargestShare)
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"On the {rows} rows the network predicts {kept.Accuracy:P1} rightly, and who always predicted the largest class {kept.LargestShare:P1}."
            );
        if (kept.NeverPredicted.Length > 0)
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{kept.NeverPredicted.Length} of {state.ClassCount} classes have {rows} rows and are not predicted for any of them: {callbacks.NamesOf(kept.NeverPredicted)}. Where rare classes matter more than their shares, weigh classes."
            );
    }

    // Epochs of the history that goes on.
    private int Before => before?.LastEpoch ?? 0;

    // Neurons may rest for long before they find something to aim for. Until scores say more than the classes' shares do, it
    // has not begun.
    private bool HasBegun => _best is { IsChance: false };

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
            callbacks.Failed();
        }
    }
}
