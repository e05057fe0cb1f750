namespace SampleSupport;

/// <summary>Finds the data that come with the repository.</summary>
internal static class DataFolder
{
    /// <summary>
    /// The folder data/<paramref name="name"/>: beside the application, where it is built and published to, else in the
    /// current directory or above it. Where there is none, the first of these.
    /// </summary>
    public static string Find(string name)
    {
        string relative = Path.Combine("data", name);
        string beside = Path.Combine(AppContext.BaseDirectory, relative);
        if (Directory.Exists(beside))
            return beside;
        for (DirectoryInfo? folder = new(Directory.GetCurrentDirectory()); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, relative);
            if (Directory.Exists(candidate))
                return candidate;
        }
        return beside;
    }
}
