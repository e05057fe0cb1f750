using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Reporting;
using Microsoft.ML.Infomorphic.Training;
using SampleSupport;
using Spectre.Console;

namespace Mnist;

/// <summary>The sample from start to end: train, measure, save, load again, predict, draw, report.</summary>
internal static class MnistRun
{
    public static int Run(SampleOptions options)
    {
        IAnsiConsole console = ConsoleOutput.Create();
        TextWriter text = console.Profile.Out.Writer;
        var output = new OutputFolder(options.Output);
        var mlContext = new MLContext(options.Seed);
        using var interruption = new Interruption();
        try
        {
            return Run(options, console, text, output, mlContext, interruption);
        }
        catch (OperationCanceledException)
        {
            text.WriteLine(
                output.Written.Count == 0
                    ? "Cancelled; no file was written."
                    : $"Cancelled; written before that: {string.Join(", ", output.Written)}."
            );
            return CommandLine.Cancelled;
        }
    }

    private static int Run(
        SampleOptions options,
        IAnsiConsole console,
        TextWriter text,
        OutputFolder output,
        MLContext mlContext,
        Interruption interruption
    )
    {
        long start = Stopwatch.GetTimestamp();
        MnistData data = MnistData.Load(options.Data);
        (DigitImage[] train, DigitImage[] validation) = data.SplitForValidation(options.TrainRows, options.Seed);
        output.Create();
        IDataView testView = mlContext.Data.LoadFromEnumerable(data.Test);
        text.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"MNIST: {train.Length:N0} images to train on, {validation.Length:N0} to validate, {data.Test.Length:N0} to test; read in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s."
            )
        );

        text.WriteLine(
            $"Training: hidden neurons {options.HiddenNeurons}, epochs {options.Epochs}, goal {options.Goal}, device {options.Device}."
        );
        DigitClassifier classifier = TrainingDisplay.Run(
            console,
            options.Epochs,
            epochEnded =>
                DigitClassifier.Train(
                    mlContext,
                    mlContext.Data.LoadFromEnumerable(train),
                    mlContext.Data.LoadFromEnumerable(validation),
                    CreateOptions(options, epochEnded, interruption.Token)
                )
        );
        interruption.Token.ThrowIfCancellationRequested();

        MulticlassClassificationMetrics metrics = classifier.Evaluate(testView);
        MulticlassClassificationMetrics sampled = classifier.EvaluateSampled(testView);
        IReadOnlyList<IReadOnlyList<double>> confusions = metrics.ConfusionMatrix.Counts;
        // Keys are ordered by value, so that a digit is the index of its score.
        int[] digits = [.. data.Test.Select(image => image.Label)];
        float[][] scores = DigitClassifier.Score(mlContext, classifier.Model, testView);
        double calibrationError = CalibrationError.Expected(scores, digits);
        double uncalibrated = CalibrationError.Expected(classifier.ScoreUncalibrated(testView), digits);
        console.Write(
            ResultTables.Metrics(
                options,
                classifier.Parameters.History,
                metrics,
                sampled,
                calibrationError,
                uncalibrated
            )
        );
        console.Write(ResultTables.Confusions(confusions));
        interruption.Token.ThrowIfCancellationRequested();

        string modelPath = output.Write("model.zip", stream => classifier.Save(stream, testView.Schema));
        bool identical = ReloadAndCompare(text, modelPath, data.Test, scores);
        interruption.Token.ThrowIfCancellationRequested();

        TrainingHistory history = classifier.Parameters.History;
        InfomorphicLayer hidden = classifier.Parameters.Network.HiddenLayers[0];
        string what = $"{hidden.NeuronCount} hidden neurons, goal {options.Goal}";
        WritePicture("learning-curve.png", () => LearningCurvePlot.Draw(history, $"Accuracy on MNIST: {what}"));
        WritePicture(
            "confusion-matrix.png",
            () =>
                ConfusionPlot.Draw(
                    confusions,
                    "digit",
                    $"MNIST test images: {ResultTables.Percent(metrics.MicroAccuracy)} right"
                )
        );
        WritePicture(
            "receptive-fields.png",
            () =>
                ReceptiveFieldPlot.Draw(
                    hidden.Sources[0].Projections[0].Weights,
                    DigitImage.Side,
                    DigitImage.Side,
                    $"Receptive fields: {what}"
                )
        );
        WritePicture(
            "information.png",
            () =>
                AtomHistoryPlot.Draw(
                    history,
                    Report.AtomNames(hidden),
                    "Information that a hidden neuron's output carries"
                )
        );

        var rows = new Report.RowCounts(train.Length, validation.Length, data.Test.Length);
        Report report = Report.Create(
            options,
            rows,
            classifier.Parameters,
            metrics,
            sampled,
            calibrationError,
            uncalibrated,
            identical
        );
        output.Write(options.Report, report.Write);

        if (options.HtmlReport is string htmlReport)
        {
            NetworkInsight insight = classifier.WriteReport(htmlReport, testView, $"MNIST: {what}");
            LayerInsight layer = insight.HiddenLayers[0];
            WritePicture(
                "information-diagram.png",
                () => InformationDiagram.Draw(layer, layer.Mean, "Information of the mean hidden neuron")
            );
            WritePicture("neurons.png", () => NeuronAtomsPlot.Draw(layer, "Information of every hidden neuron"));
            WritePicture(
                "goal-accuracy.png",
                () => GoalAccuracyPlot.Draw(history, "Does the goal serve the task? Epoch by epoch")
            );
        }

        text.WriteLine();
        text.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Done in {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s. Written:"
            )
        );
        foreach (string path in output.Written)
            text.WriteLine($"  {path}");
        if (options.HtmlReport is not null)
            text.WriteLine($"  {options.HtmlReport}");
        return identical ? CommandLine.Success : CommandLine.Failure;

        void WritePicture(string name, Func<Picture> draw)
        {
            output.Write(name, stream => stream.Write(draw().ToPng()));
            interruption.Token.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The network of the paper, as its figures are shown beside ours.</summary>
    private static InfomorphicTrainer.Options CreateOptions(
        SampleOptions sample,
        Action<EpochRecord> epochEnded,
        CancellationToken cancellation
    )
    {
        InfomorphicTrainer.Options options = InfomorphicTrainer.Options.Paper();
        options.FeatureColumnName = nameof(DigitImage.Features);
        options.LabelColumnName = nameof(DigitImage.Label);
        options.NumberOfHiddenNeurons = sample.HiddenNeurons;
        options.NumberOfEpochs = sample.Epochs;
        options.Goal = sample.Goal;
        options.BatchSize = sample.BatchSize;
        options.Seed = sample.Seed;
        options.Device = sample.Device;
        options.Scoring = sample.Scoring;
        options.EpochEnded = epochEnded;
        options.CancellationToken = cancellation;
        return options;
    }

    /// <summary>Loads the model as another application would, and uses it.</summary>
    private static bool ReloadAndCompare(TextWriter text, string modelPath, DigitImage[] test, float[][] scores)
    {
        var mlContext = new MLContext();
        ITransformer model = mlContext.Model.Load(modelPath, out _);

        float[][] reloaded = DigitClassifier.Score(mlContext, model, mlContext.Data.LoadFromEnumerable(test));
        bool identical = scores.Zip(reloaded).All(pair => SameBits(pair.First, pair.Second));
        text.WriteLine(
            identical
                ? $"Reloaded from {Path.GetFileName(modelPath)}: the scores of all {test.Length} test images are the same, bit for bit."
                : $"Reloaded from {Path.GetFileName(modelPath)}: the scores DIFFER from those before saving."
        );

        // A few single digits, the first mistake among them.
        using PredictionEngine<DigitImage, DigitPrediction> engine = mlContext.Model.CreatePredictionEngine<
            DigitImage,
            DigitPrediction
        >(model);
        DigitImage? mistake = test.Skip(3).FirstOrDefault(image => engine.Predict(image).PredictedDigit != image.Label);
        DigitImage[] shown = [.. test.Take(3), mistake ?? test[3]];
        text.WriteLine();
        text.Write(
            AsciiArt.Draw(
                shown,
                [
                    .. shown.Select(image =>
                    {
                        DigitPrediction prediction = engine.Predict(image);
                        return string.Create(
                            CultureInfo.InvariantCulture,
                            $"  predicted {prediction.PredictedDigit} ({prediction.Score.Max():P0}), is {image.Label}"
                        );
                    }),
                ]
            )
        );
        return identical;
    }

    private static bool SameBits(float[] a, float[] b) =>
        MemoryMarshal.AsBytes(a.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(b.AsSpan()));
}
