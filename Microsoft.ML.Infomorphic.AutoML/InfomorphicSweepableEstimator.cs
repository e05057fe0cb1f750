using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Tuning;
using Parameter = Microsoft.ML.SearchSpace.Parameter;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>
/// An <see cref="InfomorphicTrainer"/>, or an <see cref="InfomorphicBinaryTrainer"/>, whose goal and options AutoML searches. It can be a step of any sweepable pipeline.
/// </summary>
/// <remarks>
/// The search space is a flat one: a parameter's key is its place in the <see cref="TrainerSpace"/>, in three digits (more for a thousand parameters), and its
/// name, such as "002 {F}{L}" or, of a layer, "021 layer 2 {F}{L}". AutoML orders its features by key, and the rules of the
/// current culture are not to matter. A choice has its values in words.
/// </remarks>
public sealed class InfomorphicSweepableEstimator : SweepableEstimator
{
    private readonly InfomorphicTrainer.Options _trainer;
    private readonly FlatSpace _keys;

    /// <summary>Creates an estimator of the multiclass trainer.</summary>
    /// <param name="space">What is searched.</param>
    /// <param name="trainer">
    /// The options that are not searched; the search begins with those that are, where the space holds them. Null for the
    /// trainer's defaults.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The space is empty, or of other layers or sources than the options have: the message says which.
    /// </exception>
    public InfomorphicSweepableEstimator(TrainerSpace space, InfomorphicTrainer.Options? trainer = null)
        : this(space, trainer, isBinary: false) { }

    internal InfomorphicSweepableEstimator(TrainerSpace space, InfomorphicTrainer.Options? trainer, bool isBinary)
    {
        ArgumentNullException.ThrowIfNull(space);
        IsBinary = isBinary;
        Space = space;
        _trainer = OptionFields.Copy(trainer ?? new InfomorphicTrainer.Options());
        _trainer.Seed ??= 0; // else a trial would not follow from its point
        Tuning.SearchSpace flat = space.ToSearchSpace();
        ParameterPoint[] own = space.TryGetPoint(_trainer, out ParameterPoint? point, out _) ? [point] : [];
        StartingPoints = [.. own.Concat(space.GetPresetPoints(_trainer)).Distinct()];
        ParameterPoint first = StartingPoints.Count > 0 ? StartingPoints[0] : FlatSpace.Middle(flat);
        SearchSpace = FlatSpace.Create(flat, first);
        _keys = FlatSpace.Of(SearchSpace);
        Parameter = ToParameter(first);
        _ = OptionsAt(Parameter); // says what the space and the options do not have in common
    }

    /// <summary>What is searched.</summary>
    public TrainerSpace Space { get; }

    /// <summary>The trainer's options and the published goals, where the space holds them.</summary>
    public IReadOnlyList<ParameterPoint> StartingPoints { get; }

    internal bool IsBinary { get; }

    internal string LabelColumnName => _trainer.LabelColumnName;

    /// <summary>The trainer's options at a place in AutoML's search space.</summary>
    /// <param name="parameter">The place: this estimator's part of <see cref="TrialSettings.Parameter"/>.</param>
    /// <returns>
    /// The options; goals that are searched are written in the paper's notation. They share nothing that could be changed with
    /// those of another place.
    /// </returns>
    /// <exception cref="ArgumentException">A parameter is missing or not a number.</exception>
    public InfomorphicTrainer.Options OptionsAt(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        double[] values = _keys.ReadValues(parameter);
        InfomorphicTrainer.Options options = OptionFields.Copy(_trainer);
        Space.Apply(Space.ToSearchSpace().CreatePoint(values), options);
        return options;
    }

    /// <summary>Creates the trainer.</summary>
    /// <param name="context">The trial's context; the trainer stops when its execution is cancelled.</param>
    /// <param name="param">This estimator's part of <see cref="TrialSettings.Parameter"/>.</param>
    /// <returns>The trainer.</returns>
    public override IEstimator<ITransformer> BuildFromOption(MLContext context, Parameter param)
    {
        ArgumentNullException.ThrowIfNull(context);
        return TaskOf(context).CreateTrainer(OptionsAt(param));
    }

    /// <summary>What is trained: several classes, or true and false.</summary>
    internal SweepTask TaskOf(MLContext context) =>
        IsBinary ? SweepTask.Of(context.BinaryClassification) : SweepTask.Of(context.MulticlassClassification);

    /// <summary>Creates a trainer for a trial that watches its epochs and may end between two batches.</summary>
    internal static IEstimator<ITransformer> Create(
        SweepTask task,
        InfomorphicTrainer.Options options,
        Action<EpochRecord> epochEnded,
        CancellationToken cancellationToken
    )
    {
        options = OptionFields.Copy(options);
        Action<EpochRecord>? own = options.EpochEnded;
        options.EpochEnded = epoch =>
        {
            own?.Invoke(epoch);
            epochEnded(epoch);
        };
        options.CancellationToken = cancellationToken;
        return task.CreateTrainer(options);
    }

    /// <summary>Whether a point is one of what is searched.</summary>
    internal bool Holds(ParameterPoint point) => point.Space.Equals(Space.ToSearchSpace());

    internal Parameter ToParameter(ParameterPoint point) => _keys.ToParameter(point.Values);
}
