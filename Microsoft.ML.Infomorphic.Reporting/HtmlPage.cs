using System.Net;
using System.Text.RegularExpressions;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>What self-contained pages of reports have in common.</summary>
internal static class HtmlPage
{
    private static int s_pictures;

    /// <summary>The page from its start to the beginning of its body.</summary>
    /// <param name="title">The title.</param>
    /// <param name="styles">Styles after those that all reports share.</param>
    /// <param name="refreshSeconds">After so many seconds a browser reads the file again; null for a page that stays.</param>
    public static string Begin(string title, string styles = "", int? refreshSeconds = null) =>
        $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">{(
                refreshSeconds is int seconds
                    ? FormattableString.Invariant($"<meta http-equiv=\"refresh\" content=\"{seconds}\">")
                    : ""
            )}
            <link rel="icon" href="data:,">
            <title>{WebUtility.HtmlEncode(title)}</title>
            <style>{Resource(typeof(HtmlPage), "report.css")}{styles}</style>
            </head>
            <body>
            """;

    /// <summary>The page from the end of its body on.</summary>
    public static string End() =>
        $"""
            <script>{Resource(typeof(HtmlPage), "report.js")}</script>
            </body>
            </html>
            """;

    /// <summary>A picture as a part of the page: without the XML declaration, and with identifiers that are unique on it.</summary>
    public static string Inline(Picture picture)
    {
        string svg = picture.ToSvg();
        svg = svg[svg.IndexOf("<svg", StringComparison.Ordinal)..];
        string prefix = $"p{Interlocked.Increment(ref s_pictures)}-";
        return Regex.Replace(svg, "(id=\"|url\\(#|href=\"#)", match => match.Value + prefix);
    }

    /// <summary>A text that is embedded in an assembly.</summary>
    /// <param name="owner">A type of the assembly.</param>
    /// <param name="name">The resource's name.</param>
    public static string Resource(Type owner, string name)
    {
        using Stream stream = owner.Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
