using System.Collections.ObjectModel;

namespace Microsoft.ML.Infomorphic.Information;

/// <summary>One outcome of a joint distribution: values of the sources and of the target, with their probability.</summary>
public sealed class JointOutcome
{
    internal JointOutcome(ReadOnlyCollection<int> sources, int target, double probability)
    {
        Sources = sources;
        Target = target;
        Probability = probability;
    }

    /// <summary>The value of each source.</summary>
    public ReadOnlyCollection<int> Sources { get; }

    /// <summary>The value of the target.</summary>
    public int Target { get; }

    /// <summary>The probability of these values together, in (0, 1].</summary>
    public double Probability { get; }
}
