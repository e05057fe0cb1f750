namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>Rows that can be read again and again, always in the same order.</summary>
internal interface IRowReader
{
    /// <summary>What the rows are for, as messages say it: "training" or "validation".</summary>
    string Purpose { get; }

    /// <summary>Has rows read, by one who does not go on waiting for them where the user cancels.</summary>
    /// <param name="work">Reads rows.</param>
    /// <exception cref="OperationCanceledException">The user has cancelled; the work may not have come to an end.</exception>
    void WaitFor(Action work) => work();

    /// <summary>Begins a reading, before the first row.</summary>
    IRowPass Begin();
}

/// <summary>One reading of rows.</summary>
internal interface IRowPass : IDisposable
{
    /// <summary>Moves to the next valid row; costs little where the row is not read.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidOperationException">There are not as many rows as in the first reading.</exception>
    /// <exception cref="OperationCanceledException">The user has cancelled.</exception>
    bool MoveNext();

    /// <summary>Reads the row.</summary>
    /// <returns>The row; valid until the next call.</returns>
    /// <exception cref="InvalidOperationException">The row is not valid as it was in the first reading.</exception>
    RowValues Read();
}

/// <summary>A row that was read.</summary>
internal readonly ref struct RowValues
{
    /// <summary>The class, from 0.</summary>
    public required int Label { get; init; }

    /// <summary>The weight; 1 where rows have none.</summary>
    public required float Weight { get; init; }

    /// <summary>The features, or those that <see cref="Indices"/> lists.</summary>
    public required ReadOnlySpan<float> Features { get; init; }

    /// <summary>Whether all features are there.</summary>
    public required bool IsFull { get; init; }

    /// <summary>Where not all are there, which are; the others are zero.</summary>
    public required ReadOnlySpan<int> Indices { get; init; }

    /// <summary>A row of features alone.</summary>
    /// <param name="indices">The features that are not zero; empty where all are there.</param>
    /// <param name="features">Their values.</param>
    public static RowValues OfFeatures(ReadOnlySpan<int> indices, ReadOnlySpan<float> features) =>
        new()
        {
            Label = 0,
            Weight = 1,
            Features = features,
            IsFull = indices.IsEmpty && !features.IsEmpty,
            Indices = indices,
        };

    /// <summary>Writes the features, the zeros too.</summary>
    public void CopyTo(Span<float> destination)
    {
        if (IsFull)
        {
            Features.CopyTo(destination);
            return;
        }

        destination.Clear();
        for (int i = 0; i < Indices.Length; i++)
            destination[Indices[i]] = Features[i];
    }
}

/// <summary>What the first reading found out about rows: all that is needed to plan further readings.</summary>
internal sealed class RowSurvey(int featureCount, int classCount, bool hasWeights)
{
    private double _nonZeros;
    private double _nonZerosSquared;
    private readonly int[] _rowsOfClass = new int[classCount];
    private readonly double[] _weightOfClass = new double[classCount];
    private int _lastLabel = -1;
    private long _changes;

    public int FeatureCount => featureCount;

    public int ClassCount => classCount;

    public bool HasWeights => hasWeights;

    /// <summary>Number of valid rows.</summary>
    public int RowCount { get; private set; }

    /// <summary>Number of valid rows of each class.</summary>
    public IReadOnlyList<int> RowsOfClass => _rowsOfClass;

    /// <summary>The sum of their weights.</summary>
    public IReadOnlyList<double> WeightOfClass => _weightOfClass;

    /// <summary>Whether there are rows of different classes.</summary>
    public bool HasDifferentLabels => _changes > 0;

    /// <summary>
    /// Whether rows of a class come together: neighbours differ in class less than half as often as they would in a
    /// random order.
    /// </summary>
    public bool IsSortedByClass
    {
        get
        {
            double same = _rowsOfClass.Sum(rows => Math.Pow((double)rows / RowCount, 2));
            return _changes < 0.5 * (1 - same) * (RowCount - 1);
        }
    }

    /// <summary>Mean number of features of a row that are not zero.</summary>
    public double MeanNonZeros => _nonZeros / RowCount;

    /// <summary>Its standard deviation.</summary>
    public double DeviationOfNonZeros =>
        Math.Sqrt(Math.Max(0, _nonZerosSquared / RowCount - MeanNonZeros * MeanNonZeros));

    /// <summary>The largest number of features of a row that are not zero.</summary>
    public int LargestNonZeros { get; private set; }

    /// <summary>Number of rows that were skipped.</summary>
    public long SkippedRows { get; set; }

    /// <summary>The smallest weight of a row.</summary>
    public float SmallestWeight { get; private set; } = float.PositiveInfinity;

    /// <summary>The largest weight of a row.</summary>
    public float LargestWeight { get; private set; }

    /// <summary>Bytes that the reader needs to know invalid rows by.</summary>
    public long ReaderBytes { get; set; }

    /// <summary>Adds a row.</summary>
    public void Add(int label, int nonZeros, float weight = 1)
    {
        SmallestWeight = Math.Min(SmallestWeight, weight);
        LargestWeight = Math.Max(LargestWeight, weight);
        if (RowCount++ > 0 && label != _lastLabel)
            _changes++;
        _lastLabel = label;
        _rowsOfClass[label]++;
        _weightOfClass[label] += weight;
        _nonZeros += nonZeros;
        _nonZerosSquared += (double)nonZeros * nonZeros;
        LargestNonZeros = Math.Max(LargestNonZeros, nonZeros);
    }
}

/// <summary>What became of the first reading.</summary>
/// <param name="Rows">The rows, or null where they take more memory than they may.</param>
/// <param name="Bytes">The memory that they take.</param>
/// <param name="Survey">What was found out.</param>
/// <param name="Reader">Reads them again.</param>
internal sealed record FirstReading(LabeledRows? Rows, long Bytes, RowSurvey Survey, IRowReader Reader);
