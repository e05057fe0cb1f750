using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>What all tuners have in common: trials, events, and how they are saved and loaded.</summary>
/// <remarks>
/// A tuner is a fold over its events. A proposal is a function of the state, the seed and the trial's number; an event
/// changes the state whether it has just happened or is replayed. So there is nothing else to save.
/// </remarks>
public abstract class Tuner : ITuner
{
    /// <summary>The version of what <see cref="Save"/> writes.</summary>
    private const int FormatVersion = 1;

    private static readonly JsonSerializerOptions s_json = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
        RespectRequiredConstructorParameters = true,
    };

    private readonly List<Trial> _trials = [];
    private readonly List<TunerEvent> _events = [];

    private protected Tuner(SearchSpace space, OptimizationDirection direction, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (!Enum.IsDefined(direction))
            throw new ArgumentOutOfRangeException(
                nameof(direction),
                direction,
                "The direction is Minimize or Maximize."
            );
        Space = space;
        Direction = direction;
        Seed = seed;
        Trials = _trials.AsReadOnly();
        Events = _events.AsReadOnly();
    }

    /// <inheritdoc/>
    public SearchSpace Space { get; }

    /// <inheritdoc/>
    public OptimizationDirection Direction { get; }

    /// <summary>Everything random follows from this number.</summary>
    public ulong Seed { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Trial> Trials { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TunerEvent> Events { get; }

    /// <inheritdoc/>
    public virtual int BatchSize => 1;

    /// <inheritdoc/>
    public Trial? Best { get; private set; }

    /// <summary>The name under which the tuner is saved.</summary>
    private protected abstract string Kind { get; }

    /// <summary>The tuner's own options, as JSON.</summary>
    private protected virtual JsonElement? OptionsAsJson => null;

    /// <inheritdoc/>
    public Trial Ask()
    {
        int number = _trials.Count;
        Replay(new TunerEvent(TunerEventKind.Asked, number, Propose(number).Values));
        return _trials[number];
    }

    /// <summary>Proposes several points at once.</summary>
    /// <param name="count">Their number, not negative.</param>
    /// <returns>The trials, running.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public IReadOnlyList<Trial> Ask(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var trials = new Trial[count];
        for (int i = 0; i < count; i++)
            trials[i] = Ask();
        return trials;
    }

    /// <inheritdoc/>
    public Trial Enqueue(ParameterPoint point)
    {
        ArgumentNullException.ThrowIfNull(point);
        if (!point.Space.Equals(Space))
            throw new ArgumentException("The point is of another search space than the tuner's.", nameof(point));
        int number = _trials.Count;
        Replay(new TunerEvent(TunerEventKind.Enqueued, number, point.Values));
        return _trials[number];
    }

    /// <inheritdoc/>
    public void Tell(int trial, double value) =>
        Replay(
            double.IsFinite(value)
                ? new TunerEvent(TunerEventKind.Told, trial, Value: value)
                : new TunerEvent(TunerEventKind.Failed, trial)
        );

    /// <inheritdoc/>
    public void Fail(int trial) => Replay(new TunerEvent(TunerEventKind.Failed, trial));

    /// <inheritdoc/>
    public void Prune(int trial, double? value) =>
        Replay(
            new TunerEvent(
                TunerEventKind.Pruned,
                trial,
                Value: value is double told && double.IsFinite(told) ? told : null
            )
        );

    /// <inheritdoc/>
    public void Replay(TunerEvent recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        switch (recorded.Kind)
        {
            case TunerEventKind.Asked or TunerEventKind.Enqueued:
                Begin(recorded);
                break;
            case TunerEventKind.Told or TunerEventKind.Failed or TunerEventKind.Pruned:
                Finish(recorded);
                break;
            default:
                throw new ArgumentException($"There is no tuner event of the kind {recorded.Kind}.", nameof(recorded));
        }
    }

    /// <summary>Repeats recorded events in their order.</summary>
    /// <param name="recorded">The events.</param>
    /// <exception cref="ArgumentException">An event does not fit those before it, or the space.</exception>
    public void Replay(IEnumerable<TunerEvent> recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        foreach (TunerEvent one in recorded)
            Replay(one);
    }

    /// <inheritdoc/>
    public string Save() =>
        JsonSerializer.Serialize(
            new State(FormatVersion, Kind, Seed, Direction, Space, [.. _events], OptionsAsJson),
            s_json
        );

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="json">The JSON.</param>
    /// <returns>A tuner in the same state: its next proposals are the saved one's.</returns>
    /// <exception cref="FormatException">The text is not a saved tuner, or one of a newer version.</exception>
    public static Tuner Load(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            using (var document = JsonDocument.Parse(json))
                if (
                    document.RootElement.TryGetProperty(nameof(State.Version), out JsonElement element)
                    && element.GetInt32() is int version
                    && version > FormatVersion
                )
                    throw new FormatException(
                        $"The tuner was saved by a newer version: its format is {version}, and this one reads up to {FormatVersion}; update the package."
                    );
            State state = JsonSerializer.Deserialize<State>(json, s_json)!;
            Tuner tuner = state.Tuner switch
            {
                RandomTuner.Name => new RandomTuner(state.Space, state.Direction, state.Seed),
                QuasiRandomTuner.Name => new QuasiRandomTuner(state.Space, state.Direction, state.Seed),
                TpeTuner.Name => new TpeTuner(
                    state.Space,
                    state.Direction,
                    state.Seed,
                    FromJson<TpeOptions>(state.Options)
                ),
                CmaEsTuner.Name => new CmaEsTuner(
                    state.Space,
                    state.Direction,
                    state.Seed,
                    FromJson<CmaEsOptions>(state.Options)
                ),
                _ => throw new FormatException($"There is no tuner with the name {state.Tuner}."),
            };
            tuner.Replay(state.Events);
            return tuner;
        }
        catch (Exception exception)
            when (exception
                    is JsonException
                        or ArgumentException
                        or InvalidOperationException
                        or NotSupportedException
                        or NullReferenceException
            )
        {
            throw new FormatException($"The text is not a saved tuner: {exception.Message}", exception);
        }
    }

    /// <summary>Where to try next, given the state, the seed and the trial's number; changes nothing.</summary>
    private protected abstract ParameterPoint Propose(int number);

    /// <summary>Learns that a trial has begun.</summary>
    private protected virtual void OnBegun(Trial trial) { }

    /// <summary>Learns that a trial is completed, has failed or was pruned.</summary>
    private protected virtual void OnFinished(Trial trial) { }

    /// <summary>The trial's value as something to minimise.</summary>
    private protected double Loss(double value) => Direction == OptimizationDirection.Maximize ? -value : value;

    private protected static JsonElement ToJson<T>(T options) => JsonSerializer.SerializeToElement(options, s_json);

    private static T? FromJson<T>(JsonElement? options)
        where T : class => options?.Deserialize<T>(s_json);

    private void Begin(TunerEvent begun)
    {
        if (begun.Trial != _trials.Count)
            throw new ArgumentException(
                $"The trials begin in the order of their numbers: {_trials.Count} is next, and {begun.Trial} was recorded.",
                nameof(begun)
            );
        if (begun.Values is null)
            throw new ArgumentException($"The recorded begin of trial {begun.Trial} has no point.", nameof(begun));
        ParameterPoint point = Space.CreatePoint([.. begun.Values]);
        var trial = new Trial(begun.Trial, point, TrialState.Running, null, begun.Kind == TunerEventKind.Enqueued);
        _trials.Add(trial);
        _events.Add(begun with { Values = point.Values });
        OnBegun(trial);
    }

    private void Finish(TunerEvent finished)
    {
        if (finished.Trial < 0 || finished.Trial >= _trials.Count)
            throw new ArgumentException($"There is no trial {finished.Trial}.", nameof(finished));
        Trial trial = _trials[finished.Trial];
        if (trial.State != TrialState.Running)
            throw new ArgumentException(
                $"Trial {trial.Number} is not running: it has {Past(trial.State)} already.",
                nameof(finished)
            );
        if (finished.Kind == TunerEventKind.Failed)
            trial = trial with { State = TrialState.Failed };
        else if (finished is { Kind: TunerEventKind.Pruned, Value: null })
            trial = trial with { State = TrialState.Pruned };
        else if (finished.Value is double value && double.IsFinite(value))
            trial = trial with
            {
                State = finished.Kind == TunerEventKind.Pruned ? TrialState.Pruned : TrialState.Completed,
                Value = value,
            };
        else
            throw new ArgumentException(
                $"The recorded value of trial {trial.Number} is {finished.Value?.ToString(CultureInfo.InvariantCulture) ?? "missing"}, and must be a finite number.",
                nameof(finished)
            );
        _trials[trial.Number] = trial;
        _events.Add(finished);
        // A pruned trial's value is that of an early epoch, which a metric may only pass through.
        if (
            trial is { State: TrialState.Completed, Value: double told }
            && (Best is null || IsBetter(told, trial.Number, Best))
        )
            Best = trial;
        OnFinished(trial);
    }

    private static string Past(TrialState state) =>
        state switch
        {
            TrialState.Failed => "failed",
            TrialState.Pruned => "been pruned",
            _ => "been completed",
        };

    private bool IsBetter(double value, int number, Trial best) =>
        Loss(value) < Loss(best.Value!.Value) || (value == best.Value && number < best.Number);

    private sealed record State(
        int Version,
        string Tuner,
        ulong Seed,
        OptimizationDirection Direction,
        SearchSpace Space,
        IReadOnlyList<TunerEvent> Events,
        JsonElement? Options = null
    );
}
