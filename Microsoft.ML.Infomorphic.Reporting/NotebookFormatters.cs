using System.Net;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>
/// Says how a notebook shows a type. .NET Interactive finds this attribute by its name and by those of its properties, and what
/// it refers to by the names of the methods, so that nothing here depends on its packages.
/// </summary>
/// <param name="formatterSourceType">The type that makes the formatters, with a constructor without parameters.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    /// <summary>The type that makes the formatters.</summary>
    public Type FormatterSourceType { get; } = formatterSourceType;

    /// <summary>What a notebook asks for where it has the choice.</summary>
    public string[] PreferredMimeTypes { get; } = [NotebookFormatters.Html];
}

/// <summary>How a notebook shows reports and pictures.</summary>
internal sealed class NotebookFormatters
{
    /// <summary>The MIME type of HTML.</summary>
    public const string Html = "text/html";

    private readonly NotebookFormatter[] _formatters = [new(Html, ToHtml)];

    /// <summary>The formatters, one for all types that refer to this one.</summary>
    public IEnumerable<object> CreateTypeFormatters() => _formatters;

    private static string? ToHtml(object value) =>
        value switch
        {
            // A frame: the page's styles are for the page alone.
            ReportPage page =>
                $"<iframe title=\"Report\" sandbox=\"allow-scripts allow-popups\" style=\"width:100%;height:40rem;border:0;resize:vertical\" srcdoc=\"{WebUtility.HtmlEncode(page.ToHtml())}\"></iframe>",
            // As wide as the output at most.
            Picture picture => HtmlPage
                .Inline(picture)
                .Replace(
                    "<svg ",
                    "<svg style=\"background:#fff;max-width:100%;height:auto\" ",
                    StringComparison.Ordinal
                ),
            _ => null,
        };
}

/// <summary>Writes values as a part of a notebook's output.</summary>
/// <param name="mimeType">What it writes.</param>
/// <param name="write">A value as that; null for one of another type.</param>
internal sealed class NotebookFormatter(string mimeType, Func<object, string?> write)
{
    /// <summary>What the formatter writes.</summary>
    public string MimeType => mimeType;

    /// <summary>Writes a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="writer">Where to.</param>
    /// <returns>Whether it is one that the formatter knows.</returns>
    public bool Format(object value, TextWriter writer)
    {
        string? written = write(value);
        writer.Write(written);
        return written is not null;
    }
}
