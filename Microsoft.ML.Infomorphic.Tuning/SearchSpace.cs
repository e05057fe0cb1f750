using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// What a tuner searches: named parameters in a fixed order. Immutable, equal by value; System.Text.Json writes and reads
/// it.
/// </summary>
public sealed class SearchSpace : IEquatable<SearchSpace>
{
    private readonly FrozenDictionary<string, int> _indices;

    /// <summary>Creates a search space.</summary>
    /// <param name="parameters">The parameters: at least one, with different names.</param>
    /// <param name="orientations">Which of opposite points are drawn at random; null for any.</param>
    /// <exception cref="ArgumentException">
    /// There is no parameter, two have one name, or an orientation is of one that is not there or is no real number on a linear scale.
    /// </exception>
    [JsonConstructor]
    public SearchSpace(IReadOnlyList<Parameter> parameters, IReadOnlyList<ParameterOrientation>? orientations = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameter[] copy = [.. parameters];
        if (copy.Length == 0)
            throw new ArgumentException("The search space is empty: free at least one parameter.");
        string? twice = copy.GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (twice is not null)
            throw new ArgumentException(
                $"The search space has two parameters with the name {twice}: rename one of them."
            );
        Parameters = Array.AsReadOnly(copy);
        _indices = copy.Index().ToFrozenDictionary(pair => pair.Item.Name, pair => pair.Index, StringComparer.Ordinal);
        Orientations = orientations is { Count: > 0 } ? [.. orientations] : null;
        foreach (string name in Orientations?.SelectMany(orientation => orientation.Parameters) ?? [])
            if (IndexOf(name) < 0 || copy[IndexOf(name)] is not RealParameter { Logarithmic: false })
                throw new ArgumentException(
                    $"An orientation is of real numbers on a linear scale, and the search space has no such parameter {name}.",
                    nameof(orientations)
                );
        Fingerprint = Hash([
            .. copy.Select(p => p.Signature),
            .. Orientations?.Select(orientation => orientation.Signature) ?? [],
        ]);
    }

    /// <summary>Creates a search space.</summary>
    /// <param name="parameters">The parameters: at least one, with different names.</param>
    /// <exception cref="ArgumentException">There is no parameter, or two have one name.</exception>
    public SearchSpace(IReadOnlyList<Parameter> parameters)
        : this(parameters, orientations: null) { }

    /// <summary>Creates a search space.</summary>
    /// <param name="parameters">The parameters: at least one, with different names.</param>
    /// <exception cref="ArgumentException">There is no parameter, or two have one name.</exception>
    public SearchSpace(params Parameter[] parameters)
        : this(parameters, orientations: null) { }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Which of opposite points are drawn at random; null for any.</summary>
    public IReadOnlyList<ParameterOrientation>? Orientations { get; }

    /// <summary>
    /// 32 hexadecimal digits that differ where names, kinds, bounds, scales, choices, orientations or their order differ; the same in
    /// every process and version.
    /// </summary>
    [JsonIgnore]
    public string Fingerprint { get; }

    /// <summary>How many points there are; infinite where a parameter is a real number.</summary>
    internal double NumberOfPoints => Parameters.Aggregate(1.0, (count, parameter) => count * parameter.NumberOfValues);

    /// <summary>The place of a parameter in <see cref="Parameters"/>.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The index; −1 where no parameter has this name.</returns>
    public int IndexOf(string name) => _indices.GetValueOrDefault(name, -1);

    /// <summary>A point of the space.</summary>
    /// <param name="values">One value for each parameter, in their order; for a choice its index.</param>
    /// <returns>The point.</returns>
    /// <exception cref="ArgumentException">The number of values differs from that of the parameters, or a value is not allowed.</exception>
    public ParameterPoint CreatePoint(params ReadOnlySpan<double> values) => new(this, values);

    /// <inheritdoc/>
    public bool Equals(SearchSpace? other) =>
        other is not null
        && other.Parameters.SequenceEqual(Parameters)
        && (other.Orientations ?? []).SequenceEqual(Orientations ?? []);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SearchSpace);

    /// <inheritdoc/>
    public override int GetHashCode() => Fingerprint.GetHashCode(StringComparison.Ordinal);

    /// <summary>
    /// The point at places in [0, 1] that were drawn at random or, where an orientation prefers it, its image.
    /// </summary>
    internal ParameterPoint PointAt(double[] places)
    {
        double[] turned = [.. places];
        foreach (ParameterOrientation orientation in Orientations ?? [])
        {
            int[] indices = [.. orientation.Parameters.Select(IndexOf)];
            double sum = indices
                .Zip(
                    orientation.Weights,
                    (i, weight) => weight * RangeOf((RealParameter)Parameters[i]) * (places[i] - 0.5)
                )
                .Sum();
            if (sum < 0)
                foreach (int i in indices)
                    turned[i] = 1 - places[i];
        }
        return ParameterPoint.FromUnit(this, turned);

        static double RangeOf(RealParameter parameter) => parameter.High - parameter.Low;
    }

    internal static string Hash(IEnumerable<string> lines) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))))[..32];
}
