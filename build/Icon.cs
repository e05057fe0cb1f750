#:property PublishAot=false
#:package SkiaSharp
#:package SkiaSharp.NativeAssets.Linux.NoDependencies

// Draws the packages' icon, build/icon.png, and the site's: dotnet run build/Icon.cs -- build/icon.png 128
// Three sources, F, C and L, and what they share: where two discs lie over each other and, brightest, all three.
using SkiaSharp;

if (args is not [string path, string side] || !int.TryParse(side, out int pixels) || pixels < 16)
{
    Console.Error.WriteLine("Icon.cs takes a file and the side of the picture in pixels, at least 16.");
    return 1;
}
using var bitmap = new SKBitmap(pixels, pixels);
using var canvas = new SKCanvas(bitmap);
canvas.Scale(pixels / 128f);
canvas.Clear(SKColors.Transparent);
using var paint = new SKPaint { IsAntialias = true };

paint.Color = SKColor.Parse("#1f2933");
canvas.DrawRoundRect(0, 0, 128, 128, 28, 28, paint);

// Light that adds up, so that an area's colour is made of the sources that it belongs to.
paint.BlendMode = SKBlendMode.Screen;
string[] colours = ["#0072b2", "#d55e00", "#009e73"];
for (int source = 0; source < colours.Length; source++)
{
    double angle = Math.PI * (0.5 + 2.0 * source / 3);
    paint.Color = SKColor.Parse(colours[source]);
    canvas.DrawCircle(64 + 19 * (float)Math.Cos(angle), 66 - 19 * (float)Math.Sin(angle), 33, paint);
}

using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
File.WriteAllBytes(path, png.ToArray());
return 0;
