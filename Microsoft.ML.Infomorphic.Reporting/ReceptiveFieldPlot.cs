using System.Globalization;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// The receptive fields: the weights with which each neuron reads an image (its source F), as an image. Blue ink speaks
/// against firing, red for it; each neuron has its own scale.
/// </summary>
public static class ReceptiveFieldPlot
{
    private const int Most = 400;
    private const int Margin = 30;
    private const int TitleHeight = 64;
    private const int FootHeight = 56;

    /// <summary>Draws a mosaic of receptive fields; of the first 400 where there are more.</summary>
    /// <param name="weights">Weights of the image's points, neuron by neuron, each image row by row.</param>
    /// <param name="imageWidth">Points of an image's row, at least 1.</param>
    /// <param name="imageHeight">Rows of an image, at least 1.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentException">The weights are not those of whole images.</exception>
    public static Picture Draw(ReadOnlyMemory<float> weights, int imageWidth, int imageHeight, string title)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageWidth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageHeight);
        int points = checked(imageWidth * imageHeight);
        if (weights.Length == 0 || weights.Length % points != 0)
            throw new ArgumentException(
                $"{weights.Length} weights are no whole number of images of {imageWidth} × {imageHeight} points.",
                nameof(weights)
            );
        int neurons = weights.Length / points;
        int shown = Math.Min(neurons, Most);
        int columns = (int)Math.Ceiling(Math.Sqrt(shown));
        int rows = (shown + columns - 1) / columns;
        int zoom = Math.Clamp(1000 / (columns * Math.Max(imageWidth, imageHeight)), 1, 8);
        int gap = Math.Max(2, zoom * 2);
        int cellWidth = imageWidth * zoom + gap;
        int cellHeight = imageHeight * zoom + gap;

        // Wide enough for the title and the colour bar, however few the neurons.
        int width = Math.Max(columns * cellWidth - gap + 2 * Margin, 720);
        int left = (width - (columns * cellWidth - gap)) / 2;
        int height = TitleHeight + rows * cellHeight - gap + FootHeight + Margin;
        return new Picture(width, height, DrawAll);

        void DrawAll(SKCanvas canvas)
        {
            canvas.Clear(SKColors.White);
            for (int neuron = 0; neuron < shown; neuron++)
            {
                using SKBitmap field = DrawField(weights.Span.Slice(neuron * points, points), imageWidth);
                int x = left + neuron % columns * cellWidth;
                int y = TitleHeight + neuron / columns * cellHeight;
                canvas.DrawBitmap(field, SKRect.Create(x, y, imageWidth * zoom, imageHeight * zoom));
            }

            string rest =
                shown < neurons ? string.Create(CultureInfo.InvariantCulture, $" (first {shown} of {neurons:N0})") : "";
            Ink.Write(canvas, title + rest, width / 2f, 42, 22, bold: true);
            const int Length = 240;
            Ink.ColourBar(canvas, (width - Length) / 2f, height - Margin - 22, Length);
            float y0 = height - Margin - 10;
            Ink.Write(
                canvas,
                "ink speaks against firing",
                (width - Length) / 2f - 12,
                y0,
                15,
                align: SKTextAlign.Right
            );
            Ink.Write(canvas, "for firing", (width + Length) / 2f + 12, y0, 15, align: SKTextAlign.Left);
        }
    }

    /// <summary>One receptive field, a pixel a weight.</summary>
    internal static SKBitmap DrawField(ReadOnlySpan<float> weights, int imageWidth)
    {
        // The 99th percentile, so that one loud pixel does not silence the rest; the largest where few pixels are read.
        float[] magnitudes = new float[weights.Length];
        for (int i = 0; i < weights.Length; i++)
            magnitudes[i] = Math.Abs(weights[i]);
        Array.Sort(magnitudes);
        float percentile = magnitudes[magnitudes.Length * 99 / 100];
        float scale = Math.Max(percentile > 0 ? percentile : magnitudes[^1], float.Epsilon);

        var bitmap = new SKBitmap(imageWidth, weights.Length / imageWidth);
        for (int pixel = 0; pixel < weights.Length; pixel++)
            bitmap.SetPixel(pixel % imageWidth, pixel / imageWidth, ColourScale.Of(weights[pixel] / scale));
        return bitmap;
    }
}
