using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace PageCode;

/// <summary>
/// A page of the documentation. Its blocks of C#, pasted one after another as a reader would, are one program: usings first,
/// then statements in the page's order, then types.
/// </summary>
public static class Page
{
    private const string Fence = "```";

    /// <summary>The program of a page's code.</summary>
    /// <param name="name">The page's name, which errors of the compiler refer to.</param>
    /// <param name="markdown">The page.</param>
    /// <returns>The program; null where the page has no code.</returns>
    /// <exception cref="FormatException">A block is not closed, or is no C#.</exception>
    public static string? ToProgram(string name, string markdown)
    {
        ArgumentNullException.ThrowIfNull(markdown);
        var usings = new List<string>();
        var statements = new StringBuilder();
        var types = new StringBuilder();
        foreach ((int line, string code) in Blocks(name, markdown))
        {
            SyntaxTree tree = CSharpSyntaxTree.ParseText(code, path: name);
            if (tree.GetDiagnostics().FirstOrDefault(d => d.Severity == DiagnosticSeverity.Error) is { } error)
                throw new FormatException(
                    $"{name}({line + error.Location.GetLineSpan().StartLinePosition.Line}): {error.GetMessage(CultureInfo.InvariantCulture)}"
                );
            var unit = (CompilationUnitSyntax)tree.GetRoot();
            usings.AddRange(unit.Usings.Select(directive => directive.ToString()));
            foreach (MemberDeclarationSyntax member in unit.Members)
            {
                StringBuilder part = member is GlobalStatementSyntax ? statements : types;
                int first = tree.GetLineSpan(member.FullSpan).StartLinePosition.Line;
                part.Append(
                    CultureInfo.InvariantCulture,
                    $"#line {line + first} \"{name}\"\n{member.ToFullString()}\n"
                );
            }
        }
        if (statements.Length + types.Length == 0)
            return null;
        return string.Join('\n', usings.Distinct()) + $"\n{statements}{types}";
    }

    // The blocks with the numbers of their first lines.
    private static IEnumerable<(int Line, string Code)> Blocks(string name, string markdown)
    {
        string[] lines = markdown.ReplaceLineEndings("\n").Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith(Fence, StringComparison.Ordinal))
                continue;
            int start = i;
            int end = Array.FindIndex(lines, start + 1, line => line.TrimEnd() == Fence);
            if (end < 0)
                throw new FormatException($"{name}({start + 1}): the block of code is not closed.");
            if (lines[start].TrimEnd() == Fence + "csharp")
                yield return (start + 2, string.Join('\n', lines[(start + 1)..end]));
            i = end;
        }
    }
}
