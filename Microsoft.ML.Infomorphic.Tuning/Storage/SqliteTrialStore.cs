using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial store in an SQLite file, for any number of processes on one machine.</summary>
/// <remarks>Writes ahead (WAL), so the file must be on a disk of this machine, not on a network drive.</remarks>
public sealed class SqliteTrialStore : TrialStore
{
    private readonly string _connectionString;
    private readonly SqliteConnection _held;

    /// <summary>Opens a store, and creates the file where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="patience">How long to try again while another program holds the file; null for 10 s when it is opened and two minutes later.</param>
    /// <exception cref="TrialStoreException">The file cannot be used: the message says why.</exception>
    public SqliteTrialStore(string path, TimeSpan? patience = null)
        : base(FullPath(path), patience)
    {
        if (Directory.Exists(Location))
            throw new TrialStoreException($"{Location} is a folder, and the trials go to a file: name one.");
        if (!Directory.Exists(Path.GetDirectoryName(Location)))
            throw new TrialStoreException(
                $"The folder of the trial store {Location} does not exist: create it, or name another file."
            );
        // The provider's own waiting polls every 150 ms; SQLite's busy timeout begins with 1 ms. A pool would keep the file that
        // was opened first, and go on to write to it when it has long been deleted.
        var connection = new SqliteConnectionStringBuilder
        {
            DataSource = Location,
            DefaultTimeout = 1,
            ForeignKeys = true,
            Pooling = false,
        };
        _connectionString = connection.ToString();
        Prepare();
        connection.Mode = SqliteOpenMode.ReadWrite; // not created any more
        _connectionString = connection.ToString();
        _held = Open(); // Whoever closes the last connection of all has to write the whole log back.
    }

    private protected override string NowSql => "((julianday('now') - 2440587.5) * 86400.0)";

    private protected override string ForUpdateSql => "";

    private protected override string IdentitySql => "INTEGER PRIMARY KEY AUTOINCREMENT";

    private protected override DbConnection Connect() => Open();

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA busy_timeout = 1000; PRAGMA journal_mode = WAL;";
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // A transaction takes the write lock when it begins.
    private protected override void LockSchema(StoreTransaction transaction) { }

    private protected override bool CanPass(Exception exception) =>
        exception is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED };

    private protected override string Explain(Exception exception) =>
        (exception as SqliteException)?.SqliteErrorCode switch
        {
            SQLitePCL.raw.SQLITE_BUSY or SQLitePCL.raw.SQLITE_LOCKED =>
                $"The trial store {Location} is locked by another program: end it, or name another file.",
            SQLitePCL.raw.SQLITE_NOTADB =>
                $"The file {Location} is not a trial store, nor any other SQLite database: name another file.",
            SQLitePCL.raw.SQLITE_CANTOPEN when _held is not null && !File.Exists(Location) =>
                $"The file of the trial store {Location} is gone: it was deleted or moved while it was in use; put it back and resume, or begin anew.",
            SQLitePCL.raw.SQLITE_ERROR when exception.Message.Contains("no such table", StringComparison.Ordinal) =>
                $"The file of the trial store {Location} is another one than it was: it was replaced while it was in use; put it back and resume, or begin anew.",
            SQLitePCL.raw.SQLITE_CORRUPT => $"The trial store {Location} is damaged: restore it from a copy.",
            SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_PERM or SQLitePCL.raw.SQLITE_AUTH =>
                $"The trial store {Location} cannot be opened: check that the file and its folder may be read and written.",
            SQLitePCL.raw.SQLITE_READONLY =>
                $"The trial store {Location} must not be written to: change its permissions, or name another file.",
            SQLitePCL.raw.SQLITE_FULL => $"The disk with the trial store {Location} is full: make room and resume.",
            _ => $"The trial store {Location} cannot be used: {exception.Message}",
        };

    private protected override void Dispose(bool disposing)
    {
        if (disposing)
            _held.Dispose();
        base.Dispose(disposing);
    }

    private static string FullPath(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Path.GetFullPath(path);
    }
}
