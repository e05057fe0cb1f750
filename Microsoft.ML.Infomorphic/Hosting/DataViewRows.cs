using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Internal.Utilities;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Reads the valid rows of a data view again, as often as they are needed.</summary>
internal sealed class DataViewRows : IRowReader
{
    private readonly IHost _host;
    private readonly RoleMappedData _data;
    private readonly int _classCount;
    private readonly MissingValues _missing;
    private readonly long[] _skipped;

    /// <summary>Remembers how rows are read.</summary>
    /// <param name="host">The host, which may cancel.</param>
    /// <param name="data">The data.</param>
    /// <param name="purpose">What the rows are for, as the messages say it.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <param name="missing">What becomes of rows with missing features.</param>
    /// <param name="skipped">Where, among all rows, those are that the first reading skipped; ascending.</param>
    public DataViewRows(
        IHost host,
        RoleMappedData data,
        string purpose,
        int classCount,
        MissingValues missing,
        long[] skipped
    )
    {
        _missing = missing;
        _host = host;
        _data = data;
        _classCount = classCount;
        _skipped = skipped;
        Purpose = purpose;
    }

    public string Purpose { get; }

    public IRowPass Begin() => new Pass(this);

    private InvalidOperationException NotValid(long position, string what) =>
        StreamedRows.Changed(Purpose, $"instance {position + 1} has missing {what} now, which it had not");

    private sealed class Pass : IRowPass
    {
        private readonly DataViewRows _owner;
        private readonly DataViewRowCursor _cursor;
        private readonly ValueGetter<VBuffer<float>> _getFeatures;
        private readonly ValueGetter<float> _getLabel;
        private readonly ValueGetter<float>? _getWeight;
        private VBuffer<float> _features;
        private long _position = -1;
        private int _nextSkipped;

        public Pass(DataViewRows owner)
        {
            _owner = owner;
            RoleMappedData data = owner._data;
            DataViewSchema.Column features = data.Schema.Feature!.Value;
            var columns = new List<DataViewSchema.Column> { features, data.Schema.Label!.Value };
            if (data.Schema.Weight is DataViewSchema.Column weight)
                columns.Add(weight);

            // Without a random generator, a cursor gives the rows in the same order each time.
            _cursor = data.Data.GetRowCursor(columns, rand: null);
            _getFeatures = _cursor.GetGetter<VBuffer<float>>(features);
            _getLabel = RowCursorUtils.GetLabelGetter(_cursor, data.Schema.Label!.Value.Index);
            _getWeight = data.Schema.Weight is DataViewSchema.Column column ? _cursor.GetGetter<float>(column) : null;
        }

        public bool MoveNext()
        {
            do
            {
                if (++_position % DataViewReader.RowsBetweenChecks == 0)
                    _owner._host.CheckAlive();
                if (!_cursor.MoveNext())
                    return false;
            } while (IsSkipped());
            return true;
        }

        public RowValues Read()
        {
            _getFeatures(ref _features);
            ReadOnlySpan<float> values = _features.GetValues();
            if (
                _owner._missing == MissingValues.Indicate
                    ? TensorPrimitives.IsInfinityAny(values)
                    : !FloatUtils.IsFinite(values)
            )
                throw _owner.NotValid(_position, "features");
            float label = 0;
            _getLabel(ref label);
            if (!(label >= 0 && label < _owner._classCount))
                throw _owner.NotValid(_position, "labels");
            float weight = 1;
            _getWeight?.Invoke(ref weight);
            if (!(weight > 0 && float.IsFinite(weight)))
                throw _owner.NotValid(_position, "weights");
            return new RowValues
            {
                Label = (int)label,
                Weight = weight,
                Features = _features.GetValues(),
                IsFull = _features.IsDense,
                Indices = _features.IsDense ? default : _features.GetIndices(),
            };
        }

        public void Dispose() => _cursor.Dispose();

        private bool IsSkipped()
        {
            long[] skipped = _owner._skipped;
            if (_nextSkipped == skipped.Length || skipped[_nextSkipped] != _position)
                return false;
            _nextSkipped++;
            return true;
        }
    }
}
