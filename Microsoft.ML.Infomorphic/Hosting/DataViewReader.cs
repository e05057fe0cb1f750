using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Learning;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Reads the rows of a data view, once, into memory that training can walk through in any order.</summary>
internal static class DataViewReader
{
    /// <summary>How many rows are read between two questions whether the user has cancelled.</summary>
    private const int RowsBetweenChecks = 256;

    /// <summary>
    /// Reads the valid rows. Rows with a missing or non-finite feature, without a label, or with a weight that is not
    /// in (0, ∞) are skipped, and their numbers reported.
    /// </summary>
    /// <param name="host">The host, which may cancel.</param>
    /// <param name="channel">Where skipped rows are reported.</param>
    /// <param name="data">The data, its columns' roles known and their types checked.</param>
    /// <param name="purpose">What the rows are for, as the messages say it: "training" or "validation".</param>
    /// <returns>At least one row.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public static LabeledRows Read(IHost host, IChannel channel, RoleMappedData data, string purpose)
    {
        data.CheckFeatureFloatVector(out int featureCount);
        data.CheckOptFloatWeight();
        int classCount = CountClasses(host, data);

        var features = new FeatureStore(featureCount);
        var labels = new List<int>();
        List<float>? weights = data.Schema.Weight.HasValue ? [] : null;
        using var cursor = new MulticlassLabelCursor(
            classCount,
            data,
            CursOpt.Label | CursOpt.Features | CursOpt.Weight
        );
        while (MoveNext(host, cursor, features.RowCount))
        {
            if (features.RowCount == int.MaxValue)
                throw host.Except($"The {purpose} data has more than {int.MaxValue} valid rows.");
            features.Add(in cursor.Features);
            labels.Add(cursor.Label);
            weights?.Add(cursor.Weight);
        }

        ReportSkipped(channel, cursor, purpose);
        if (features.RowCount == 0)
            throw host.Except(NoValidRows(cursor, purpose));
        return new LabeledRows(features.ToMatrix(), [.. labels], weights?.ToArray(), classCount);
    }

    private static bool MoveNext(IHost host, MulticlassLabelCursor cursor, int rows)
    {
        if (rows % RowsBetweenChecks == 0)
            host.CheckAlive();
        return cursor.MoveNext();
    }

    private static int CountClasses(IHost host, RoleMappedData data)
    {
        DataViewSchema.Column column = data.Schema.Label!.Value;
        if (column.Type is not KeyDataViewType key || key.Count == 0)
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{column.Name}' must be a key with a known number of classes, and is {column.Type}."
            );
        if (key.Count == 1)
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{column.Name}' has only one class, and a classifier needs at least two."
            );
        if (key.Count > (ulong)Array.MaxLength)
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{column.Name}' has {key.Count} classes, which is too many."
            );
        return (int)key.Count;
    }

    private static void ReportSkipped(IChannel channel, MulticlassLabelCursor cursor, string purpose)
    {
        // ML.NET's own sentences.
        if (cursor.BadFeaturesRowCount > 0)
            channel.Warning($"Skipped {cursor.BadFeaturesRowCount} instances with missing features during {purpose}");
        if (cursor.BadLabelCount > 0)
            channel.Warning($"Skipped {cursor.BadLabelCount} instances with missing labels during {purpose}");
        if (cursor.BadWeightCount > 0)
            channel.Warning($"Skipped {cursor.BadWeightCount} instances with missing weights during {purpose}");
    }

    private static string NoValidRows(MulticlassLabelCursor cursor, string purpose)
    {
        string reason =
            cursor.BadFeaturesRowCount > 0 ? "all instances have missing features"
            : cursor.BadLabelCount > 0 ? "all instances have missing labels"
            : cursor.BadWeightCount > 0 ? "all instances have missing weights"
            : "there are no instances";
        return $"No valid {purpose} instances found, {reason}.";
    }
}
