using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using SampleSupport;

namespace Mnist;

/// <summary>
/// Learns from a stream: each batch has two digits, and training goes on from the model of the batch before. Prints how much of
/// the digits is known after each, beside a training on all images at once.
/// </summary>
internal static class StreamRun
{
    /// <summary>The command.</summary>
    public static Command CreateCommand()
    {
        Option<int> hidden = CommandLine.WholeNumber("--hidden", "Hidden neurons.", fallback: 100, minimum: 1);
        Option<int> epochs = CommandLine.WholeNumber(
            "--epochs",
            "Passes over the images of each batch.",
            fallback: 5,
            minimum: 1
        );
        Option<int> kept = CommandLine.WholeNumber(
            "--kept",
            "Images of each digit that are kept and learned from again in every later batch.",
            fallback: 0,
            minimum: 0
        );
        Option<int> seed = CommandLine.WholeNumber(
            "--seed",
            "Everything random follows from it.",
            fallback: 1,
            minimum: int.MinValue
        );
        Option<int> rows = CommandLine.WholeNumber(
            "--train-rows",
            "Training images to use, drawn at random.",
            fallback: 60_000,
            minimum: 2_000,
            maximum: 60_000
        );
        Option<OutputLayerKind> output = new("--output-layer")
        {
            Description = "What reads the hidden neurons: softmax or infomorphic.",
            DefaultValueFactory = _ => OutputLayerKind.Softmax,
        };
        Option<string?> data = new("--data")
        {
            Description = "Folder with MNIST's four files. [default: data/mnist]",
            HelpName = "DIR",
        };
        var command = new Command(
            "stream",
            "Learns from 20 batches in which digits arrive in pairs, one after another."
        )
        {
            hidden,
            epochs,
            kept,
            seed,
            rows,
            output,
            data,
        };
        command.SetAction(parsed =>
        {
            var options = new InfomorphicTrainer.Options
            {
                NumberOfHiddenNeurons = parsed.GetValue(hidden),
                NumberOfEpochs = parsed.GetValue(epochs),
                OutputLayer = parsed.GetValue(output),
                Seed = parsed.GetValue(seed),
                Device = "cpu",
            };
            return Run(options, MnistData.Load(parsed.GetValue(data)), parsed.GetValue(rows), parsed.GetValue(kept));
        });
        return command;
    }

    private static int Run(InfomorphicTrainer.Options options, MnistData data, int rows, int kept)
    {
        using var interruption = new Interruption();
        options.CancellationToken = interruption.Token;
        var mlContext = new MLContext(options.Seed);
        DigitImage[] shuffled = [.. data.Train];
        new Random(options.Seed!.Value).Shuffle(shuffled);
        DigitImage[] images = shuffled[..rows];
        try
        {
            Console.WriteLine("batch  digits  images  of these  of those seen  of all");
            InfomorphicPredictionTransformer? model = null;
            var seen = new HashSet<int>();
            int number = 0;
            foreach (DigitBatch batch in DigitStream.Batches(images, kept))
            {
                model = Train(mlContext, options, batch.Images, model);
                seen.UnionWith(batch.Digits);
                int[] predicted = Predict(mlContext, model, data.Test);
                Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{++number, 5}  {string.Join(", ", batch.Digits), 6}  {batch.Images.Length, 6}  {Accuracy(batch.Digits.Contains), 8:P1}  {Accuracy(seen.Contains), 13:P1}  {Accuracy(_ => true), 6:P1}"
                    )
                );

                double Accuracy(Func<int, bool> counts) => Share(data.Test, predicted, counts);
            }

            int[] atOnce = Predict(mlContext, Train(mlContext, options, images, null), data.Test);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"All {images.Length} images at once, as often: {Share(data.Test, atOnce, _ => true):P1} of all."
                )
            );
            return CommandLine.Success;
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("Cancelled.");
            return CommandLine.Cancelled;
        }
    }

    // Who learns from a stream does not know what will come: each batch numbers its own digits, and names tell them.
    private static InfomorphicPredictionTransformer Train(
        MLContext mlContext,
        InfomorphicTrainer.Options options,
        DigitImage[] images,
        InfomorphicPredictionTransformer? earlier
    )
    {
        IDataView batch = mlContext.Data.LoadFromEnumerable(images);
        IDataView mapped = mlContext
            .Transforms.Conversion.MapValueToKey(nameof(DigitImage.Label))
            .Fit(batch)
            .Transform(batch);
        InfomorphicTrainer trainer = mlContext.MulticlassClassification.Trainers.Infomorphic(options);
        return earlier is null ? trainer.Fit(mapped) : trainer.Fit(mapped, earlier.Model);
    }

    private static int[] Predict(MLContext mlContext, InfomorphicPredictionTransformer model, DigitImage[] images)
    {
        IDataView scored = model.Transform(mlContext.Data.LoadFromEnumerable(images));
        return
        [
            .. mlContext
                .Transforms.Conversion.MapKeyToValue(nameof(DigitPrediction.PredictedDigit), "PredictedLabel")
                .Fit(scored)
                .Transform(scored)
                .GetColumn<int>(nameof(DigitPrediction.PredictedDigit)),
        ];
    }

    private static double Share(DigitImage[] images, int[] predicted, Func<int, bool> counts)
    {
        int[] counted = [.. Enumerable.Range(0, images.Length).Where(i => counts(images[i].Label))];
        return counted.Count(i => predicted[i] == images[i].Label) / (double)counted.Length;
    }
}
