using Microsoft.ML.Infomorphic.Hosting;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Writes files that are there as a whole or not at all, in directories that are made where they are missing.</summary>
internal static class ReportFile
{
    public static void Write(string path, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        WholeFile.Write(path, temporary => File.WriteAllBytes(temporary, content));
    }
}
