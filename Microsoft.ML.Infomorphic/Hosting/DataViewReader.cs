using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>
/// Reads the rows of a data view, once, into memory that training can walk through in any order; or finds out that they
/// take more memory than they may.
/// </summary>
internal static class DataViewReader
{
    /// <summary>How many rows are read between two questions whether the user has cancelled.</summary>
    internal const int RowsBetweenChecks = 256;

    /// <summary>
    /// Reads the valid rows. Rows with a missing (unless they are indicated) or infinite feature, without a label, or with a
    /// weight that is not in (0, ∞) are skipped, and their numbers reported.
    /// </summary>
    /// <param name="host">The host, which may cancel.</param>
    /// <param name="channel">Where skipped rows are reported.</param>
    /// <param name="data">The data, its columns' roles known and their types checked.</param>
    /// <param name="purpose">What the rows are for, as the messages say it: "training" or "validation".</param>
    /// <param name="missing">What becomes of rows with missing features.</param>
    /// <param name="limit">Bytes that the rows may take, by numbers of features and classes; null for no limit.</param>
    /// <returns>At least one row, kept or not.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public static FirstReading Read(
        IHost host,
        IChannel channel,
        RoleMappedData data,
        string purpose,
        MissingValues missing = MissingValues.Skip,
        Func<int, int, long>? limit = null
    )
    {
        data.CheckFeatureFloatVector(out int featureCount);
        data.CheckOptFloatWeight();
        int classCount = CountClasses(host, data);
        long bytes = limit?.Invoke(featureCount, classCount) ?? long.MaxValue;

        var survey = new RowSurvey(featureCount, classCount, data.Schema.Weight.HasValue);
        var rows = new LimitedRows(survey, bytes);
        var skipped = new List<long>();
        long infinite = 0;
        using MulticlassLabelCursor cursor = CursorOf(data, classCount, missing);
        GarbageLimit garbage = MemoryPlan.GarbageIn(bytes);
        while (MoveNext(host, cursor, survey.RowCount))
        {
            if (survey.RowCount % RowsBetweenChecks == 0)
                garbage.Check();
            if (survey.RowCount == int.MaxValue)
                throw host.Except($"The {purpose} data has more than {int.MaxValue} valid rows.");
            ReadOnlySpan<float> values = cursor.Features.GetValues();
            if (missing == MissingValues.Indicate && TensorPrimitives.IsInfinityAny(values))
            {
                infinite++;
                continue;
            }

            AddSkipped(cursor.KeptRowCount + cursor.SkippedRowCount - 1);
            survey.Add(cursor.Label, values.Length - values.Count(0f));
            rows.Add(cursor);
        }

        AddSkipped(cursor.KeptRowCount + cursor.SkippedRowCount);
        ReportSkipped(channel, cursor, infinite, purpose);
        if (survey.RowCount == 0)
            throw host.Except(NoValidRows(cursor, infinite, purpose));
        survey.ReaderBytes = skipped.Count * sizeof(long);
        return new FirstReading(
            rows.ToRows(),
            rows.Bytes,
            survey,
            new DataViewRows(host, data, purpose, classCount, missing, [.. skipped])
        );

        // All rows before this place that are not valid were skipped.
        void AddSkipped(long place)
        {
            if (limit is null)
                return;
            while (survey.RowCount + skipped.Count < place)
                skipped.Add(survey.RowCount + skipped.Count);
        }
    }

    /// <summary>Goes through rows, but those that <paramref name="missing"/> and ML.NET skip.</summary>
    internal static MulticlassLabelCursor CursorOf(RoleMappedData data, int classCount, MissingValues missing) =>
        new(
            classCount,
            data,
            CursOpt.Label
                | CursOpt.Features
                | CursOpt.Weight
                | (missing == MissingValues.Indicate ? CursOpt.AllowBadFeatures : 0)
        );

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

    private static void ReportSkipped(IChannel channel, MulticlassLabelCursor cursor, long infinite, string purpose)
    {
        // ML.NET's own sentences.
        if (cursor.BadFeaturesRowCount > 0)
            channel.Warning($"Skipped {cursor.BadFeaturesRowCount} instances with missing features during {purpose}");
        if (infinite > 0)
            channel.Warning($"Skipped {infinite} instances with infinite features during {purpose}");
        if (cursor.BadLabelCount > 0)
            channel.Warning($"Skipped {cursor.BadLabelCount} instances with missing labels during {purpose}");
        if (cursor.BadWeightCount > 0)
            channel.Warning($"Skipped {cursor.BadWeightCount} instances with missing weights during {purpose}");
    }

    private static string NoValidRows(MulticlassLabelCursor cursor, long infinite, string purpose)
    {
        string reason =
            cursor.BadFeaturesRowCount > 0 ? "all instances have missing features"
            : infinite > 0 ? "all instances have infinite features"
            : cursor.BadLabelCount > 0 ? "all instances have missing labels"
            : cursor.BadWeightCount > 0 ? "all instances have missing weights"
            : "there are no instances";
        return $"No valid {purpose} instances found, {reason}.";
    }

    /// <summary>Keeps rows for as long as they do not take more memory than they may.</summary>
    private sealed class LimitedRows(RowSurvey survey, long limit)
    {
        private RowStore? _rows = new(survey.FeatureCount, survey.ClassCount, survey.HasWeights, limit);

        /// <summary>Bytes that all rows take, or would take.</summary>
        public long Bytes =>
            RowStore.BytesOf(survey.FeatureCount, survey.RowCount, survey.RowCount * survey.MeanNonZeros)
            + (long)survey.RowCount * MemoryPlan.BytesPerRow;

        public void Add(MulticlassLabelCursor cursor)
        {
            if (_rows is null)
                return;
            if (
                limit - _rows.FeatureBytes >= (long)survey.RowCount * MemoryPlan.BytesPerRow
                && _rows.TryAdd(ValuesOf(cursor))
            )
                return;
            _rows = null;

            // What takes nearly the whole budget is garbage now, and its place is needed.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        public LabeledRows? ToRows() => _rows?.ToRows();
    }

    /// <summary>The row that a cursor is at.</summary>
    internal static RowValues ValuesOf(MulticlassLabelCursor cursor) =>
        new()
        {
            Label = cursor.Label,
            Weight = cursor.Weight,
            Features = cursor.Features.GetValues(),
            IsFull = cursor.Features.IsDense,
            Indices = cursor.Features.IsDense ? default : cursor.Features.GetIndices(),
        };
}
