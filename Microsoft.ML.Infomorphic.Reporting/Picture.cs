using System.Text;
using System.Text.RegularExpressions;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>A drawing that can be had as PNG or as SVG, and that a Polyglot notebook shows. Immutable.</summary>
[TypeFormatterSource(typeof(NotebookFormatters))]
public sealed partial class Picture
{
    private readonly Action<SKCanvas> _draw;

    internal Picture(int width, int height, Action<SKCanvas> draw)
    {
        Width = width;
        Height = height;
        _draw = draw;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>The picture in pixels.</summary>
    /// <param name="scale">Pixels of the file per pixel of the picture, positive.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The scale is not a positive number.</exception>
    public byte[] ToPng(float scale = 1)
    {
        if (!(scale > 0) || !float.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale must be a positive number.");
        using var bitmap = new SKBitmap((int)Math.Ceiling(Width * scale), (int)Math.Ceiling(Height * scale));
        using var canvas = new SKCanvas(bitmap);
        canvas.Scale(scale);
        _draw(canvas);
        canvas.Flush();
        using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    /// <summary>The picture as lines and text; it scales, and needs no other file.</summary>
    /// <returns>An SVG document.</returns>
    public string ToSvg()
    {
        using var stream = new MemoryStream();
        using (SKCanvas canvas = SKSvgCanvas.Create(SKRect.Create(Width, Height), stream))
            _draw(canvas);
        string svg = Encoding.UTF8.GetString(stream.ToArray());
        svg = ClearedRectangles().Replace(svg, "");
        svg = FontFamily().Replace(svg, "font-family=\"Inter, Helvetica, Arial, sans-serif\"");

        // Scales with its place on a page.
        return svg.Replace(
            "<svg ",
            FormattableString.Invariant($"<svg viewBox=\"0 0 {Width} {Height}\" "),
            StringComparison.Ordinal
        );
    }

    /// <summary>Writes the picture to a file, whole or not at all.</summary>
    /// <param name="path">The file; its extension, .png or .svg, says the format. One that exists is replaced.</param>
    /// <exception cref="ArgumentException">The extension is another one.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] content = Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".PNG" => ToPng(),
            ".SVG" => Encoding.UTF8.GetBytes(ToSvg()),
            _ => throw new ArgumentException($"A picture is a .png or .svg file, and {path} is neither.", nameof(path)),
        };
        ReportFile.Write(path, content);
    }

    // ScottPlot clears its canvas to nothing, which SkiaSharp writes as a rectangle in SVG's default colour, black. What
    // is drawn black on purpose are lines, and clip paths stay.
    [GeneratedRegex("""(?<!<clipPath id="[^"]*">\s*)<rect(?: (?:x|y|width|height)="[^"]*")+/>""")]
    private static partial Regex ClearedRectangles();

    // Readers without the font see one that is alike.
    [GeneratedRegex("font-family=\"Inter[^\"]*\"")]
    private static partial Regex FontFamily();
}
