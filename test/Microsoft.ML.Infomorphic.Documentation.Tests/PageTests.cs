using System.Text.RegularExpressions;

namespace Microsoft.ML.Infomorphic.Documentation.Tests;

/// <summary>Links lead somewhere, and the first page stays one.</summary>
[TestClass]
public sealed partial class PageTests
{
    [TestMethod]
    public void Every_link_leads_to_a_file_of_the_repository_and_to_a_heading_of_it()
    {
        var broken = new List<string>();
        foreach (string page in Repository.Pages)
        {
            string text = Code().Replace(Repository.Read(page), "");
            foreach (Match link in Link().Matches(text))
            {
                string[] parts = link.Groups["target"].Value.Split('#');
                if (parts[0].Contains("://", StringComparison.Ordinal))
                    continue;
                string file = Path.GetFullPath(
                    parts[0].Length == 0
                        ? Path.Combine(Repository.Root, page)
                        : Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, parts[0])
                );
                if (!File.Exists(file) && !Directory.Exists(file))
                    broken.Add($"{page}: {link.Groups["target"]}");
                else if (parts.Length > 1 && !Headings(File.ReadAllText(file)).Contains(parts[1]))
                    broken.Add($"{page}: {link.Groups["target"]} has no such heading");
            }
        }
        Assert.IsEmpty(broken, string.Join('\n', broken));
    }

    [TestMethod]
    public void Readme_is_read_in_ten_minutes() =>
        Assert.IsLessThanOrEqualTo(150, Repository.Read("README.md").TrimEnd().Split('\n').Length);

    [TestMethod]
    public void Every_page_of_the_documentation_is_in_the_contents_of_the_site()
    {
        string contents = Repository.Read("docs/toc.yml");
        foreach (string page in Repository.Pages.Where(page => page.StartsWith("docs/", StringComparison.Ordinal)))
            StringAssert.Contains(contents, $"href: {page["docs/".Length..]}");
    }

    // As GitHub and docfx make them.
    private static HashSet<string> Headings(string text) =>
        [
            .. Heading()
                .Matches(Code().Replace(text.ReplaceLineEndings("\n"), ""))
                .Select(match =>
                    NotInAnchors().Replace(match.Groups["text"].Value.ToLowerInvariant(), "").Replace(' ', '-')
                ),
        ];

    [GeneratedRegex(@"(?<!`)\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex("^#+ (?<text>.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchors();
}
