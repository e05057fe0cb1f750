namespace Microsoft.ML.Infomorphic.Information;

/// <summary>Placeholder that the first real commit of this room replaces.</summary>
public sealed class GoalFunction
{
    /// <summary>The letters of the sources.</summary>
    public string Sources { get; } = "FCL";
}
