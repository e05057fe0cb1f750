namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Rows in memory, with their classes and weights. Rows of which neither the number nor the share of zeros is known
/// beforehand are kept without their zeros for as long as that takes at most half of the memory that full rows would take,
/// and in full from then on. A store of known rows is filled again and again, so that streaming leaves nothing to the garbage
/// collector.
/// </summary>
internal sealed class RowStore
{
    // Class, weight, the places in the view and in the order, and scratch.
    private const int BytesPerStreamedRow = 5 * sizeof(int);

    // A chunk takes at most this part of the limit.
    private const int ChunksWithinLimit = 32;

    // Rows are first judged when there are so many, and again whenever their number has doubled.
    private const int FirstJudgement = 256;

    private readonly int _featureCount;
    private readonly int _classCount;
    private readonly long _limit;
    private readonly int _largestNonZeros;
    private readonly List<int> _labels = [];
    private readonly List<float>? _weights;
    private FeatureMatrix _features;
    private int _nextJudgement = FirstJudgement;

    /// <summary>Makes an empty store for rows of which nothing is known.</summary>
    /// <param name="featureCount">Number of features of a row.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <param name="hasWeights">Whether rows have weights.</param>
    /// <param name="limit">Bytes that the features may take.</param>
    public RowStore(int featureCount, int classCount, bool hasWeights, long limit = long.MaxValue)
    {
        _featureCount = featureCount;
        _classCount = classCount;
        _limit = Math.Max(0, limit);
        _largestNonZeros = featureCount;
        _weights = hasWeights ? [] : null;
        _features = new SparseFeatureMatrix(featureCount, featureCount, _limit / ChunksWithinLimit);
    }

    /// <summary>Allocates a store for rows that were read before, in the form that takes them less memory.</summary>
    /// <param name="survey">What the first reading found.</param>
    /// <param name="capacity">The largest number of rows.</param>
    public RowStore(RowSurvey survey, int capacity)
    {
        _featureCount = survey.FeatureCount;
        _classCount = survey.ClassCount;
        _limit = long.MaxValue;
        _nextJudgement = int.MaxValue;
        Capacity = capacity;
        _largestNonZeros = survey.LargestNonZeros;
        _labels.Capacity = capacity;
        _weights = survey.HasWeights ? new List<float>(capacity) : null;
        if (IsSparse(survey))
        {
            long chunk = (long)(capacity * survey.MeanNonZeros / 16) * SparseFeatureMatrix.BytesPerNonZero;
            _features = new SparseFeatureMatrix(_featureCount, survey.LargestNonZeros, chunk, capacity);
        }
        else
        {
            var full = new DenseFeatureMatrix(_featureCount);
            full.Reserve(capacity);
            _features = full;
        }
    }

    /// <summary>The largest number of rows, where it is known.</summary>
    public int Capacity { get; } = int.MaxValue;

    /// <summary>Number of rows.</summary>
    public int RowCount => _labels.Count;

    /// <summary>Bytes that the features of the rows take.</summary>
    public long FeatureBytes =>
        _features is SparseFeatureMatrix sparse ? SparseBytes(RowCount, sparse.NonZeros) : FullBytes(RowCount);

    /// <summary>Bytes that the features of rows would take in the form that takes less.</summary>
    /// <param name="featureCount">Number of features.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="nonZeros">Number of their values that are not zero.</param>
    public static long BytesOf(int featureCount, long rows, double nonZeros)
    {
        long sparse = SparseBytes(rows, (long)nonZeros);
        long full = rows * featureCount * sizeof(float);
        return 2 * sparse <= full ? sparse : full;
    }

    /// <summary>Mean, standard deviation and maximum of what a row takes in a store of known rows, in bytes.</summary>
    public static (double Mean, double Deviation, double Largest) BytesPerRow(RowSurvey survey)
    {
        const int PerNonZero = SparseFeatureMatrix.BytesPerNonZero;
        const double PerRow = BytesPerStreamedRow + SparseFeatureMatrix.BytesPerRow;
        double full = BytesPerStreamedRow + (double)survey.FeatureCount * sizeof(float);
        return IsSparse(survey)
            ? (
                PerRow + PerNonZero * survey.MeanNonZeros,
                PerNonZero * survey.DeviationOfNonZeros,
                PerRow + (double)PerNonZero * survey.LargestNonZeros
            )
            : (full, 0, full);
    }

    /// <summary>Adds a row unless it, or all rows, would take more than they may.</summary>
    /// <param name="row">The row; its numbers are finite.</param>
    /// <returns>Whether it was added.</returns>
    public bool TryAdd(in RowValues row)
    {
        int nonZeros = row.Features.Length - row.Features.Count(0f);
        if (nonZeros > _largestNonZeros)
            return false;

        // Judged early where the limit would leave no room for both forms later.
        if (RowCount == _nextJudgement || RowCount > 0 && FeatureBytes > _limit / 4 && _limit < long.MaxValue)
        {
            while (_nextJudgement <= RowCount)
                _nextJudgement = _nextJudgement > int.MaxValue / 2 ? int.MaxValue : _nextJudgement * 2;
            FillWhereThatPays();
        }

        long bytes = _features is SparseFeatureMatrix sparse
            ? SparseBytes(RowCount + 1L, sparse.NonZeros + nonZeros)
            : FullBytes(RowCount + 1L);
        if (bytes > _limit)
            return false;
        _features.Add(in row, nonZeros);
        _labels.Add(row.Label);
        _weights?.Add(row.Weight);
        return true;
    }

    /// <summary>A number that follows from the content of the last row, and is hardly the same for another one.</summary>
    public ulong HashOfLastRow()
    {
        float weight = _weights is null ? 1 : _weights[^1];
        return _features.HashOfLastRow()
            ^ Scatter((ulong)(uint)_labels[^1] << 32 | BitConverter.SingleToUInt32Bits(weight));
    }

    /// <summary>Removes all rows.</summary>
    public void Clear()
    {
        _features.Clear();
        _labels.Clear();
        _weights?.Clear();
    }

    /// <summary>The rows added; valid until the next <see cref="Clear"/>.</summary>
    public LabeledRows ToRows()
    {
        if (_nextJudgement < int.MaxValue)
            FillWhereThatPays();
        return new LabeledRows(_features, [.. _labels], _weights?.ToArray(), _classCount);
    }

    /// <summary>Spreads differences of a few bits over all (the finalizer of SplitMix64).</summary>
    public static ulong Scatter(ulong bits)
    {
        bits += 0x9E3779B97F4A7C15;
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB;
        return bits ^ bits >> 31;
    }

    // Full rows where sparse ones take more than half of their memory, and there is room for both meanwhile.
    private void FillWhereThatPays()
    {
        if (
            _features is not SparseFeatureMatrix sparse
            || 2 * SparseBytes(RowCount, sparse.NonZeros) <= FullBytes(RowCount)
            || SparseBytes(RowCount, sparse.NonZeros) + FullBytes(RowCount) > _limit
        )
            return;
        var full = new DenseFeatureMatrix(_featureCount, _limit / ChunksWithinLimit);
        full.AddAll(sparse);
        _features = full;
    }

    private static bool IsSparse(RowSurvey survey) =>
        2 * (SparseFeatureMatrix.BytesPerRow + SparseFeatureMatrix.BytesPerNonZero * survey.MeanNonZeros)
        <= (double)survey.FeatureCount * sizeof(float);

    private static long SparseBytes(long rows, long nonZeros) =>
        rows * SparseFeatureMatrix.BytesPerRow + nonZeros * SparseFeatureMatrix.BytesPerNonZero;

    private long FullBytes(long rows) => rows * _featureCount * sizeof(float);
}
