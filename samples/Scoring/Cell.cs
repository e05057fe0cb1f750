using System.Globalization;

namespace SampleSupport;

/// <summary>A value of a table: a text that says it, a number, a truth, or nothing.</summary>
internal readonly ref struct Cell
{
    private readonly CellKind _kind;
    private readonly ReadOnlySpan<char> _text;
    private readonly double _number;
    private readonly Int128 _whole;

    private Cell(CellKind kind, ReadOnlySpan<char> text = default, double number = 0, Int128 whole = default)
    {
        _kind = kind;
        _text = text;
        _number = number;
        _whole = whole;
    }

    private enum CellKind
    {
        Missing,
        Text,
        Number,
        Whole,
        Truth,
    }

    public static Cell Missing => new(CellKind.Missing);

    /// <summary>A text that may say a number or a truth; an empty one may say that there is none.</summary>
    public static Cell Of(ReadOnlySpan<char> text) => new(CellKind.Text, text);

    public static Cell Of(double number) => new(CellKind.Number, number: number);

    public static Cell Of(Int128 whole) => new(CellKind.Whole, whole: whole);

    public static Cell Of(bool truth) => new(CellKind.Truth, whole: truth ? 1 : 0);

    private bool IsNothing => _kind == CellKind.Missing || _kind == CellKind.Text && _text.IsWhiteSpace();

    /// <summary>A number, or NaN where there is none; false where it is something else or infinite.</summary>
    public bool TryGetNumber(out double value)
    {
        value = double.NaN;
        if (IsNothing)
            return true;
        switch (_kind)
        {
            case CellKind.Number:
                value = _number;
                return !double.IsInfinity(value);
            case CellKind.Whole:
                value = (double)_whole;
                return true;
            case CellKind.Text:
                return double.TryParse(_text, NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                    && !double.IsInfinity(value);
            default:
                return false;
        }
    }

    /// <summary>The same in single precision, rounded once.</summary>
    public bool TryGetNumber(out float value)
    {
        if (_kind == CellKind.Text && !IsNothing)
            return float.TryParse(_text, NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                && !float.IsInfinity(value);
        bool isNumber = TryGetNumber(out double number);
        value = (float)number;
        return isNumber && !float.IsInfinity(value);
    }

    /// <summary>A whole number; one that is stored as a fraction of nothing is whole.</summary>
    public bool TryGetWhole(out Int128 value)
    {
        value = _whole;
        switch (_kind)
        {
            case CellKind.Whole:
                return true;
            case CellKind.Number:
                // Beyond 2⁶⁴ no column takes it.
                if (!(Math.Abs(_number) <= 18446744073709551616.0) || Math.Floor(_number) != _number)
                    return false;
                value = (Int128)_number;
                return true;
            case CellKind.Text:
                return Int128.TryParse(_text, NumberStyles.Integer, CultureInfo.InvariantCulture, out value);
            default:
                return false;
        }
    }

    /// <summary>A truth: "true" or "false" in any case, 1 or 0.</summary>
    public bool TryGetTruth(out bool value)
    {
        value = _whole == 1;
        if (_kind == CellKind.Truth)
            return true;
        if (_kind == CellKind.Text && bool.TryParse(_text, out value))
            return true;
        bool isWhole = TryGetWhole(out Int128 whole);
        value = whole == 1;
        return isWhole && (value || whole == 0);
    }

    /// <summary>A text, empty where there is none.</summary>
    public bool TryGetText(out ReadOnlyMemory<char> value)
    {
        value = _text.ToString().AsMemory();
        return _kind is CellKind.Text or CellKind.Missing;
    }

    /// <summary>Words for what stands in the way of a value.</summary>
    public string Describe() =>
        IsNothing ? "nothing"
        : _kind == CellKind.Text ? $"the text \"{JsonTokens.Short(_text.ToString())}\""
        : _kind == CellKind.Truth ? (_whole == 1 ? "true" : "false")
        : _kind == CellKind.Whole ? _whole.ToString(CultureInfo.InvariantCulture)
        : _number.ToString(CultureInfo.InvariantCulture);
}
