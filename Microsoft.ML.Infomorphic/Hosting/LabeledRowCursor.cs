using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Internal.Utilities;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Why a row cannot be learned from.</summary>
internal enum RowFault
{
    None,
    MissingFeatures,
    InfiniteFeatures,
    MissingLabel,
    MissingWeight,
    WeightNotPositive,
    InfiniteWeight,
}

/// <summary>
/// Goes through the rows of a data view, and says of each whether it can be learned from. Asks before every row, valid or
/// not, whether to go on, so that neither a slow view nor an endless one holds up a user who cancels.
/// </summary>
internal sealed class LabeledRowCursor : IDisposable
{
    private readonly int _labelCount;
    private readonly ClassMap? _classes;
    private readonly MissingValues _missing;
    private readonly Action _checkAlive;
    private readonly DataViewRowCursor _cursor;
    private readonly ValueGetter<VBuffer<float>> _getFeatures;
    private readonly ValueGetter<float> _getLabel;
    private readonly ValueGetter<float>? _getWeight;
    private VBuffer<float> _features;
    private float _label;
    private float _weight = 1;

    /// <summary>Stands before the first row.</summary>
    /// <param name="data">The data, the types of its columns checked.</param>
    /// <param name="labelCount">Number of labels of its column.</param>
    /// <param name="missing">What becomes of rows with missing features.</param>
    /// <param name="checkAlive">Throws where the user has cancelled.</param>
    /// <param name="classes">The class of each label; null where labels are numbered as the classes are.</param>
    public LabeledRowCursor(
        RoleMappedData data,
        int labelCount,
        MissingValues missing,
        Action checkAlive,
        ClassMap? classes = null
    )
    {
        _labelCount = labelCount;
        _classes = classes;
        _missing = missing;
        _checkAlive = checkAlive;
        DataViewSchema.Column features = data.Schema.Feature!.Value;
        DataViewSchema.Column label = data.Schema.Label!.Value;
        var columns = new List<DataViewSchema.Column> { features, label };
        if (data.Schema.Weight is DataViewSchema.Column weight)
            columns.Add(weight);

        // Without a random generator, a cursor gives the rows in the same order each time.
        _cursor = data.Data.GetRowCursor(columns, rand: null);
        _getFeatures = _cursor.GetGetter<VBuffer<float>>(features);
        _getLabel = RowCursorUtils.GetLabelGetter(_cursor, label.Index);
        _getWeight = data.Schema.Weight is DataViewSchema.Column column ? _cursor.GetGetter<float>(column) : null;
    }

    /// <summary>The place of the row in the view, from 0.</summary>
    public long Position { get; private set; } = -1;

    /// <summary>The row, once <see cref="Read"/> has found no fault; valid until the next row is read.</summary>
    public RowValues Values =>
        new()
        {
            Label = _classes is null ? (int)_label : _classes[(int)_label],
            Weight = _weight,
            Features = _features.GetValues(),
            IsFull = _features.IsDense,
            Indices = _features.IsDense ? default : _features.GetIndices(),
        };

    /// <summary>Moves to the next row, without reading it.</summary>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public bool MoveNext()
    {
        _checkAlive();
        Position++;
        return _cursor.MoveNext();
    }

    /// <summary>Moves to the next row that can be learned from, counting those before it that cannot.</summary>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    public bool MoveNext(SkippedRows skipped)
    {
        while (MoveNext())
        {
            RowFault fault = Read();
            if (fault == RowFault.None)
                return true;
            skipped.Add(fault);
        }

        return false;
    }

    /// <summary>Reads the row.</summary>
    public RowFault Read()
    {
        _getWeight?.Invoke(ref _weight);
        if (float.IsNaN(_weight))
            return RowFault.MissingWeight;
        if (_weight <= 0)
            return RowFault.WeightNotPositive;
        if (float.IsPositiveInfinity(_weight))
            return RowFault.InfiniteWeight;
        _getFeatures(ref _features);
        ReadOnlySpan<float> values = _features.GetValues();
        if (!FloatUtils.IsFinite(values))
        {
            if (_missing == MissingValues.Skip && TensorPrimitives.IsNaNAny(values))
                return RowFault.MissingFeatures;
            if (TensorPrimitives.IsInfinityAny(values))
                return RowFault.InfiniteFeatures;
        }

        _getLabel(ref _label);
        return _label >= 0 && _label < _labelCount ? RowFault.None : RowFault.MissingLabel;
    }

    public void Dispose() => _cursor.Dispose();
}

/// <summary>How many rows were skipped, and why.</summary>
/// <param name="data">The data that they are of.</param>
internal sealed class SkippedRows(RoleMappedData data)
{
    private readonly SortedDictionary<RowFault, long> _counts = [];

    /// <summary>Number of rows.</summary>
    public long Total => _counts.Values.Sum();

    /// <summary>What the rows of a fault have, as the messages say it: ML.NET's words, where it has some.</summary>
    public static string Describe(RowFault fault) =>
        fault switch
        {
            RowFault.MissingFeatures => "missing features",
            RowFault.InfiniteFeatures => "infinite features",
            RowFault.MissingLabel => "missing labels",
            RowFault.MissingWeight => "missing weights",
            RowFault.WeightNotPositive => "weights that are not positive",
            RowFault.InfiniteWeight => "infinite weights",
            _ => throw new ArgumentOutOfRangeException(nameof(fault), fault, "There is no such fault."),
        };

    public void Add(RowFault fault) => _counts[fault] = _counts.GetValueOrDefault(fault) + 1;

    /// <summary>Reports the rows.</summary>
    /// <param name="channel">Where to.</param>
    /// <param name="purpose">What the rows are for, as the messages say it.</param>
    public void Report(IChannel channel, string purpose)
    {
        foreach ((RowFault fault, long count) in _counts)
            channel.Warning(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"Skipped {count} instances with {Describe(fault)} during {purpose} (column '{ColumnOf(fault)}')"
                )
            );
    }

    /// <summary>Why there is no row left: a part of a sentence.</summary>
    public string WhyNoneIsLeft() =>
        _counts.Count switch
        {
            0 => "there are no rows",
            1 => $"all instances have {WithColumn(_counts.Keys.First())}",
            _ => string.Join(
                ", ",
                _counts.Select(of =>
                    string.Create(CultureInfo.InvariantCulture, $"{of.Value} have {WithColumn(of.Key)}")
                )
            ),
        };

    private string WithColumn(RowFault fault) => $"{Describe(fault)} (column '{ColumnOf(fault)}')";

    private string ColumnOf(RowFault fault) =>
        fault switch
        {
            RowFault.MissingFeatures or RowFault.InfiniteFeatures => data.Schema.Feature!.Value.Name,
            RowFault.MissingLabel => data.Schema.Label!.Value.Name,
            _ => data.Schema.Weight!.Value.Name,
        };
}
