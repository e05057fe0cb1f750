using System.Globalization;
using Microsoft.ML.Infomorphic.Insight;
using SkiaSharp;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// Why a row of an image has its scores: what each point contributes to the log-odds of each class, as a heat map a class. Red
/// points speak for the class, blue ones against it; all classes have one scale.
/// </summary>
public static class ContributionPlot
{
    private const int Margin = 30;
    private const int TitleHeight = 64;
    private const int CaptionHeight = 40;

    /// <summary>Draws the heat maps.</summary>
    /// <param name="explanation">What the points contribute.</param>
    /// <param name="classNames">The classes' names.</param>
    /// <param name="imageWidth">Points of the image's row, at least 1.</param>
    /// <param name="title">The picture's title.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is not one name a class, or the points are not whole rows.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The width is not positive.</exception>
    public static Picture Draw(
        RowExplanation explanation,
        IReadOnlyList<string> classNames,
        int imageWidth,
        string title
    )
    {
        ArgumentNullException.ThrowIfNull(explanation);
        ArgumentNullException.ThrowIfNull(classNames);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageWidth);
        int classes = explanation.Contributions.Count;
        if (classNames.Count != classes)
            throw new ArgumentException(
                $"There are {classes} classes and {classNames.Count} names.",
                nameof(classNames)
            );
        int points = explanation.Contributions[0].Count;
        if (points % imageWidth != 0)
            throw new ArgumentException(
                $"{points} points are no image of whole rows of {imageWidth}.",
                nameof(imageWidth)
            );
        int imageHeight = points / imageWidth;
        float[] all = [.. explanation.Contributions.SelectMany(ofClass => ofClass)];
        int columns = Math.Min(classes, 5);
        int rows = (classes + columns - 1) / columns;
        int zoom = Math.Clamp(160 / Math.Max(imageWidth, imageHeight), 1, 8);
        int cellWidth = imageWidth * zoom + 16;
        int cellHeight = imageHeight * zoom + CaptionHeight;
        int width = Math.Max(columns * cellWidth + 2 * Margin, 640);
        int left = (width - columns * cellWidth + 16) / 2;
        return new Picture(width, TitleHeight + rows * cellHeight + Margin, DrawAll);

        void DrawAll(SKCanvas canvas)
        {
            canvas.Clear(SKColors.White);
            Ink.Write(canvas, title, width / 2f, 42, 22, bold: true);

            // One scale: all classes are drawn as one field.
            using SKBitmap maps = ReceptiveFieldPlot.DrawField(all, imageWidth);
            for (int k = 0; k < classes; k++)
            {
                float x = left + k % columns * cellWidth;
                float y = TitleHeight + k / columns * cellHeight;
                canvas.DrawBitmap(
                    maps,
                    SKRect.Create(0, k * imageHeight, imageWidth, imageHeight),
                    SKRect.Create(x, y, imageWidth * zoom, imageHeight * zoom)
                );
                Ink.Write(
                    canvas,
                    string.Create(CultureInfo.InvariantCulture, $"{classNames[k]}: {explanation.Scores[k]:P1}"),
                    x + imageWidth * zoom / 2f,
                    y + imageHeight * zoom + 22,
                    15
                );
            }
        }
    }
}
