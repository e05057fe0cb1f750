using SkiaSharp;

namespace Images;

/// <summary>Small pictures that the sample draws where it is given none: bright shapes somewhere on a dark, noisy ground.</summary>
internal static class ShapePictures
{
    private const int Side = 24;
    private const int PicturesPerClass = 150;

    private static readonly (string Name, Action<SKCanvas, float, SKPaint> Draw)[] s_shapes =
    [
        ("circle", (canvas, radius, paint) => canvas.DrawCircle(0, 0, radius, paint)),
        (
            "cross",
            (canvas, radius, paint) =>
            {
                canvas.DrawLine(-radius, 0, radius, 0, paint);
                canvas.DrawLine(0, -radius, 0, radius, paint);
            }
        ),
        ("square", (canvas, radius, paint) => canvas.DrawRect(-radius, -radius, 2 * radius, 2 * radius, paint)),
        (
            "triangle",
            (canvas, radius, paint) =>
            {
                using var path = new SKPath();
                path.MoveTo(0, -radius);
                path.LineTo(radius, radius);
                path.LineTo(-radius, radius);
                path.Close();
                canvas.DrawPath(path, paint);
            }
        ),
    ];

    /// <summary>Draws all pictures into a folder for each class; those of a seed are always the same.</summary>
    public static void Draw(string folder, int seed)
    {
        var random = new Random(seed);
        foreach ((string name, Action<SKCanvas, float, SKPaint> draw) in s_shapes)
        {
            string directory = Path.Combine(folder, name);
            Directory.CreateDirectory(directory);
            for (int i = 0; i < PicturesPerClass; i++)
            {
                using SKBitmap picture = Draw(draw, random);
                using SKData png = picture.Encode(SKEncodedImageFormat.Png, 100);
                File.WriteAllBytes(Path.Combine(directory, $"{name}-{i:D3}.png"), png.ToArray());
            }
        }
    }

    private static SKBitmap Draw(Action<SKCanvas, float, SKPaint> draw, Random random)
    {
        var picture = new SKBitmap(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int y = 0; y < Side; y++)
        for (int x = 0; x < Side; x++)
            picture.SetPixel(x, y, new SKColor(Noise(), Noise(), Noise()));
        using var canvas = new SKCanvas(picture);
        using var paint = new SKPaint
        {
            Style = SKPaintStyle.Stroke,
            StrokeWidth = 2 + random.NextSingle(),
            IsAntialias = true,
            Color = new SKColor(Bright(), Bright(), Bright()),
        };
        canvas.Translate(Side / 2 + random.Next(-3, 4), Side / 2 + random.Next(-3, 4));
        draw(canvas, 5 + 3 * random.NextSingle(), paint);
        return picture;

        byte Noise() => (byte)random.Next(80);

        byte Bright() => (byte)random.Next(150, 256);
    }
}
