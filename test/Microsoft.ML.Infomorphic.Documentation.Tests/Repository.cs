using System.Reflection;

namespace Microsoft.ML.Infomorphic.Documentation.Tests;

/// <summary>The repository's own pages.</summary>
internal static class Repository
{
    public static string Root { get; } =
        Path.GetFullPath(
            typeof(Repository)
                .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
                .Single(attribute => attribute.Key == "RepositoryRoot")
                .Value!
        );

    /// <summary>All pages, by their paths from the root with slashes.</summary>
    public static IEnumerable<string> Pages { get; } =
    [
        .. Directory
            .EnumerateFiles(Root, "*.md", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path =>
                !path.Split('/')[..^1].Any(folder => folder is "bin" or "obj" or "artifacts" or "output" or ".git")
            )
            .Order(StringComparer.Ordinal),
    ];

    public static string Read(string page) => File.ReadAllText(Path.Combine(Root, page)).ReplaceLineEndings("\n");
}
