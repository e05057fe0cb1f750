using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

public sealed partial class InfomorphicTrainer
{
    /// <summary>Tells a trainer's host, and its user, how its training goes.</summary>
    private sealed class TrainingReport : IDisposable
    {
        private readonly InfomorphicTrainer _trainer;
        private IProgressChannel? _progress;
        private EpochRecord? _last;
        private TrainingSettings? _settings;
        private FeatureEncoding? _encoding;
        private int _before;
        private double[] _secondsBefore = [];
        private int _epochs;
        private bool _hasFailed;

        public TrainingReport(InfomorphicTrainer trainer)
        {
            _trainer = trainer;
            Channel = trainer.Host.Start("Training");
        }

        public IChannel Channel { get; }

        /// <summary>Training begins.</summary>
        /// <returns>The networks of the trainer, and what is to be told of them from now on.</returns>
        public IEnumerable<TrainingRequest> Begin(
            RowSource train,
            ComputeDevice device,
            TrainingSettings settings,
            TrainingResult[]? earlier,
            string? suspicion,
            string[]? names
        )
        {
            _settings = settings;
            _before = earlier?[0].History.LastEpoch ?? 0;
            _secondsBefore = [.. Enumerable.Range(0, settings.Networks).Select(i => earlier?[i].History.Seconds ?? 0)];
            _epochs = _before + settings.TotalEpochs;
            foreach (string mistake in _trainer._options.WithoutEffect(settings))
                Channel.Warning(mistake);
            string networks =
                settings.Networks == 1
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"{settings.Networks} networks of ");
            Channel.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Training {networks}{DescribeLayers(settings)} on {train.RowCount} instances with {train.FeatureCount} features and {train.ClassCount} classes, on {device}; goal: {(settings.HiddenLayers.FirstOrDefault(layer => layer.Learns)?.Goal ?? settings.Output.Goal)?.Describe() ?? "softmax regression"}"
                )
            );
            Channel.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Batches of {settings.BatchSize} rows, at most {settings.Epochs} epochs{(settings.EarlyStoppingRounds is int rounds ? $", fewer after {rounds} without progress" : "")}; {(settings.ValidationFraction > 0 ? $"{settings.ValidationFraction:P0} of the rows are validation rows" : "all rows are learned from")}"
                )
            );
            if (
                _trainer._options.HiddenLayers is null
                && settings.HiddenLayers is [{ Connections: LocalFieldSettings fields }]
            )
                Channel.Info(
                    $"The features are an image of {settings.Image}, and each hidden neuron sees a field of {fields.Height} × {fields.Width} of it; {nameof(Options.LocalFieldsOnImages)} = false has each of them see all."
                );
            if (settings.Augmentation is ImageAugmentation augmentation)
                Channel.Info($"The images of training rows are changed in each epoch: {augmentation.Describe()}.");
            _progress = _trainer.Host.StartProgressChannel("Training");
            _progress.SetHeader(
                new ProgressHeader(["Accuracy", "Validation Accuracy", "Goal"], ["epochs"]),
                entry =>
                {
                    entry.SetProgress(0, _last?.Epoch ?? _before, _epochs);
                    if (_last is null)
                        return;
                    entry.SetMetric(0, _last.TrainingAccuracy);
                    if (_last.ValidationAccuracy is double accuracy)
                        entry.SetMetric(1, accuracy);
                    entry.SetMetric(2, _last.Goal);
                }
            );
            return Enumerable
                .Range(0, settings.Networks)
                .Select(network => new TrainingRequest(
                    settings with
                    {
                        Network = network,
                    },
                    new TrainingCallbacks
                    {
                        CheckAlive = CheckAlive,
                        Suspicion = suspicion,
                        NamesOf = classes => InfomorphicTrainer.NamesOf(classes, names),
                        Info = message => Channel.Info(message),
                        Warn = message => Channel.Warning(message),
                        Failed = () => _hasFailed = true,
                        EpochEnded = network == 0 ? EndEpoch : static _ => { },
                        Prepared = encoding => _encoding = encoding,
                        Evaluated = network == 0 && _trainer._checkpointReached is not null ? ReachCheckpoint : null,
                    },
                    earlier?[network].Network
                )
                {
                    Before = earlier?[network].History,
                    Optimizer = earlier?[network].Optimizer,
                    HasLinearReadout = _trainer.HasLinearReadout(settings),
                });
        }

        /// <summary>The model of the networks; or what ended one of them, and all.</summary>
        public (InfomorphicModelParameters? Model, Exception? Error) End(
            IReadOnlyList<TrainingOutcome> outcomes,
            TrainingSettings settings,
            long? skippedRows,
            IReadOnlyList<string> warnings
        )
        {
            Exception[] errors = [.. outcomes.Select(outcome => outcome.Error).OfType<Exception>()];
            if (errors.Length > 0)
                return (null, Array.Find(errors, error => error is not OperationCanceledException) ?? errors[0]);
            InfomorphicNetwork first = outcomes[0].Result!.Network;
            settings = settings.Fitted(first.FeatureCount, first.ClassCount, outcomes[0].Result!.Encoding);
            TrainingResult[] results = [.. outcomes.Select(outcome => outcome.Result!.With(skippedRows, warnings))];
            foreach ((int network, TrainingResult result) in results.Index())
                Channel.Info(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{(settings with { Network = network }).MessagePrefix}Trained {result.History.LastEpoch - _before} epochs in {result.History.Seconds - _secondsBefore[network]:F1} s; the model has the weights of epoch {result.History.BestEpoch}"
                    )
                );
            return (
                new InfomorphicModelParameters(
                    _trainer.Host,
                    new ModelContents(results, settings, _trainer._scoring, results[0].Encoding)
                ),
                null
            );
        }

        public void Dispose()
        {
            _progress?.Dispose();
            Channel.Dispose();
        }

        // Where one network of several fails, there will be no model.
        private void CheckAlive()
        {
            _trainer.CheckAlive();
            if (_hasFailed)
                throw new OperationCanceledException();
        }

        private void EndEpoch(EpochRecord epoch)
        {
            _last = epoch;
            _progress!.Checkpoint(epoch.TrainingAccuracy, epoch.ValidationAccuracy, epoch.Goal, epoch.Epoch);
            Channel.Trace(Describe(epoch));
            _trainer._epochEnded?.Invoke(epoch);
        }

        private void ReachCheckpoint(TrainingHistory history, Func<InfomorphicNetwork> network)
        {
            using var checkpoint = new TrainingCheckpoint(history, _epochs, CreateModel);
            _trainer._checkpointReached!(checkpoint);

            InfomorphicModelParameters CreateModel()
            {
                InfomorphicNetwork now = network();
                TrainingSettings settings = (_settings! with { Networks = 1 }).Fitted(
                    now.FeatureCount,
                    now.ClassCount,
                    _encoding
                );
                FeatureEncoding? encoding = _encoding!.IsIdentity ? null : _encoding;
                return new InfomorphicModelParameters(
                    _trainer.Host,
                    new ModelContents([new TrainingResult(now, history)], settings, _trainer._scoring, encoding)
                );
            }
        }

        private string Describe(EpochRecord epoch)
        {
            string validation = epoch.ValidationAccuracy is double accuracy
                ? string.Create(CultureInfo.InvariantCulture, $", validation accuracy {accuracy:P2}")
                : "";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Epoch {epoch.Epoch} of {_epochs}: training accuracy {epoch.TrainingAccuracy:P2}{validation}, goal {epoch.Goal:F4} bits"
            );
        }
    }

    private static string DescribeLayers(TrainingSettings settings)
    {
        IReadOnlyList<LayerSettings> layers = settings.HiddenLayers;
        if (layers.Count == 0)
            return "an output layer alone";
        return layers.Count == 1
            ? Describe(layers[0])
            : $"{layers.Count} hidden layers ({string.Join("; ", layers.Select(Describe))})";

        static string Describe(LayerSettings layer)
        {
            // How many neurons there are, and what they see, follows from the features, and is said when these are known.
            if (layer.HasAutomaticConnections)
                return "a hidden layer" + Hearing(layer);
            string number = string.Create(CultureInfo.InvariantCulture, $"{layer.Neurons}");
            string neurons = layer.Learns
                ? $"{number} hidden neurons"
                : $"an output layer over {number} fixed random neurons";
            string where = layer.Connections switch
            {
                LocalFieldSettings { SharesWeights: true } => " with weights shared over fields",
                LocalFieldSettings => " in each local field",
                RandomSubsetSettings subsets => string.Create(
                    CultureInfo.InvariantCulture,
                    $" on each of {subsets.Count} random subsets"
                ),
                _ => "",
            };
            return neurons + where + Hearing(layer);
        }

        static string Hearing(LayerSettings layer)
        {
            string context = layer.Context switch
            {
                { Kind: SignalKind.Layer } => " with feedback",
                null when layer.Learns => " without context",
                _ => "",
            };
            string lateral =
                layer.Learns && layer.LateralConnections is null
                    ? $"{(context.StartsWith(" with feedback", StringComparison.Ordinal) ? " and" : "")} without lateral input"
                    : "";
            return context + lateral;
        }
    }
}
