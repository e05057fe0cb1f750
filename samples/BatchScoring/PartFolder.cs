using System.Globalization;

namespace BatchScoring;

/// <summary>
/// The folder beside the output that holds what is done of a run: complete parts, and what they are parts of. A part
/// appears in it as a whole or not at all, so that a run that was killed at any moment goes on after the last one.
/// </summary>
internal sealed class PartFolder : IDisposable
{
    private const string JobName = "job.txt";
    private const string Temporary = "part.tmp";

    private readonly string _output;
    private readonly string _folder;
    private readonly FileStream _lock;
    private readonly List<(string Path, int Rows)> _parts = [];

    private PartFolder(string output, string folder, FileStream @lock)
    {
        _output = output;
        _folder = folder;
        _lock = @lock;
    }

    /// <summary>Rows that are done.</summary>
    public long Rows => _parts.Sum(part => (long)part.Rows);

    /// <summary>Rows of the last part; null where there is no part.</summary>
    public int? LastRows => _parts.Count == 0 ? null : _parts[^1].Rows;

    private string JobPath => Path.Combine(_folder, JobName);

    /// <summary>Begins a run, or goes on with it.</summary>
    /// <param name="output">The output's path.</param>
    /// <param name="job">Lines that say of what the parts are parts, "name: value".</param>
    /// <param name="restart">Whether to forget what there is.</param>
    /// <exception cref="IOException">Another run writes to the output.</exception>
    /// <exception cref="InvalidOperationException">There is an output, or the beginning of another one.</exception>
    public static PartFolder Open(string output, IReadOnlyList<string> job, bool restart)
    {
        output = Path.GetFullPath(output);
        if (Path.GetDirectoryName(output) is { } above && !Directory.Exists(above))
            throw new DirectoryNotFoundException($"There is no folder {above}.");
        string folder = output + ".parts";
        Directory.CreateDirectory(folder);
        FileStream @lock;
        try
        {
            @lock = new FileStream(
                Path.Combine(folder, "lock"),
                FileMode.OpenOrCreate,
                FileAccess.Write,
                FileShare.None
            );
        }
        catch (IOException e)
        {
            throw new IOException($"Another run writes to {output}: {e.Message}", e);
        }
        var parts = new PartFolder(output, folder, @lock);
        try
        {
            parts.Prepare(job, restart);
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    /// <summary>Adds a part.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="write">Writes it.</param>
    public async Task AddAsync(int rows, Func<Stream, Task> write)
    {
        string path = Path.Combine(
            _folder,
            string.Create(CultureInfo.InvariantCulture, $"{_parts.Count:D8}-{rows}.part")
        );
        await WriteAsync(path, write);
        _parts.Add((path, rows));
    }

    /// <summary>Puts the output in its place, and removes the folder.</summary>
    /// <param name="merge">Writes the output from its parts.</param>
    public async Task CompleteAsync(Func<Stream, IReadOnlyList<string>, Task> merge)
    {
        string[] paths = [.. _parts.Select(part => part.Path)];
        await WriteAsync(_output, stream => merge(stream, paths));
        Clear();
        Dispose();
    }

    /// <summary>Leaves what is done, for a run that goes on with it; the folder, too, only where there is something.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        if (_parts.Count == 0 && Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private void Prepare(IReadOnlyList<string> job, bool restart)
    {
        if (File.Exists(JobPath) && !restart)
            FindParts();
        if (_parts.Count > 0)
        {
            string? difference = job.Except(File.ReadAllLines(JobPath)).FirstOrDefault();
            if (difference is not null)
                throw new InvalidOperationException(
                    $"{_folder} holds the beginning of another run, which differs in its {difference.Split(':')[0]}: finish that one, or begin anew with --restart."
                );
            return;
        }
        if (File.Exists(_output) && !restart)
            throw new InvalidOperationException(
                $"{_output} is there already: remove it, or replace it with --restart."
            );
        Clear();
        File.WriteAllLines(JobPath + ".tmp", job);
        File.Move(JobPath + ".tmp", JobPath, overwrite: true);
    }

    private void FindParts()
    {
        // In the order of their numbers, as far as none is missing.
        foreach (string path in Directory.GetFiles(_folder, "*.part").Order(StringComparer.Ordinal))
        {
            string[] name = Path.GetFileNameWithoutExtension(path).Split('-');
            if (
                name.Length == 2
                && int.TryParse(name[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                && int.TryParse(name[1], NumberStyles.None, CultureInfo.InvariantCulture, out int rows)
                && number == _parts.Count
            )
                _parts.Add((path, rows));
        }
    }

    // The job first: without it parts are nothing.
    private void Clear()
    {
        File.Delete(JobPath);
        foreach (string path in Directory.GetFiles(_folder, "*.part"))
            File.Delete(path);
        _parts.Clear();
    }

    // Its content is on the disk before its name is.
    private async Task WriteAsync(string path, Func<Stream, Task> write)
    {
        string temporary = Path.Combine(_folder, Temporary);
        await using (var file = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            await write(file);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
