using System.Globalization;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Numbers as people read them.</summary>
internal static class Numbers
{
    /// <summary>With a true minus sign, and none before a zero.</summary>
    public static string Format(double value, int digits = 3)
    {
        string text = value.ToString("F" + digits, CultureInfo.InvariantCulture);
        if (!text.StartsWith('-'))
            return text;
        return text.Trim('-', '0', '.').Length == 0 ? text[1..] : "−" + text[1..];
    }
}
