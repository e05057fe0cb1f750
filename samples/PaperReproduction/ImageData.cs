using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Mnist;

namespace PaperReproduction;

/// <summary>A labelled image.</summary>
internal sealed class ImageRow
{
    public float[] Features { get; set; } = [];

    /// <summary>The class, from 0, as a key: ML.NET counts the keys of members from 0, those of columns from 1.</summary>
    public uint Label { get; set; }
}

/// <summary>A data set of images in ten classes.</summary>
/// <param name="Train">The training rows, validation rows among them.</param>
/// <param name="Test">The test rows.</param>
/// <param name="Shape">How their features are laid out.</param>
internal sealed record ImageData(ImageRow[] Train, ImageRow[] Test, ImageShape Shape)
{
    public const int Classes = 10;

    /// <summary>Reads a data set.</summary>
    /// <param name="name">mnist, fashion or cifar10.</param>
    /// <param name="folder">Its folder; null for MNIST's own place.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged.</exception>
    /// <exception cref="ArgumentException">The data set needs a folder.</exception>
    public static ImageData Load(string name, string? folder) =>
        name switch
        {
            "cifar10" => Cifar10.Load(folder),
            "fashion" when folder is null => throw new ArgumentException(
                "Fashion-MNIST needs --data-directory with a folder: put its four files there, which have the names of MNIST's."
            ),
            _ => FromMnist(MnistData.Load(folder)),
        };

    /// <summary>Draws rows and withholds a fifth of them for validation, as the published figures do.</summary>
    public (ImageRow[] Train, ImageRow[] Validation) Split(int rows, int seed)
    {
        ImageRow[] shuffled = [.. Train];
        new Random(seed).Shuffle(shuffled);
        int training = rows - rows / 5;
        return (shuffled[..training], shuffled[training..rows]);
    }

    /// <summary>Rows as a data view.</summary>
    public static IDataView View(MLContext mlContext, ImageRow[] rows) =>
        View(mlContext, rows, rows[0].Features.Length);

    /// <summary>Rows as a data view whose features have the dimensions of an image, as ExtractPixels gives them.</summary>
    public IDataView ImageView(MLContext mlContext, ImageRow[] rows) =>
        View(mlContext, rows, Shape.Channels, Shape.Height, Shape.Width);

    private static IDataView View(MLContext mlContext, ImageRow[] rows, params int[] dimensions)
    {
        var schema = SchemaDefinition.Create(typeof(ImageRow));
        schema[nameof(ImageRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, dimensions);
        schema[nameof(ImageRow.Label)].ColumnType = new KeyDataViewType(typeof(uint), Classes);
        return mlContext.Data.LoadFromEnumerable(rows, schema);
    }

    private static ImageData FromMnist(MnistData data)
    {
        return new ImageData(
            [.. data.Train.Select(Row)],
            [.. data.Test.Select(Row)],
            new ImageShape(DigitImage.Side, DigitImage.Side)
        );

        static ImageRow Row(DigitImage image) => new() { Features = image.Features, Label = (uint)image.Label };
    }
}
