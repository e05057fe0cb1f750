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
    /// <exception cref="ArgumentException">There is no parameter, or two have one name.</exception>
    [JsonConstructor]
    public SearchSpace(IReadOnlyList<Parameter> parameters)
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
        Fingerprint = Hash(copy.Select(p => p.Signature));
    }

    /// <summary>Creates a search space.</summary>
    /// <param name="parameters">The parameters: at least one, with different names.</param>
    /// <exception cref="ArgumentException">There is no parameter, or two have one name.</exception>
    public SearchSpace(params Parameter[] parameters)
        : this((IReadOnlyList<Parameter>)parameters) { }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>
    /// 32 hexadecimal digits that differ where names, kinds, bounds, scales, choices or their order differ; the same in
    /// every process and version.
    /// </summary>
    [JsonIgnore]
    public string Fingerprint { get; }

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
    public bool Equals(SearchSpace? other) => other is not null && other.Parameters.SequenceEqual(Parameters);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SearchSpace);

    /// <inheritdoc/>
    public override int GetHashCode() => Fingerprint.GetHashCode(StringComparison.Ordinal);

    internal static string Hash(IEnumerable<string> lines) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))))[..32];
}
