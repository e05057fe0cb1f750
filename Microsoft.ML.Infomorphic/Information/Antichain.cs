using System.Collections.ObjectModel;
using System.Numerics;
using System.Text;

namespace Microsoft.ML.Infomorphic.Information;

// Williams & Beer (arXiv 1004.2515), section 3; arXiv 2412.02482, section 2 and table 2.
//
// symbol   variable   shape             meaning
// α        Subsets    list of subsets   a set of sets of sources, none of which contains another
// a ∈ α    subset     bit mask          bit i set: the i-th source belongs to the subset

/// <summary>
/// A set of sets of sources, none of which contains another: the name of an information atom, and of the redundancy
/// between its members. {F}{CL} is what the source F shares with the synergy of C and L. Immutable, equal by value.
/// </summary>
/// <remarks>
/// Subsets of sources are bit masks: bit i stands for the i-th source. Source: Williams and Beer, arXiv 1004.2515; the
/// notation is that of arXiv 2412.02482, table 2.
/// </remarks>
public sealed class Antichain : IEquatable<Antichain>
{
    /// <summary>The largest number of sources, 4.</summary>
    public const int MaximumSourceCount = 4;

    internal const string DefaultSources = "1234";

    // Bit s is set where the subset s is a member: 15 subsets of up to four sources, so an antichain is one number.
    private readonly int _members;

    /// <summary>Creates an antichain.</summary>
    /// <param name="subsets">
    /// The subsets of sources, in any order, each a bit mask from 1 to 15 in which bit i stands for the i-th source.
    /// </param>
    /// <exception cref="ArgumentException">There is no subset, or one of them contains another.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A subset is not in 1 to 15.</exception>
    public Antichain(params ReadOnlySpan<int> subsets)
    {
        if (subsets.IsEmpty)
            throw new ArgumentException("An antichain has at least one subset of the sources.", nameof(subsets));
        for (int i = 0; i < subsets.Length; i++)
        {
            int subset = subsets[i];
            if (subset is < 1 or >= 1 << MaximumSourceCount)
                throw new ArgumentOutOfRangeException(
                    nameof(subsets),
                    subset,
                    $"A subset of up to {MaximumSourceCount} sources is a bit mask from 1 to 15."
                );
            foreach (int other in subsets[..i])
                if (AreNested(subset, other))
                    throw new ArgumentException(
                        $"{Print(other, DefaultSources)}{Print(subset, DefaultSources)} is not an antichain: one of the two sets contains the other.",
                        nameof(subsets)
                    );
            _members |= 1 << subset;
        }

        int[] ordered = subsets.ToArray();
        Array.Sort(ordered, CompareSubsets);
        Subsets = Array.AsReadOnly(ordered);
    }

    /// <summary>
    /// The subsets, each a bit mask in which bit i stands for the i-th source: smaller subsets first, subsets of one
    /// size by ascending mask.
    /// </summary>
    public ReadOnlyCollection<int> Subsets { get; }

    /// <summary>The smallest number of sources that this antichain can be over, 1 to 4.</summary>
    public int MinimumSourceCount => BitOperations.Log2((uint)Subsets.Max()) + 1;

    /// <summary>
    /// The redundancy order: α ⪯ β where every b ∈ β has an a ∈ α with a ⊆ b. What is shared by α is then also shared
    /// by β.
    /// </summary>
    /// <param name="other">The antichain β.</param>
    /// <returns>Whether this antichain precedes the other, or equals it.</returns>
    public bool Precedes(Antichain other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other.Subsets.All(b => Subsets.Any(a => (a & b) == a)); // Williams & Beer, eq. 5
    }

    /// <summary>Reads an antichain in the paper's notation, such as "{F}{CL}"; commas and spaces are allowed.</summary>
    /// <param name="text">The text.</param>
    /// <param name="sources">One letter or digit for each source, 1 to 4 of them, all different.</param>
    /// <returns>The antichain.</returns>
    /// <exception cref="FormatException">
    /// The text is no antichain over these sources; the message holds the position, counted from 1, and the reason.
    /// </exception>
    /// <exception cref="ArgumentException">The sources are not 1 to 4 different letters or digits.</exception>
    public static Antichain Parse(string text, string sources)
    {
        ArgumentNullException.ThrowIfNull(text);
        NotationReader.ValidateSources(sources);
        var reader = new NotationReader(text, sources);
        return reader.TryReadLoneAntichain(out Antichain? antichain)
            ? antichain
            : throw new FormatException(reader.DescribeError("antichain"));
    }

    /// <summary>Writes the antichain with the digits 1 to 4 for the sources, such as "{1}{23}".</summary>
    /// <returns>The antichain in the paper's notation.</returns>
    public override string ToString() => ToString(DefaultSources);

    /// <summary>Writes the antichain in the paper's notation, such as "{F}{CL}".</summary>
    /// <param name="sources">One letter or digit for each source; at least <see cref="MinimumSourceCount"/> of them.</param>
    /// <returns>The antichain in the paper's notation.</returns>
    /// <exception cref="ArgumentException">There are too few sources, or they are not different letters or digits.</exception>
    public string ToString(string sources)
    {
        NotationReader.ValidateSources(sources);
        if (sources.Length < MinimumSourceCount)
            throw new ArgumentException(
                $"The antichain {this} is over at least {MinimumSourceCount} sources and got the letters {sources}.",
                nameof(sources)
            );
        return string.Concat(Subsets.Select(subset => Print(subset, sources)));
    }

    /// <inheritdoc/>
    public bool Equals(Antichain? other) => other is not null && other._members == _members;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Antichain);

    /// <inheritdoc/>
    public override int GetHashCode() => _members;

    /// <summary>Whether both name the same antichain.</summary>
    /// <param name="left">One antichain.</param>
    /// <param name="right">The other one.</param>
    /// <returns>Whether they are equal.</returns>
    public static bool operator ==(Antichain? left, Antichain? right) => Equals(left, right);

    /// <summary>Whether the two name different antichains.</summary>
    /// <param name="left">One antichain.</param>
    /// <param name="right">The other one.</param>
    /// <returns>Whether they differ.</returns>
    public static bool operator !=(Antichain? left, Antichain? right) => !Equals(left, right);

    internal static bool AreNested(int a, int b) => (a & b) == a || (a & b) == b;

    internal static int CompareSubsets(int a, int b)
    {
        int bySize = BitOperations.PopCount((uint)a).CompareTo(BitOperations.PopCount((uint)b));
        return bySize != 0 ? bySize : a.CompareTo(b);
    }

    internal static string Print(int subset, string sources)
    {
        var text = new StringBuilder("{");
        for (int i = 0; i < sources.Length; i++)
            if ((subset >> i & 1) != 0)
                text.Append(sources[i]);
        return text.Append('}').ToString();
    }
}
