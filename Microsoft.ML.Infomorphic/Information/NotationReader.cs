using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Information;

// goal      = "0" | [sign] term { sign term }
// term      = [number ["*"]] (antichain | "H_res" | "Hres")
// antichain = set { set }
// set       = "{" source { [","] source } "}"
// sign      = "+" | "-" | "−"
// Spaces may stand anywhere but inside numbers and H_res.

/// <summary>Reads the paper's notation of antichains and goal functions; remembers the first error and its position.</summary>
internal sealed class NotationReader(string text, string sources)
{
    private const char UnicodeMinus = '\u2212';
    private static readonly string[] s_residualNames = ["H_res", "Hres"];

    private int _position;
    private string? _reason;

    /// <summary>Throws unless the sources are 1 to 4 different letters or digits.</summary>
    public static void ValidateSources(string sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (
            sources.Length is < 1 or > Antichain.MaximumSourceCount
            || !sources.All(char.IsLetterOrDigit)
            || sources.Distinct().Count() != sources.Length
        )
            throw new ArgumentException(
                $"The sources are 1 to {Antichain.MaximumSourceCount} different letters or digits, such as FCL, not \"{sources}\".",
                nameof(sources)
            );
    }

    /// <summary>The error as one sentence.</summary>
    /// <param name="what">What was to be read.</param>
    public string DescribeError(string what) => $"The {what} does not parse at position {_position + 1}: {_reason}.";

    /// <summary>Reads a text that holds an antichain and nothing else.</summary>
    public bool TryReadLoneAntichain([NotNullWhen(true)] out Antichain? antichain)
    {
        SkipSpaces();
        if (!TryReadAntichain(out antichain))
            return false;
        return AtEnd || FailExpected("'{' or the end");
    }

    /// <summary>Reads a whole goal function.</summary>
    /// <param name="gamma">The coefficients of the antichains in the lattice's order, then that of the residual entropy.</param>
    public bool TryReadGoal([NotNullWhen(true)] out double[]? gamma)
    {
        RedundancyLattice lattice = RedundancyLattice.ForSources(sources.Length);
        gamma = null;
        if (text.Trim() == "0")
        {
            gamma = new double[lattice.Antichains.Count + 1];
            return true;
        }

        double[] sums = new double[lattice.Antichains.Count + 1];
        SkipSpaces();
        bool first = true;
        do
        {
            int start = _position;
            double sign = 1;
            if (TryReadSign(out double s))
                sign = s;
            else if (!first)
                return FailExpected("'+', '-' or the end");
            if (!TryReadTerm(lattice, out double coefficient, out int atom))
                return false;
            sums[atom] += sign * coefficient;
            if (!double.IsFinite(sums[atom]))
                return Fail("the coefficients of this atom add up to more than a number can hold", start);
            first = false;
        } while (!AtEnd);

        gamma = sums;
        return true;
    }

    private bool TryReadTerm(RedundancyLattice lattice, out double coefficient, out int atom)
    {
        atom = -1;
        bool hasNumber = TryReadNumber(out coefficient);
        if (_reason is not null)
            return false;
        if (hasNumber)
        {
            SkipSpaces();
            if (Peek() == '*')
                _position++;
            SkipSpaces();
        }

        if (Peek() == '{')
        {
            if (!TryReadAntichain(out Antichain? antichain))
                return false;
            atom = lattice.IndexOf(antichain);
            return true;
        }
        foreach (string name in s_residualNames)
        {
            if (!text.AsSpan(_position).StartsWith(name, StringComparison.OrdinalIgnoreCase))
                continue;
            _position += name.Length;
            SkipSpaces();
            atom = lattice.Antichains.Count;
            return true;
        }
        string example = $"an atom such as {lattice.Antichains[0].ToString(sources)}, or H_res";
        return FailExpected(hasNumber ? example : "a number, " + example);
    }

    private bool TryReadSign(out double sign)
    {
        sign = Peek() is '-' or UnicodeMinus ? -1 : 1;
        if (Peek() is not ('+' or '-' or UnicodeMinus))
            return false;
        _position++;
        SkipSpaces();
        return true;
    }

    // Digits, at most one point, and an exponent if digits follow it; a term without a number has the coefficient 1.
    private bool TryReadNumber(out double number)
    {
        number = 1;
        int start = _position;
        int digits = SkipDigits();
        if (Peek() == '.')
        {
            _position++;
            digits += SkipDigits();
        }
        if (digits == 0)
        {
            _position = start;
            return false;
        }
        string significand = text[start.._position];
        string exponent = "";
        if (Peek() is 'e' or 'E')
        {
            _position++;
            bool negative = Peek() is '-' or UnicodeMinus;
            if (negative || Peek() == '+')
                _position++;
            int from = _position;
            if (SkipDigits() == 0)
                return FailExpected("the digits of an exponent");
            exponent = (negative ? "e-" : "e+") + text[from.._position];
        }
        number = double.Parse(significand + exponent, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number) || Fail("the coefficient is larger than a number can be", start);
    }

    private int SkipDigits()
    {
        int start = _position;
        while (char.IsAsciiDigit(Peek()))
            _position++;
        return _position - start;
    }

    private bool TryReadAntichain([NotNullWhen(true)] out Antichain? antichain)
    {
        antichain = null;
        if (Peek() != '{')
            return FailExpected("'{'");
        var subsets = new List<int>();
        while (Peek() == '{')
        {
            int start = _position;
            if (!TryReadSubset(out int subset))
                return false;
            foreach (int other in subsets)
                if (Antichain.AreNested(other, subset))
                    return Fail(DescribeNesting(other, subset), start);
            subsets.Add(subset);
            SkipSpaces();
        }
        antichain = new Antichain(subsets.ToArray());
        return true;
    }

    private string DescribeNesting(int first, int second)
    {
        string a = Antichain.Print(first, sources);
        string b = Antichain.Print(second, sources);
        string why =
            first == second ? $"{a} is named twice"
            : (first & second) == first ? $"{a} is contained in {b}"
            : $"{b} is contained in {a}";
        return $"{a}{b} is not an antichain, because {why}";
    }

    private bool TryReadSubset(out int subset)
    {
        subset = 0;
        _position++; // {
        bool sourceMustFollow = true;
        while (true)
        {
            SkipSpaces();
            char c = Peek();
            int source = AtEnd ? -1 : sources.IndexOf(c, StringComparison.Ordinal);
            if (source >= 0)
            {
                if ((subset >> source & 1) != 0)
                    return Fail($"the source {c} is named twice in one set", _position);
                subset |= 1 << source;
                sourceMustFollow = false;
            }
            else if (char.IsLetterOrDigit(c))
            {
                return Fail($"there is no source {c}, the sources are {ListSources()}", _position);
            }
            else if (sourceMustFollow)
            {
                return FailExpected($"a source ({ListSources()})");
            }
            else if (c == ',')
            {
                sourceMustFollow = true;
            }
            else if (c == '}')
            {
                _position++;
                return true;
            }
            else
            {
                return FailExpected($"'}}' or a source ({ListSources()})");
            }
            _position++;
        }
    }

    private string ListSources() => string.Join(", ", sources.AsEnumerable());

    private bool AtEnd => _position >= text.Length;

    private char Peek() => AtEnd ? '\0' : text[_position];

    private void SkipSpaces()
    {
        while (!AtEnd && char.IsWhiteSpace(text[_position]))
            _position++;
    }

    private bool FailExpected(string expected)
    {
        string found =
            AtEnd ? "the end"
            : char.IsControl(Peek()) || char.IsSurrogate(Peek()) ? $"the character U+{(int)Peek():X4}"
            : $"'{Peek()}'";
        return Fail($"expected {expected}, found {found}", _position);
    }

    private bool Fail(string reason, int position)
    {
        _reason = reason;
        _position = position;
        return false;
    }
}
