using SampleSupport;

namespace Mnist;

/// <summary>The MNIST database: 60,000 training and 10,000 test images.</summary>
internal sealed record MnistData(DigitImage[] Train, DigitImage[] Test)
{
    private const string TrainImages = "train-images-idx3-ubyte";
    private const string TrainLabels = "train-labels-idx1-ubyte";
    private const string TestImages = "t10k-images-idx3-ubyte";
    private const string TestLabels = "t10k-labels-idx1-ubyte";

    /// <summary>Reads the four files.</summary>
    /// <param name="folder">Where they are; null to look beside the application, then in the repository.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged.</exception>
    public static MnistData Load(string? folder)
    {
        string found = folder ?? DataFolder.Find("mnist");
        return new MnistData(Read(found, TrainImages, TrainLabels), Read(found, TestImages, TestLabels));
    }

    /// <summary>
    /// Draws rows at random and withholds a fifth of them for validation, as the published figures do: of all 60,000
    /// images, 48,000 are left to train on.
    /// </summary>
    public (DigitImage[] Train, DigitImage[] Validation) SplitForValidation(int rows, int seed)
    {
        DigitImage[] shuffled = [.. Train];
        new Random(seed).Shuffle(shuffled);
        rows = Math.Min(rows, shuffled.Length);
        int training = rows - rows / 5;
        return (shuffled[..training], shuffled[training..rows]);
    }

    private static DigitImage[] Read(string folder, string imagesName, string labelsName)
    {
        string imagesPath = PathOf(folder, imagesName);
        string labelsPath = PathOf(folder, labelsName);
        byte[][] images = IdxFile.ReadImages(imagesPath);
        byte[] labels = IdxFile.ReadLabels(labelsPath);
        if (images.Length != labels.Length)
            throw new InvalidDataException(
                $"{imagesPath} holds {images.Length} images and {labelsPath} {labels.Length} labels; the numbers must be equal."
            );

        var digits = new DigitImage[images.Length];
        for (int i = 0; i < digits.Length; i++)
            digits[i] = new DigitImage
            {
                Features = Array.ConvertAll(images[i], pixel => pixel / 255f),
                Label = labels[i],
            };
        return digits;
    }

    private static string PathOf(string folder, string name)
    {
        string plain = Path.Combine(folder, name);
        string compressed = plain + ".gz";
        if (File.Exists(compressed))
            return compressed;
        if (File.Exists(plain))
            return plain;
        throw new InvalidDataException(
            $"{compressed} is missing: put MNIST's four files, {TrainImages}, {TrainLabels}, {TestImages} and {TestLabels}, "
                + $"compressed with gzip (.gz) or not, into {folder}."
        );
    }
}
