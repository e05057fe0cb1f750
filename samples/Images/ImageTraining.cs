using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Runtime;
using PaperReproduction;
using SampleSupport;

namespace Images;

/// <summary>What the command line asks for.</summary>
internal sealed record TrainingOptions(
    string? Folder,
    string? DataSet,
    string? DataDirectory,
    int Side,
    bool Augment,
    int Epochs,
    int Rows,
    int Seed
);

/// <summary>From image files, or a data set of images, to a model that is measured, explained and saved. Read this file first.</summary>
internal static class ImageTraining
{
    public const string ModelFile = "model.zip";

    public static int Run(TrainingOptions options, OutputFolder output, TextWriter text)
    {
        var mlContext = new MLContext(options.Seed);

        // What the trainer chooses, and why.
        mlContext.Log += (_, entry) =>
        {
            if (
                entry.Source.StartsWith("InfomorphicMulticlass", StringComparison.Ordinal)
                && entry.Kind != ChannelMessageKind.Trace
            )
                text.WriteLine(
                    $"  {entry.Message[(entry.Message.IndexOf(']', StringComparison.Ordinal) + 1)..].Trim()}"
                );
        };
        output.Create();
        (IDataView train, IDataView test, IEstimator<ITransformer> features) = options.DataSet is null
            ? Files(mlContext, options, output, text)
            : DataSet(mlContext, options, text);

        // The column of features has the dimensions of an image, and so the trainer chooses a layer of local fields.
        IEstimator<ITransformer> pipeline = features
            .Append(mlContext.Transforms.Conversion.MapValueToKey("Label"))
            .Append(
                mlContext.MulticlassClassification.Trainers.Infomorphic(
                    new InfomorphicTrainer.Options
                    {
                        Augmentation = options.Augment ? new ImageAugmentation(2, 2, Rotation: 10, Zoom: 0.1) : null,
                        NumberOfEpochs = options.Epochs == 0 ? null : options.Epochs,
                        Seed = options.Seed,
                    }
                )
            )
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedClass", "PredictedLabel"));
        long start = Stopwatch.GetTimestamp();
        ITransformer model = pipeline.Fit(train);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;

        IDataView scored = model.Transform(test);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(scored);
        text.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Test images: accuracy {metrics.MicroAccuracy:P2}, log-loss {metrics.LogLoss:F3}; trained in {seconds:F1} s."
            )
        );

        output.Write(ModelFile, stream => mlContext.Model.Save(model, train.Schema, stream));

        // For samples/ImageReport: the network alone, and what it reads.
        InfomorphicPredictionTransformer network = ((IEnumerable<ITransformer>)model)
            .OfType<InfomorphicPredictionTransformer>()
            .Single();
        IDataView pixels = mlContext.Transforms.SelectColumns("Features", "Label").Fit(scored).Transform(scored);
        output.Write(
            "network.zip",
            stream => mlContext.Model.Save(new TransformerChain<ITransformer>(network), pixels.Schema, stream)
        );
        output.Write("test.idv", stream => mlContext.Data.SaveAsBinary(pixels, stream));
        text.WriteLine($"Written: {string.Join(", ", output.Written)}");
        text.WriteLine("samples/ImageReport explains the network.");
        return CommandLine.Success;
    }

    // Every fifth file of each class is a test image.
    private static (IDataView Train, IDataView Test, IEstimator<ITransformer> Features) Files(
        MLContext mlContext,
        TrainingOptions options,
        OutputFolder output,
        TextWriter text
    )
    {
        string? folder = options.Folder;
        if (folder is null)
        {
            folder = Path.Combine(output.FullPath, "shapes");
            ShapePictures.Draw(folder, options.Seed);
            text.WriteLine($"Drew pictures of shapes into {folder}");
        }

        ImageFile[][] classes =
        [
            .. ImageFiles.Find(folder).GroupBy(file => file.Label).Select(files => files.ToArray()),
        ];
        ImageFile[] test = [.. classes.SelectMany(files => files.Where((_, i) => i % 5 == 4))];
        ImageFile[] train = [.. classes.SelectMany(files => files.Where((_, i) => i % 5 != 4))];
        if (test.Length == 0)
            throw new InvalidDataException(
                $"{Path.GetFullPath(folder)} has fewer than 5 files in each class: every fifth is a test image."
            );
        text.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{train.Length} files of {classes.Length} classes to train on, {test.Length} to test."
            )
        );
        return (
            mlContext.Data.LoadFromEnumerable(train),
            mlContext.Data.LoadFromEnumerable(test),
            mlContext
                .Transforms.LoadImages("Image", imageFolder: "", nameof(ImageFile.Path))
                .Append(mlContext.Transforms.ResizeImages("Image", options.Side, options.Side))
                .Append(mlContext.Transforms.ExtractPixels("Features", "Image", scaleImage: 1 / 255f))
        );
    }

    private static (IDataView Train, IDataView Test, IEstimator<ITransformer> Features) DataSet(
        MLContext mlContext,
        TrainingOptions options,
        TextWriter text
    )
    {
        if (options.DataSet is not ("mnist" or "fashion" or "cifar10"))
            throw new ArgumentException($"--data-set takes mnist, fashion or cifar10, not \"{options.DataSet}\".");
        ImageData data = ImageData.Load(options.DataSet, options.DataDirectory);
        ImageRow[] train = options.Rows == 0 ? data.Train : [.. data.Train.Take(options.Rows)];
        text.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{options.DataSet}: {train.Length:N0} images to train on, {data.Test.Length:N0} to test."
            )
        );
        return (Named(train), Named(data.Test), new EstimatorChain<ITransformer>());

        // As files have them: classes by their names.
        IDataView Named(ImageRow[] rows)
        {
            var schema = SchemaDefinition.Create(typeof(NamedImage));
            schema[nameof(NamedImage.Features)].ColumnType = data.ImageView(mlContext, rows).Schema["Features"].Type;
            return mlContext.Data.LoadFromEnumerable(
                rows.Select(row => new NamedImage
                    {
                        Features = row.Features,
                        Label = row.Label.ToString(CultureInfo.InvariantCulture),
                    })
                    .ToArray(),
                schema
            );
        }
    }

    private sealed class NamedImage
    {
        public float[] Features { get; init; } = [];

        public string Label { get; init; } = "";
    }
}
