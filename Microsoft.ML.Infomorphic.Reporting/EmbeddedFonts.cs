using ScottPlot;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>The font of all pictures, from the assembly: a bare container has none.</summary>
internal sealed class EmbeddedFonts : IFontResolver
{
    public const string Regular = "Inter";
    public const string Bold = "Inter SemiBold";

    public static SKTypeface RegularTypeface { get; } = Load("Inter-Regular.otf");

    public static SKTypeface BoldTypeface { get; } = Load("Inter-SemiBold.otf");

    public static void Register() => Fonts.FontResolvers.Insert(0, new EmbeddedFonts());

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        // ScottPlot disposes of what it is given no sooner than the process ends.
        fontName switch
        {
            Regular => Load("Inter-Regular.otf"),
            Bold => Load("Inter-SemiBold.otf"),
            _ => null,
        };

    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) =>
        CreateTypeface(fontName, FontWeight.Normal, FontSlant.Upright, FontSpacing.Normal);

    private static SKTypeface Load(string name)
    {
        using Stream stream = typeof(EmbeddedFonts).Assembly.GetManifestResourceStream(name)!;
        using SKData data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }
}
