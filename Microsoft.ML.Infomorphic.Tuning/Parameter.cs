using System.Globalization;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// One dimension of a <see cref="SearchSpace"/>. Its value is a number: a real number, a whole number, or the index of a
/// choice. Immutable, equal by value.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(RealParameter), "real")]
[JsonDerivedType(typeof(IntegerParameter), "integer")]
[JsonDerivedType(typeof(ChoiceParameter), "choice")]
public abstract record Parameter
{
    private protected Parameter(string name)
    {
        if (string.IsNullOrWhiteSpace(name))
            throw new ArgumentException("A parameter needs a name.", nameof(name));
        Name = name;
    }

    /// <summary>The name, which no other parameter of the space has.</summary>
    public string Name { get; }

    /// <summary>Whether the parameter may have a value.</summary>
    /// <param name="value">The value; for a choice its index.</param>
    /// <returns>Whether the value is allowed.</returns>
    public abstract bool Contains(double value);

    /// <summary>Writes a value for people, with the invariant culture; a choice by its text.</summary>
    /// <param name="value">The value; for a choice its index.</param>
    /// <returns>The text.</returns>
    public virtual string Format(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>All that the space's fingerprint must tell apart.</summary>
    internal abstract string Signature { get; }

    /// <summary>How many values there are; infinite for a real number.</summary>
    internal abstract double NumberOfValues { get; }

    /// <summary>The value's place in [0, 1]: linear or logarithmic between the bounds, the middle of its share for a discrete value.</summary>
    internal abstract double ToUnit(double value);

    /// <summary>The value at a place in [0, 1]; places outside give the nearest bound.</summary>
    internal abstract double FromUnit(double place);

    private protected static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    // Quoted by length, so that no name can imitate another part of the signature.
    private protected static string Quote(string text) =>
        string.Create(CultureInfo.InvariantCulture, $"{text.Length}:{text}");
}

/// <summary>A real number between two bounds, both included.</summary>
public sealed record RealParameter : Parameter
{
    /// <summary>Creates a parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="low">The lower bound, finite.</param>
    /// <param name="high">The upper bound, finite, above the lower one.</param>
    /// <param name="logarithmic">Whether equal ratios, not equal differences, are equally large steps; the bounds are positive then.</param>
    /// <exception cref="ArgumentException">The name is empty, or the bounds contradict each other.</exception>
    public RealParameter(string name, double low, double high, bool logarithmic = false)
        : base(name)
    {
        if (!double.IsFinite(low) || !double.IsFinite(high) || !double.IsFinite(high - low))
            throw new ArgumentException(
                $"The bounds of the parameter {name} must be finite, and are {Text(low)} and {Text(high)}."
            );
        if (!(low < high))
            throw new ArgumentException(
                $"The lower bound of the parameter {name} must be below its upper bound, and they are {Text(low)} and {Text(high)}."
            );
        if (logarithmic && !(low > 0))
            throw new ArgumentException(
                $"The lower bound of the logarithmic parameter {name} must be positive, and is {Text(low)}."
            );
        Low = low;
        High = high;
        Logarithmic = logarithmic;
    }

    /// <summary>The lower bound.</summary>
    public double Low { get; }

    /// <summary>The upper bound.</summary>
    public double High { get; }

    /// <summary>Whether equal ratios, not equal differences, are equally large steps.</summary>
    public bool Logarithmic { get; }

    /// <inheritdoc/>
    public override bool Contains(double value) => value >= Low && value <= High;

    internal override double NumberOfValues => double.PositiveInfinity;

    internal override string Signature =>
        $"real {Quote(Name)} {Text(Low)} {Text(High)} {(Logarithmic ? "log" : "linear")}";

    internal override double ToUnit(double value) =>
        Logarithmic ? Math.Log(value / Low) / Math.Log(High / Low) : (value - Low) / (High - Low);

    internal override double FromUnit(double place) =>
        Math.Clamp(Logarithmic ? Low * Math.Exp(place * Math.Log(High / Low)) : Low + place * (High - Low), Low, High);
}

/// <summary>A whole number between two bounds, both included.</summary>
public sealed record IntegerParameter : Parameter
{
    /// <summary>Creates a parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="low">The lower bound.</param>
    /// <param name="high">The upper bound, above the lower one.</param>
    /// <param name="logarithmic">Whether equal ratios, not equal differences, are equally large steps; the bounds are positive then.</param>
    /// <exception cref="ArgumentException">The name is empty, or the bounds contradict each other.</exception>
    public IntegerParameter(string name, int low, int high, bool logarithmic = false)
        : base(name)
    {
        if (low >= high)
            throw new ArgumentException(
                $"The lower bound of the parameter {name} must be below its upper bound, and they are {low} and {high}."
            );
        if (logarithmic && low < 1)
            throw new ArgumentException(
                $"The lower bound of the logarithmic parameter {name} must be positive, and is {low}."
            );
        Low = low;
        High = high;
        Logarithmic = logarithmic;
    }

    /// <summary>The lower bound.</summary>
    public int Low { get; }

    /// <summary>The upper bound.</summary>
    public int High { get; }

    /// <summary>Whether equal ratios, not equal differences, are equally large steps.</summary>
    public bool Logarithmic { get; }

    /// <inheritdoc/>
    public override bool Contains(double value) => value >= Low && value <= High && value == Math.Round(value);

    internal override double NumberOfValues => (double)High - Low + 1;

    internal override string Signature =>
        FormattableString.Invariant($"integer {Quote(Name)} {Low} {High} {(Logarithmic ? "log" : "linear")}");

    // Every whole number k has the interval (k − ½, k + ½), on the linear or the logarithmic scale.
    internal override double ToUnit(double value) =>
        Logarithmic
            ? Math.Log(value / (Low - 0.5)) / Math.Log((High + 0.5) / (Low - 0.5))
            : (value - (Low - 0.5)) / (High + 1.0 - Low);

    internal override double FromUnit(double place)
    {
        double value = Logarithmic
            ? (Low - 0.5) * Math.Exp(place * Math.Log((High + 0.5) / (Low - 0.5)))
            : Low - 0.5 + place * (High + 1.0 - Low);
        return Math.Clamp(Math.Round(value), Low, High);
    }
}

/// <summary>One of several texts without an order. Its value is the choice's index.</summary>
public sealed record ChoiceParameter : Parameter
{
    /// <summary>Creates a parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="choices">The choices: at least 2, all different.</param>
    /// <exception cref="ArgumentException">The name is empty, there are fewer than 2 choices, or two of them are equal.</exception>
    public ChoiceParameter(string name, params IReadOnlyList<string> choices)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(choices);
        string[] copy = [.. choices];
        if (copy.Length < 2)
            throw new ArgumentException($"The parameter {name} needs at least 2 choices, and has {copy.Length}.");
        if (copy.Distinct(StringComparer.Ordinal).Count() != copy.Length)
            throw new ArgumentException($"The choices of the parameter {name} must be different.");
        Choices = Array.AsReadOnly(copy);
    }

    /// <summary>The choices.</summary>
    public IReadOnlyList<string> Choices { get; }

    /// <inheritdoc/>
    public override bool Contains(double value) => value >= 0 && value < Choices.Count && value == Math.Round(value);

    /// <inheritdoc/>
    public override string Format(double value) => Choices[(int)value];

    /// <summary>Whether both have the same name and the same choices in the same order.</summary>
    /// <param name="other">The other parameter.</param>
    /// <returns>Whether they are equal.</returns>
    public bool Equals(ChoiceParameter? other) =>
        other is not null && other.Name == Name && other.Choices.SequenceEqual(Choices);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Choices.Count, Choices[0]);

    internal override double NumberOfValues => Choices.Count;

    internal override string Signature => $"choice {Quote(Name)} {string.Concat(Choices.Select(Quote))}";

    internal override double ToUnit(double value) => (value + 0.5) / Choices.Count;

    internal override double FromUnit(double place) =>
        Math.Clamp(Math.Floor(place * Choices.Count), 0, Choices.Count - 1);
}
