using System.Data.Common;
using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// One worker's view of a named study in a trial store. Workers share what the tuner knows: each replays what others have
/// asked and told since it looked last, then asks, both under the study's lock. For one thread at a time; only
/// <see cref="Beat"/> may be called beside.
/// </summary>
/// <remarks>
/// The store has the order of all asking and telling. A fresh tuner that replays it proposes what the workers' tuner would
/// propose next, bit for bit on the same kind of machine.
/// </remarks>
public sealed class Study
{
    private readonly TrialStore _store;
    private readonly long _id;
    private readonly double _created;
    private Tuner _tuner;

    private Study(TrialStore store, long id, double created, StudyDefinition definition)
    {
        _store = store;
        _id = id;
        _created = created;
        Definition = definition;
        _tuner = definition.CreateTuner();
    }

    /// <summary>What the study is about.</summary>
    public StudyDefinition Definition { get; }

    /// <summary>What is searched.</summary>
    public SearchSpace Space => _tuner.Space;

    /// <summary>Which values are good.</summary>
    public OptimizationDirection Direction => _tuner.Direction;

    /// <summary>Joins a study, and creates it where there is none of this name.</summary>
    /// <param name="store">The store.</param>
    /// <param name="definition">What the study is about.</param>
    /// <param name="startingPoints">Points to evaluate first, in their order, if the study is new.</param>
    /// <returns>The study.</returns>
    /// <exception cref="ArgumentException">
    /// There is a study of this name that is about something else, or a starting point is of another space.
    /// </exception>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public static Study Join(
        TrialStore store,
        StudyDefinition definition,
        params IReadOnlyList<ParameterPoint> startingPoints
    )
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(definition);
        ArgumentNullException.ThrowIfNull(startingPoints);
        (long id, double time, StudyDefinition stored) = store.Transact(t =>
        {
            int created = t.Execute(
                $"""
                INSERT INTO infomorphic_studies (name, tuner, objective, space, batch, created)
                VALUES (@name, @tuner, @objective, @space, CAST(@batch AS INTEGER), {t.Now})
                ON CONFLICT (name) DO NOTHING
                """,
                ("name", definition.Name),
                ("tuner", definition.TunerState),
                ("objective", definition.Objective),
                ("space", definition.SpaceFingerprint),
                ("batch", definition.ProposalBatchSize)
            );
            (StudyDefinition stored, long id, double time) = t.Query(
                    $"SELECT {StudyDefinition.Columns}, id, created FROM infomorphic_studies WHERE name = @name",
                    r => (StudyDefinition.Read(r), r.GetInt64(5), r.GetDouble(6)),
                    ("name", definition.Name)
                )
                .Single();
            if (created > 0)
            {
                Tuner tuner = stored.CreateTuner();
                foreach (ParameterPoint point in startingPoints)
                    Record(t, id, tuner.Enqueue(point), tuner.Events.Count - 1);
            }
            return (id, time, stored);
        });
        stored.ThrowUnlessSame(definition);
        return new Study(store, id, time, stored);
    }

    /// <summary>Begins the next trial: one that waits, or one that the tuner proposes.</summary>
    /// <param name="worker">Who will run it; for people to read.</param>
    /// <param name="maximumTrials">The tuner is not asked where the study has so many trials.</param>
    /// <param name="deadAfter">Running trials whose worker's heart has not beaten for so long are run again.</param>
    /// <param name="cancellationToken">Ends waiting for the store.</param>
    /// <returns>
    /// The trial; null where none waits and the study has enough, or where trials are proposed in batches and the next one has to
    /// wait for the end of those that run.
    /// </returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public ClaimedTrial? TryClaim(
        string worker,
        int maximumTrials,
        TimeSpan deadAfter,
        CancellationToken cancellationToken = default
    ) => TryClaim(worker, maximumTrials, deadAfter, evaluateRepeats: true, cancellationToken).Trial;

    /// <summary>
    /// The same; where repeats are not evaluated, a trial at a point whose outcome is known takes it over instead of beginning.
    /// </summary>
    internal (ClaimedTrial? Trial, ClaimOutcome Outcome) TryClaim(
        string worker,
        int maximumTrials,
        TimeSpan deadAfter,
        bool evaluateRepeats,
        CancellationToken cancellationToken
    )
    {
        string claim = Guid.NewGuid().ToString("N");
        return Write(
            t =>
            {
                // An earlier try of this transaction may have been committed, and the answer lost.
                var outcome = ClaimOutcome.Claimed;
                int? number = t.Query(
                        "SELECT number FROM infomorphic_trials WHERE study = @study AND claim = @claim",
                        r => (int?)r.GetInt32(0),
                        ("study", _id),
                        ("claim", claim)
                    )
                    .SingleOrDefault();
                if (number is null)
                {
                    Requeue(t, "heartbeat < " + t.Now + " - @age", ("age", deadAfter.TotalSeconds));
                    number = FirstQueued(t);
                    if (number is null)
                        (number, outcome) = TryAsk(t, maximumTrials, evaluateRepeats);
                    if (number is int next && !evaluateRepeats && TakesOverOutcome(t, next))
                        (number, outcome) = (null, ClaimOutcome.TakenOver);
                    if (number is not null)
                        t.Execute(
                            $"""
                            UPDATE infomorphic_trials
                            SET state = @running, worker = @worker, claim = @claim, attempts = attempts + 1,
                                heartbeat = {t.Now}, started = {t.Now}
                            WHERE study = @study AND number = @number
                            """,
                            ("running", (int)StoredTrialState.Running),
                            ("worker", worker),
                            ("claim", claim),
                            ("study", _id),
                            ("number", number)
                        );
                }
                return (number is int n ? new ClaimedTrial(n, _tuner.Trials[n].Point, claim) : null, outcome);
            },
            cancellationToken
        );
    }

    /// <summary>Says that the worker of a trial is alive. May be called from another thread.</summary>
    /// <param name="trial">The trial.</param>
    /// <returns>Whether the trial is still the worker's.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Beat(ClaimedTrial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        return _store.Transact(t =>
            t.Execute(
                $"UPDATE infomorphic_trials SET heartbeat = {t.Now} WHERE study = @study AND number = @number AND claim = @claim AND state = @running",
                Keys(trial)
            ) > 0
        );
    }

    /// <summary>Stores the objective after an epoch.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="value">The objective; it need not be finite.</param>
    /// <returns>Whether the trial is still the worker's; where not, nothing is stored.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Report(ClaimedTrial trial, int epoch, double value)
    {
        ArgumentNullException.ThrowIfNull(trial);
        return _store.Transact(t =>
            t.Execute(
                """
                INSERT INTO infomorphic_epochs (study, trial, epoch, value)
                SELECT study, number, @epoch, CAST(@value AS DOUBLE PRECISION) FROM infomorphic_trials
                WHERE study = @study AND number = @number AND claim = @claim AND state = @running
                ON CONFLICT (study, trial, epoch) DO UPDATE SET value = excluded.value
                """,
                [.. Keys(trial), ("epoch", epoch), ("value", Finite(value) ?? (object)DBNull.Value)]
            ) > 0
        );
    }

    /// <summary>Tells the value of a trial. One that is not a finite number fails it.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="value">The objective as measured.</param>
    /// <returns>Whether it counts: not where the trial is no longer the worker's.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Complete(ClaimedTrial trial, double value) =>
        double.IsFinite(value)
            ? Finish(trial, StoredTrialState.Completed, value, null)
            : Finish(
                trial,
                StoredTrialState.Failed,
                null,
                string.Create(CultureInfo.InvariantCulture, $"The objective is {value}, and must be a finite number.")
            );

    /// <summary>Tells that a trial has no value.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="error">Why, in one sentence.</param>
    /// <returns>Whether it counts: not where the trial is no longer the worker's.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Fail(ClaimedTrial trial, string error) => Finish(trial, StoredTrialState.Failed, null, error);

    /// <summary>Tells that a trial was ended early.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="value">What the tuner learns as its value; null, or not finite, where it is to learn nothing.</param>
    /// <returns>Whether it counts: not where the trial is no longer the worker's.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Prune(ClaimedTrial trial, double? value) =>
        Finish(trial, StoredTrialState.Pruned, value is double v ? Finite(v) : null, null);

    /// <summary>Gives a trial back, to be run again by whoever comes next.</summary>
    /// <param name="trial">The trial.</param>
    /// <returns>Whether it was still the worker's.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool Release(ClaimedTrial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        return Write(t =>
            Requeue(t, "number = @number AND claim = @claim", ("number", trial.Number), ("claim", trial.Claim)) > 0
        );
    }

    /// <summary>All trials as they are now.</summary>
    /// <param name="withEpochs">Whether to read the values of their epochs, too.</param>
    /// <returns>The trials, by their numbers.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public IReadOnlyList<StoredTrial> GetTrials(bool withEpochs = true) =>
        _store.Transact(t =>
        {
            ILookup<int, double>? epochs = withEpochs
                ? t.Query(
                        "SELECT trial, value FROM infomorphic_epochs WHERE study = @study ORDER BY trial, epoch",
                        r => (Trial: r.GetInt32(0), Value: NumberAt(r, 1) ?? double.NaN),
                        ("study", _id)
                    )
                    .ToLookup(e => e.Trial, e => e.Value)
                : null;
            return t.Query(
                """
                SELECT number, point, enqueued, state, value, error, worker, attempts, started, finished, repeat_of
                FROM infomorphic_trials WHERE study = @study ORDER BY number
                """,
                r => new StoredTrial(
                    r.GetInt32(0),
                    Space.CreatePoint(PointOf(r.GetString(1))),
                    r.GetInt32(2) != 0,
                    (StoredTrialState)r.GetInt32(3),
                    NumberAt(r, 4),
                    [.. epochs?[r.GetInt32(0)] ?? []],
                    r.IsDBNull(5) ? null : r.GetString(5),
                    r.IsDBNull(6) ? null : r.GetString(6),
                    r.GetInt32(7),
                    TimeAt(r, 8),
                    TimeAt(r, 9)
                )
                {
                    RepeatOf = r.IsDBNull(10) ? null : r.GetInt32(10),
                },
                ("study", _id)
            );
        });

    /// <summary>Everything that the workers' tuner was asked and told, in its order.</summary>
    /// <returns>The events; a fresh tuner that replays them is where the workers' tuner is.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public IReadOnlyList<TunerEvent> GetEvents() => _store.Transact(t => EventsSince(t, 0));

    /// <summary>
    /// Runs a transaction that holds the study's lock, with a tuner that knows all that others have done before it.
    /// </summary>
    private T Write<T>(Func<StoreTransaction, T> work, CancellationToken cancellationToken = default)
    {
        bool clean = true;
        try
        {
            return _store.Transact(
                t =>
                {
                    if (!clean)
                        _tuner = Definition.CreateTuner(); // It may know what the failed try did not store.
                    clean = false;
                    // Another study may have its number, in a file that has taken the place of the one that was opened.
                    if (
                        t.Query(
                                $"SELECT created FROM infomorphic_studies WHERE id = @study {t.ForUpdate}",
                                r => r.GetDouble(0),
                                ("study", _id)
                            )
                            .SingleOrDefault() != _created
                    )
                        throw new TrialStoreException(
                            $"The study {Definition.Name} is no longer in {_store.Location}: it was deleted while this sweep worked on it."
                        );
                    _tuner.Replay(EventsSince(t, _tuner.Events.Count));
                    return work(t);
                },
                cancellationToken
            );
        }
        catch
        {
            _tuner = Definition.CreateTuner();
            throw;
        }
    }

    private bool Finish(ClaimedTrial trial, StoredTrialState state, double? value, string? error)
    {
        ArgumentNullException.ThrowIfNull(trial);
        return Write(t =>
        {
            int changed = t.Execute(
                $"""
                UPDATE infomorphic_trials SET state = @state, value = @value, error = @error, finished = {t.Now}
                WHERE study = @study AND number = @number AND claim = @claim AND state = @running
                """,
                [.. Keys(trial), ("state", (int)state), ("value", value), ("error", error)]
            );
            if (changed == 0) // no longer the worker's, or told by an earlier try of this transaction
                return t.Query(
                        "SELECT number FROM infomorphic_trials WHERE study = @study AND number = @number AND claim = @claim AND state = @state",
                        _ => 0,
                        ("study", _id),
                        ("number", trial.Number),
                        ("claim", trial.Claim),
                        ("state", (int)state)
                    ).Count > 0;
            if (Definition.ProposalBatchSize is null)
                Tell(t, trial.Number, state, value);
            return true;
        });
    }

    private int? FirstQueued(StoreTransaction t) =>
        t.Query(
                "SELECT min(number) FROM infomorphic_trials WHERE study = @study AND state = @queued",
                r => r.IsDBNull(0) ? (int?)null : r.GetInt32(0),
                ("study", _id),
                ("queued", (int)StoredTrialState.Queued)
            )
            .Single();

    // Asks the tuner, unless the study has enough trials or the batch before has not ended.
    private (int? Number, ClaimOutcome Outcome) TryAsk(StoreTransaction t, int maximumTrials, bool evaluateRepeats)
    {
        int next = _tuner.Trials.Count;
        if (next >= maximumTrials)
            return (null, ClaimOutcome.Enough);
        if (!TryTellBefore(t, Definition.FirstOfBatch(next)))
            return (null, ClaimOutcome.Waits);
        if (!evaluateRepeats && IsExhausted())
            return (null, ClaimOutcome.Enough);
        Record(t, _id, _tuner.Ask(), _tuner.Events.Count - 1);
        return (next, ClaimOutcome.Claimed);
    }

    // Whether trials at all points of the space have ended, where these can be counted.
    private bool IsExhausted() =>
        _tuner.Trials.Count >= Space.NumberOfPoints
        && _tuner
            .Trials.Where(trial => trial.State != TrialState.Running)
            .Select(trial => trial.Point)
            .Distinct()
            .Count() >= Space.NumberOfPoints;

    // Tells what the tuner does not know yet of the trials before one, in their order; not where any of them has not ended.
    private bool TryTellBefore(StoreTransaction t, int first)
    {
        List<(int Number, StoredTrialState State, double? Value)> untold =
        [
            .. from trial in _tuner.Trials.Take(first)
            where trial.State == TrialState.Running
            select t.Query(
                    "SELECT state, value FROM infomorphic_trials WHERE study = @study AND number = @number",
                    r => (trial.Number, (StoredTrialState)r.GetInt32(0), NumberAt(r, 1)),
                    ("study", _id),
                    ("number", trial.Number)
                )
                .Single(),
        ];
        if (untold.Any(trial => trial.State is StoredTrialState.Queued or StoredTrialState.Running))
            return false;
        foreach ((int number, StoredTrialState state, double? value) in untold)
            Tell(t, number, state, value);
        return true;
    }

    private void Tell(StoreTransaction t, int number, StoredTrialState state, double? value)
    {
        if (state == StoredTrialState.Pruned)
            _tuner.Prune(number, value);
        else if (value is double told)
            _tuner.Tell(number, told);
        else
            _tuner.Fail(number);
        RecordEvent(t, _id, _tuner.Events[^1], _tuner.Events.Count - 1);
    }

    // A trial at a point whose value is known, or that was pruned there, comes to the same. What has failed is tried again.
    private bool TakesOverOutcome(StoreTransaction t, int number)
    {
        foreach (Trial same in _tuner.Trials.Where(other => other.Point.Equals(_tuner.Trials[number].Point)))
        {
            (StoredTrialState State, double? Value) known = t.Query(
                    "SELECT state, value FROM infomorphic_trials WHERE study = @study AND number = @number",
                    r => ((StoredTrialState)r.GetInt32(0), NumberAt(r, 1)),
                    ("study", _id),
                    ("number", same.Number)
                )
                .Single();
            if (known.State is not (StoredTrialState.Completed or StoredTrialState.Pruned))
                continue;
            t.Execute(
                $"""
                UPDATE infomorphic_trials
                SET state = @state, value = CAST(@value AS DOUBLE PRECISION), repeat_of = @same, finished = {t.Now}
                WHERE study = @study AND number = @number
                """,
                ("state", (int)known.State),
                ("value", known.Value),
                ("same", same.Number),
                ("study", _id),
                ("number", number)
            );
            if (Definition.ProposalBatchSize is null)
                Tell(t, number, known.State, known.Value);
            return true;
        }
        return false;
    }

    // Epochs of the attempt that ended are no part of the next one.
    private int Requeue(StoreTransaction t, string condition, params (string Name, object? Value)[] parameters)
    {
        string which = $"study = @study AND state = @running AND {condition}";
        (string, object?)[] keys = [("study", _id), ("running", (int)StoredTrialState.Running), .. parameters];
        List<int> numbers = t.Query(
            $"SELECT number FROM infomorphic_trials WHERE {which} {t.ForUpdate}",
            r => r.GetInt32(0),
            keys
        );
        foreach (int number in numbers)
        {
            t.Execute(
                "UPDATE infomorphic_trials SET state = @queued, claim = NULL WHERE study = @study AND number = @number",
                ("queued", (int)StoredTrialState.Queued),
                ("study", _id),
                ("number", number)
            );
            t.Execute(
                "DELETE FROM infomorphic_epochs WHERE study = @study AND trial = @number",
                ("study", _id),
                ("number", number)
            );
        }
        return numbers.Count;
    }

    private List<TunerEvent> EventsSince(StoreTransaction t, int first) =>
        t.Query(
            """
            SELECT e.kind, e.trial, e.value, t.point FROM infomorphic_events e
            JOIN infomorphic_trials t ON t.study = e.study AND t.number = e.trial
            WHERE e.study = @study AND e.sequence >= @first ORDER BY e.sequence
            """,
            r =>
            {
                var kind = (TunerEventKind)r.GetInt32(0);
                bool begins = kind is TunerEventKind.Asked or TunerEventKind.Enqueued;
                return new TunerEvent(kind, r.GetInt32(1), begins ? PointOf(r.GetString(3)) : null, NumberAt(r, 2));
            },
            ("study", _id),
            ("first", first)
        );

    // A trial that has just been asked for, or was enqueued, waits until it is claimed.
    private static void Record(StoreTransaction t, long study, Trial trial, int sequence)
    {
        t.Execute(
            """
            INSERT INTO infomorphic_trials (study, number, point, enqueued, state, attempts)
            VALUES (@study, @number, @point, @enqueued, @state, 0)
            """,
            ("study", study),
            ("number", trial.Number),
            ("point", JsonSerializer.Serialize(trial.Point.Values)),
            ("enqueued", trial.Enqueued ? 1 : 0),
            ("state", (int)StoredTrialState.Queued)
        );
        var kind = trial.Enqueued ? TunerEventKind.Enqueued : TunerEventKind.Asked;
        RecordEvent(t, study, new TunerEvent(kind, trial.Number), sequence);
    }

    private static void RecordEvent(StoreTransaction t, long study, TunerEvent happened, int sequence) =>
        t.Execute(
            "INSERT INTO infomorphic_events (study, sequence, kind, trial, value) VALUES (@study, @sequence, @kind, @trial, @value)",
            ("study", study),
            ("sequence", sequence),
            ("kind", (int)happened.Kind),
            ("trial", happened.Trial),
            ("value", happened.Value)
        );

    private (string Name, object? Value)[] Keys(ClaimedTrial trial) =>
        [("study", _id), ("number", trial.Number), ("claim", trial.Claim), ("running", (int)StoredTrialState.Running)];

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static double[] PointOf(string json) => JsonSerializer.Deserialize<double[]>(json)!;

    private static double? NumberAt(DbDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetDouble(column);

    private static DateTimeOffset? TimeAt(DbDataReader reader, int column) =>
        NumberAt(reader, column) is double seconds ? DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(seconds) : null;
}
