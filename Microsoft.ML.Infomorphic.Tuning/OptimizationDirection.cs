namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Which values of the objective are good. It is said once, to the tuner; values are always told as measured.</summary>
public enum OptimizationDirection
{
    /// <summary>Small values are good: a loss, an error rate.</summary>
    Minimize = 0,

    /// <summary>Large values are good: an accuracy.</summary>
    Maximize = 1,
}
