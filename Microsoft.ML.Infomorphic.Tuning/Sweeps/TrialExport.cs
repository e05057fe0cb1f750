using System.Globalization;
using System.Text.Json;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>Writes trials for other programs.</summary>
public static class TrialExport
{
    /// <summary>Writes a table with a row for each trial, and a column for each parameter after those of the trial.</summary>
    /// <param name="trials">The trials, of one study.</param>
    /// <param name="writer">Where to write comma-separated values (RFC 4180), with the invariant culture.</param>
    public static void WriteCsv(IReadOnlyList<StoredTrial> trials, TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentNullException.ThrowIfNull(writer);
        IEnumerable<string> parameters = trials.Count > 0 ? trials[0].Point.Space.Parameters.Select(p => p.Name) : [];
        Write([
            "number",
            "state",
            "value",
            "enqueued",
            "epochs",
            "attempts",
            "worker",
            "started",
            "finished",
            "error",
            "repeat of",
            .. parameters,
        ]);
        foreach (StoredTrial trial in trials)
            Write([
                Text(trial.Number),
                trial.State.ToString(),
                Text(trial.Value),
                trial.Enqueued ? "true" : "false",
                Text(trial.EpochValues.Count),
                Text(trial.Attempts),
                trial.Worker ?? "",
                Text(trial.Started),
                Text(trial.Finished),
                trial.Error ?? "",
                Text(trial.RepeatOf),
                .. trial.Point.Space.Parameters.Select(
                    (p, i) =>
                        p is ChoiceParameter choice
                            ? choice.Choices[(int)trial.Point.Values[i]]
                            : Text(trial.Point.Values[i])
                ),
            ]);

        void Write(IEnumerable<string> cells) => writer.Write(string.Join(',', cells.Select(Quote)) + "\r\n");

        static string Quote(string cell) =>
            cell.AsSpan().ContainsAny(",\"\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;

        static string Text(IFormattable? value) =>
            value?.ToString(value is DateTimeOffset ? "O" : null, CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>Writes trials as a JSON array, their epochs' values included; null stands for a value that is not a finite number.</summary>
    /// <param name="trials">The trials, of one study.</param>
    /// <param name="stream">Where to write.</param>
    public static void WriteJson(IReadOnlyList<StoredTrial> trials, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(trials);
        ArgumentNullException.ThrowIfNull(stream);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartArray();
        foreach (StoredTrial trial in trials)
        {
            json.WriteStartObject();
            json.WriteNumber("number", trial.Number);
            json.WriteString("state", trial.State.ToString());
            WriteNumber("value", trial.Value);
            json.WriteBoolean("enqueued", trial.Enqueued);
            json.WriteNumber("attempts", trial.Attempts);
            json.WriteString("worker", trial.Worker);
            json.WriteString("started", trial.Started?.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("finished", trial.Finished?.ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("error", trial.Error);
            WriteNumber("repeatOf", trial.RepeatOf);
            json.WriteStartObject("parameters");
            foreach ((int i, Parameter parameter) in trial.Point.Space.Parameters.Index())
                if (parameter is ChoiceParameter choice)
                    json.WriteString(parameter.Name, choice.Choices[(int)trial.Point.Values[i]]);
                else
                    json.WriteNumber(parameter.Name, trial.Point.Values[i]);
            json.WriteEndObject();
            json.WriteStartArray("epochs");
            foreach (double value in trial.EpochValues)
                if (double.IsFinite(value))
                    json.WriteNumberValue(value);
                else
                    json.WriteNullValue();
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();

        void WriteNumber(string name, double? value)
        {
            if (value is double number)
                json.WriteNumber(name, number);
            else
                json.WriteNull(name);
        }
    }
}
