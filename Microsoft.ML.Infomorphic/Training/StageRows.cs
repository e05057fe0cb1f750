using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// Rows that a layer learns from where layers are trained one after another: the features, and the mean outputs of the layers
/// below with the label withheld, as far as it hears them. They are computed once and kept; or, where they do not fit in
/// memory, anew whenever rows are asked for.
/// </summary>
internal sealed class StageRows
{
    private readonly List<(Signal Signal, int First, int Count)> _parts = [];
    private readonly NetworkScorer _scorer;

    /// <param name="network">The network, whose layers below are trained.</param>
    /// <param name="signals">What is heard of rows: the features, and layers below.</param>
    public StageRows(InfomorphicNetwork network, IEnumerable<Signal> signals)
    {
        _scorer = new NetworkScorer(network, new ScoringSettings(Calibrate: false));
        int first = 0;
        foreach (Signal signal in signals.Distinct().OrderBy(signal => signal.Index))
        {
            int count = network.SizeOf(signal);
            _parts.Add((signal, first, count));
            first += count;
        }

        // Outputs are taken as they are.
        float[] offsets = new float[first];
        float[] scales = new float[first];
        Array.Fill(scales, 1f);
        if (FirstOf(Signal.Features) is int features)
        {
            network.FeatureScaling.Offsets.CopyTo(offsets, features);
            network.FeatureScaling.Scales.CopyTo(scales, features);
        }

        Scaling = new FeatureScaling(network.FeatureScaling.Kind, offsets, scales);
    }

    /// <summary>The standardisation of the rows.</summary>
    public FeatureScaling Scaling { get; }

    private int Width => Scaling.FeatureCount;

    /// <summary>Where a signal begins among the numbers of a row; null where rows do not bring it.</summary>
    public int? FirstOf(Signal signal)
    {
        foreach ((Signal part, int first, _) in _parts)
            if (part == signal)
                return first;
        return null;
    }

    /// <summary>The rows of a source as the layer hears them.</summary>
    /// <param name="rows">The rows of the data.</param>
    /// <param name="limit">Bytes that they may take.</param>
    /// <param name="threads">Threads that compute them.</param>
    /// <param name="checkAlive">Called from time to time; throws to end the training.</param>
    public RowSource Of(RowSource rows, long limit, int threads, Action checkAlive) =>
        rows is EpochwiseRows epochs
            ? new EpochwiseRows(
                Of(epochs.Rows, limit, threads, checkAlive),
                epoch => new ComputedRows(this, epochs.InEpoch(epoch), threads)
            )
        : rows is RowsInMemory inMemory && (long)rows.RowCount * Scaling.FeatureCount * sizeof(float) <= limit
            ? Keep(inMemory.Rows, threads, checkAlive)
        : new ComputedRows(this, rows, threads);

    private RowsInMemory Keep(LabeledRows rows, int threads, Action checkAlive)
    {
        int rowsPerChunk = Math.Max(1, (1 << 22) / Width / _scorer.RowsPerBlock) * _scorer.RowsPerBlock;
        float[][] chunks = new float[(rows.RowCount + rowsPerChunk - 1) / rowsPerChunk][];
        int rowsAtOnce = threads * _scorer.RowsPerBlock;
        for (int chunk = 0; chunk < chunks.Length; chunk++)
        {
            int first = chunk * rowsPerChunk;
            int count = Math.Min(rowsPerChunk, rows.RowCount - first);
            chunks[chunk] = new float[(long)count * Width];
            ReadOnlyMemory<int> places = Enumerable.Range(first, count).ToArray();
            for (int done = 0; done < count; done += rowsAtOnce)
            {
                checkAlive();
                int next = Math.Min(rowsAtOnce, count - done);
                Compute(rows.Features, places.Slice(done, next), chunks[chunk].AsMemory(done * Width), threads);
            }
        }

        return new RowsInMemory(
            rows with
            {
                Features = new DenseFeatureMatrix(rows.RowCount, Width, chunks, rowsPerChunk),
            }
        );
    }

    private void Compute(FeatureMatrix features, ReadOnlyMemory<int> places, Memory<float> values, int threads)
    {
        int rowsPerBlock = _scorer.RowsPerBlock;
        Parallel.For(
            0,
            (places.Length + rowsPerBlock - 1) / rowsPerBlock,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            item =>
            {
                int first = item * rowsPerBlock;
                int count = Math.Min(rowsPerBlock, places.Length - first);
                ScoringBlock block = _scorer.Rent();
                for (int row = 0; row < count; row++)
                {
                    Span<float> next = block.NextRow;
                    features.CopyRow(places.Span[first + row], next);
                    block.Add(next);
                    if (FirstOf(Signal.Features) is int place)
                        next.CopyTo(values.Span[((first + row) * Width + place)..]);
                }

                foreach ((Signal signal, int place, _) in _parts)
                    if (signal.Kind == SignalKind.Layer)
                        _scorer.LayerOutputs(block, signal.Index, values.Span[(first * Width + place)..], Width);
                _scorer.Return(block);
            }
        );
    }

    /// <summary>Rows that are computed whenever they are asked for.</summary>
    private sealed class ComputedRows(StageRows stage, RowSource rows, int threads) : RowSource
    {
        public override int RowCount => rows.RowCount;

        public override int FeatureCount => stage.Scaling.FeatureCount;

        public override int ClassCount => rows.ClassCount;

        public override bool HasDifferentLabels => rows.HasDifferentLabels;

        public override IEnumerable<RowBatch> Batches(int[]? order, int batchSize)
        {
            float[] values = new float[checked(batchSize * FeatureCount)];
            int[] places = [.. Enumerable.Range(0, batchSize)];
            foreach ((LabeledRows batch, ReadOnlyMemory<int> indices) in rows.Batches(order, batchSize))
            {
                stage.Compute(batch.Features, indices, values, threads);
                int[] chosen = indices.ToArray();
                var computed = new LabeledRows(
                    new DenseFeatureMatrix(chosen.Length, FeatureCount, values),
                    Array.ConvertAll(chosen, row => batch.Labels[row]),
                    batch.Weights is null ? null : Array.ConvertAll(chosen, row => batch.Weights[row]),
                    ClassCount
                )
                {
                    IsTransient = true,
                };
                yield return new RowBatch(computed, places.AsMemory(0, chosen.Length));
            }
        }

        public override void Shuffle(int[] order, Kernels.RandomStream random) => rows.Shuffle(order, random);
    }
}
