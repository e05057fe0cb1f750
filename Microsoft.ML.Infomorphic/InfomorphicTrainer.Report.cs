using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
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
        private int _epochs;

        public TrainingReport(InfomorphicTrainer trainer)
        {
            _trainer = trainer;
            Channel = trainer.Host.Start("Training");
        }

        public IChannel Channel { get; }

        /// <summary>Training begins.</summary>
        /// <returns>What is to be told from now on.</returns>
        public TrainingCallbacks Begin(
            TrainingSettings settings,
            RowSource train,
            ComputeDevice device,
            string? suspicion
        )
        {
            _epochs = settings.TotalEpochs;
            foreach (string mistake in _trainer._options.WithoutEffect(settings))
                Channel.Warning(mistake);
            Channel.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Training {_trainer.DescribeLayers()} on {train.RowCount} instances with {train.FeatureCount} features and {train.ClassCount} classes, on {device}; goal: {(settings.HiddenLayers.FirstOrDefault(layer => layer.Learns)?.Goal ?? settings.Output.Goal)?.Describe() ?? "softmax regression"}"
                )
            );
            _progress = _trainer.Host.StartProgressChannel("Training");
            _progress.SetHeader(
                new ProgressHeader(["Accuracy", "Validation Accuracy", "Goal"], ["epochs"]),
                entry =>
                {
                    entry.SetProgress(0, _last?.Epoch ?? 0, settings.TotalEpochs);
                    if (_last is null)
                        return;
                    entry.SetMetric(0, _last.TrainingAccuracy);
                    if (_last.ValidationAccuracy is double accuracy)
                        entry.SetMetric(1, accuracy);
                    entry.SetMetric(2, _last.Goal);
                }
            );
            return new TrainingCallbacks
            {
                CheckAlive = _trainer.CheckAlive,
                Suspicion = suspicion,
                Info = message => Channel.Info(message),
                Warn = message => Channel.Warning(message),
                EpochEnded = epoch =>
                {
                    _last = epoch;
                    _progress.Checkpoint(epoch.TrainingAccuracy, epoch.ValidationAccuracy, epoch.Goal, epoch.Epoch);
                    Channel.Trace(Describe(epoch));
                    _trainer._epochEnded?.Invoke(epoch);
                },
            };
        }

        /// <summary>The model of a network.</summary>
        public InfomorphicModelParameters End(TrainingResult result, TrainingSettings settings)
        {
            Channel.Info(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Trained {result.History.Epochs[^1].Epoch} epochs in {result.History.Seconds:F1} s; the model has the weights of epoch {result.History.BestEpoch}"
                )
            );
            return new InfomorphicModelParameters(
                _trainer.Host,
                new ModelContents(result.Network, result.History, settings, _trainer._scoring)
            );
        }

        public void Dispose()
        {
            _progress?.Dispose();
            Channel.Dispose();
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
}
