using System.Globalization;

namespace Tabular;

/// <summary>What a column is to a model.</summary>
internal enum ColumnKind
{
    /// <summary>Numbers.</summary>
    Numeric,

    /// <summary>Values that come again and again: one indicator for each.</summary>
    Categorical,

    /// <summary>Words.</summary>
    Text,

    /// <summary>One value everywhere, or a different one in each row: nothing can be learned from it.</summary>
    Ignored,
}

/// <summary>
/// Reads a column's cells and infers what kind it is, by the rules of ML.NET's <c>InferColumns</c>: numbers are features;
/// of other columns, those with fewer than seven different values in ten cells are categories, and the rest are text if
/// they have words, or else ignored.
/// </summary>
/// <param name="name">The column's name. One that ends in "_c" says that numbers are the codes of categories.</param>
internal sealed class ColumnInference(string name)
{
    private readonly HashSet<string> _different = [];
    private int _filled;
    private int _numbers;
    private long _characters;
    private long _spaces;

    /// <summary>Whether cells are missing.</summary>
    public bool Incomplete { get; private set; }

    public void Add(string cell)
    {
        if (IsMissing(cell))
            Incomplete = true;
        else
            _filled++;
        if (IsNumber(cell))
            _numbers++;
        _different.Add(cell);
        _characters += cell.Length;
        _spaces += cell.AsSpan().Count(' ');
    }

    public ColumnKind Kind
    {
        get
        {
            if (_filled == 0 || _different.Count == 1)
                return ColumnKind.Ignored;
            if (_numbers == _filled && !name.EndsWith("_c", StringComparison.Ordinal))
                return ColumnKind.Numeric;
            if (_different.Count < 0.7 * _filled)
                return ColumnKind.Categorical;
            bool words = _characters > 30 * _filled || _spaces >= _filled;
            return words ? ColumnKind.Text : ColumnKind.Ignored;
        }
    }

    /// <summary>How tables say that a number is missing. Among categories these are categories.</summary>
    private static bool IsMissing(string cell) =>
        cell.Trim() is "" or "?" or "NA" or "N/A" or "NaN" or "null" or "NULL";

    private static bool IsNumber(string cell) =>
        float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out float value)
        && float.IsFinite(value);
}
