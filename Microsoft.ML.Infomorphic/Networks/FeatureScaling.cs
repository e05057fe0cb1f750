namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>How features are standardised before training.</summary>
public enum Standardization
{
    /// <summary>
    /// <see cref="Global"/> where the features are pixels: of one range, and an image by its shape or at least 64 of which
    /// neighbours are correlated. Else <see cref="PerFeature"/>, but for features that are zero in more than half of the rows, as
    /// those of text and of categories: they keep their zeros, and what is not zero comes to one common magnitude, so that the
    /// rarest are not the largest.
    /// </summary>
    Auto = 0,

    /// <summary>One mean and one standard deviation over all features, as published for images.</summary>
    Global = 1,

    /// <summary>A mean and a standard deviation for each feature.</summary>
    PerFeature = 2,

    /// <summary>Features are used as they are.</summary>
    None = 3,
}

/// <summary>A standardisation x ↦ (x − offset) / scale, feature by feature.</summary>
public sealed class FeatureScaling
{
    /// <summary>Creates a standardisation.</summary>
    /// <param name="kind">The rule that gave it; never <see cref="Standardization.Auto"/>.</param>
    /// <param name="offsets">One offset a feature.</param>
    /// <param name="scales">One positive scale a feature.</param>
    /// <exception cref="ArgumentException">The lengths differ, or a number is not finite or not positive.</exception>
    public FeatureScaling(Standardization kind, float[] offsets, float[] scales)
    {
        ArgumentNullException.ThrowIfNull(offsets);
        ArgumentNullException.ThrowIfNull(scales);
        if (kind is not (Standardization.Global or Standardization.PerFeature or Standardization.None))
            throw new ArgumentException($"A standardisation is never of the kind {kind}.", nameof(kind));
        if (offsets.Length == 0 || offsets.Length != scales.Length)
            throw new ArgumentException("A standardisation needs one offset and one scale for each feature.");
        if (!offsets.All(float.IsFinite) || !scales.All(scale => scale > 0 && float.IsFinite(scale)))
            throw new ArgumentException("Offsets must be finite, scales finite and positive.");
        Kind = kind;
        Offsets = offsets;
        Scales = scales;
    }

    /// <summary>The rule that gave the standardisation.</summary>
    public Standardization Kind { get; }

    /// <summary>One offset a feature.</summary>
    public float[] Offsets { get; }

    /// <summary>One scale a feature, positive.</summary>
    public float[] Scales { get; }

    /// <summary>Number of features.</summary>
    public int FeatureCount => Offsets.Length;
}
