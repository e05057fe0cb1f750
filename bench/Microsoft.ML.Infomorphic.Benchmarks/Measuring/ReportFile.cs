using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Infomorphic.Benchmarks.Measuring;

/// <summary>Reports as JSON.</summary>
internal static class ReportFile
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new ShortDoubleConverter() },
    };

    /// <summary>Writes a report, complete or not at all.</summary>
    public static void Write<T>(string path, T report)
    {
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = $"{path}.tmp";
        File.WriteAllText(temporary, JsonSerializer.Serialize(report, s_format) + "\n");
        File.Move(temporary, path, overwrite: true);
    }

    // Four significant digits are more than a timing has.
    private sealed class ShortDoubleConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) =>
            reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteRawValue(
                    value.ToString(
                        Math.Abs(value) >= 1000 ? "F0" : "G4",
                        System.Globalization.CultureInfo.InvariantCulture
                    )
                );
            else
                writer.WriteNullValue();
        }
    }
}
