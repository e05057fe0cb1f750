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
            $"The trial store {path} was written by a newer version: its schema is 7, and this one reads up to 2; update the package.",
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

    private static readonly TimeSpan s_never = TimeSpan.FromDays(1);

    private static Study Begin(TrialStore store, string name)
    {
        Study study = Study.Join(store, CheapStudy.Define(name), CheapStudy.Start);
        ClaimedTrial first = study.TryClaim("w", 10, s_never)!;
        study.Report(first, 1, 0.5);
        study.Report(first, 2, double.NaN);
        study.Complete(first, 1.0 / 3);
        study.Fail(study.TryClaim("w", 10, s_never)!, "It broke.");
        study.Prune(study.TryClaim("w", 10, s_never)!, null);
        study.Report(study.TryClaim("w", 10, s_never)!, 1, 7);
        return study;
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void Studies_are_listed_with_what_they_have(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        string name = TrialStores.NewName();
        Begin(store, name);
        string empty = TrialStores.NewName();
        Study.Join(store, CheapStudy.Define(empty));

        StudySummary[] mine = [.. store.GetStudies().Where(s => s.Name == name || s.Name == empty)];
        Assert.HasCount(2, mine);
        Assert.AreEqual(
            (name, CheapStudy.Define(name).Objective, 4, 1, 1, 1.0 / 3),
            (mine[0].Name, mine[0].Objective, mine[0].Trials, mine[0].Completed, mine[0].Running, mine[0].BestValue)
        );
        Assert.IsLessThan(TimeSpan.FromMinutes(10), (DateTimeOffset.UtcNow - mine[0].Created).Duration());
        Assert.AreEqual(
            (empty, 0, 0, 0, null),
            (mine[1].Name, mine[1].Trials, mine[1].Completed, mine[1].Running, mine[1].BestValue)
        );
    }

    [TestMethod]
    public void The_best_of_a_study_that_maximises_is_its_largest_value()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        var space = new SearchSpace(new RealParameter("x", 0, 1));
        Study study = Study.Join(
            store,
            new StudyDefinition("s", new RandomTuner(space, OptimizationDirection.Maximize, 1), "x")
        );
        foreach (double value in new[] { 1.0, 3, 2 })
            study.Complete(study.TryClaim("w", 10, s_never)!, value);
        Assert.AreEqual(3, store.GetStudies().Single().BestValue);
    }

    [TestMethod]
    [DynamicData(nameof(Kinds))]
    public void A_deleted_study_is_gone_and_others_stay(string kind)
    {
        using var store = TrialStore.Open(TrialStores.Location(kind));
        (string name, string other) = (TrialStores.NewName(), TrialStores.NewName());
        Study study = Begin(store, name);
        Study kept = Begin(store, other);
        Assert.IsTrue(store.DeleteStudy(name));
        Assert.IsFalse(store.DeleteStudy(name));
        Assert.IsNull(store.FindStudy(name));
        Assert.HasCount(4, kept.GetTrials());
        Assert.HasCount(7, kept.GetEvents());

        string sentence =
            $"The study {name} is no longer in {store.Location}: it was deleted while this sweep worked on it.";
        Assert.AreEqual(
            sentence,
            Assert.ThrowsExactly<TrialStoreException>(() => study.TryClaim("w", 10, s_never)).Message
        );
        Begin(store, name); // of the same name, and another one
        Assert.ThrowsExactly<TrialStoreException>(() => study.TryClaim("w", 10, s_never));
    }

    [TestMethod]
    public void A_sweep_whose_study_is_deleted_ends_with_one_sentence()
    {
        using var store = TrialStore.Open(TrialStores.NewFile());
        string message = Assert
            .ThrowsExactly<TrialStoreException>(() =>
                Sweep.Run(
                    store,
                    CheapStudy.Define("s"),
                    [],
                    trial =>
                    {
                        if (trial.Number == 2)
                            store.DeleteStudy("s");
                        trial.Report(1, 0);
                        return CheapStudy.Value(trial.Point);
                    },
                    new SweepOptions { MaximumTrials = 5 }
                )
            )
            .Message;
        StringAssert.StartsWith(message, "The study s is no longer in");
    }

    public static IEnumerable<object[]> KindsOfBoth =>
        from one in Kinds
        from other in Kinds
        select (object[])[one[0], other[0]];

    [TestMethod]
    [DynamicData(nameof(KindsOfBoth))]
    public void A_copy_goes_on_from_where_the_study_is(string from, string to)
    {
        using var store = TrialStore.Open(TrialStores.Location(from));
        using var target = TrialStore.Open(TrialStores.Location(to));
        (string name, string copied) = (TrialStores.NewName(), TrialStores.NewName());
        Study study = Begin(store, name);
        store.CopyStudy(name, copied, target);

        Study copy = Study.Join(target, CheapStudy.Define(copied));
        StoredTrial[] trials = [.. study.GetTrials()];
        StoredTrial[] copies = [.. copy.GetTrials()];
        Assert.HasCount(4, copies);
        for (int i = 0; i < 3; i++)
        {
            CollectionAssert.AreEqual(trials[i].EpochValues.ToArray(), copies[i].EpochValues.ToArray());
            Assert.AreEqual(trials[i] with { EpochValues = [] }, copies[i] with { EpochValues = [] });
        }
        Assert.AreEqual(StoredTrialState.Running, trials[3].State);
        Assert.AreEqual((StoredTrialState.Queued, trials[3].Point), (copies[3].State, copies[3].Point));
        Assert.IsEmpty(copies[3].EpochValues);
        Assert.AreEqual(3, copy.TryClaim("other", 4, s_never)!.Number);
        CrashTest.RequireSameProposals(copy, copy.GetEvents());
        Assert.HasCount(4, study.GetTrials());

        string message = Assert.ThrowsExactly<ArgumentException>(() => store.CopyStudy(name, copied, target)).Message;
        StringAssert.StartsWith(message, $"There is a study {copied} in {target.Location} already");
        message = Assert.ThrowsExactly<ArgumentException>(() => store.CopyStudy("none", copied)).Message;
        StringAssert.StartsWith(message, $"There is no study none in {store.Location}: it has ");
    }

    [TestMethod]
    public void A_file_of_the_version_before_is_brought_up_to_date()
    {
        string path = TrialStores.NewFile();
        using (var store = TrialStore.Open(path))
            Begin(store, "s");
        using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText =
                "ALTER TABLE infomorphic_studies DROP COLUMN batch; ALTER TABLE infomorphic_trials DROP COLUMN repeat_of; UPDATE infomorphic_schema SET version = 1";
            command.ExecuteNonQuery();
        }
        for (int i = 0; i < 2; i++)
            using (var store = TrialStore.Open(path))
            {
                Study study = Study.Join(store, CheapStudy.Define("s"));
                Assert.HasCount(4, study.GetTrials());
                Assert.IsNull(study.Definition.ProposalBatchSize);
            }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_file_that_vanishes_during_a_sweep_is_said(bool another)
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Windows keeps a file that is open.");
        string path = TrialStores.NewFile();
        using var store = TrialStore.Open(path);
        TrialStore? replacement = null;
        string message = Assert
            .ThrowsExactly<TrialStoreException>(() =>
                Sweep.Run(
                    store,
                    CheapStudy.Define("s"),
                    [],
                    trial =>
                    {
                        if (trial.Number == 2)
                        {
                            foreach (
                                string file in Directory.GetFiles(TrialStores.Folder, Path.GetFileName(path) + "*")
                            )
                                File.Delete(file);
                            if (another)
                                Study.Join(replacement = TrialStore.Open(path), CheapStudy.Define("s"));
                        }
                        trial.Report(1, 0);
                        return CheapStudy.Value(trial.Point);
                    },
                    new SweepOptions { MaximumTrials = 5 }
                )
            )
            .Message;
        Assert.AreEqual(
            another
                ? $"The study s is no longer in {path}: it was deleted while this sweep worked on it."
                : $"The file of the trial store {path} is gone: it was deleted or moved while it was in use; put it back and resume, or begin anew.",
            message
        );
        if (replacement is not null)
            Assert.IsEmpty(Study.Join(replacement, CheapStudy.Define("s")).GetTrials());
        replacement?.Dispose();
    }

    [TestMethod]
    public void A_file_that_is_replaced_by_one_that_is_no_store_is_said()
    {
        if (OperatingSystem.IsWindows())
            Assert.Inconclusive("Windows keeps a file that is open.");
        string path = TrialStores.NewFile();
        using var store = TrialStore.Open(path);
        foreach (string file in Directory.GetFiles(TrialStores.Folder, Path.GetFileName(path) + "*"))
            File.Delete(file);
        File.WriteAllBytes(path, []);
        string message = Assert.ThrowsExactly<TrialStoreException>(() => store.GetStudyNames()).Message;
        StringAssert.StartsWith(message, $"The file of the trial store {path} is another one than it was");
    }
}
