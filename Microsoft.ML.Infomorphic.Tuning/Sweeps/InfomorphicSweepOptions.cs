namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What an <see cref="InfomorphicSweep"/> searches, and how.</summary>
public sealed record InfomorphicSweepOptions
{
    /// <summary>What is searched: weights of the goals, and options.</summary>
    public required TrainerSpace Space { get; init; }

    /// <summary>Where trials are kept.</summary>
    public required TrialStore Store { get; init; }

    /// <summary>The name under which the study is kept, and other workers join it.</summary>
    public required string StudyName { get; init; }

    /// <summary>How much the sweep may cost, and how its workers behave.</summary>
    public required SweepOptions Sweep { get; init; }

    /// <summary>
    /// The trainer's options that are not searched, columns and epochs among them. With several workers, set the number
    /// of threads to share the processors among them. The paper's where nothing is said, so that every trial has as many epochs.
    /// </summary>
    public InfomorphicTrainer.Options Trainer { get; init; } = InfomorphicTrainer.Options.Paper();

    /// <summary>
    /// Trials that each worker trains at once, as one wide network on the same batches, at least 1. They are proposed
    /// together, so that the tuner knows of none of them what came of the others. Trials that cannot be trained together,
    /// because the space has numbers of neurons or batch sizes, are trained one after another. With more than one, a single
    /// worker uses all threads that the trainer may use, best where they divide the number of trials.
    /// </summary>
    public int TrialsAtOnce { get; init; } = 1;

    /// <summary>
    /// The devices that the workers of <see cref="SweepOptions.Workers"/> train on, as the trainer's
    /// <see cref="InfomorphicTrainer.Options.Device"/> names them: the first worker on the first one, and again from the first
    /// where there are more workers than devices. Empty, the default, for the trainer's device.
    /// </summary>
    public IReadOnlyList<string> Devices { get; init; } = [];

    /// <summary>
    /// The steps of the pipeline before the trainer. They are fitted once, to the training data of each fold, and transform
    /// it anew for each trial; null for none.
    /// </summary>
    public IEstimator<ITransformer>? Preprocessing { get; init; }

    /// <summary>
    /// What the data are, in words, such as a file's name and a checksum; null where nothing is to be said. Who resumes or joins
    /// the study with other words is refused: values that were measured on other data do not compare.
    /// </summary>
    public string? DataDescription { get; init; }

    /// <summary>What is optimised.</summary>
    public SweepMetric Metric { get; init; } = SweepMetric.MicroAccuracy;

    /// <summary>Creates the tuner, the same for every worker; null for TPE with its defaults and seed 0.</summary>
    public Func<SearchSpace, OptimizationDirection, Tuner>? Tuner { get; init; }

    /// <summary>
    /// Points that a new study begins with, in their order, such as those that <see cref="TrainerSpace.GetPoint(string, InfomorphicTrainer.Options)"/>
    /// makes of goals that are to be compared. The trainer's options and the published goals come after them, where they are asked for.
    /// </summary>
    public IReadOnlyList<ParameterPoint> StartingPoints { get; init; } = [];

    /// <summary>
    /// Whether the search begins with the published goals of hidden neurons that the space holds, those of
    /// <see cref="TrainerSpace.GetPresetPoints"/>.
    /// </summary>
    public bool EnqueuePresets { get; init; } = true;

    /// <summary>Whether the search begins with the trainer's options as they are, which the space must hold.</summary>
    public bool EnqueueTrainer { get; init; }
}
