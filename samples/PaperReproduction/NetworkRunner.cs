using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;
using SampleSupport;

namespace PaperReproduction;

/// <summary>Trains and judges a network on images.</summary>
/// <param name="data">The cells' data set.</param>
/// <param name="threads">Threads for a cell; they do not change an infomorphic network's result.</param>
/// <param name="cellsAtOnce">Cells that run at the same time, for the record.</param>
/// <param name="models">A folder that trained networks are stored in; null for none.</param>
internal sealed class NetworkRunner(ImageData data, int threads, int cellsAtOnce, string? models = null)
{
    /// <summary>The output layer's learning rate: a third of the default, since it reads thousands of numbers.</summary>
    private const double OutputLearningRate = 0.003;

    /// <summary>Runs a cell.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is left of it.</exception>
    public NetworkResult Run(NetworkCell cell, CancellationToken cancellation)
    {
        (ImageRow[] train, ImageRow[] validation) = data.Split(cell.Rows, cell.Seed);
        NetworkOutcome outcome =
            cell.Control == NetworkControl.Backprop
                ? BackpropNetwork.Run(cell, data.Shape, train, validation, data.Test, threads, cancellation)
                : Train(cell, train, validation, cancellation);
        return new NetworkResult(
            cell,
            outcome,
            new Hardware(
                Machine.Processor,
                Environment.ProcessorCount,
                threads,
                cellsAtOnce,
                RuntimeInformation.OSDescription
            ),
            Machine.VersionOf(typeof(InfomorphicTrainer))
        );
    }

    private NetworkOutcome Train(
        NetworkCell cell,
        ImageRow[] train,
        ImageRow[] validation,
        CancellationToken cancellation
    )
    {
        var mlContext = new MLContext(cell.Seed);
        ImageNetwork network = ImageNetwork.Find(cell.Network);
        HiddenLayerOptions[] layers = network.Layers(data.Shape);
        foreach (HiddenLayerOptions layer in layers)
            layer.Learns = cell.Control == NetworkControl.Learned;
        var options = new InfomorphicTrainer.Options
        {
            Image = data.Shape,
            Augmentation = cell.Augmentation,
            HiddenLayers = layers,
            OutputLayerInputs = network.OutputInputs,
            OutputLearningRate = OutputLearningRate,
            LayerOrder = network.Order,
            LearningRateSchedule = LearningRateSchedule.Cosine,
            NumberOfEpochs = cell.Epochs,
            Standardization = Standardization.Global,
            Seed = cell.Seed,
            Device = "cpu",
            NumberOfThreads = threads,
            CancellationToken = cancellation,
        };
        IDataView validationView = ImageData.View(mlContext, validation);
        InfomorphicPredictionTransformer model = mlContext
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(ImageData.View(mlContext, train), validationView);

        if (models is not null)
            _ = new OutputFolder(models).Write(
                Path.ChangeExtension(cell.FileName, ".zip"),
                stream => mlContext.Model.Save(new TransformerChain<ITransformer>(model), validationView.Schema, stream)
            );

        TrainingHistory history = model.Model.History;
        return new NetworkOutcome(
            Accuracy(ImageData.View(mlContext, data.Test), data.Test.Length),
            Accuracy(validationView, validation.Length),
            history.Epochs.First(epoch => epoch.Epoch == history.BestEpoch).TrainingAccuracy,
            Readouts(history),
            history.BestEpoch,
            [.. history.Epochs.Select(Summarize)],
            history.Seconds,
            history.StepSeconds,
            history.Steps
        );

        double Accuracy(IDataView rows, int count)
        {
            MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(
                model.Transform(rows)
            );
            // Evaluate leaves rows with a missing label out, and says nothing.
            double judged = metrics.ConfusionMatrix.Counts.Sum(row => row.Sum());
            return judged == count
                ? metrics.MicroAccuracy
                : throw new InvalidOperationException($"{judged} of {count} rows were judged.");
        }

        // A layer that is trained by itself is evaluated by an output layer of its own; its best epoch is kept.
        double[] Readouts(TrainingHistory of) =>
            network.Order == LayerOrder.Together
                ? []
                :
                [
                    .. Enumerable
                        .Range(0, layers.Length)
                        .Select(layer => of.Epochs.Where(epoch => !double.IsNaN(epoch.HiddenLayers[layer].Goal)))
                        .Where(epochs => epochs.Any())
                        .Select(epochs => epochs.MinBy(epoch => epoch.ValidationLogLoss)!.ValidationAccuracy!.Value),
                ];

        static NetworkEpoch Summarize(EpochRecord epoch) =>
            new(
                epoch.Epoch,
                epoch.TrainingAccuracy,
                epoch.ValidationAccuracy!.Value,
                [
                    .. epoch.HiddenLayers.Select(layer =>
                        double.IsNaN(layer.Goal) ? null : new LayerInEpoch(layer.Goal, layer.Atoms)
                    ),
                ]
            );
    }
}
