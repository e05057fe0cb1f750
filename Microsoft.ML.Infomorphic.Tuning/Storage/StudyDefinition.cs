using System.Data.Common;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What a study is about. Whoever joins it must mean the same.</summary>
public sealed record StudyDefinition
{
    /// <summary>Defines a study.</summary>
    /// <param name="name">The name under which workers find it; not empty.</param>
    /// <param name="tuner">A tuner to which nothing has happened yet: its kind, options, seed, space and direction count.</param>
    /// <param name="objective">What is evaluated, in words or numbers: the metric and everything else that changes its value.</param>
    /// <param name="spaceFingerprint">
    /// Differs where what is searched differs, such as <see cref="TrainerSpace.Fingerprint"/>; null for the tuner's space's.
    /// </param>
    /// <exception cref="ArgumentException">The name is empty, or something has happened to the tuner.</exception>
    public StudyDefinition(string name, Tuner tuner, string objective, string? spaceFingerprint = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(tuner);
        ArgumentNullException.ThrowIfNull(objective);
        if (tuner.Events.Count > 0)
            throw new ArgumentException(
                "A study begins with a tuner to which nothing has happened yet.",
                nameof(tuner)
            );
        Name = name;
        TunerState = tuner.Save();
        Objective = objective;
        SpaceFingerprint = spaceFingerprint ?? tuner.Space.Fingerprint;
    }

    private StudyDefinition(string name, string tunerState, string objective, string spaceFingerprint)
    {
        Name = name;
        TunerState = tunerState;
        Objective = objective;
        SpaceFingerprint = spaceFingerprint;
    }

    /// <summary>The columns of a study that <see cref="Read"/> reads.</summary>
    internal const string Columns = "name, tuner, objective, space, batch";

    /// <summary>Reads a stored definition.</summary>
    internal static StudyDefinition Read(DbDataReader row) =>
        new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3))
        {
            ProposalBatchSize = row.IsDBNull(4) ? null : row.GetInt32(4),
        };

    /// <summary>The name under which workers find the study.</summary>
    public string Name { get; }

    /// <summary>The tuner before its first trial, as <see cref="ITuner.Save"/> writes it.</summary>
    public string TunerState { get; }

    /// <summary>What is evaluated.</summary>
    public string Objective { get; }

    /// <summary>Differs where what is searched differs.</summary>
    public string SpaceFingerprint { get; }

    /// <summary>
    /// Where trials are proposed in batches, how many there are in each, at least 1: trials 0 to n − 1, n to 2n − 1, and so on. The
    /// trials of a batch are proposed, and pruned, by what is known of the batches before it, which is told to the tuner in the
    /// order of the trials. So what a study finds follows from its seed alone, whoever works on it. Null where each is proposed by
    /// all that is known at the moment.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public int? ProposalBatchSize
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value ?? 1, 1, nameof(ProposalBatchSize));
            field = value;
        }
    }

    /// <summary>The first trial of the batch that a trial is in; 0 where there are no batches.</summary>
    internal int FirstOfBatch(int trial) => ProposalBatchSize is int size ? trial / size * size : 0;

    /// <summary>A tuner to which nothing has happened yet.</summary>
    /// <returns>The tuner.</returns>
    /// <exception cref="FormatException">The study was begun by a newer version.</exception>
    public Tuner CreateTuner() => Tuner.Load(TunerState);

    /// <summary>Throws where another definition of the same name means something else.</summary>
    internal void ThrowUnlessSame(StudyDefinition joined)
    {
        string? difference =
            joined.SpaceFingerprint != SpaceFingerprint ? "another search space"
            : joined.Objective != Objective ? $"another objective ({Objective}, not {joined.Objective})"
            : joined.TunerState != TunerState ? "another tuner, direction, seed or other tuner options"
            : joined.ProposalBatchSize != ProposalBatchSize
                ? $"another size of batches of proposals ({Text(ProposalBatchSize)}, not {Text(joined.ProposalBatchSize)})"
            : null;
        if (difference is not null)
            throw new ArgumentException(
                $"The study {Name} was begun with {difference}: resume it with what it was begun with, or begin another under a new name."
            );
    }

    private static string Text(int? size) => size?.ToString(CultureInfo.InvariantCulture) ?? "none";
}
