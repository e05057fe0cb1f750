using System.Globalization;
using SampleSupport;

namespace BatchScoring;

/// <summary>Which columns of a file hold the values of a model's column.</summary>
/// <param name="texts">"NAME=COLUMN" or "NAME=FIRST..LAST".</param>
internal sealed class ColumnNames
{
    private const string Range = "..";

    private readonly Dictionary<string, string> _names = [];

    private ColumnNames() { }

    /// <summary>One line that is the same for the same names.</summary>
    public override string ToString() =>
        string.Join(
            ' ',
            _names.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={pair.Value}")
        );

    /// <exception cref="ArgumentException">A text says something else.</exception>
    public static ColumnNames Parse(params IReadOnlyList<string> texts)
    {
        var columns = new ColumnNames();
        foreach (string text in texts)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == text.Length - 1)
                throw new ArgumentException($"--columns takes NAME=COLUMN or NAME=FIRST..LAST, not \"{text}\".");
            if (!columns._names.TryAdd(text[..equals], text[(equals + 1)..]))
                throw new ArgumentException($"--columns names \"{text[..equals]}\" twice.");
        }
        return columns;
    }

    /// <summary>Checks that all names are of columns that the model reads.</summary>
    /// <exception cref="ArgumentException">One is not.</exception>
    public void Check(IReadOnlyList<InputColumn> columns)
    {
        foreach (string name in _names.Keys)
            if (columns.All(column => column.Name != name))
                throw new ArgumentException($"--columns names \"{name}\", and the model reads {Quote(Of(columns))}.");
    }

    /// <summary>The name of the file's column that holds one of the model's as a whole.</summary>
    public string Of(InputColumn column) => _names.GetValueOrDefault(column.Name, column.Name);

    /// <summary>The places in the file of the columns that hold a column's values one by one.</summary>
    /// <param name="column">The model's column.</param>
    /// <param name="present">The names of the file's columns.</param>
    /// <param name="file">The file's name, for the reader of the sentence.</param>
    /// <exception cref="InvalidDataException">They are not there.</exception>
    public int[] Find(InputColumn column, IReadOnlyList<string> present, string file)
    {
        string name = Of(column);
        if (column.Size is null)
            return [Single(name)];
        if (name.Split(Range) is [{ Length: > 0 } first, { Length: > 0 } last] && name != column.Name)
        {
            int from = Single(first);
            int to = Single(last);
            int count = to - from + 1;
            if (count < 1 || column.Size > 0 && count != column.Size)
                throw new InvalidDataException(
                    $"Column \"{column.Name}\" takes {column.Size} values, and from \"{first}\" to \"{last}\" {file} has {Math.Max(count, 0)} columns."
                );
            return [.. Enumerable.Range(from, count)];
        }
        if (column.Size == 0)
            throw new InvalidDataException(
                $"Column \"{column.Name}\" takes a vector of any size: say which columns hold it, --columns \"{column.Name}=FIRST..LAST\"."
            );
        return
        [
            .. Enumerable
                .Range(0, column.Size.Value)
                .Select(slot => Single(name + "." + slot.ToString(CultureInfo.InvariantCulture))),
        ];

        int Single(string wanted)
        {
            int found = -1;
            for (int i = 0; i < present.Count; i++)
                if (present[i] == wanted)
                    found =
                        found < 0
                            ? i
                            : throw new InvalidDataException(
                                $"{file} has two columns \"{wanted}\": rename one of them."
                            );
            if (found >= 0)
                return found;
            string hint = column.Size is null
                ? $"--columns \"{column.Name}=COLUMN\""
                : $"--columns \"{column.Name}=FIRST..LAST\"";
            throw new InvalidDataException(
                $"{file} has no column \"{wanted}\", which the model reads; it has {Quote(present)}. Is it called otherwise? Then say {hint}."
            );
        }
    }

    private static IReadOnlyList<string> Of(IReadOnlyList<InputColumn> columns) =>
        [.. columns.Select(column => column.Name)];

    private static string Quote(IReadOnlyList<string> names)
    {
        const int Most = 8;
        string list = string.Join(", ", names.Take(Most).Select(name => $"\"{JsonTokens.Short(name)}\""));
        return names.Count > Most ? $"{list} and {names.Count - Most} more" : list;
    }
}
