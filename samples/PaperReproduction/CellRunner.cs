using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using SampleSupport;

namespace PaperReproduction;

/// <summary>Trains and judges one cell.</summary>
/// <param name="data">The cells' data set.</param>
/// <param name="threads">Threads for a cell; they do not change an infomorphic network's result.</param>
/// <param name="cellsAtOnce">Cells that run at the same time, for the record.</param>
internal sealed class CellRunner(ImageData data, int threads, int cellsAtOnce)
{
    /// <summary>Runs a cell.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing is left of it.</exception>
    public CellResult Run(Cell cell, CancellationToken cancellation)
    {
        var system = PaperSystem.Find(cell.System);
        (ImageRow[] train, ImageRow[] validation) = data.Split(cell.Rows, cell.Seed);
        Outcome outcome = system.Configure is null
            ? BackpropTraining.Run(cell, train, validation, data.Test, threads, cancellation)
            : Train(system.Configure, cell, train, validation, cancellation);
        return new CellResult(
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

    private Outcome Train(
        Action<InfomorphicTrainer.Options> configure,
        Cell cell,
        ImageRow[] train,
        ImageRow[] validation,
        CancellationToken cancellation
    )
    {
        var mlContext = new MLContext(cell.Seed);
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.NumberOfEpochs = cell.Epochs;
        options.Standardization = Standardization.Global;
        options.Seed = cell.Seed;
        options.Device = "cpu";
        options.NumberOfThreads = threads;
        options.CancellationToken = cancellation;
        if (cell.HiddenNeurons > 0)
            options.NumberOfHiddenNeurons = cell.HiddenNeurons;
        if (cell.Goal.Length > 0)
            options.Goal = cell.Goal;
        configure(options);

        IDataView validationView = ImageData.View(mlContext, validation);
        IDataView testView = ImageData.View(mlContext, data.Test);
        InfomorphicPredictionTransformer model = mlContext
            .MulticlassClassification.Trainers.Infomorphic(options)
            .Fit(ImageData.View(mlContext, train), validationView);
        InfomorphicPredictionTransformer sampled = model.WithScoring(
            ScoringMode.Sampled,
            numberOfSamples: 1,
            seed: (ulong)cell.Seed,
            calibrate: false
        );

        TrainingHistory history = model.Model.History;
        int batch = options.BatchSize!.Value;
        long expected = (long)cell.Epochs * ((train.Length + batch - 1) / batch);
        if (history.Steps != expected)
            throw new InvalidOperationException(
                $"Training took {history.Steps} steps, and {train.Length} rows make {expected}: rows were left out."
            );
        return new Outcome(
            Accuracy(sampled, testView, data.Test.Length),
            Accuracy(model, testView, data.Test.Length),
            Accuracy(sampled, validationView, validation.Length),
            Accuracy(model, validationView, validation.Length),
            history.Seconds,
            history.StepSeconds,
            history.Steps
        );

        double Accuracy(ITransformer transformer, IDataView rows, int count)
        {
            MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(
                transformer.Transform(rows)
            );
            // Evaluate leaves rows with a missing label out, and says nothing.
            double judged = metrics.ConfusionMatrix.Counts.Sum(row => row.Sum());
            return judged == count
                ? metrics.MicroAccuracy
                : throw new InvalidOperationException($"{judged} of {count} rows were judged.");
        }
    }
}
