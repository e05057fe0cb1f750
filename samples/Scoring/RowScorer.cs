using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>Takes rows, and writes what a model says about them. Not thread-safe: it belongs to who rented it.</summary>
internal sealed class RowScorer
{
    private readonly RowBlock _block;
    private readonly IDataView _scored;
    private readonly Dictionary<string, int> _positions;
    private readonly HashSet<string> _ignored;
    private readonly bool[] _seen;

    public RowScorer(RowBlock block, InputColumn[] inputs, IDataView scored, OutputColumn[] outputs)
    {
        _block = block;
        _scored = scored;
        Inputs = inputs;
        Outputs = outputs;
        _positions = inputs.Select((column, i) => (column.Name, i)).ToDictionary(pair => pair.Name, pair => pair.i);
        _ignored = [.. block.Schema.Select(column => column.Name).Where(name => !_positions.ContainsKey(name))];
        _seen = new bool[inputs.Length];
    }

    /// <summary>The columns that a row has to hold.</summary>
    public IReadOnlyList<InputColumn> Inputs { get; }

    public IReadOnlyList<OutputColumn> Outputs { get; }

    public int Count => _block.Count;

    public void Clear() => _block.Clear();

    /// <summary>
    /// Takes a row from the token that the reader stands on: an object with the columns' names, or, for a model that
    /// reads nothing but one vector, an array. Leaves the reader on the row's last token.
    /// </summary>
    /// <exception cref="BadRowException">The row is not what the model reads; it leaves no trace.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public void Add(ref Utf8JsonReader reader) => Add(ref reader, isWhole: false);

    /// <summary>Takes a row from a text that holds it and nothing else.</summary>
    /// <exception cref="BadRowException">The row is not what the model reads; it leaves no trace.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public void Add(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        reader.Read();
        Add(ref reader, isWhole: true);
    }

    /// <summary>Takes a row that is put into the columns it has to hold, value by value.</summary>
    /// <param name="fill">Puts it there.</param>
    /// <exception cref="BadRowException">The row is not what the model reads; it leaves no trace.</exception>
    public void Add(Action<IReadOnlyList<InputColumn>> fill)
    {
        try
        {
            fill(Inputs);
        }
        catch
        {
            _block.DropUnfinishedRow();
            throw;
        }
        _block.AddRow();
    }

    /// <summary>Scores the rows taken so far, and hands over the values of all columns of the first row, and so on.</summary>
    public void Score(IValueWriter values)
    {
        using DataViewRowCursor cursor = _scored.GetRowCursor(Outputs.Select(output => output.Column));
        Action<IValueWriter>[] columns = [.. Outputs.Select(output => output.Bind(cursor))];
        while (cursor.MoveNext())
            foreach (Action<IValueWriter> column in columns)
                column(values);
    }

    /// <summary>Scores the rows taken so far; a row is one JSON object.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="rowWritten">Called after each row.</param>
    public void Score(Utf8JsonWriter writer, Action? rowWritten = null)
    {
        using DataViewRowCursor cursor = _scored.GetRowCursor(Outputs.Select(output => output.Column));
        Action<IValueWriter>[] columns = [.. Outputs.Select(output => output.Bind(cursor))];
        var values = new JsonValues(writer);
        while (cursor.MoveNext())
        {
            writer.WriteStartObject();
            for (int i = 0; i < columns.Length; i++)
            {
                writer.WritePropertyName(Outputs[i].Name);
                columns[i](values);
            }
            writer.WriteEndObject();
            rowWritten?.Invoke();
        }
    }

    private void Add(ref Utf8JsonReader reader, bool isWhole)
    {
        try
        {
            if (reader.TokenType == JsonTokenType.StartArray && Inputs is [{ Size: not null } vector])
                vector.Read(ref reader);
            else
                ReadObject(ref reader);
            if (isWhole)
                reader.Read();
        }
        catch (Exception e) when (e is BadRowException or JsonException or InvalidOperationException)
        {
            _block.DropUnfinishedRow();
            // What Utf8JsonReader says of text that is not UTF-8.
            throw e is InvalidOperationException ? new BadRowException("the text is not valid UTF-8") : e;
        }
        _block.AddRow();
    }

    private void ReadObject(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new BadRowException(
                $"a row is an object with the model's columns, not {JsonTokens.Describe(ref reader)}"
            );
        Array.Clear(_seen);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (!_positions.TryGetValue(name, out int i))
            {
                if (!_ignored.Contains(name))
                    throw new BadRowException(
                        $"the model has no column \"{JsonTokens.Short(name)}\"; it reads {Names(Inputs)}"
                    );
                reader.Skip();
                continue;
            }
            if (_seen[i])
                throw new BadRowException($"column \"{name}\" is there twice");
            _seen[i] = true;
            Inputs[i].Read(ref reader);
        }
        int missing = Array.IndexOf(_seen, false);
        if (missing >= 0)
            throw new BadRowException($"column \"{Inputs[missing].Name}\" is missing");
    }

    private static string Names(IEnumerable<InputColumn> columns) =>
        string.Join(", ", columns.Select(column => $"\"{column.Name}\""));
}
