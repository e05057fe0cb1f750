using System.Text.Json;

namespace SampleSupport;

/// <summary>Words for what stands in the way of a value.</summary>
internal static class JsonTokens
{
    private const int LongestQuote = 40;

    public static string Describe(ref Utf8JsonReader reader) =>
        reader.TokenType switch
        {
            JsonTokenType.StartObject => "an object",
            JsonTokenType.StartArray => "an array",
            JsonTokenType.Null => "null",
            JsonTokenType.True => "true",
            JsonTokenType.False => "false",
            JsonTokenType.String => $"the text \"{Short(reader.GetString()!)}\"",
            JsonTokenType.Number => Short(System.Text.Encoding.UTF8.GetString(reader.ValueSpan)),
            _ => "the end",
        };

    public static string Short(string text) => text.Length <= LongestQuote ? text : text[..LongestQuote] + "…";
}
