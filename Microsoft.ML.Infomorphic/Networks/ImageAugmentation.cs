namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>
/// How the images of training rows are changed before they are learned from: each row in each epoch by numbers of its own, drawn
/// uniformly from the training's seed. Rows that are evaluated, validated, calibrated on or scored stay as they are.
/// </summary>
/// <param name="VerticalShift">Images are moved up or down by so many whole pixels at most, at least 0.</param>
/// <param name="HorizontalShift">Images are moved left or right by so many whole pixels at most, at least 0.</param>
/// <param name="Rotation">Images are turned about their centre by so many degrees at most, either way, 0 to 180.</param>
/// <param name="Zoom">
/// Images are made larger or smaller about their centre by this share at most, 0 to 0.5: sides are multiplied by 1 − Zoom to
/// 1 + Zoom.
/// </param>
/// <param name="HorizontalFlip">Whether every other image, on average, is mirrored left to right.</param>
/// <remarks>
/// An image is mirrored, then made larger or smaller and turned, then moved. What lies between pixels is interpolated
/// bilinearly; beyond the edge is what the nearest pixel of the edge is. Shifts and flips alone copy pixels as they are.
/// </remarks>
public sealed record ImageAugmentation(
    int VerticalShift = 0,
    int HorizontalShift = 0,
    double Rotation = 0,
    double Zoom = 0,
    bool HorizontalFlip = false
)
{
    /// <summary>What is done to images, in words.</summary>
    internal string Describe()
    {
        string[] parts =
        [
            .. VerticalShift > 0 ? [$"moved up or down by up to {VerticalShift} pixels"] : Array.Empty<string>(),
            .. HorizontalShift > 0 ? [$"moved left or right by up to {HorizontalShift} pixels"] : Array.Empty<string>(),
            .. Rotation > 0 ? [FormattableString.Invariant($"turned by up to {Rotation}°")] : Array.Empty<string>(),
            .. Zoom > 0 ? [FormattableString.Invariant($"zoomed by up to {100 * Zoom} %")] : Array.Empty<string>(),
            .. HorizontalFlip ? ["mirrored or not"] : Array.Empty<string>(),
        ];
        return parts.Length == 0 ? "by nothing" : string.Join(", ", parts);
    }

    internal void Validate()
    {
        const double LargestRotation = 180;
        const double LargestZoom = 0.5;
        if (VerticalShift < 0 || HorizontalShift < 0)
            throw new ArgumentException(
                $"images are moved by at least 0 pixels, and not by {Math.Min(VerticalShift, HorizontalShift)}."
            );
        if (Rotation is not (>= 0 and <= LargestRotation))
            throw new ArgumentException(
                FormattableString.Invariant(
                    $"images are turned by 0 to {LargestRotation} degrees, and not by {Rotation}."
                )
            );
        if (Zoom is not (>= 0 and <= LargestZoom))
            throw new ArgumentException(
                FormattableString.Invariant($"images are zoomed by a share of 0 to {LargestZoom}, and not by {Zoom}.")
            );
    }
}
