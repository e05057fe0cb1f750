namespace Mnist;

/// <summary>
/// How far probabilities are from frequencies: the expected calibration error of Guo, Pleiss, Sun and Weinberger, "On
/// calibration of modern neural networks" (2017), equation 3.
/// </summary>
/// <remarks>
/// Rows are put into bins of equal width by the probability of the predicted class; the error is the mean over rows of
/// |accuracy − mean probability| of a row's bin. 0 where of all predictions of probability p the share p is right.
/// </remarks>
internal static class CalibrationError
{
    /// <summary>Number of bins, as in the paper's tables.</summary>
    public const int Bins = 15;

    /// <summary>The error.</summary>
    /// <param name="scores">One probability a class, for each row.</param>
    /// <param name="classes">The index of each row's class.</param>
    /// <returns>The error, 0 to 1.</returns>
    public static double Expected(IReadOnlyList<float[]> scores, IReadOnlyList<int> classes)
    {
        var right = new double[Bins];
        var probability = new double[Bins];
        for (int row = 0; row < scores.Count; row++)
        {
            float largest = scores[row].Max();
            // Bin m holds ((m − 1)/15, m/15].
            int bin = Math.Clamp((int)Math.Ceiling((double)largest * Bins) - 1, 0, Bins - 1);
            probability[bin] += largest;
            right[bin] += Array.IndexOf(scores[row], largest) == classes[row] ? 1 : 0;
        }

        // |rows in the bin / rows| · |right / rows in the bin − probability / rows in the bin|
        return right.Zip(probability, (r, p) => Math.Abs(r - p)).Sum() / scores.Count;
    }
}
