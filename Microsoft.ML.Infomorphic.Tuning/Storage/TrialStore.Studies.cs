namespace Microsoft.ML.Infomorphic.Tuning;

public abstract partial class TrialStore
{
    // What a study consists of, but for its row in infomorphic_studies. Rows refer to those of the tables before.
    private static readonly (string Table, string Columns)[] s_parts =
    [
        (
            "infomorphic_trials",
            "number, point, enqueued, state, value, error, worker, attempts, started, finished, repeat_of"
        ),
        ("infomorphic_epochs", "trial, epoch, value"),
        ("infomorphic_events", "sequence, kind, trial, value"),
    ];

    /// <summary>The studies, in their order of creation.</summary>
    /// <returns>A summary of each.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public IReadOnlyList<StudySummary> GetStudies() =>
        Transact(t =>
            t.Query(
                $"""
                SELECT {StudyDefinition.Columns}, created, count(number),
                    sum(CASE WHEN state = {(int)StoredTrialState.Completed} THEN 1 ELSE 0 END),
                    sum(CASE WHEN state = {(int)StoredTrialState.Running} THEN 1 ELSE 0 END),
                    min(CASE WHEN state = {(int)StoredTrialState.Completed} THEN value END),
                    max(CASE WHEN state = {(int)StoredTrialState.Completed} THEN value END)
                FROM infomorphic_studies LEFT JOIN infomorphic_trials ON study = id
                GROUP BY id, {StudyDefinition.Columns}, created ORDER BY id
                """,
                r =>
                {
                    StudyDefinition definition = StudyDefinition.Read(r);
                    int best = definition.CreateTuner().Direction == OptimizationDirection.Minimize ? 9 : 10;
                    return new StudySummary(
                        definition.Name,
                        definition.Objective,
                        DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(r.GetDouble(5)),
                        r.GetInt32(6),
                        r.GetInt32(7),
                        r.GetInt32(8),
                        r.IsDBNull(best) ? null : r.GetDouble(best)
                    );
                }
            )
        );

    /// <summary>
    /// Deletes a study with all its trials. Sweeps that work on it, in this process or another one, end with a
    /// <see cref="TrialStoreException"/> that says so.
    /// </summary>
    /// <param name="name">The study's name.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public bool DeleteStudy(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Transact(t =>
        {
            if (TryFind(t, name) is not long study)
                return false;
            // A worker that reports an epoch holds its trial's row: else it could add one to what is being deleted.
            t.Query(
                $"SELECT number FROM infomorphic_trials WHERE study = @study {t.ForUpdate}",
                r => r.GetInt32(0),
                ("study", study)
            );
            foreach ((string table, _) in s_parts.Reverse())
                t.Execute($"DELETE FROM {table} WHERE study = @study", ("study", study));
            t.Execute("DELETE FROM infomorphic_studies WHERE id = @study", ("study", study));
            return true;
        });
    }

    /// <summary>
    /// Copies a study, into this store or another one. Whoever goes on with the copy goes on from where the study is now; trials
    /// that are running wait in the copy.
    /// </summary>
    /// <param name="name">The study's name.</param>
    /// <param name="newName">The copy's name.</param>
    /// <param name="target">The store of the copy; null for this one.</param>
    /// <exception cref="ArgumentException">There is no such study, or the other store has one of the copy's name.</exception>
    /// <exception cref="TrialStoreException">A store cannot be used.</exception>
    public void CopyStudy(string name, string newName, TrialStore? target = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(newName);
        target ??= this;
        (object?[] study, List<object?[]>[] parts) = Transact(t =>
        {
            long id =
                TryFind(t, name)
                ?? throw new ArgumentException(
                    $"There is no study {name} in {Location}: it has {(GetNames(t) is { Count: > 0 } names ? string.Join(", ", names) : "none")}.",
                    nameof(name)
                );
            return (
                Rows(t, "SELECT tuner, objective, space, batch FROM infomorphic_studies WHERE id = @study", id)[0],
                s_parts
                    .Select(part => Rows(t, $"SELECT {part.Columns} FROM {part.Table} WHERE study = @study", id))
                    .ToArray()
            );
        });
        target.Transact(t =>
        {
            if (TryFind(t, newName) is not null)
                throw new ArgumentException(
                    $"There is a study {newName} in {target.Location} already: name the copy otherwise, or delete that one.",
                    nameof(newName)
                );
            t.Execute(
                $"INSERT INTO infomorphic_studies (name, tuner, objective, space, batch, created) VALUES (@name, @p0, @p1, @p2, CAST(@p3 AS INTEGER), {t.Now})",
                [("name", newName), .. study.Select((value, i) => ($"p{i}", value))]
            );
            long id = TryFind(t, newName)!.Value;
            foreach (((string table, string columns), List<object?[]> rows) in s_parts.Zip(parts))
            foreach (object?[] row in rows)
                t.Execute(
                    $"INSERT INTO {table} (study, {columns}) VALUES (@study, {string.Join(
                        ", ",
                        columns.Split(", ").Select((column, i) => $"CAST(@p{i} AS {TypeOf(column)})")
                    )})",
                    [("study", id), .. row.Select((value, i) => ($"p{i}", value))]
                );
            // Their workers run the other study's trials. Epochs of an attempt that has not ended are no part of the next one.
            t.Execute(
                """
                DELETE FROM infomorphic_epochs WHERE study = @study AND trial IN
                    (SELECT number FROM infomorphic_trials WHERE study = @study AND state = @running)
                """,
                ("study", id),
                ("running", (int)StoredTrialState.Running)
            );
            t.Execute(
                "UPDATE infomorphic_trials SET state = @queued WHERE study = @study AND state = @running",
                ("queued", (int)StoredTrialState.Queued),
                ("study", id),
                ("running", (int)StoredTrialState.Running)
            );
            return 0;
        });
    }

    private static List<string> GetNames(StoreTransaction t) =>
        t.Query("SELECT name FROM infomorphic_studies ORDER BY id", r => r.GetString(0));

    // Its row is locked, so that no worker changes it meanwhile.
    private static long? TryFind(StoreTransaction t, string name) =>
        t.Query(
                $"SELECT id FROM infomorphic_studies WHERE name = @name {t.ForUpdate}",
                r => (long?)r.GetInt64(0),
                ("name", name)
            )
            .SingleOrDefault();

    private static List<object?[]> Rows(StoreTransaction t, string sql, long study) =>
        t.Query(
            sql,
            r =>
            {
                object?[] row = new object?[r.FieldCount];
                for (int i = 0; i < row.Length; i++)
                    row[i] = r.IsDBNull(i) ? null : r.GetValue(i);
                return row;
            },
            ("study", study)
        );

    private static string TypeOf(string column) =>
        column switch
        {
            "point" or "error" or "worker" => "TEXT",
            "value" or "started" or "finished" => "DOUBLE PRECISION",
            _ => "INTEGER",
        };
}
