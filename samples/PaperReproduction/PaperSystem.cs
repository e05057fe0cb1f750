using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Information;

namespace PaperReproduction;

/// <summary>A system that the paper compares.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its name in tables.</param>
/// <param name="Goal">The name of the published goal of its hidden neurons; null where they have none.</param>
/// <param name="Configure">Makes the trainer's options those of the system; null for backprop.</param>
internal sealed record PaperSystem(
    string Name,
    string Title,
    string? Goal,
    Action<InfomorphicTrainer.Options>? Configure
)
{
    /// <summary>All systems that can be run.</summary>
    public static IReadOnlyList<PaperSystem> All { get; } =
    [
        new("setup1", "Setup 1: all-to-all lateral connections", "opt_1_100_tpe", AllToAll),
        new(
            "setup2",
            "Setup 2: at most 100 lateral connections",
            "opt_1_100_tpe",
            options => options.MaximumLateralConnections = 100
        ),
        new("heuristic", "Heuristic goal {F}{C}", "naive", AllToAll),
        new("backprop", "Backprop, connected as setup 1", null, null),
    ];

    /// <summary>Finds a system by its name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static PaperSystem Find(string name) =>
        All.FirstOrDefault(system => system.Name == name)
        ?? throw new ArgumentException(
            $"There is no system \"{name}\": take one of {string.Join(", ", All.Select(system => system.Name))}."
        );

    /// <summary>A goal, by name or written out, in full notation.</summary>
    /// <exception cref="ArgumentException">It does not parse.</exception>
    public static string WriteOut(string goal) =>
        GoalFunction.TryParse(goal, "FCL", out GoalFunction? parsed, out string? error)
            ? parsed.ToString()
            : throw new ArgumentException(error);

    private static void AllToAll(InfomorphicTrainer.Options options) =>
        options.MaximumLateralConnections = options.NumberOfHiddenNeurons;
}
