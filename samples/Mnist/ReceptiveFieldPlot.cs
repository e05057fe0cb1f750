using System.Globalization;
using SkiaSharp;

namespace Mnist;

/// <summary>
/// The receptive fields: the weights with which each hidden neuron reads the image (its source F), as an image. Blue
/// ink speaks against firing, red for it; each neuron has its own scale.
/// </summary>
internal static class ReceptiveFieldPlot
{
    private const int Most = 400;
    private const int Margin = 30;
    private const int TitleHeight = 64;
    private const int FootHeight = 56;

    private static readonly SKColor Ink = new(0x1f, 0x29, 0x33);

    // From blue over white to red, equally dark at both ends.
    private static readonly SKColor[] Diverging =
    [
        new(0x05, 0x30, 0x61),
        new(0x21, 0x66, 0xac),
        new(0x67, 0xa9, 0xcf),
        new(0xd1, 0xe5, 0xf0),
        new(0xff, 0xff, 0xff),
        new(0xfd, 0xdb, 0xc7),
        new(0xef, 0x8a, 0x62),
        new(0xb2, 0x18, 0x2b),
        new(0x67, 0x00, 0x1f),
    ];

    /// <param name="weights">28 × 28 weights a neuron, neuron by neuron.</param>
    /// <param name="title">The picture's title.</param>
    public static byte[] Draw(ReadOnlySpan<float> weights, string title)
    {
        int neurons = weights.Length / DigitImage.PixelCount;
        int shown = Math.Min(neurons, Most);
        int columns = (int)Math.Ceiling(Math.Sqrt(shown));
        int rows = (shown + columns - 1) / columns;
        int zoom = Math.Clamp(1000 / (columns * DigitImage.Side), 1, 8);
        int gap = Math.Max(2, zoom * 2);
        int cell = DigitImage.Side * zoom + gap;
        // Wide enough for the title and the colour bar, however few the neurons.
        int width = Math.Max(columns * cell - gap + 2 * Margin, 720);
        int left = (width - (columns * cell - gap)) / 2;
        int height = TitleHeight + rows * cell - gap + FootHeight + Margin;

        using var bitmap = new SKBitmap(width, height);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        for (int neuron = 0; neuron < shown; neuron++)
        {
            using SKBitmap field = DrawField(weights.Slice(neuron * DigitImage.PixelCount, DigitImage.PixelCount));
            int x = left + neuron % columns * cell;
            int y = TitleHeight + neuron / columns * cell;
            canvas.DrawBitmap(field, SKRect.Create(x, y, DigitImage.Side * zoom, DigitImage.Side * zoom));
        }

        using SKTypeface bold = SKTypeface.FromFile(PlotStyle.FontPath(bold: true));
        using SKTypeface regular = SKTypeface.FromFile(PlotStyle.FontPath(bold: false));
        string rest =
            shown < neurons ? string.Create(CultureInfo.InvariantCulture, $" (first {shown} of {neurons:N0})") : "";
        WriteText(canvas, bold, 22, title + rest, width / 2f, 42, SKTextAlign.Center);
        DrawColourBar(canvas, regular, width, height - Margin - 22);

        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    private static SKBitmap DrawField(ReadOnlySpan<float> weights)
    {
        // The 99th percentile, so that one loud pixel does not silence the rest.
        float[] magnitudes = new float[weights.Length];
        for (int i = 0; i < weights.Length; i++)
            magnitudes[i] = Math.Abs(weights[i]);
        Array.Sort(magnitudes);
        float scale = Math.Max(magnitudes[magnitudes.Length * 99 / 100], float.Epsilon);

        var bitmap = new SKBitmap(DigitImage.Side, DigitImage.Side);
        for (int pixel = 0; pixel < weights.Length; pixel++)
            bitmap.SetPixel(
                pixel % DigitImage.Side,
                pixel / DigitImage.Side,
                Colour(Math.Clamp(weights[pixel] / scale, -1, 1))
            );
        return bitmap;
    }

    private static SKColor Colour(float value)
    {
        float place = (value + 1) / 2 * (Diverging.Length - 1);
        int lower = Math.Min((int)place, Diverging.Length - 2);
        float share = place - lower;
        SKColor a = Diverging[lower];
        SKColor b = Diverging[lower + 1];
        return new SKColor(Mix(a.Red, b.Red), Mix(a.Green, b.Green), Mix(a.Blue, b.Blue));

        byte Mix(byte from, byte to) => (byte)Math.Round(from + share * (to - from));
    }

    private static void DrawColourBar(SKCanvas canvas, SKTypeface typeface, int width, int y)
    {
        const int Length = 240;
        int left = (width - Length) / 2;
        using var paint = new SKPaint();
        for (int i = 0; i < Length; i++)
        {
            paint.Color = Colour(2f * i / (Length - 1) - 1);
            canvas.DrawRect(left + i, y, 1, 14, paint);
        }
        WriteText(canvas, typeface, 15, "ink speaks against firing", left - 12, y + 12, SKTextAlign.Right);
        WriteText(canvas, typeface, 15, "for firing", left + Length + 12, y + 12, SKTextAlign.Left);
    }

    private static void WriteText(
        SKCanvas canvas,
        SKTypeface typeface,
        float size,
        string text,
        float x,
        float y,
        SKTextAlign align
    )
    {
        using var font = new SKFont(typeface, size) { Edging = SKFontEdging.Antialias };
        using var paint = new SKPaint { Color = Ink, IsAntialias = true };
        canvas.DrawText(text, x, y, align, font, paint);
    }
}
