namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Writes a file so that it is there as a whole, or is what it was before, whoever else writes it at the same time: the
/// last one wins. A symbolic link is followed, and a file that is replaced keeps its permissions.
/// </summary>
/// <remarks>Reporting compiles it as well.</remarks>
internal static class WholeFile
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; one that exists is replaced.</param>
    /// <param name="write">Writes a file with the name that it is given, which takes the place of the other at the end.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file, or its directory, must not be written.</exception>
    public static void Write(string path, Action<string> write)
    {
        string target = FollowLinks(Path.GetFullPath(path));
        bool isReplaced = ThrowIfProtected(target);
        string directory = Path.GetDirectoryName(target)!;
        if (!Directory.Exists(directory))
            throw new DirectoryNotFoundException($"'{path}' cannot be written: there is no directory '{directory}'.");

        // A name of its own: others may be writing the same file, in this process, on this machine or from elsewhere.
        string temporary = Path.Combine(directory, $".{Guid.NewGuid():N}.tmp");
        try
        {
            write(temporary);
            if (isReplaced && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(temporary, File.GetUnixFileMode(target));
            File.Move(temporary, target, overwrite: true);
        }
        catch (Exception exception)
        {
            Delete(temporary);
            if (NamesThe(temporary, exception))
                throw InWordsOf(path, directory, temporary, exception);
            throw;
        }
    }

    private static string FollowLinks(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return path; // neither a link nor a file
        }
    }

    // The file takes another's place, whose own permission to be written nobody would ask for. Whether there is another.
    private static bool ThrowIfProtected(string target)
    {
        if (Directory.Exists(target))
            throw new UnauthorizedAccessException($"'{target}' cannot be written: it is a directory.");
        try
        {
            using FileStream _ = File.Open(
                target,
                FileMode.Open,
                FileAccess.Write,
                FileShare.ReadWrite | FileShare.Delete
            );
            return true;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static bool NamesThe(string temporary, Exception exception) =>
        exception is IOException or UnauthorizedAccessException
        && exception.Message.Contains(temporary, StringComparison.Ordinal);

    // What the user asked for, and not what came of it.
    private static Exception InWordsOf(string path, string directory, string temporary, Exception exception)
    {
        if (exception is UnauthorizedAccessException)
            return new UnauthorizedAccessException(
                $"'{path}' cannot be written: no file may be made in the directory '{directory}'.",
                exception
            );
        string reason = exception.Message.Replace(temporary, path, StringComparison.Ordinal);
        return new IOException($"'{path}' cannot be written: {reason}", exception);
    }

    // A file that cannot be deleted must not hide why it was to be.
    private static void Delete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException) { }
    }
}
