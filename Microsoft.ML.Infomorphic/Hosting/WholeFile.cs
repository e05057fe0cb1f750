namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Writes a file so that it is there as a whole, or is what it was before.</summary>
internal static class WholeFile
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; one that exists is replaced.</param>
    /// <param name="write">Writes a file with the name that it is given, which takes the place of the other at the end.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, Action<string> write)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            write(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
