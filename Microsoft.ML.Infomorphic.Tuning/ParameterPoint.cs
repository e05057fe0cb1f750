using System.Collections.ObjectModel;
using System.Globalization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>One point of a <see cref="SearchSpace"/>: a value for each parameter. Immutable, equal by value.</summary>
public sealed class ParameterPoint : IEquatable<ParameterPoint>
{
    private readonly double[] _values;

    internal ParameterPoint(SearchSpace space, ReadOnlySpan<double> values)
    {
        if (values.Length != space.Parameters.Count)
            throw new ArgumentException(
                $"A point of this search space has {space.Parameters.Count} values and got {values.Length}.",
                nameof(values)
            );
        for (int i = 0; i < values.Length; i++)
            if (!space.Parameters[i].Contains(values[i]))
                throw new ArgumentException(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The value {values[i]:R} is not allowed for the parameter {space.Parameters[i].Name}: it is outside its bounds, or not whole where it must be."
                    ),
                    nameof(values)
                );
        Space = space;
        _values = values.ToArray();
        Values = Array.AsReadOnly(_values);
    }

    /// <summary>The space.</summary>
    public SearchSpace Space { get; }

    /// <summary>One value for each parameter, in the space's order; for a choice its index.</summary>
    public ReadOnlyCollection<double> Values { get; }

    /// <summary>The value of a parameter; for a choice its index.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <exception cref="ArgumentException">The space has no such parameter.</exception>
    public double this[string name]
    {
        get
        {
            int index = Space.IndexOf(name);
            return index >= 0
                ? _values[index]
                : throw new ArgumentException($"The search space has no parameter with the name {name}.", nameof(name));
        }
    }

    /// <summary>The choice of a <see cref="ChoiceParameter"/>.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <returns>The choice.</returns>
    /// <exception cref="ArgumentException">The space has no such parameter, or it is not a choice.</exception>
    public string GetChoice(string name)
    {
        double index = this[name];
        return Space.Parameters[Space.IndexOf(name)] is ChoiceParameter parameter
            ? parameter.Choices[(int)index]
            : throw new ArgumentException($"The parameter {name} is not a choice.", nameof(name));
    }

    /// <inheritdoc/>
    public bool Equals(ParameterPoint? other) =>
        other is not null && other.Space.Equals(Space) && other._values.AsSpan().SequenceEqual(_values);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ParameterPoint);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (double value in _values)
            hash.Add(value);
        return hash.ToHashCode();
    }

    /// <summary>Writes names and values, such as "{F}{C} = 0.5, NumberOfBins = 20", with the invariant culture.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        string.Join(
            ", ",
            Space.Parameters.Zip(_values, (parameter, value) => $"{parameter.Name} = {parameter.Format(value)}")
        );

    internal double[] ToUnit()
    {
        double[] places = new double[_values.Length];
        for (int i = 0; i < places.Length; i++)
            places[i] = Space.Parameters[i].ToUnit(_values[i]);
        return places;
    }

    internal static ParameterPoint FromUnit(SearchSpace space, ReadOnlySpan<double> places)
    {
        double[] values = new double[places.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = space.Parameters[i].FromUnit(places[i]);
        return new ParameterPoint(space, values);
    }
}
