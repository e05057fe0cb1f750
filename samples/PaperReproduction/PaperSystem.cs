using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Training;

namespace PaperReproduction;

/// <summary>A system that the paper compares.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its name in tables.</param>
/// <param name="Sources">The sources of its hidden neurons, such as FCL; empty where they have no goal.</param>
/// <param name="Goal">The name of the published goal of its hidden neurons, on MNIST; null where they have none.</param>
/// <param name="Configure">Makes the trainer's options those of the system; null for backprop.</param>
internal sealed record PaperSystem(
    string Name,
    string Title,
    string Sources,
    string? Goal,
    Action<InfomorphicTrainer.Options>? Configure
)
{
    /// <summary>All systems that can be run.</summary>
    public static IReadOnlyList<PaperSystem> All { get; } =
    [
        new("setup1", "Setup 1: all-to-all lateral connections", "FCL", "opt_1_100_tpe", AllToAll),
        new("setup2", "Setup 2: at most 100 lateral connections", "FCL", "opt_1_100_tpe", AtMost100),
        new(
            "setup3",
            "Setup 3: the output layer's feedback as context, at most 100 lateral connections",
            "FCL",
            "opt_1_100_tpe",
            options =>
            {
                AtMost100(options);
                options.Context = ContextSignal.Feedback;
            }
        ),
        new("heuristic", "Heuristic goal {F}{C}", "FCL", "naive", AllToAll),
        new("bivariate-context", "Context, no lateral connections", "FC", "context/opt_2_100", ContextAlone),
        new("bivariate-context-heuristic", "The same, heuristic goal {F}{C}", "FC", "context/naive", ContextAlone),
        new("bivariate-lateral", "Lateral connections, no context", "FL", "lateral/opt_2_100", LateralAlone),
        new("bivariate-lateral-heuristic", "The same, heuristic goal {F}", "FL", "lateral/naive", LateralAlone),
        new(
            "random",
            "Random projection: a hidden layer that does not learn",
            "",
            null,
            options => options.HiddenLayer = HiddenLayerKind.Random
        ),
        new("none", "No hidden layer", "", null, options => options.HiddenLayer = HiddenLayerKind.None),
        new("backprop", "Backprop, connected as setup 1", "", null, null),
    ];

    /// <summary>Whether it has hidden neurons, and so comes in sizes.</summary>
    public bool HasHiddenNeurons => Name != "none";

    /// <summary>Finds a system by its name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static PaperSystem Find(string name) =>
        All.FirstOrDefault(system => system.Name == name)
        ?? throw new ArgumentException(
            $"There is no system \"{name}\": take one of {string.Join(", ", All.Select(system => system.Name))}."
        );

    /// <summary>
    /// The name of the published goal of its hidden neurons on a data set; null where they have none. CIFAR-10 has a goal of
    /// its own in the place of the one that was found for MNIST.
    /// </summary>
    public string? GoalOn(string dataSet) => dataSet == "cifar10" && Goal == "opt_1_100_tpe" ? "opt_1_100_CIFAR" : Goal;

    /// <summary>A goal of this system's hidden neurons, by name or written out, in full notation.</summary>
    /// <exception cref="ArgumentException">It does not parse, or the system's neurons have no goal.</exception>
    public string WriteOut(string goal)
    {
        if (Sources.Length == 0)
            throw new ArgumentException($"{Name} has no goal, so --goal cannot be its.");
        return GoalFunction.TryParse(goal, Sources, out GoalFunction? parsed, out string? error)
            ? parsed.ToString()
            : throw new ArgumentException($"--goal for {Name}: {error}");
    }

    /// <summary>The name of a published goal of these neurons' sources; null where it is another.</summary>
    public string? NameOf(string goal) =>
        Sources.Length == 0
            ? null
            : GoalFunctions
                .All.FirstOrDefault(preset => preset.Goal.Sources == Sources && preset.Goal.ToString() == goal)
                ?.Name;

    private static void AllToAll(InfomorphicTrainer.Options options) =>
        options.MaximumLateralConnections = options.NumberOfHiddenNeurons;

    private static void AtMost100(InfomorphicTrainer.Options options) =>
        options.MaximumLateralConnections = Math.Min(100, options.NumberOfHiddenNeurons!.Value);

    private static void ContextAlone(InfomorphicTrainer.Options options) => options.LateralInput = false;

    private static void LateralAlone(InfomorphicTrainer.Options options)
    {
        AllToAll(options);
        options.Context = ContextSignal.None;
    }
}
