namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>
/// Turns what the output neurons aggregate into probabilities that mean what they say: p = softmax(a·F + b), class by
/// class ("vector scaling": Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017).
/// </summary>
/// <remarks>
/// An infomorphic output neuron maximises information, which knows neither how frequent its class is nor how certain it ought to be:
/// where classes overlap and one is rare, its code divides the rows more evenly than the classes are. Two numbers a
/// class mend both, and touch no neuron.
/// </remarks>
public sealed class ScoreCalibration
{
    /// <summary>Creates a calibration.</summary>
    /// <param name="slopes">a, one number a class.</param>
    /// <param name="offsets">b, one number a class.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a number is not finite.</exception>
    public ScoreCalibration(float[] slopes, float[] offsets)
    {
        ArgumentNullException.ThrowIfNull(slopes);
        ArgumentNullException.ThrowIfNull(offsets);
        if (slopes.Length == 0 || slopes.Length != offsets.Length)
            throw new ArgumentException("A calibration needs one slope and one offset for each class.");
        if (!slopes.All(float.IsFinite) || !offsets.All(float.IsFinite))
            throw new ArgumentException("Slopes and offsets must be finite.");
        Slopes = slopes;
        Offsets = offsets;
    }

    /// <summary>a, one number a class.</summary>
    public IReadOnlyList<float> Slopes { get; }

    /// <summary>b, one number a class.</summary>
    public IReadOnlyList<float> Offsets { get; }

    /// <summary>The calibration that changes nothing.</summary>
    /// <param name="classCount">Number of classes.</param>
    public static ScoreCalibration Identity(int classCount)
    {
        float[] slopes = new float[classCount];
        Array.Fill(slopes, 1f);
        return new ScoreCalibration(slopes, new float[classCount]);
    }
}
