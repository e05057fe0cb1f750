using Microsoft.ML.Data;

namespace Mnist;

/// <summary>A row of the data view: a handwritten digit and what it is.</summary>
internal sealed class DigitImage
{
    /// <summary>Rows, and columns, of an image.</summary>
    public const int Side = 28;

    /// <summary>Pixels of an image.</summary>
    public const int PixelCount = Side * Side;

    /// <summary>Brightness of each pixel, row by row, from 0 (paper) to 1 (ink).</summary>
    [VectorType(PixelCount)]
    public float[] Features { get; set; } = [];

    /// <summary>The digit.</summary>
    public int Label { get; set; }
}

/// <summary>What the model adds to a row.</summary>
internal sealed class DigitPrediction
{
    /// <summary>The most probable digit.</summary>
    public int PredictedDigit { get; set; }

    /// <summary>The probability of each digit.</summary>
    public float[] Score { get; set; } = [];
}
