namespace Microsoft.ML.Infomorphic.Scoring;

/// <summary>The score of a binary classifier: ln(p₁ / p₀), in nats, of the probabilities of its two classes.</summary>
/// <remarks>
/// p₀ + p₁ = 1, and each is rounded by itself: the smaller one is as exact as the other, so that the score keeps single
/// precision where 1 − p₁ would be 0. Of one network it is the difference of the output layer's two calibrated sums, of several
/// the log-odds of the mean probability.
/// </remarks>
internal static class LogOdds
{
    /// <summary>Number of classes: false and true.</summary>
    public const int ClassCount = 2;

    /// <summary>The place of true.</summary>
    public const int ClassOfTrue = 1;

    /// <summary>The least probability that is told from 0: scores are within ±ln of it, ±87.3.</summary>
    public const float LeastProbability = 1.17549435e-38f; // 2⁻¹²⁶: beneath it, numbers have fewer digits

    /// <summary>The score; NaN where there are no probabilities.</summary>
    /// <param name="negative">p₀, of false.</param>
    /// <param name="positive">p₁, of true.</param>
    public static float Of(float negative, float positive) =>
        (float)Math.Log((double)MathF.Max(positive, LeastProbability) / MathF.Max(negative, LeastProbability));
}
