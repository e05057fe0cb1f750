using System.Text;

namespace Mnist;

/// <summary>Digits as text, side by side.</summary>
internal static class AsciiArt
{
    private const string Ramp = " .:-=+*#%@";

    /// <summary>Draws images above their captions; a character stands for a pixel and the one below it.</summary>
    public static string Draw(IReadOnlyList<DigitImage> images, IReadOnlyList<string> captions)
    {
        var text = new StringBuilder();
        for (int row = 0; row < DigitImage.Side; row += 2)
        {
            var line = new StringBuilder();
            foreach (DigitImage image in images)
            {
                for (int column = 0; column < DigitImage.Side; column++)
                {
                    int pixel = row * DigitImage.Side + column;
                    float ink = (image.Features[pixel] + image.Features[pixel + DigitImage.Side]) / 2;
                    line.Append(Ramp[(int)(ink * (Ramp.Length - 1) + 0.5f)]);
                }
            }
            text.AppendLine(line.ToString().TrimEnd());
        }
        return text.AppendLine(string.Concat(captions.Select(caption => caption.PadRight(DigitImage.Side))).TrimEnd())
            .ToString();
    }
}
