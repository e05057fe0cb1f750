using System.Text.Json;

namespace SampleSupport;

/// <summary>Takes the values that a model adds, row by row and column by column.</summary>
internal interface IValueWriter
{
    void Missing();

    void Number(float value);

    void Number(double value);

    void Whole(long value);

    void Whole(ulong value);

    void Truth(bool value);

    void Text(ReadOnlySpan<char> value);

    /// <summary>The values that follow are one vector's.</summary>
    void BeginVector();

    void EndVector();
}

/// <summary>Values as JSON.</summary>
internal sealed class JsonValues(Utf8JsonWriter writer) : IValueWriter
{
    public void Missing() => writer.WriteNullValue();

    // JSON has no NaN and no infinity.
    public void Number(float value)
    {
        if (float.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            Missing();
    }

    public void Number(double value)
    {
        if (double.IsFinite(value))
            writer.WriteNumberValue(value);
        else
            Missing();
    }

    public void Whole(long value) => writer.WriteNumberValue(value);

    public void Whole(ulong value) => writer.WriteNumberValue(value);

    public void Truth(bool value) => writer.WriteBooleanValue(value);

    public void Text(ReadOnlySpan<char> value) => writer.WriteStringValue(value);

    public void BeginVector() => writer.WriteStartArray();

    public void EndVector() => writer.WriteEndArray();
}
