using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Writes on canvases.</summary>
internal static class Ink
{
    public static readonly SKColor Dark = new(0x1f, 0x29, 0x33);

    public static void Write(
        SKCanvas canvas,
        string text,
        float x,
        float y,
        float size,
        bool bold = false,
        SKColor? color = null,
        SKTextAlign align = SKTextAlign.Center
    )
    {
        using var font = new SKFont(bold ? EmbeddedFonts.BoldTypeface : EmbeddedFonts.RegularTypeface, size)
        {
            Edging = SKFontEdging.Antialias,
        };
        using var paint = new SKPaint { Color = color ?? Dark, IsAntialias = true };
        canvas.DrawText(text, x, y, align, font, paint);
    }

    public static void ColourBar(SKCanvas canvas, float x, float y, int length)
    {
        const int Step = 4;
        using var paint = new SKPaint();
        for (int i = 0; i < length; i += Step)
        {
            paint.Color = ColourScale.Of(2.0 * i / (length - Step) - 1);
            canvas.DrawRect(x + i, y, Step, 14, paint);
        }
    }
}
