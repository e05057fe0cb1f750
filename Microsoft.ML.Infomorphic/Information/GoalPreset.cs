namespace Microsoft.ML.Infomorphic.Information;

/// <summary>A published goal function with its name.</summary>
/// <param name="Name">The name under which it is published, such as "opt_1_100_tpe"; <see cref="GoalFunction.Parse"/> reads it.</param>
/// <param name="Alias">A second name that is read as well, or null.</param>
/// <param name="Origin">Where it comes from, in one line.</param>
/// <param name="Goal">The goal function.</param>
public sealed record GoalPreset(string Name, string? Alias, string Origin, GoalFunction Goal)
{
    /// <summary>Number of sources, 2 or 3.</summary>
    public int SourceCount => Goal.Sources.Length;
}
