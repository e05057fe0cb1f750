using System.Data.Common;
using System.Diagnostics;

namespace Microsoft.ML.Infomorphic.Tuning;

// The schema, version 2. A study's row is the study's lock: whoever asks or tells holds it to the end of the transaction,
// so the events of a study have one order, and a fresh tuner that replays them is where every worker's tuner is.
//
//   infomorphic_schema   version
//   infomorphic_studies  id, name, tuner, objective, space, created, batch (since version 2; null: no batches)
//   infomorphic_trials   study, number, point (JSON), enqueued, state, value, error, worker, claim, attempts, heartbeat,
//                        started, finished, repeat_of (since version 2; null: evaluated)
//   infomorphic_epochs   study, trial, epoch, value (null: not a finite number)
//   infomorphic_events   study, sequence, kind, trial, value
//
// Times are seconds since 1970 by the store's clock. A claim is drawn anew each time that a trial is begun; who no longer
// has it cannot write.

/// <summary>
/// Keeps studies and their trials: an SQLite file, or a PostgreSQL database where workers are on several machines. Every
/// change is one transaction, so a process can be killed at any moment. Safe for concurrent use.
/// </summary>
public abstract partial class TrialStore : IDisposable
{
    /// <summary>The version of the schema.</summary>
    internal const int SchemaVersion = 2;

    // Who begins waits for an answer; who has computed for hours would rather wait for the server.
    private static readonly TimeSpan _patienceAtOpening = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _patienceLater = TimeSpan.FromMinutes(2);

    private readonly TimeSpan? _patience;

    private protected TrialStore(string location, TimeSpan? patience)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patience ?? TimeSpan.Zero, TimeSpan.Zero, nameof(patience));
        Location = location;
        _patience = patience;
    }

    /// <summary>Where the store is, without passwords.</summary>
    public string Location { get; }

    /// <summary>Opens a store, and creates it where there is none.</summary>
    /// <param name="location">
    /// The path of an SQLite file; or, for PostgreSQL, "postgresql://user@host/database" or "Host=…;Database=…".
    /// </param>
    /// <param name="patience">How long to try again while the store is locked or its server is down; null for 10 s when it is opened and two minutes later.</param>
    /// <returns>The store.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used: the message says why.</exception>
    public static TrialStore Open(string location, TimeSpan? patience = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(location);
        return PostgreSqlTrialStore.IsConnection(location)
            ? new PostgreSqlTrialStore(location, patience)
            : new SqliteTrialStore(location, patience);
    }

    /// <summary>The names of the studies, in their order of creation.</summary>
    /// <returns>The names.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public IReadOnlyList<string> GetStudyNames() => Transact(GetNames);

    /// <summary>The definition of a study.</summary>
    /// <param name="name">The study's name.</param>
    /// <returns>The definition; null where there is no such study.</returns>
    /// <exception cref="TrialStoreException">The store cannot be used.</exception>
    public StudyDefinition? FindStudy(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Transact(t =>
            t.Query(
                    $"SELECT {StudyDefinition.Columns} FROM infomorphic_studies WHERE name = @name",
                    StudyDefinition.Read,
                    ("name", name)
                )
                .SingleOrDefault()
        );
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs work as one transaction, and again where the store was locked or its server down.</summary>
    /// <param name="work">The work. It can run several times, the last of which counts; the one before may have counted, too.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="TrialStoreException">Patience is over, or the store cannot be used.</exception>
    internal T Transact<T>(Func<StoreTransaction, T> work, CancellationToken cancellationToken = default) =>
        Transact(work, _patience ?? _patienceLater, cancellationToken);

    private T Transact<T>(Func<StoreTransaction, T> work, TimeSpan patience, CancellationToken cancellationToken)
    {
        var waited = Stopwatch.StartNew();
        for (TimeSpan pause = TimeSpan.FromMilliseconds(50); ; pause = Shorter(pause * 2, TimeSpan.FromSeconds(5)))
        {
            try
            {
                using DbConnection connection = Connect();
                using DbTransaction transaction = connection.BeginTransaction();
                T result = work(new StoreTransaction(connection, transaction, NowSql, ForUpdateSql));
                transaction.Commit();
                return result;
            }
            catch (Exception exception) when (exception is DbException or TimeoutException)
            {
                if (!CanPass(exception) || waited.Elapsed >= patience)
                    throw new TrialStoreException(Explain(exception), exception);
            }
            cancellationToken.WaitHandle.WaitOne(pause);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Creates the schema where there is none.</summary>
    /// <exception cref="TrialStoreException">The store was written by a newer version.</exception>
    private protected void Prepare()
    {
        int version = Transact(
            t =>
            {
                LockSchema(t);
                t.Execute("CREATE TABLE IF NOT EXISTS infomorphic_schema (version INTEGER NOT NULL)");
                List<int> versions = t.Query("SELECT version FROM infomorphic_schema", r => r.GetInt32(0));
                int stored = versions.Count > 0 ? versions.Max() : 0;
                if (stored >= SchemaVersion)
                    return stored;
                foreach (string statement in stored == 0 ? [.. CreateSchema, .. s_toVersion2] : s_toVersion2)
                    t.Execute(statement);
                t.Execute("DELETE FROM infomorphic_schema");
                t.Execute("INSERT INTO infomorphic_schema (version) VALUES (@version)", ("version", SchemaVersion));
                return SchemaVersion;
            },
            _patience ?? _patienceAtOpening,
            CancellationToken.None
        );
        if (version > SchemaVersion)
            throw new TrialStoreException(
                $"The trial store {Location} was written by a newer version: its schema is {version}, and this one reads up to {SchemaVersion}; update the package."
            );
    }

    /// <summary>Opens a connection.</summary>
    private protected abstract DbConnection Connect();

    private protected abstract string NowSql { get; }

    private protected abstract string ForUpdateSql { get; }

    /// <summary>The column type of a key that the database numbers.</summary>
    private protected abstract string IdentitySql { get; }

    /// <summary>Keeps others from creating the schema at the same time.</summary>
    private protected abstract void LockSchema(StoreTransaction transaction);

    /// <summary>Whether it is worth trying again.</summary>
    private protected abstract bool CanPass(Exception exception);

    /// <summary>What went wrong, and what to do, in one sentence.</summary>
    private protected abstract string Explain(Exception exception);

    /// <summary>Frees what the store holds.</summary>
    /// <param name="disposing">Whether it is disposed of, not finalised.</param>
    private protected virtual void Dispose(bool disposing) { }

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static readonly string[] s_toVersion2 =
    [
        "ALTER TABLE infomorphic_studies ADD COLUMN batch INTEGER",
        "ALTER TABLE infomorphic_trials ADD COLUMN repeat_of INTEGER",
    ];

    // Version 1.
    private string[] CreateSchema =>
        [
            $"""
                CREATE TABLE infomorphic_studies (
                    id {IdentitySql},
                    name TEXT NOT NULL UNIQUE,
                    tuner TEXT NOT NULL,
                    objective TEXT NOT NULL,
                    space TEXT NOT NULL,
                    created DOUBLE PRECISION NOT NULL)
                """,
            """
                CREATE TABLE infomorphic_trials (
                    study BIGINT NOT NULL REFERENCES infomorphic_studies (id),
                    number INTEGER NOT NULL,
                    point TEXT NOT NULL,
                    enqueued INTEGER NOT NULL,
                    state INTEGER NOT NULL,
                    value DOUBLE PRECISION,
                    error TEXT,
                    worker TEXT,
                    claim TEXT,
                    attempts INTEGER NOT NULL,
                    heartbeat DOUBLE PRECISION,
                    started DOUBLE PRECISION,
                    finished DOUBLE PRECISION,
                    PRIMARY KEY (study, number))
                """,
            """
                CREATE TABLE infomorphic_epochs (
                    study BIGINT NOT NULL,
                    trial INTEGER NOT NULL,
                    epoch INTEGER NOT NULL,
                    value DOUBLE PRECISION,
                    PRIMARY KEY (study, trial, epoch),
                    FOREIGN KEY (study, trial) REFERENCES infomorphic_trials (study, number))
                """,
            """
                CREATE TABLE infomorphic_events (
                    study BIGINT NOT NULL,
                    sequence INTEGER NOT NULL,
                    kind INTEGER NOT NULL,
                    trial INTEGER NOT NULL,
                    value DOUBLE PRECISION,
                    PRIMARY KEY (study, sequence),
                    FOREIGN KEY (study, trial) REFERENCES infomorphic_trials (study, number))
                """,
        ];
}
