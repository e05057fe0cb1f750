using Microsoft.ML.Infomorphic.Tuning.Worker;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

/// <summary>The stores that a test runs on, and one PostgreSQL server for all tests.</summary>
[TestClass]
public static class TrialStores
{
    private static readonly Lazy<PostgreSqlServer> s_server = new(() => new PostgreSqlServer());

    public static readonly string Folder = Directory.CreateTempSubdirectory("stores").FullName;

    public static IEnumerable<object[]> Kinds =>
        [
            ["SQLite"],
            ["PostgreSQL"],
        ];

    public static void RequirePostgreSql()
    {
        if (!PostgreSqlServer.IsAvailable(out string? reason))
            Assert.Inconclusive(reason);
    }

    /// <summary>A location for one test: the file is the test's own, the database is shared, so names of studies differ.</summary>
    public static string Location(string kind)
    {
        if (kind == "SQLite")
            return NewFile();
        RequirePostgreSql();
        return s_server.Value.Location;
    }

    public static string NewFile() => Path.Combine(Folder, Guid.NewGuid().ToString("N") + ".db");

    public static string NewName() => Guid.NewGuid().ToString("N");

    [AssemblyCleanup]
    public static void Clean()
    {
        if (s_server.IsValueCreated)
            s_server.Value.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
