namespace SampleSupport;

/// <summary>
/// A folder for results. A file appears in it complete or not at all: it is written under a temporary name beside its
/// place and then moved there.
/// </summary>
internal sealed class OutputFolder(string path)
{
    private readonly List<string> _written = [];

    /// <summary>The folder's full path.</summary>
    public string FullPath { get; } = Path.GetFullPath(path);

    /// <summary>Full paths of the files written so far.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <summary>Creates the folder, so that a place that cannot be written to is found out before long work.</summary>
    /// <exception cref="IOException">There is a file in its place, or it cannot be created.</exception>
    public void Create()
    {
        if (File.Exists(FullPath))
            throw new IOException($"{FullPath} is a file, and results go to a folder.");
        Directory.CreateDirectory(FullPath);
    }

    /// <summary>Writes a file.</summary>
    /// <param name="name">Its name in the folder, or a path elsewhere.</param>
    /// <param name="write">Writes its content.</param>
    /// <returns>The file's full path.</returns>
    public string Write(string name, Action<Stream> write)
    {
        string path = Path.GetFullPath(name, FullPath);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        try
        {
            using (FileStream stream = File.Create(temporary))
                write(stream);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
        _written.Add(path);
        return path;
    }
}
