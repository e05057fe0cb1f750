using System.Data.Common;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>One transaction on a trial store, in the SQL that SQLite and PostgreSQL have in common.</summary>
/// <param name="connection">The connection.</param>
/// <param name="transaction">The transaction.</param>
/// <param name="now">An expression for the seconds since 1970 by the store's clock, the same for all workers.</param>
/// <param name="forUpdate">What a query says to lock the rows that it reads.</param>
internal sealed class StoreTransaction(DbConnection connection, DbTransaction transaction, string now, string forUpdate)
{
    public string Now { get; } = now;

    public string ForUpdate { get; } = forUpdate;

    /// <summary>Executes a statement.</summary>
    /// <returns>The number of rows that it changed.</returns>
    public int Execute(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        using DbCommand command = Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    /// <summary>Reads all rows of a query.</summary>
    public List<T> Query<T>(
        string sql,
        Func<DbDataReader, T> read,
        params ReadOnlySpan<(string Name, object? Value)> parameters
    )
    {
        using DbCommand command = Command(sql, parameters);
        using DbDataReader reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(read(reader));
        return rows;
    }

    private DbCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        DbCommand command = connection.CreateCommand();
        command.Transaction = transaction;
#pragma warning disable CA2100 // Constant text; values are parameters.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach ((string name, object? value) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }
}
