namespace Microsoft.ML.Infomorphic;

/// <summary>How much the rows of a class count.</summary>
public enum ClassWeighting
{
    /// <summary>As much as there are rows of it, and as these weigh.</summary>
    None = 0,

    /// <summary>As much as those of any other class: a row's weight is divided by the sum of the weights of its class.</summary>
    Balanced = 1,
}
