using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Insight;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Slots of a feature column that belong together: those of a category, as ML.NET marks them.</summary>
internal static class FeatureGroups
{
    /// <summary>The features of a column that are looked at together.</summary>
    /// <param name="column">The column.</param>
    /// <param name="names">The names of its slots; null where they have none.</param>
    /// <param name="everySlot">Whether every slot is one of its own.</param>
    public static IReadOnlyList<FeatureGroup> Of(DataViewSchema.Column column, string[]? names, bool everySlot)
    {
        int count = ((VectorDataViewType)column.Type).Size;
        int[] ends = [.. Enumerable.Range(0, count)];
        if (!everySlot)
            foreach ((int first, int last) in Ranges(column, count))
                ends[first] = last;
        var groups = new List<FeatureGroup>();
        for (int slot = 0; slot < count; slot = ends[slot] + 1)
        {
            int[] slots = [.. Enumerable.Range(slot, ends[slot] - slot + 1)];
            groups.Add(new FeatureGroup(NameOf(slots, names), slots));
        }

        return groups;
    }

    // Pairs of the first and the last slot of each category, ascending.
    private static IEnumerable<(int First, int Last)> Ranges(DataViewSchema.Column column, int count)
    {
        const string Kind = AnnotationUtils.Kinds.CategoricalSlotRanges;
        if (
            column.Annotations.Schema.GetColumnOrNull(Kind) is not DataViewSchema.Column annotation
            || annotation.Type is not VectorDataViewType { ItemType: NumberDataViewType type }
            || type != NumberDataViewType.Int32
        )
            yield break;
        VBuffer<int> ranges = default;
        column.Annotations.GetValue(Kind, ref ranges);
        int[] ends = [.. ranges.DenseValues()];
        int next = 0;
        for (int i = 0; i + 1 < ends.Length; i += 2)
        {
            // What does not ascend is no range.
            if (ends[i] < next || ends[i + 1] < ends[i] || ends[i + 1] >= count)
                continue;
            yield return (ends[i], ends[i + 1]);
            next = ends[i + 1] + 1;
        }
    }

    // ML.NET names the slots of a category by column and value: "Colour.Red". What they have in common is the column.
    private static string NameOf(int[] slots, string[]? names)
    {
        string first = FeatureNames.Of(names, slots[0]);
        if (slots.Length == 1)
            return first;
        string last = FeatureNames.Of(names, slots[^1]);
        int common = names is null ? 0 : Common([.. slots.Select(slot => names[slot])]);
        int end = names is null ? -1 : first[..Math.Min(common + 1, first.Length)].LastIndexOf('.');
        return end > 0 ? first[..end] : string.Create(CultureInfo.InvariantCulture, $"{first} … {last}");
    }

    private static int Common(string[] names)
    {
        int common = names.Min(name => name.Length);
        for (int i = 0; i < common; i++)
            if (names.Any(name => name[i] != names[0][i]))
                return i;
        return common;
    }
}
