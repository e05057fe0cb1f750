namespace Mnist;

/// <summary>A batch of a stream of images.</summary>
/// <param name="Digits">The digits that arrive.</param>
/// <param name="Images">Their images and, behind them, those that are kept of earlier batches.</param>
internal sealed record DigitBatch(int[] Digits, DigitImage[] Images);

/// <summary>MNIST as a stream in which digits arrive in pairs: 0 and 1, 2 and 3, and so on, four times.</summary>
internal static class DigitStream
{
    /// <summary>Number of digits.</summary>
    public const int DigitCount = 10;

    private const int DigitsPerBatch = 2;
    private const int Rounds = 4;

    /// <summary>Number of batches.</summary>
    public const int BatchCount = Rounds * DigitCount / DigitsPerBatch;

    /// <summary>Divides images into batches: every image arrives once.</summary>
    /// <param name="images">The images, in the order in which those of a digit arrive.</param>
    /// <param name="kept">Of each digit of an earlier batch, so many of its first images come again in every later one.</param>
    public static IEnumerable<DigitBatch> Batches(DigitImage[] images, int kept)
    {
        DigitImage[][] ofDigit =
        [
            .. Enumerable.Range(0, DigitCount).Select(digit => images.Where(image => image.Label == digit).ToArray()),
        ];
        for (int batch = 0; batch < BatchCount; batch++)
        {
            int round = batch * DigitsPerBatch / DigitCount;
            int first = batch * DigitsPerBatch % DigitCount;
            int[] digits = [.. Enumerable.Range(first, DigitsPerBatch)];
            IEnumerable<DigitImage> arriving = digits.SelectMany(digit => Part(ofDigit[digit], round));
            IEnumerable<DigitImage> again = Enumerable
                .Range(0, round == 0 ? first : DigitCount)
                .Where(digit => !digits.Contains(digit))
                .SelectMany(digit => Part(ofDigit[digit], 0).Take(kept));
            yield return new DigitBatch(digits, [.. arriving, .. again]);
        }
    }

    private static DigitImage[] Part(DigitImage[] images, int round) =>
        images[(images.Length * round / Rounds)..(images.Length * (round + 1) / Rounds)];
}
