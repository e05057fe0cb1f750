using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

/// <summary>Files that are written as a whole: by many at once, over links and permissions, and where they cannot be.</summary>
[TestClass]
public sealed partial class WholeFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory().FullName;
    private readonly string _path;

    public WholeFileTests() => _path = Path.Combine(_directory, "result");

    public void Dispose()
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(_directory, recursive: true);
    }

    [TestMethod]
    public void Eight_threads_save_a_model_again_and_again_to_one_path()
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context);
        InfomorphicPredictionTransformer model = Samples.Transformer(context, data);

        AtOnce(_ => context.Model.SaveWhole(model, data.Schema, _path));

        Assert.AreEqual(
            Samples.Scores(model.Transform(data))[0][0],
            Samples.Scores(context.Model.LoadWhole(_path, out DataViewSchema _).Transform(data))[0][0]
        );
    }

    [TestMethod]
    public void Eight_threads_save_an_onnx_file_again_and_again_to_one_path()
    {
        var context = new MLContext(1);
        InfomorphicPredictionTransformer model = Samples.Transformer(context, Samples.View(context));
        model.SaveAsOnnx(_path);
        byte[] expected = File.ReadAllBytes(_path);

        AtOnce(_ => model.SaveAsOnnx(_path));

        CollectionAssert.AreEqual(expected, File.ReadAllBytes(_path));
    }

    [TestMethod]
    public void What_is_there_at_the_end_is_what_one_of_many_wrote()
    {
        AtOnce(thread =>
            WholeFile.Write(_path, file => File.WriteAllText(file, new string((char)('a' + thread), 1 << 16)))
        );

        string content = File.ReadAllText(_path);
        Assert.AreEqual(1 << 16, content.Length);
        Assert.AreEqual(new string(content[0], 1 << 16), content);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void Links_are_followed_and_permissions_kept()
    {
        string target = Path.Combine(_directory, "target");
        File.WriteAllText(target, "old");
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        File.SetUnixFileMode(target, Mode);
        File.CreateSymbolicLink(_path, "target");
        string linkToLink = Path.Combine(_directory, "link to link");
        File.CreateSymbolicLink(linkToLink, _path);

        WholeFile.Write(linkToLink, file => File.WriteAllText(file, "new"));

        Assert.AreEqual("new", File.ReadAllText(target));
        Assert.AreEqual(Mode, File.GetUnixFileMode(target));
        Assert.AreEqual("target", new FileInfo(_path).LinkTarget);
        Assert.AreEqual(_path, new FileInfo(linkToLink).LinkTarget);
    }

    [TestMethod]
    [OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
    [UnsupportedOSPlatform("windows")]
    public void A_link_to_nothing_yet_is_followed()
    {
        File.CreateSymbolicLink(_path, "later");

        WholeFile.Write(_path, file => File.WriteAllText(file, "new"));

        Assert.AreEqual("new", File.ReadAllText(Path.Combine(_directory, "later")));
        Assert.IsNotNull(new FileInfo(_path).LinkTarget);
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [UnsupportedOSPlatform("windows")]
    public void A_file_that_must_not_be_written_stays()
    {
        foreach (UnixFileMode mode in (UnixFileMode[])[UnixFileMode.UserRead, (UnixFileMode)0x124]) // 0400, 0444
        {
            File.WriteAllText(_path, "old");
            File.SetUnixFileMode(_path, mode);

            AsNobody(() =>
                StringAssert.Contains(
                    Assert
                        .ThrowsExactly<UnauthorizedAccessException>(() =>
                            WholeFile.Write(_path, file => File.WriteAllText(file, "new"))
                        )
                        .Message,
                    $"'{_path}'"
                )
            );

            AssertAlone("old");
            Assert.AreEqual(mode, File.GetUnixFileMode(_path));
            File.Delete(_path);
        }
    }

    // Permissions do not bind root.
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [UnsupportedOSPlatform("windows")]
    public void Root_replaces_a_file_and_keeps_its_permissions()
    {
        if (!Environment.IsPrivilegedProcess)
            Assert.Inconclusive("Only root can try.");
        const UnixFileMode ReadOnly = (UnixFileMode)0x124; // 0444
        File.WriteAllText(_path, "old");
        File.SetUnixFileMode(_path, ReadOnly);

        WholeFile.Write(_path, file => File.WriteAllText(file, "new"));

        AssertAlone("new");
        Assert.AreEqual(ReadOnly, File.GetUnixFileMode(_path));
    }

    [TestMethod]
    public void A_directory_that_is_missing_is_named()
    {
        string path = Path.Combine(_directory, "no", "such", "place");

        Assert.AreEqual(
            $"'{path}' cannot be written: there is no directory '{Path.GetDirectoryName(path)}'.",
            Assert
                .ThrowsExactly<DirectoryNotFoundException>(() => WholeFile.Write(path, _ => Assert.Fail("Too late.")))
                .Message
        );
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    [UnsupportedOSPlatform("windows")]
    public void A_directory_that_must_not_be_written_is_named()
    {
        File.SetUnixFileMode(_directory, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);

        AsNobody(() =>
            Assert.AreEqual(
                $"'{_path}' cannot be written: no file may be made in the directory '{_directory}'.",
                Assert
                    .ThrowsExactly<UnauthorizedAccessException>(() =>
                        WholeFile.Write(_path, file => File.WriteAllText(file, "new"))
                    )
                    .Message
            )
        );
    }

    [TestMethod]
    public void A_directory_in_the_place_of_the_file_is_named()
    {
        StringAssert.EndsWith(
            Assert
                .ThrowsExactly<UnauthorizedAccessException>(() =>
                    WholeFile.Write(_directory, _ => Assert.Fail("Too late."))
                )
                .Message,
            "it is a directory."
        );
    }

    [TestMethod]
    public void What_fails_is_said_of_the_file_that_was_asked_for_and_nothing_is_left()
    {
        File.WriteAllText(_path, "old");

        IOException failure = Assert.ThrowsExactly<IOException>(() =>
            WholeFile.Write(
                _path,
                file =>
                {
                    File.WriteAllText(file, "half");
                    throw new IOException($"No space left on device : '{file}'");
                }
            )
        );

        Assert.AreEqual($"'{_path}' cannot be written: No space left on device : '{_path}'", failure.Message);
        AssertAlone("old");
    }

    [TestMethod]
    public void A_clean_up_that_fails_does_not_hide_why_there_was_one()
    {
        Assert.AreEqual(
            "first",
            Assert
                .ThrowsExactly<NotSupportedException>(() =>
                    WholeFile.Write(
                        _path,
                        file =>
                        {
                            Directory.CreateDirectory(file); // no file, and not to be deleted as one
                            throw new NotSupportedException("first");
                        }
                    )
                )
                .Message
        );
    }

    private void AssertAlone(string content)
    {
        Assert.AreEqual(content, File.ReadAllText(_path));
        CollectionAssert.AreEqual(new[] { _path }, Directory.GetFileSystemEntries(_directory));
    }

    private void AtOnce(Action<int> save)
    {
        const int Threads = 8;
        const int Saves = 30;
        var failures = new Exception?[Threads];
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, Threads)
                .Select(thread => new Thread(() =>
                {
                    try
                    {
                        for (int i = 0; i < Saves; i++)
                            save(thread);
                    }
                    catch (Exception exception)
                    {
                        failures[thread] = exception;
                    }
                })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();

        foreach (Exception? failure in failures)
            Assert.IsNull(failure, failure?.ToString());
        CollectionAssert.AreEqual(new[] { _path }, Directory.GetFileSystemEntries(_directory));
    }

    // On a thread whose file accesses are not root's, where the tests are root's; permissions bind it then.
    private void AsNobody(Action action)
    {
        const uint Nobody = 65534;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                if (Environment.IsPrivilegedProcess)
                {
                    Assert.AreEqual(0, ChangeOwner(_directory, Nobody, Nobody));
                    if (File.Exists(_path))
                        Assert.AreEqual(0, ChangeOwner(_path, Nobody, Nobody));
                    _ = SetFileSystemUser(Nobody);
                }

                action();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
            finally
            {
                if (Environment.IsPrivilegedProcess)
                    _ = SetFileSystemUser(0);
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFileSystemUser(uint user);

    [LibraryImport("libc", EntryPoint = "chown", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeOwner(string path, uint owner, uint group);
}
