using Microsoft.ML.AutoML;
using Microsoft.ML.Infomorphic.Tuning;
using HostParameter = Microsoft.ML.SearchSpace.Parameter;
using HostSpace = Microsoft.ML.SearchSpace.SearchSpace;

namespace Microsoft.ML.Infomorphic.AutoML;

/// <summary>A <see cref="Tuning.Tuner"/>, such as TPE or CMA-ES, as the tuner of an AutoML experiment over any search space.</summary>
/// <remarks>
/// AutoML minimises losses, so the tuner does, too. A failed trial, which AutoML reports as the largest loss, and one whose
/// loss is not a finite number have no value for it; a pruned one is told as such.
/// </remarks>
public sealed class AskTellTuner : Microsoft.ML.AutoML.ITuner
{
    private readonly FlatSpace _space;
    private readonly Queue<ParameterPoint> _startingPoints;
    private readonly Queue<Trial> _unfinished;
    private readonly Dictionary<int, int> _numbers = [];

    /// <summary>Creates a tuner.</summary>
    /// <param name="space">The experiment's search space: <see cref="AutoMLExperiment.AutoMLExperimentSettings.SearchSpace"/>.</param>
    /// <param name="create">
    /// Creates the tuner that proposes; or loads one that an earlier experiment saved, whose unfinished trials are then run
    /// first.
    /// </param>
    /// <param name="startingPoints">Places to try first, but those that a loaded tuner has tried; null for none.</param>
    /// <exception cref="ArgumentException">The tuner does not take such a space, or is over another one, or does not minimise.</exception>
    public AskTellTuner(
        HostSpace space,
        Func<Tuning.SearchSpace, OptimizationDirection, Tuner> create,
        IReadOnlyList<HostParameter>? startingPoints = null
    )
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(create);
        _space = FlatSpace.Of(space);
        Tuner = create(_space.Space, OptimizationDirection.Minimize);
        if (!Tuner.Space.Equals(_space.Space))
            throw new ArgumentException(
                "The tuner is over another search space than the experiment: create it over the one that it is given, or load what was saved with the same one."
            );
        if (Tuner.Direction != OptimizationDirection.Minimize)
            throw new ArgumentException(
                "AutoML minimises losses: create the tuner with the direction that it is given."
            );
        _unfinished = new Queue<Trial>(Tuner.Trials.Where(trial => trial.State == TrialState.Running));
        _startingPoints = new Queue<ParameterPoint>(
            (startingPoints ?? [])
                .Select(start => _space.Space.CreatePoint(_space.ReadValues(start)))
                .Distinct()
                .Except(Tuner.Trials.Select(trial => trial.Point))
        );
    }

    /// <summary>
    /// The tuner that proposes. <see cref="Tuner.Save"/> writes all that it knows, to the last bit, at any moment between two
    /// trials; AutoML's own checkpoint is rounded to three decimals, and written only at the end.
    /// </summary>
    public Tuner Tuner { get; }

    /// <inheritdoc/>
    public HostParameter Propose(TrialSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Trial trial =
            _unfinished.TryDequeue(out Trial? left) ? left
            : _startingPoints.TryDequeue(out ParameterPoint? start) ? Tuner.Enqueue(start)
            : Tuner.Ask();
        _numbers[settings.TrialId] = trial.Number;
        return _space.ToParameter(trial.Point.Values);
    }

    /// <inheritdoc/>
    public void Update(TrialResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        // AutoML reports a trial twice where something behind the tuner throws.
        if (!_numbers.Remove(result.TrialSettings.TrialId, out int number))
            return;
        if (result is InfomorphicTrialResult { IsPruned: true } pruned)
            Tuner.Prune(number, pruned.LastLoss);
        else if (result.Loss == double.MaxValue)
            Tuner.Fail(number);
        else
            Tuner.Tell(number, result.Loss);
    }
}
