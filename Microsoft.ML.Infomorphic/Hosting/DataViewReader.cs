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
    // How many rows are read between two looks at what readings have thrown away.
    private const int RowsBetweenChecks = 256;

    /// <summary>
    /// Reads the valid rows. Rows with a missing (unless they are indicated) or infinite feature, without a label, or with a
    /// weight that is not in (0, ∞) are skipped, and their numbers reported.
    /// </summary>
    /// <param name="host">Marks exceptions.</param>
    /// <param name="channel">Where skipped rows are reported.</param>
    /// <param name="data">The data, its columns' roles known and their types checked.</param>
    /// <param name="purpose">What the rows are for, as the messages say it: "training" or "validation".</param>
    /// <param name="missing">What becomes of rows with missing features.</param>
    /// <param name="checkAlive">Called before every row, now and when rows are read again; throws where the user has cancelled.</param>
    /// <param name="limit">
    /// Bytes that the rows may take, by numbers of features and classes; called before memory is taken for either. Null for
    /// no limit.
    /// </param>
    /// <param name="classes">
    /// The class of each label, where a training goes on from an earlier model; null where labels are numbered as the classes are.
    /// </param>
    /// <returns>At least one row, kept or not.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is not what is needed.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public static FirstReading Read(
        IHost host,
        IChannel channel,
        RoleMappedData data,
        string purpose,
        Action checkAlive,
        MissingValues missing = MissingValues.Skip,
        Func<int, int, long>? limit = null,
        ClassMap? classes = null
    )
    {
        data.CheckFeatureFloatVector(out int featureCount);
        data.CheckOptFloatWeight();
        int labelCount = CountLabels(host, data);
        int classCount = classes?.ClassCount ?? labelCount;
        long bytes = limit?.Invoke(featureCount, classCount) ?? long.MaxValue;

        var survey = new RowSurvey(featureCount, classCount, data.Schema.Weight.HasValue);
        var rows = new LimitedRows(survey, bytes);
        var faults = new SkippedRows(data);
        var skipped = new List<long>();
        Patience.WaitFor(ReadAll, checkAlive);
        faults.Report(channel, purpose);
        if (survey.RowCount == 0)
            throw host.Except($"No valid {purpose} instances found, {faults.WhyNoneIsLeft()}.");
        survey.SkippedRows = faults.Total;
        survey.ReaderBytes = skipped.Count * sizeof(long);
        return new FirstReading(
            rows.ToRows(),
            rows.Bytes,
            survey,
            new DataViewRows(data, purpose, labelCount, missing, [.. skipped], checkAlive, classes)
        );

        void ReadAll()
        {
            using var cursor = new LabeledRowCursor(data, labelCount, missing, checkAlive, classes);
            GarbageLimit garbage = MemoryPlan.GarbageIn(bytes);
            while (cursor.MoveNext(faults))
            {
                if (classCount == 1)
                    throw OnlyOneClass(host, data);
                if (survey.RowCount % RowsBetweenChecks == 0)
                    garbage.Check();
                if (survey.RowCount == int.MaxValue)
                    throw host.Except($"The {purpose} data has more than {int.MaxValue} valid rows.");
                AddSkipped(cursor.Position);
                RowValues row = cursor.Values;
                survey.Add(row.Label, row.Features.Length - row.Features.Count(0f), row.Weight);
                rows.Add(in row);
            }

            AddSkipped(cursor.Position);
        }

        // All rows before this place that are not valid were skipped; who reads rows once need not know where they are.
        void AddSkipped(long place)
        {
            if (bytes == long.MaxValue)
                return;
            while (survey.RowCount + skipped.Count < place)
                skipped.Add(survey.RowCount + skipped.Count);
        }
    }

    private static int CountLabels(IHost host, RoleMappedData data)
    {
        DataViewSchema.Column column = data.Schema.Label!.Value;
        if (column.Type is BooleanDataViewType)
            return ClassNames.OfBoolean.Count;
        if (column.Type is not KeyDataViewType key || key.Count == 0)
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{column.Name}' must be a key with a known number of classes, and is {column.Type}."
            );
        if (key.Count > (ulong)Array.MaxLength)
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{column.Name}' has {key.Count} classes, which is too many."
            );
        return (int)key.Count;
    }

    // Said once there is a row of it: MapValueToKey makes one class of no rows as well.
    private static Exception OnlyOneClass(IHost host, RoleMappedData data) =>
        host.ExceptParam(
            nameof(data),
            $"The label column '{data.Schema.Label!.Value.Name}' has only one class, and a classifier needs at least two."
        );

    /// <summary>Keeps rows for as long as they do not take more memory than they may.</summary>
    private sealed class LimitedRows(RowSurvey survey, long limit)
    {
        private RowStore? _rows = new(survey.FeatureCount, survey.ClassCount, survey.HasWeights, limit);

        /// <summary>Bytes that all rows take, or would take.</summary>
        public long Bytes =>
            RowStore.BytesOf(survey.FeatureCount, survey.RowCount, survey.RowCount * survey.MeanNonZeros)
            + (long)survey.RowCount * MemoryPlan.BytesPerRow;

        public void Add(in RowValues row)
        {
            if (_rows is null)
                return;
            if (limit - _rows.FeatureBytes >= (long)survey.RowCount * MemoryPlan.BytesPerRow && _rows.TryAdd(in row))
                return;
            _rows = null;

            // What takes nearly the whole budget is garbage now, and its place is needed.
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        public LabeledRows? ToRows() => _rows?.ToRows();
    }
}
