using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Memory for a number of rows that is filled again and again, so that streaming leaves nothing to the garbage
/// collector.
/// </summary>
internal abstract class RowBlock
{
    private const long ValuesPerChunk = 1 << 20;

    private readonly int _classCount;
    private readonly int[] _labels;
    private readonly float[]? _weights;
    private readonly int _largestNonZeros;

    private RowBlock(RowSurvey survey, int capacity)
    {
        Capacity = capacity;
        FeatureCount = survey.FeatureCount;
        _classCount = survey.ClassCount;
        _largestNonZeros = survey.LargestNonZeros;
        _labels = new int[capacity];
        _weights = survey.HasWeights ? new float[capacity] : null;
    }

    /// <summary>The largest number of rows.</summary>
    public int Capacity { get; }

    /// <summary>Number of rows added.</summary>
    public int RowCount { get; private set; }

    protected int FeatureCount { get; }

    /// <summary>A block for rows in full or, where that takes at most half of the memory, without their zeros.</summary>
    public static RowBlock Create(RowSurvey survey, int capacity) =>
        IsPacked(survey) ? new Packed(survey, capacity) : new Full(survey, capacity);

    /// <summary>Mean, standard deviation and maximum of what a row takes, in bytes.</summary>
    public static (double Mean, double Deviation, double Largest) BytesPerRow(RowSurvey survey)
    {
        // Class, weight, the places in the view and in the order, and scratch.
        const int Fixed = 5 * sizeof(int);
        double full = Fixed + (double)survey.FeatureCount * sizeof(float);
        return IsPacked(survey)
            ? (
                Fixed + Packed.Fixed + Packed.PerNonZero * survey.MeanNonZeros,
                Packed.PerNonZero * survey.DeviationOfNonZeros,
                Fixed + Packed.Fixed + (double)Packed.PerNonZero * survey.LargestNonZeros
            )
            : (full, 0, full);
    }

    /// <summary>Removes all rows.</summary>
    public virtual void Clear() => RowCount = 0;

    /// <summary>Adds a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="hash">A number that follows from its content and is hardly the same for another one.</param>
    /// <returns>Whether there is room for it, as there is for every row of the first reading.</returns>
    public bool TryAdd(in RowValues row, out ulong hash)
    {
        hash = 0;
        int nonZeros = row.Features.Length - row.Features.Count(0f);
        if (nonZeros > _largestNonZeros)
            return false;
        _labels[RowCount] = row.Label;
        if (_weights is not null)
            _weights[RowCount] = row.Weight;
        hash =
            AddFeatures(in row, nonZeros)
            ^ Scatter((ulong)(uint)row.Label << 32 | BitConverter.SingleToUInt32Bits(row.Weight));
        RowCount++;
        return true;
    }

    /// <summary>The rows added; valid until the next <see cref="Clear"/>.</summary>
    public LabeledRows ToRows()
    {
        // Arrays as long as there are rows; a smaller block is rare, it is the last one of a reading.
        bool isWhole = RowCount == Capacity;
        return new LabeledRows(
            FeaturesAdded(),
            isWhole ? _labels : _labels[..RowCount],
            isWhole ? _weights : _weights?[..RowCount],
            _classCount
        );
    }

    /// <summary>Spreads differences of a few bits over all (the finalizer of SplitMix64).</summary>
    public static ulong Scatter(ulong bits)
    {
        bits += 0x9E3779B97F4A7C15;
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB;
        return bits ^ bits >> 31;
    }

    protected abstract ulong AddFeatures(in RowValues row, int nonZeros);

    protected abstract FeatureMatrix FeaturesAdded();

    private static bool IsPacked(RowSurvey survey) =>
        2 * (Packed.Fixed + Packed.PerNonZero * survey.MeanNonZeros) <= (double)survey.FeatureCount * sizeof(float);

    private sealed class Full : RowBlock
    {
        private readonly int _rowsPerChunk;
        private readonly float[][] _chunks;

        public Full(RowSurvey survey, int capacity)
            : base(survey, capacity)
        {
            _rowsPerChunk = (int)Math.Clamp(ValuesPerChunk / FeatureCount, 1, capacity);
            _chunks = new float[(capacity + _rowsPerChunk - 1) / _rowsPerChunk][];
            for (int chunk = 0; chunk < _chunks.Length; chunk++)
                _chunks[chunk] = new float[
                    Math.Min(_rowsPerChunk, capacity - chunk * _rowsPerChunk) * (long)FeatureCount
                ];
        }

        protected override ulong AddFeatures(in RowValues row, int nonZeros)
        {
            Span<float> destination = _chunks[RowCount / _rowsPerChunk]
                .AsSpan(RowCount % _rowsPerChunk * FeatureCount, FeatureCount);
            if (row.IsFull)
            {
                row.Features.CopyTo(destination);
            }
            else
            {
                destination.Clear();
                for (int i = 0; i < row.Indices.Length; i++)
                    destination[row.Indices[i]] = row.Features[i];
            }
            return XxHash3.HashToUInt64(MemoryMarshal.AsBytes(destination));
        }

        protected override FeatureMatrix FeaturesAdded() =>
            new DenseFeatureMatrix(RowCount, FeatureCount, _chunks, _rowsPerChunk);
    }

    private sealed class Packed(RowSurvey survey, int capacity) : RowBlock(survey, capacity)
    {
        public const int PerNonZero = sizeof(int) + sizeof(float);
        public const int Fixed = sizeof(long) + sizeof(int);

        // A row lies in one chunk. Chunks appear as they are needed and stay.
        private readonly int _chunkLength = (int)
            Math.Max(
                survey.LargestNonZeros,
                Math.Clamp((long)(capacity * survey.MeanNonZeros / 16), 1, ValuesPerChunk)
            );
        private readonly List<int[]> _indices = [];
        private readonly List<float[]> _values = [];
        private readonly long[] _starts = new long[capacity];
        private readonly int[] _lengths = new int[capacity];
        private long _end;

        public override void Clear()
        {
            base.Clear();
            _end = 0;
        }

        protected override ulong AddFeatures(in RowValues row, int nonZeros)
        {
            _lengths[RowCount] = nonZeros;
            if (nonZeros == 0)
                return 0;
            if (_end % _chunkLength + nonZeros > _chunkLength)
                _end += _chunkLength - _end % _chunkLength;
            int chunk = (int)(_end / _chunkLength);
            if (chunk == _indices.Count)
            {
                _indices.Add(new int[_chunkLength]);
                _values.Add(new float[_chunkLength]);
            }

            _starts[RowCount] = _end;
            Span<int> indices = _indices[chunk].AsSpan((int)(_end % _chunkLength), nonZeros);
            Span<float> values = _values[chunk].AsSpan((int)(_end % _chunkLength), nonZeros);
            for (int i = 0, at = 0; i < row.Features.Length; i++)
            {
                if (row.Features[i] == 0)
                    continue;
                indices[at] = row.IsFull ? i : row.Indices[i];
                values[at++] = row.Features[i];
            }
            _end += nonZeros;
            return XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values))
                ^ Scatter(XxHash3.HashToUInt64(MemoryMarshal.AsBytes(indices)));
        }

        protected override FeatureMatrix FeaturesAdded() =>
            new PackedFeatureMatrix(RowCount, FeatureCount, _indices, _values, _chunkLength, _starts, _lengths);
    }

    private sealed class PackedFeatureMatrix(
        int rowCount,
        int featureCount,
        List<int[]> indices,
        List<float[]> values,
        int chunkLength,
        long[] starts,
        int[] lengths
    ) : FeatureMatrix(rowCount, featureCount)
    {
        public override void CopyRow(int row, Span<float> destination)
        {
            destination[..FeatureCount].Clear();
            int length = lengths[row];
            if (length == 0)
                return;
            int chunk = (int)(starts[row] / chunkLength);
            int start = (int)(starts[row] % chunkLength);
            ReadOnlySpan<int> rowIndices = indices[chunk].AsSpan(start, length);
            ReadOnlySpan<float> rowValues = values[chunk].AsSpan(start, length);
            for (int i = 0; i < rowIndices.Length; i++)
                destination[rowIndices[i]] = rowValues[i];
        }
    }
}
