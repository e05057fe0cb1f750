using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Rows;

/// <summary>
/// Rows as a network reads them: each is encoded whenever it is copied, which costs little beside the products that follow, so
/// that encoded rows take no memory.
/// </summary>
internal sealed class EncodedRows : RowSource
{
    private readonly RowSource _rows;
    private readonly FeatureEncoding _encoding;

    private EncodedRows(RowSource rows, FeatureEncoding encoding)
    {
        _rows = rows;
        _encoding = encoding;
    }

    public override int RowCount => _rows.RowCount;

    public override int FeatureCount => _encoding.EncodedCount;

    public override int ClassCount => _rows.ClassCount;

    public override bool HasDifferentLabels => _rows.HasDifferentLabels;

    public override double MeanNonZeros => _encoding.NonZerosOf(_rows.MeanNonZeros);

    /// <summary>The rows of a source as a network reads them.</summary>
    public static RowSource Of(RowSource rows, FeatureEncoding encoding) =>
        encoding.IsIdentity ? rows
        : rows is RowsInMemory inMemory ? new RowsInMemory(Of(inMemory.Rows, encoding))
        : new EncodedRows(rows, encoding);

    /// <summary>Rows in memory as a network reads them.</summary>
    public static LabeledRows Of(LabeledRows rows, FeatureEncoding encoding) =>
        encoding.IsIdentity ? rows : rows with { Features = new EncodedFeatureMatrix(rows.Features, encoding) };

    public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
    {
        LabeledRows? rows = null;
        LabeledRows? encoded = null;
        foreach (RowBatch batch in _rows.Batches(order, batchSize))
        {
            // An object for each content, as there is of what is encoded.
            if (!ReferenceEquals(batch.Rows, rows))
                (rows, encoded) = (batch.Rows, Of(batch.Rows, _encoding));
            yield return batch with
            {
                Rows = encoded!,
            };
        }
    }

    public override void Shuffle(int[] order, RandomStream random) => _rows.Shuffle(order, random);

    public override RowSelection Select(int[] chosen) => _rows.Select(chosen).Of(rows => Of(rows, _encoding));

    private sealed class EncodedFeatureMatrix : FeatureMatrix
    {
        private readonly FeatureMatrix _features;
        private readonly FeatureEncoding _encoding;

        public EncodedFeatureMatrix(FeatureMatrix features, FeatureEncoding encoding)
            : base(encoding.EncodedCount)
        {
            _features = features;
            _encoding = encoding;
            RowCount = features.RowCount;
        }

        public override double MeanNonZeros => _encoding.NonZerosOf(_features.MeanNonZeros);

        public override void CopyRow(int row, Span<float> destination)
        {
            Span<float> features = destination[.._features.FeatureCount];
            _features.CopyRow(row, features);
            _encoding.Encode(features, destination[..FeatureCount]);
        }

        public override void Add(in RowValues row, int nonZeros) => throw Unchanging();

        public override ulong HashOfLastRow() => throw Unchanging();

        public override void Clear() => throw Unchanging();

        private static NotSupportedException Unchanging() => new("Rows are encoded as they are, and none is added.");
    }
}
