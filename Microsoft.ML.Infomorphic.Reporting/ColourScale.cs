using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>From blue (−1) over white (0) to red (1), equally dark at both ends.</summary>
internal static class ColourScale
{
    private static readonly SKColor[] s_diverging =
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

    public static SKColor Of(double value)
    {
        float place = ((float)Math.Clamp(value, -1, 1) + 1) / 2 * (s_diverging.Length - 1);
        int lower = Math.Min((int)place, s_diverging.Length - 2);
        float share = place - lower;
        SKColor a = s_diverging[lower];
        SKColor b = s_diverging[lower + 1];
        return new SKColor(Mix(a.Red, b.Red), Mix(a.Green, b.Green), Mix(a.Blue, b.Blue));

        byte Mix(byte from, byte to) => (byte)Math.Round(from + share * (to - from));
    }

    /// <summary>White where black would be hard to read.</summary>
    public static SKColor InkOn(double value) => Math.Abs(value) > 0.6 ? SKColors.White : new SKColor(0x1f, 0x29, 0x33);
}
