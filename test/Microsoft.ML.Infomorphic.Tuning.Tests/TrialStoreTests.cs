using Microsoft.Data.Sqlite;
using Microsoft.ML.Infomorphic.Tuning.Worker;
using Npgsql;

namespace Microsoft.ML.Infomorphic.Tuning.Tests;

[TestClass]
public sealed class TrialStoreTests
{
    public static IEnumerable<object[]> Kinds => TrialStores.Kinds;

    private static string MessageOf(string location, TimeSpan? patience = null) =>
        Assert.ThrowsExactly<TrialStoreException>(() => TrialStore.Open(location, patience ?? TimeSpan.Zero)).Message;

    [TestMethod]
    public void A_file_from_a_newer_version_is_refused_and_stays()
    {
        string path = TrialStores.NewFile();
        using (TrialStore.Open(path)) { }
        using (var connection = new SqliteConnection($"Data Source={path}"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "UPDATE infomorphic_schema SET version = 7";
            command.ExecuteNonQuery();
        }
        Assert.AreEqual(
            $"The trial store {path} was written by a newer version: its schema is 7, and this one reads up to 1; update the package.",
            MessageOf(path)
        );
    }

    [TestMethod]
    public void A_file_that_is_no_database_is_refused_and_stays()
    {
        string path = TrialStores.NewFile();
        string text = string.Concat(Enumerable.Repeat("not a database\n", 100));
        File.WriteAllText(path, text);
        StringAssert.StartsWith(MessageOf(path), $"The file {path} is not a trial store");
        Assert.AreEqual(text, File.ReadAllText(path));
    }

    [TestMethod]
    public void A_folder_and_a_folder_that_is_missing_are_refused()
    {
        StringAssert.StartsWith(MessageOf(TrialStores.Folder), $"{TrialStores.Folder} is a folder");
        string missing = Path.Combine(TrialStores.Folder, "missing", "trials.db");
        StringAssert.StartsWith(MessageOf(missing), $"The folder of the trial store {missing} does not exist");
    }

    [TestMethod]
    public void A_file_that_cannot_be_opened_is_refused()
    {
        string path = TrialStores.NewFile();
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            File.CreateSymbolicLink(path, path); // whoever may read everything cannot read what leads nowhere
        else
        {
            using (TrialStore.Open(path)) { }
            File.SetUnixFileMode(path, UnixFileMode.None);
        }
        Assert.AreEqual(
            $"The trial store {path} cannot be opened: check that the file and its folder may be read and written.",
            MessageOf(path)
        );
    }

    [TestMethod]
    public void A_damaged_file_is_refused_and_stays()
    {
        string path = TrialStores.NewFile();
        using (var store = TrialStore.Open(path))
            for (int i = 0; i < 40; i++)
                Study.Join(store, CheapStudy.Define($"study {i}"));
        byte[] bytes = File.ReadAllBytes(path);
        bytes.AsSpan(200, bytes.Length - 200).Fill(0xA5); // all but the header
        File.WriteAllBytes(path, bytes);
        Assert.AreEqual($"The trial store {path} is damaged: restore it from a copy.", MessageOf(path));
        CollectionAssert.AreEqual(bytes, File.ReadAllBytes(path));
    }

    [TestMethod]
    public void A_locked_file_is_waited_for_and_then_refused()
    {
        string path = TrialStores.NewFile();
        using var store = TrialStore.Open(path, TimeSpan.Zero);
        using var connection = new SqliteConnection($"Data Source={path}");
        connection.Open();
        SqliteTransaction held = connection.BeginTransaction();
        string message = Assert.ThrowsExactly<TrialStoreException>(() => store.GetStudyNames()).Message;
        StringAssert.StartsWith(message, $"The trial store {path} is locked by another program");

        using var patient = Task.Run(() => TrialStore.Open(path, TimeSpan.FromMinutes(1)));
        Thread.Sleep(300);
        Assert.IsFalse(patient.IsCompleted);
        held.Dispose();
        patient.GetAwaiter().GetResult().Dispose();
    }

    [TestMethod]
    public void A_connection_that_cannot_be_read_is_refused_without_its_password()
    {
        string message = Assert
            .ThrowsExactly<ArgumentException>(() => TrialStore.Open("Host=somewhere;Passwort=secret"))
            .Message;
        StringAssert.StartsWith(message, "The PostgreSQL connection cannot be read");
        Assert.DoesNotContain("secret", message);
    }

    [TestMethod]
    public void A_database_that_is_missing_is_told_at_once()
    {
        string location = TrialStores.Location("PostgreSQL").Replace("Database=postgres", "Database=missing");
        StringAssert.Contains(MessageOf(location, TimeSpan.FromMinutes(1)), "database \"missing\" does not exist");
    }

    [TestMethod]
    public void A_database_from_a_newer_version_is_refused()
    {
        string location = TrialStores.Location("PostgreSQL");
        string newer = "newer_" + TrialStores.NewName();
        using (var source = NpgsqlDataSource.Create(location))
            source.CreateCommand($"CREATE DATABASE {newer}").ExecuteNonQuery();
        location = location.Replace("Database=postgres", $"Database={newer}");
        using (TrialStore.Open(location)) { }
        using (var source = NpgsqlDataSource.Create(location))
            source.CreateCommand("UPDATE infomorphic_schema SET version = 7").ExecuteNonQuery();
        StringAssert.Contains(MessageOf(location), "was written by a newer version: its schema is 7");
    }

    [TestMethod]
    public void A_server_that_stays_down_ends_the_sweep_with_one_sentence_and_the_next_run_goes_on()
    {
        TrialStores.RequirePostgreSql();
        using var server = new PostgreSqlServer();
        StudyDefinition definition = CheapStudy.Define("down for long");
        using (var store = TrialStore.Open(server.Location, TimeSpan.FromSeconds(1)))
        {
            string message = Assert
                .ThrowsExactly<TrialStoreException>(() =>
                    Sweep.Run(
                        store,
                        definition,
                        [],
                        trial =>
                        {
                            if (trial.Number == 3)
                                server.Stop();
                            return CheapStudy.Value(trial.Point);
                        },
                        new SweepOptions { MaximumTrials = 6 }
                    )
                )
                .Message;
            StringAssert.EndsWith(
                message,
                "does not answer: start the server and run this again, which goes on where it stopped."
            );
        }

        server.Start();
        using var again = TrialStore.Open(server.Location, TimeSpan.FromMinutes(1));
        SweepResult result = Sweep.Run(
            again,
            definition,
            [],
            trial => CheapStudy.Value(trial.Point),
            new SweepOptions { MaximumTrials = 6, DeadAfter = TimeSpan.FromSeconds(1) }
        );
        Assert.HasCount(6, result.Trials);
        Assert.IsTrue(
            result.Trials.All(t => t.State == StoredTrialState.Completed && t.Value == CheapStudy.Value(t.Point))
        );
        CollectionAssert.AreEqual(new[] { 1, 1, 1, 2, 1, 1 }, result.Trials.Select(t => t.Attempts).ToArray());
        Study study = Study.Join(again, definition);
        CrashTest.RequireSameProposals(study, study.GetEvents());
    }

    [TestMethod]
    public void A_server_that_goes_down_is_waited_for_and_nothing_is_lost()
    {
        TrialStores.RequirePostgreSql();
        using var server = new PostgreSqlServer();
        using var store = TrialStore.Open(server.Location, TimeSpan.FromMinutes(1));
        Study study = Study.Join(store, CheapStudy.Define("down"));
        ClaimedTrial first = study.TryClaim("w", 10, TimeSpan.FromDays(1))!;
        Assert.IsTrue(study.Complete(first, 1));
        ClaimedTrial second = study.TryClaim("w", 10, TimeSpan.FromDays(1))!;

        server.Stop();
        StringAssert.EndsWith(
            MessageOf(server.Location),
            "does not answer: start the server and run this again, which goes on where it stopped."
        );
        using var finished = Task.Run(() => study.Complete(second, 2));
        Thread.Sleep(300);
        Assert.IsFalse(finished.IsCompleted);
        server.Start();
        Assert.IsTrue(finished.GetAwaiter().GetResult());

        double?[] values = [.. study.GetTrials().Select(t => t.Value)];
        CollectionAssert.AreEqual(new double?[] { 1, 2 }, values);
        CrashTest.RequireSameProposals(study, study.GetEvents());
    }
}
