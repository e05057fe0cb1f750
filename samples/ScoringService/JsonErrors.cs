using System.Text.Json;

namespace ScoringService;

/// <summary>One sentence for text that is not JSON.</summary>
internal static class JsonErrors
{
    public static string Describe(JsonException e)
    {
        // .NET appends where it is in a form of its own.
        string message = e.Message;
        int suffix = message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        if (suffix > 0)
            message = message[..suffix].TrimEnd('.');
        return e.LineNumber is { } line
            ? $"the text is not valid JSON at line {line + 1}, byte {e.BytePositionInLine + 1}: {message}."
            : $"the text is not valid JSON: {message}.";
    }
}
