using System.Data.Common;
using Npgsql;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial store in a PostgreSQL database, for any number of processes on any machines.</summary>
public sealed class PostgreSqlTrialStore : TrialStore
{
    private const long SchemaLock = 0x1F0_5EED; // any number, the same for all

    private readonly NpgsqlDataSource _source;

    /// <summary>Opens a store, and creates its tables where there are none.</summary>
    /// <param name="connection">
    /// "postgresql://user@host:port/database" or a connection string with "Host=…;Database=…". The password can come from the
    /// environment (PGPASSWORD) or a password file.
    /// </param>
    /// <param name="patience">How long to try again while the server is down; null for 10 s when it is opened and two minutes later.</param>
    /// <exception cref="ArgumentException">The connection string cannot be read.</exception>
    /// <exception cref="TrialStoreException">The database cannot be used: the message says why.</exception>
    public PostgreSqlTrialStore(string connection, TimeSpan? patience = null)
        : this(Parse(connection), patience) { }

    private PostgreSqlTrialStore(NpgsqlConnectionStringBuilder builder, TimeSpan? patience)
        : base($"PostgreSQL database {builder.Database ?? builder.Username} on {builder.Host}:{builder.Port}", patience)
    {
        _source = NpgsqlDataSource.Create(builder);
        try
        {
            Prepare();
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    private protected override string NowSql => "extract(epoch FROM clock_timestamp())::float8";

    private protected override string ForUpdateSql => "FOR UPDATE";

    private protected override string IdentitySql => "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";

    /// <summary>Whether a location is meant for PostgreSQL.</summary>
    internal static bool IsConnection(string location) =>
        IsUri(location) || location.Contains("Host=", StringComparison.OrdinalIgnoreCase);

    private protected override DbConnection Connect() => _source.OpenConnection();

    private protected override void LockSchema(StoreTransaction transaction) =>
        transaction.Query("SELECT pg_advisory_xact_lock(@key)", _ => 0, ("key", SchemaLock));

    private protected override bool CanPass(Exception exception) =>
        exception switch
        {
            PostgresException postgres => postgres.IsTransient
                // admin_shutdown, crash_shutdown, cannot_connect_now, connection errors, too_many_connections
                || postgres.SqlState is "57P01" or "57P02" or "57P03" or "53300"
                || postgres.SqlState.StartsWith("08", StringComparison.Ordinal),
            NpgsqlException => true,
            _ => exception is TimeoutException,
        };

    private protected override string Explain(Exception exception) =>
        exception is PostgresException postgres && !CanPass(exception)
            ? $"The {Location} cannot be used as a trial store: {postgres.MessageText}."
            : $"The {Location} does not answer: start the server and run this again, which goes on where it stopped.";

    private protected override void Dispose(bool disposing)
    {
        if (disposing)
            _source.Dispose();
        base.Dispose(disposing);
    }

    private static bool IsUri(string location) =>
        location.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase)
        || location.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase);

    private static NpgsqlConnectionStringBuilder Parse(string connection)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(connection);
        var builder = new NpgsqlConnectionStringBuilder();
        try
        {
            if (!IsUri(connection))
                builder.ConnectionString = connection;
            else
            {
                var uri = new Uri(connection);
                string[] user = uri.UserInfo.Split(':', 2);
                builder.Host = uri.Host;
                builder.Port = uri.Port > 0 ? uri.Port : NpgsqlConnection.DefaultPort;
                if (user[0].Length > 0)
                    builder.Username = Uri.UnescapeDataString(user[0]);
                if (user.Length > 1)
                    builder.Password = Uri.UnescapeDataString(user[1]);
                if (uri.AbsolutePath.Length > 1)
                    builder.Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]);
            }
        }
        catch (Exception exception) when (exception is UriFormatException or ArgumentException or FormatException)
        {
            // Without the text, which can hold a password.
            throw new ArgumentException(
                "The PostgreSQL connection cannot be read: write postgresql://user@host:port/database, or Host=…;Database=…;Username=….",
                exception
            );
        }
        if (string.IsNullOrEmpty(builder.Host))
            throw new ArgumentException("The PostgreSQL connection names no host.");
        return builder;
    }
}
